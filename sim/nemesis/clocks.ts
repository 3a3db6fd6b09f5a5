// Clocks of nodes that are wrong: Debian's libfaketime between a node and its machine's clocks.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { SKEW_MS_MAX } from "../faults/clocks.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

const LIBRARY = "libfaketimeMT.so.1";
const LIBRARY_ROOTS = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
/** Where libfaketime leaves files behind for a process that was killed. */
const SHARED_MEMORY = "/dev/shm";
/** A rate is within this of 1: leases allow for clocks that run apart by a tenth. */
const DRIFT_MAX = 0.05;
/** The library looks once a second whether the time to show has changed. */
const STROBE_EVERY_MS = 1_100;

/** The library's path; null when it is not installed. `KVORUM_FAKETIME` says it as well. */
export function findFaketime(): string | null {
  const told = process.env["KVORUM_FAKETIME"];
  const paths = told === undefined ? LIBRARY_ROOTS.flatMap(pathsBelow) : [told];
  return paths.find((path) => existsSync(path)) ?? null;
}

/** Debian has a folder for each kind of machine in between. */
function pathsBelow(root: string): string[] {
  const folders = existsSync(root) ? readdirSync(root) : [];
  return [".", ...folders].map((folder) => join(root, folder, "faketime", LIBRARY));
}

/** The clocks of all nodes. */
export class Clocks {
  /** By place what to start the node under. */
  readonly under: readonly string[][];
  readonly #library: string;
  readonly #folder: string;

  constructor(library: string, folder: string, nodes: number) {
    this.#library = library;
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    this.under = Array.from({ length: nodes }, () => []);
    for (const place of this.under.keys()) this.run(place, 1);
  }

  /** The wall clock of a node is off by so many ms; the monotonic one is right. */
  jump(place: number, ms: number): void {
    this.#show(place, `${ms < 0 ? "" : "+"}${(ms / 1000).toFixed(3)}`);
  }

  /** From its next start on both clocks of a node run at this rate; at 1 the wall may jump. */
  run(place: number, rate: number): void {
    const own = rate === 1 ? ["FAKETIME_DONT_FAKE_MONOTONIC=1"] : [];
    const file = this.#show(place, `+0 x${rate.toFixed(4)}`);
    const library = [`LD_PRELOAD=${this.#library}`, `FAKETIME_TIMESTAMP_FILE=${file}`];
    const settings = ["FAKETIME_CACHE_DURATION=1", "NO_FAKE_STAT=1", ...own];
    this.under[place]!.splice(0, Infinity, "env", ...library, ...settings);
  }

  /** All clocks are right again, those that drift from their next start on. */
  reset(): void {
    for (const place of this.under.keys()) this.run(place, 1);
  }

  /** Removes what the library leaves behind of a process that has ended. */
  forget(pid: number): void {
    for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) {
      rmSync(join(SHARED_MEMORY, name), { force: true });
    }
  }

  /** Replaced whole: a node may read it at any time. */
  #show(place: number, text: string): string {
    const file = join(this.#folder, `node-${place}`);
    writeFileSync(`${file}.new`, `${text}\n`);
    renameSync(`${file}.new`, file);
    return file;
  }
}

function jump(stage: Stage, [place = 0]: readonly number[], random: SimRandom): Begun {
  const ms = random.between(-SKEW_MS_MAX, SKEW_MS_MAX);
  stage.clocks!.jump(place, ms);
  return { what: `off by ${ms} ms`, undo: () => stage.clocks!.jump(place, 0) };
}

/** The wall clock jumps to and fro. */
function strobe(stage: Stage, [place = 0]: readonly number[], random: SimRandom): Begun {
  const turn = (): void => {
    stage.clocks!.jump(place, random.between(-SKEW_MS_MAX, SKEW_MS_MAX));
  };
  const timer = setInterval(turn, STROBE_EVERY_MS);
  const undo = (): void => {
    clearInterval(timer);
    stage.clocks!.jump(place, 0);
  };
  return { what: "jumps to and fro", undo };
}

/** Both clocks run at another rate, between two kills: no running process sees them step. */
async function drift(
  stage: Stage,
  [place = 0]: readonly number[],
  random: SimRandom,
): Promise<Begun> {
  const rate = 1 + (random.fraction() * 2 - 1) * DRIFT_MAX;
  await restart(stage, place, rate);
  return { what: `runs at ${rate.toFixed(3)}`, undo: () => restart(stage, place, 1) };
}

async function restart(stage: Stage, place: number, rate: number): Promise<void> {
  await stage.kill(place);
  stage.clocks!.run(place, rate);
  stage.start(place);
}

/** Faults of clocks. */
export const CLOCK_FAULTS: readonly FaultKind[] = [
  {
    name: "jump",
    kind: "clock",
    weight: 3,
    forMs: [1_500, 8_000],
    takes: "one",
    begin: jump,
  },
  {
    name: "strobe",
    kind: "clock",
    weight: 2,
    forMs: [3_000, 8_000],
    takes: "one",
    begin: strobe,
  },
  {
    name: "drift",
    kind: "clock",
    weight: 3,
    forMs: [3_000, 12_000],
    takes: "one",
    begin: drift,
  },
];
