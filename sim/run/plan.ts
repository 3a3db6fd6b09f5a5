// What a run is like: all of it drawn from the seed.
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { LinkDelay } from "../../src/platform/simulated/sim-link.ts";
import type { ServerKnobs } from "../cluster/server.ts";
import { COMBINED_FAULTS } from "../faults/combined.ts";
import { FAILPOINT_FAULT } from "../faults/failpoints.ts";
import { FAULTS } from "../faults/nemesis.ts";
import { FAULT_CLASSES, type FaultClass } from "../faults/stage.ts";

/** Size, settings, load and faults of one run. */
export interface Plan {
  readonly seed: number;
  readonly nodes: number;
  /** The nodes find each other, none of them begins alone. */
  readonly bootstraps: boolean;
  readonly knobs: ServerKnobs;
  readonly clients: number;
  /** Commands after which clients stop. */
  readonly commands: number;
  /** A client waits up to so long after each step, ms. */
  readonly thinkMs: number;
  readonly replyTimeoutMs: number;
  /** Share of large values in the load that has some, from 0 to 1. */
  readonly largePart: number;
  readonly faultClasses: readonly FaultClass[];
  /** Kinds of faults, by name, that the run keeps to; null: all of its classes. */
  readonly faultNames: readonly string[] | null;
  readonly faultEveryMs: readonly [number, number];
  readonly delayMs: LinkDelay;
  readonly diskMs: { readonly min: number; readonly max: number };
}

/**
 * Which faults a run has: all of some classes; a few kinds, and many of these; or one that consists
 * of several, beside few others.
 */
type Mix = "classes" | "swarm" | "focused";

const SWARM_NAMES_MAX = 5;
const FOCUSED_OTHERS_MAX = 1;

function drawNames(mix: Mix, random: SimRandom): string[] | null {
  if (mix === "classes") return null;
  const left = [FAILPOINT_FAULT, ...FAULTS.map(({ name }) => name)];
  const draw = (count: number): string[] =>
    Array.from({ length: count }, () => left.splice(random.between(0, left.length - 1), 1)).flat();
  if (mix === "swarm") return draw(random.between(1, SWARM_NAMES_MAX));
  const { name } = COMBINED_FAULTS[random.between(0, COMBINED_FAULTS.length - 1)]!;
  return [name, ...draw(random.between(0, FOCUSED_OTHERS_MAX))];
}

/** Draws a plan. The same seed gives the same plan for ever. */
export function drawPlan(seed: number, commands: number): Plan {
  const random = new SimRandom(seed ^ 0x706c616e);
  const pick = <T>(...of: readonly T[]): T => of[random.between(0, of.length - 1)]!;
  const mix = pick<Mix>("classes", "classes", "swarm", "focused");
  const isFocused = mix === "focused";
  const faultMs = isFocused ? pick(150, 500, 1_500) : pick(150, 500, 1_500, 4_000);
  const nodes = isFocused ? 3 : pick(1, 3, 3, 3, 3, 3, 5);
  return {
    seed,
    nodes,
    bootstraps: nodes > 1 && random.chance(0.3),
    knobs: {
      sync: random.chance(0.1) ? "everysec" : "always",
      segmentBytes: pick(16, 32, 64, 256) * 1024,
      snapshotLogBytes: pick(1, 8, 64, 65_536) * 1024,
      electionTicks: 10,
      entryBytesPerMessageMax: pick(1, 1, 16 * 1024, 1 << 20),
      inflightMessagesMax: pick(1, 4, 256, 256),
      downAfterMs: pick(3_000, 10_000, 60_000),
      turnMs: pick(0, 0, 0.05, 0.5, 3),
    },
    clients: random.between(2, 8),
    commands,
    // What consists of several faults takes time: the load goes on as long.
    thinkMs: isFocused ? pick(100, 400, 1_200) : pick(0, 50, 200, 400),
    replyTimeoutMs: pick(300, 1_500, 5_000, 15_000),
    largePart: pick(0.05, 0.05, 0.5),
    faultClasses: FAULT_CLASSES.filter(() => mix !== "classes" || random.chance(0.6)),
    faultNames: drawNames(mix, random),
    faultEveryMs: [faultMs / 4, faultMs * 2],
    delayMs: { min: 0.05, max: pick(0.2, 1, 10) },
    diskMs: { min: 0.05, max: pick(0.1, 0.5, 4) },
  };
}
