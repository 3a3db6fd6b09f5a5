// Faults of clocks: wrong, too fast, jumping. Leases allow for clocks that run apart by a tenth.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

/** Wall clocks are off by at most so much: what judges of expiry allow for. */
export const SKEW_MS_MAX = 2_000;
/** A rate is within this of 1. */
const DRIFT_MAX = 0.05;

function skew(stage: Stage, random: SimRandom): Begun {
  const { host } = stage.draw(random);
  const ms = random.between(-SKEW_MS_MAX, SKEW_MS_MAX) / 2;
  host.wallSkewMs = ms;
  const undo = (): void => {
    host.wallSkewMs = 0;
  };
  return { what: `clock of ${host.name} off by ${ms} ms`, undo };
}

function drift(stage: Stage, random: SimRandom): Begun {
  const { host } = stage.draw(random);
  const rate = 1 + (random.fraction() * 2 - 1) * DRIFT_MAX;
  host.clockRate = rate;
  const undo = (): void => {
    host.clockRate = 1;
  };
  return { what: `clock of ${host.name} at ${rate.toFixed(3)}`, undo };
}

/** The wall clock jumps to and fro every few ms; over when it has done so. */
function strobe(stage: Stage, random: SimRandom): Begun {
  const { host } = stage.draw(random);
  const everyMs = random.between(3, 200);
  const jumpMs = random.between(-SKEW_MS_MAX, SKEW_MS_MAX) / 2;
  host.strobeWall({ jumpMs, everyMs, forMs: random.between(200, 3_000) });
  return { what: `clock of ${host.name} jumps by ${jumpMs} ms every ${everyMs} ms`, undo: null };
}

/** Faults of clocks. */
export const CLOCK_FAULTS: readonly FaultKind[] = [
  { name: "skew", kind: "clock", weight: 3, forMs: [200, 8_000], begin: skew },
  { name: "drift", kind: "clock", weight: 3, forMs: [500, 8_000], begin: drift },
  { name: "strobe", kind: "clock", weight: 2, forMs: [0, 0], begin: strobe },
];
