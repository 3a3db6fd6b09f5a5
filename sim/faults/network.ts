// Faults of the cables between the machines. Clients' cables stay whole, but slow ones.
import {
  allWays,
  bridge as bridgeOf,
  cutAll,
  isolate as isolateOf,
  ring as ringOf,
  swizzle as swizzleWays,
  type Way,
} from "../../src/platform/simulated/link-patterns.ts";
import type { LinkFaults } from "../../src/platform/simulated/sim-link.ts";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

function shuffled(names: readonly string[], random: SimRandom): string[] {
  const left = [...names];
  const drawn: string[] = [];
  while (left.length > 0) drawn.push(...left.splice(random.between(0, left.length - 1), 1));
  return drawn;
}

/** Two different machines, drawn; null when there is only one. */
function drawPair(stage: Stage, random: SimRandom): readonly [string, string] | null {
  const [from, to] = shuffled(stage.fleet.names, random);
  return from === undefined || to === undefined ? null : [from, to];
}

function cutting(stage: Stage, what: string, ways: readonly Way[]): Begun | null {
  const { fabric } = stage.world;
  if (ways.length === 0) return null;
  cutAll(fabric, ways);
  const undo = (): void => {
    for (const [from, to] of ways) fabric.healOneWay(from, to);
  };
  return { what, undo };
}

function isolate(stage: Stage, random: SimRandom): Begun | null {
  const { name } = stage.draw(random);
  return cutting(stage, `${name} cut off`, isolateOf(stage.fleet.names, name));
}

function isolateOneWay(stage: Stage, random: SimRandom): Begun | null {
  const { name } = stage.draw(random);
  const isOut = random.chance(0.5);
  const ways = isolateOf(stage.fleet.names, name, isOut ? "out" : "in");
  return cutting(stage, isOut ? `nothing leaves ${name}` : `nothing reaches ${name}`, ways);
}

function partition(stage: Stage, random: SimRandom): Begun | null {
  const names = shuffled(stage.fleet.names, random);
  if (names.length < 2) return null;
  const left = new Set(names.slice(0, random.between(1, names.length - 1)));
  const ways = allWays(names).filter(([from, to]) => left.has(from) !== left.has(to));
  const right = names.filter((name) => !left.has(name));
  return cutting(stage, `${[...left].join(" ")} | ${right.join(" ")}`, ways);
}

/** Each machine reaches only its neighbours. */
function ring(stage: Stage, random: SimRandom): Begun | null {
  const names = shuffled(stage.fleet.names, random);
  return cutting(stage, `ring ${names.join(" ")}`, ringOf(names));
}

/** Two groups that only one machine reaches both of. */
function bridge(stage: Stage, random: SimRandom): Begun | null {
  const names = shuffled(stage.fleet.names, random);
  if (names.length < 3) return null;
  const middle = names[0]!;
  return cutting(stage, `bridge over ${middle}`, bridgeOf(names, middle));
}

function oneLink(stage: Stage, random: SimRandom): Begun | null {
  const pair = drawPair(stage, random);
  if (pair === null) return null;
  const [from, to] = pair;
  const isBoth = random.chance(0.5);
  const ways: Way[] = isBoth ? [pair, [to, from]] : [pair];
  return cutting(stage, `${from} ${isBoth ? "<x>" : "x>"} ${to}`, ways);
}

/** Links are cut one by one and healed in another order. */
function swizzle(stage: Stage, random: SimRandom): Begun | null {
  const forMs = random.between(200, 4_000);
  const { names } = stage.fleet;
  const count = swizzleWays(stage.world.fabric, allWays(names), random, forMs);
  if (count === 0) return null;
  return { what: `${count} ways cut and healed one by one in ${forMs} ms`, undo: null };
}

/** All is held for a while, then arrives at once. */
function clog(stage: Stage, random: SimRandom): Begun | null {
  const pair = drawPair(stage, random);
  if (pair === null) return null;
  const forMs = random.between(50, 3_000);
  stage.world.fabric.clog(...pair, forMs);
  return { what: `${pair.join(" > ")} clogged for ${forMs} ms`, undo: null };
}

function slowNetwork(stage: Stage, random: SimRandom): Begun {
  const { fabric } = stage.world;
  const max = random.between(20, 250);
  fabric.delayMs = { min: random.between(0, 10), max };
  const undo = (): void => {
    fabric.delayMs = stage.pace.delayMs;
  };
  return { what: `packets take up to ${max} ms`, undo };
}

function troubled(what: string, draw: (random: SimRandom) => LinkFaults) {
  return (stage: Stage, random: SimRandom): Begun | null => {
    const { fabric } = stage.world;
    const pair = drawPair(stage, random);
    if (pair === null) return null;
    fabric.setFaults(...pair, draw(random));
    return { what: `${pair.join(" > ")} ${what}`, undo: () => fabric.setFaults(...pair, null) };
  };
}

const spikes = troubled("has spikes", (random) => ({
  spikeChance: random.fraction() / 2,
  spikeMs: { min: 10, max: random.between(20, 800) },
}));
const resetting = troubled("is reset in the middle of writes", (random) => ({
  resetChance: random.fraction() / 20,
}));
const narrow = troubled("is narrow", (random) => ({ bytesPerMs: random.between(5, 500) }));

function resets(stage: Stage, random: SimRandom): Begun {
  const count = random.between(1, 6);
  for (let at = 0; at < count; at++) stage.world.fabric.resetOne();
  return { what: `${count} connections reset`, undo: null };
}

/**
 * Whole messages between nodes are lost, late, doubled, out of order, or come again from long ago.
 */
function messages(stage: Stage, random: SimRandom): Begun {
  const part = (): number => (random.chance(0.5) ? 0 : random.fraction() * 0.2);
  stage.messages.rates = { drop: part(), duplicate: part(), delay: part(), replay: part() };
  const undo = (): void => {
    stage.messages.rates = null;
  };
  return { what: "messages are lost, late, doubled and repeated", undo };
}

/** Faults of the network. */
export const NETWORK_FAULTS: readonly FaultKind[] = [
  { name: "isolate", kind: "network", weight: 4, forMs: [100, 5_000], begin: isolate },
  {
    name: "isolate one way",
    kind: "network",
    weight: 4,
    forMs: [100, 5_000],
    begin: isolateOneWay,
  },
  { name: "partition", kind: "network", weight: 3, forMs: [100, 5_000], begin: partition },
  { name: "ring", kind: "network", weight: 2, forMs: [200, 5_000], begin: ring },
  { name: "bridge", kind: "network", weight: 3, forMs: [200, 5_000], begin: bridge },
  { name: "one link", kind: "network", weight: 4, forMs: [100, 5_000], begin: oneLink },
  { name: "swizzle", kind: "network", weight: 2, forMs: [0, 0], begin: swizzle },
  { name: "clog", kind: "network", weight: 3, forMs: [0, 0], begin: clog },
  { name: "slow network", kind: "network", weight: 2, forMs: [500, 5_000], begin: slowNetwork },
  { name: "spikes", kind: "network", weight: 2, forMs: [500, 5_000], begin: spikes },
  { name: "narrow link", kind: "network", weight: 2, forMs: [500, 5_000], begin: narrow },
  { name: "resets", kind: "network", weight: 3, forMs: [0, 0], begin: resets },
  { name: "resets in writes", kind: "network", weight: 2, forMs: [500, 5_000], begin: resetting },
  { name: "messages", kind: "network", weight: 4, forMs: [300, 5_000], begin: messages },
];
