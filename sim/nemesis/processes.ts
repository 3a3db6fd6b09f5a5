// Faults of processes: killed, stopped for a while, ended in good order and started again.
import { setTimeout as pause } from "node:timers/promises";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

/** A node that is killed again and again has so long to come up each time, ms. */
const LOOP_MS = [50, 1_500] as const;
const LOOPS_MAX = 5;
/** How long a node that stutters stands still each time, and runs, ms. */
const STUTTER_MS = [50, 500] as const;

function startAll(stage: Stage, places: readonly number[]): void {
  for (const place of places) stage.start(place);
}

async function kill(stage: Stage, places: readonly number[]): Promise<Begun> {
  await Promise.all(places.map((place) => stage.kill(place)));
  return { what: "kill -9", undo: () => startAll(stage, places) };
}

/** Killed again shortly after each start. */
async function killAgain(
  stage: Stage,
  places: readonly number[],
  random: SimRandom,
): Promise<Begun> {
  const times = random.between(2, LOOPS_MAX);
  for (let time = 1; time < times; time++) {
    await kill(stage, places);
    startAll(stage, places);
    await pause(random.between(...LOOP_MS));
  }
  await kill(stage, places);
  return { what: `kill -9, ${times} times`, undo: () => startAll(stage, places) };
}

function freeze(stage: Stage, places: readonly number[]): Begun {
  for (const place of places) stage.cluster.freeze(place);
  const undo = (): void => {
    for (const place of places) stage.cluster.thaw(place);
  };
  return { what: "SIGSTOP", undo };
}

/** Stopped and going on in turn, so that it misses leases only now and then. */
function stutter(stage: Stage, [place = 0]: readonly number[], random: SimRandom): Begun {
  let isFrozen = false;
  const timer = setInterval(
    () => {
      if (isFrozen) stage.cluster.thaw(place);
      else stage.cluster.freeze(place);
      isFrozen = !isFrozen;
    },
    random.between(...STUTTER_MS),
  );
  const undo = (): void => {
    clearInterval(timer);
    stage.cluster.thaw(place);
  };
  return { what: "stutters", undo };
}

/** SIGTERM, which hands leadership over first. */
async function stop(stage: Stage, places: readonly number[]): Promise<Begun> {
  await Promise.all(places.map((place) => stage.stop(place)));
  return { what: "SIGTERM", undo: () => startAll(stage, places) };
}

async function save(stage: Stage, [place = 0]: readonly number[]): Promise<Begun | null> {
  return (await stage.save(place)) ? { what: "BGSAVE", undo: null } : null;
}

/** Faults of processes, and what an operator does to them. */
export const PROCESS_FAULTS: readonly FaultKind[] = [
  { name: "kill", kind: "kill", weight: 6, forMs: [0, 4_000], takes: "one", begin: kill },
  { name: "kill all", kind: "kill", weight: 2, forMs: [0, 1_500], takes: "free", begin: kill },
  { name: "kill again", kind: "kill", weight: 2, forMs: [0, 500], takes: "one", begin: killAgain },
  { name: "pause", kind: "pause", weight: 4, forMs: [50, 3_000], takes: "one", begin: freeze },
  // Longer than the lease (400 ms) and the election timeout (500 to 1,000 ms).
  {
    name: "pause leader",
    kind: "pause",
    weight: 4,
    forMs: [600, 3_500],
    takes: "leader",
    begin: freeze,
  },
  {
    name: "pause all",
    kind: "pause",
    weight: 1,
    forMs: [100, 2_000],
    takes: "free",
    begin: freeze,
  },
  {
    name: "stutter",
    kind: "pause",
    weight: 2,
    forMs: [1_000, 5_000],
    takes: "one",
    begin: stutter,
  },
  {
    name: "hand over",
    kind: "membership",
    weight: 4,
    forMs: [0, 2_000],
    takes: "leader",
    begin: stop,
  },
  { name: "stop", kind: "membership", weight: 2, forMs: [0, 2_000], takes: "one", begin: stop },
  { name: "save", kind: "membership", weight: 4, forMs: [0, 0], takes: "one", begin: save },
];
