// Whether nodes hold the same data, judged by what is on each one's own disk: their answers to
// clients would all come from the leader.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultCluster } from "./fault-cluster.ts";

/** What a node's newest snapshot is of, and its bytes' checksum. */
interface SavedState {
  readonly index: string;
  readonly sha256: string;
}

/**
 * Waits until all nodes have applied the same, lets each save a snapshot and compares them byte by
 * byte: a snapshot is a function of what was applied. Nobody may write meanwhile.
 *
 * @throws Error when they differ.
 */
export async function sameData(cluster: FaultCluster): Promise<void> {
  await cluster.equal();
  const states: SavedState[] = [];
  for (const place of cluster.others()) {
    await save(cluster, place);
    states.push(savedState(cluster.nodes[place]!.data));
  }
  const [first, ...others] = states;
  for (const [at, other] of others.entries()) {
    if (other.index !== first!.index) throw new Error(`nodes saved at other places of the log`);
    if (other.sha256 !== first!.sha256) throw new Error(`nodes 0 and ${at + 1} differ`);
  }
}

/** Saves a snapshot, unless the newest one is of the present state. */
async function save(cluster: FaultCluster, place: number): Promise<void> {
  const isSaved = async (): Promise<boolean> => {
    const info = await cluster.info(place);
    return info !== null && info.get("snapshot_index") === info.get("applied_index");
  };
  // A snapshot of an earlier state may be under way: then this one is refused, and asked for again.
  await cluster.until(`node ${place} has saved a snapshot`, async () => {
    if (await isSaved()) return true;
    await cluster.nodes[place]!.with((connection) => connection.ask("BGSAVE"));
    return false;
  });
}

function savedState(directory: string): SavedState {
  const folder = join(directory, "snapshots", "shard-1");
  const name = readdirSync(folder)
    .filter((each) => each.endsWith(".snap"))
    .toSorted()
    .at(-1);
  if (name === undefined) throw new Error(`no snapshot in ${folder}`);
  const sha256 = createHash("sha256")
    .update(readFileSync(join(folder, name)))
    .digest("hex");
  return { index: name.slice(0, name.indexOf("-")), sha256 };
}
