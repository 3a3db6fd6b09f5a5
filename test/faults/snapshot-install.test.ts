// A follower that missed more than the leader keeps in memory gets a snapshot while the leader
// serves, also when it is killed in the middle of one.
import { createHash, randomBytes, randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { type Argument, type RespConnection } from "../support/resp-connection.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { Load } from "./load.ts";
import { sameData } from "./same-data.ts";

/** More than the 8 MiB of entries that a leader keeps for followers. */
const MISSED_BYTES = 24 * 1024 * 1024;
const VALUE_BYTES = [1_000, 100_000] as const;
const LARGE_KEYS = 200;
const PIPELINE = 16;
const SMALL_KEYS = 20_000;
const SMALL_KEYS_AT_ONCE = 1_000;
/** The leader's clients must not notice much. */
const GAP_MS_MAX = 1_000;

describe("a follower far behind", () => {
  let lab: Lab;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await FaultCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test("gets a snapshot while the leader serves", { timeout: 120_000 }, async () => {
    const leader = await cluster.leader();
    const [behind] = cluster.others(leader);
    await cluster.kill(behind!);
    const ports = cluster.others(behind!).map((place) => cluster.nodes[place]!.port);
    const values = await cluster.nodes[leader]!.with(async (connection) => {
      await fillSmall(connection);
      return fillLarge(connection);
    });
    const load = new Load({ ports, writers: 2, readers: 2, appenders: 2, counters: 2 });
    await load.progress(50);
    load.restartGaps();
    // Killed again while it receives: it begins anew, with nothing half-installed.
    const program = cluster.nodes[behind!]!.launch();
    await program.seen(/receiving a snapshot/);
    await cluster.kill(behind!);
    expect(program.output).not.toContain("snapshot installed");
    await cluster.startNode(behind!);
    await cluster.nodes[behind!]!.program.seen(/snapshot installed/);
    await cluster.whole();
    await load.progress(50);
    const gapMs = load.longestGapMs;
    const report = await load.stop(await cluster.reader(behind!));
    await cluster.equal();
    expect(report.violations).toEqual([]);
    expect(report.uncertain + report.refused + report.unanswered).toBe(0);
    expect(gapMs, "ms without an acknowledged write").toBeLessThan(GAP_MS_MAX);
    await sameData(cluster);
    // What was installed is on its disk: no second snapshot after a kill.
    await cluster.kill(behind!);
    await cluster.startNode(behind!);
    await cluster.whole();
    await cluster.equal();
    expect(cluster.nodes[behind!]!.program.output).not.toContain("receiving a snapshot");
    await sameThroughAll(cluster, values);
  });
});

/** Many small keys, so that the snapshot's tables have more than one page. */
async function fillSmall(connection: RespConnection): Promise<void> {
  for (let from = 0; from < SMALL_KEYS; from += SMALL_KEYS_AT_ONCE) {
    const pairs = Array.from({ length: SMALL_KEYS_AT_ONCE }, (_, at) => [
      `small:${from + at}`,
      `${from + at}`,
    ]);
    expect(await connection.ask("MSET", ...pairs.flat())).toBe("+OK");
  }
}

/** Large values until enough was written; returns the checksum of each key's last value. */
async function fillLarge(connection: RespConnection): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  let left = MISSED_BYTES;
  while (left > 0) {
    const sizes = Array.from({ length: PIPELINE }, () => randomInt(...VALUE_BYTES));
    const commands = sizes.map((size): Argument[] => {
      const key = `large:${randomInt(LARGE_KEYS)}`;
      const value = randomBytes(size);
      values.set(key, checksum(value));
      return ["SET", key, value];
    });
    left -= sizes.reduce((sum, size) => sum + size, 0);
    const replies = await connection.pipeline(commands);
    expect(replies.every(({ kind }) => kind === "simple")).toBe(true);
  }
  return values;
}

function checksum(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Every node answers alike, and has as many keys of its own. */
async function sameThroughAll(
  cluster: FaultCluster,
  values: ReadonlyMap<string, string>,
): Promise<void> {
  const sizes = new Set<string>();
  for (const node of cluster.nodes) {
    await node.with(async (connection) => {
      sizes.add(await connection.ask("DBSIZE"));
      sizes.add(`:${/db0:keys=(\d+)/.exec((await connection.call("INFO", "keyspace")).text)?.[1]}`);
      for (const [key, expected] of values) {
        const { text } = await connection.call("GET", key);
        expect(checksum(Buffer.from(text, "latin1")), `value of ${key}`).toBe(expected);
      }
    });
  }
  expect([...sizes]).toHaveLength(1);
}
