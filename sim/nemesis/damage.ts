// Damage of a node's disk while it is down. At its next start it is fine, or repairs itself, or
// refuses by name: then its data is removed, and it joins anew.
import { existsSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { erase, flip } from "../../test/damage/closed-node.ts";
import { mapLog } from "../../test/damage/log-map.ts";
import type { FaultKind, Stage } from "./stage.ts";

/** Until nothing else is wrong with the cluster, ms; what takes longer is judged at the end. */
const WHOLE_MS = 10_000;
const SECTOR_BYTES = 512;
/** Until a damaged node serves or refuses; the others are there. */
const DECIDED_MS = 20_000;
const READY = /^kvorum\b.*\bready\b/m;
/** How a node says why it does not start: docs/internals/damage.md. */
const REFUSAL = /^kvorum: .*\[([A-Z_]+)\]$/m;
/** Until a small snapshot is saved. */
const SAVED_MS = 500;

/** A file and the part of it that is in use. */
interface Extent {
  readonly path: string;
  readonly from: number;
  /** Not including. */
  readonly to: number;
}

/** Any frame of the log. */
function logExtent(data: string, random: SimRandom): Extent | null {
  const { frames } = mapLog(data);
  if (frames.length === 0) return null;
  const { path, offset, diskBytes } = frames[random.between(0, frames.length - 1)]!;
  return { path, from: offset, to: offset + diskBytes };
}

/** The newest snapshot. */
function snapshotExtent(data: string): Extent | null {
  const folder = join(data, "snapshots", "shard-1");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const name = names
    .filter((each) => each.endsWith(".snap"))
    .toSorted()
    .at(-1);
  if (name === undefined) return null;
  const path = join(folder, name);
  return { path, from: 0, to: statSync(path).size };
}

function flipIn({ path, from, to }: Extent, random: SimRandom): string {
  const offset = random.between(from, to - 1);
  flip(path, offset, 1 << random.between(0, 7));
  return `a bit at ${offset} flipped`;
}

function cutIn({ path, from, to }: Extent, random: SimRandom): string {
  const offset = random.between(from, to - 1);
  truncateSync(path, offset);
  return `cut at ${offset}`;
}

function eraseIn({ path, from, to }: Extent, random: SimRandom): string {
  const at = random.between(from, to - 1);
  const offset = at - (at % SECTOR_BYTES);
  erase(path, offset, Math.min(SECTOR_BYTES, statSync(path).size - offset));
  return `sector at ${offset} zeroed`;
}

function damaging(
  extentOf: (data: string, random: SimRandom) => Extent | null,
  damage: (extent: Extent, random: SimRandom) => string,
): FaultKind["begin"] {
  return async (stage, [place = 0], random) => {
    if (!(await stage.whole(WHOLE_MS))) return null;
    if (random.chance(0.5) && (await stage.save(place))) await pause(SAVED_MS);
    await stage.kill(place);
    const { data } = stage.cluster.nodes[place]!;
    // Only then is nothing lost with this disk.
    const extent = (await stage.holdAllWithout(place, WHOLE_MS)) ? extentOf(data, random) : null;
    if (extent === null) {
      stage.start(place);
      return null;
    }
    const what = `${extent.path.slice(data.length + 1)}: ${damage(extent, random)}`;
    return { what: `${what}: ${await restart(stage, place)}`, undo: null };
  };
}

/** Starts a damaged node; what it did. */
async function restart(stage: Stage, place: number): Promise<string> {
  stage.start(place);
  stage.mayEnd(place);
  const { program } = stage.cluster.nodes[place]!;
  const endMs = performance.now() + DECIDED_MS;
  while (program.ending === null && !READY.test(program.output)) {
    if (performance.now() > endMs) {
      stage.found(`node ${place}, damaged, neither serves nor refuses within ${DECIDED_MS} ms`);
      return "undecided";
    }
    await pause(20);
  }
  if (program.ending === null) {
    stage.mayEnd(place, false);
    return "serves";
  }
  const code = REFUSAL.exec(program.output)?.[1];
  if (program.ending.code !== 1 || code === undefined) {
    const end = JSON.stringify(program.ending);
    stage.found(`node ${place}, damaged, ended without a name for it, ${end}:\n${program.output}`);
  }
  stage.wipe(place);
  stage.start(place);
  return `refused, ${code}, joins anew`;
}

const KINDS = [
  ["flip in log", 4, damaging(logExtent, flipIn)],
  ["cut log", 2, damaging(logExtent, cutIn)],
  ["zeros in log", 3, damaging(logExtent, eraseIn)],
  ["flip in snapshot", 2, damaging(snapshotExtent, flipIn)],
  ["cut snapshot", 1, damaging(snapshotExtent, cutIn)],
  ["zeros in snapshot", 2, damaging(snapshotExtent, eraseIn)],
] as const;

/** Faults of disks: of one node at a time, while the others are well and hold everything. */
export const DISK_FAULTS: readonly FaultKind[] = KINDS.map(([name, weight, begin]) => ({
  name,
  kind: "disk",
  weight,
  forMs: [0, 0],
  takes: "one",
  isAlone: true,
  begin,
}));
