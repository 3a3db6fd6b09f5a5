// Faults of the wires between nodes. Bytes are swallowed while connections stay open, as a router
// that dies would do; also one way, so that two nodes disagree about who is there.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

const DELAY_MS = [5, 300] as const;
const RESETS_MAX = 6;

/** A direction: from a place to another. */
type Wire = readonly [from: number, to: number];

async function cut(stage: Stage, wires: readonly Wire[], what: string): Promise<Begun> {
  await stage.nameNodes();
  for (const [from, to] of wires) stage.network.drop(from, to);
  return { what, undo: () => stage.network.heal() };
}

/** The leader if there is one, and the others, in any order. */
async function roles(stage: Stage, random: SimRandom): Promise<[number, number, number]> {
  const any = random.between(0, 2);
  const isSwapped = random.chance(0.5);
  const leader = (await stage.leader()) ?? any;
  const [one = 0, other = 0] = stage.cluster.others(leader);
  return isSwapped ? [leader, other, one] : [leader, one, other];
}

async function isolate(stage: Stage, _: readonly number[], random: SimRandom): Promise<Begun> {
  const drawn = await roles(stage, random);
  const [own, one, other] = random.chance(0.6) ? drawn : [drawn[1], drawn[0], drawn[2]];
  const wires: Wire[] = [
    [own, one],
    [own, other],
    [one, own],
    [other, own],
  ];
  return cut(stage, wires, `node ${own} cut off`);
}

async function isolateOneWay(
  stage: Stage,
  _: readonly number[],
  random: SimRandom,
): Promise<Begun> {
  const [leader, one, other] = await roles(stage, random);
  if (random.chance(0.5)) {
    const wires: Wire[] = [
      [leader, one],
      [leader, other],
    ];
    return cut(stage, wires, `nothing leaves node ${leader}`);
  }
  const wires: Wire[] = [
    [one, leader],
    [other, leader],
  ];
  return cut(stage, wires, `nothing reaches node ${leader}`);
}

/** Two nodes that do not see each other; the third is a bridge between them. */
async function bridge(stage: Stage, _: readonly number[], random: SimRandom): Promise<Begun> {
  const [leader, one, other] = await roles(stage, random);
  const far = random.chance(0.5) ? leader : other;
  const wires: Wire[] = [
    [one, far],
    [far, one],
  ];
  return cut(stage, wires, `nodes ${one} and ${far} do not see each other`);
}

async function oneWay(stage: Stage, _: readonly number[], random: SimRandom): Promise<Begun> {
  const [leader, one] = await roles(stage, random);
  const wire: Wire = random.chance(0.5) ? [leader, one] : [one, leader];
  return cut(stage, [wire], `nothing from node ${wire[0]} to ${wire[1]}`);
}

/** No two hear each other: each hears one, and is heard by the other. */
async function ring(stage: Stage, _: readonly number[], random: SimRandom): Promise<Begun> {
  const [leader, one, other] = await roles(stage, random);
  const wires: Wire[] = [
    [leader, one],
    [one, other],
    [other, leader],
  ];
  return cut(stage, wires, `only one way round: not ${leader} > ${one} > ${other} > ${leader}`);
}

/** Each direction has its own delay, or none. */
async function delays(stage: Stage, _: readonly number[], random: SimRandom): Promise<Begun> {
  await stage.nameNodes();
  const places = stage.cluster.others();
  const late: string[] = [];
  for (const from of places) {
    for (const to of stage.cluster.others(from)) {
      const ms = random.between(...DELAY_MS);
      if (random.chance(0.4)) continue;
      stage.network.delay(from, to, ms);
      late.push(`${from} > ${to} ${ms} ms`);
    }
  }
  return { what: `late: ${late.join(", ")}`, undo: () => stage.network.heal() };
}

function resets(stage: Stage, _: readonly number[], random: SimRandom): Begun {
  const count = random.between(1, RESETS_MAX);
  stage.network.resetNext(count);
  return { what: `${count} connections reset in the middle of a frame`, undo: null };
}

type Row = readonly [FaultKind["name"], FaultKind["weight"], FaultKind["begin"]];

const CUTS: readonly Row[] = [
  ["isolate", 4, isolate],
  ["isolate one way", 3, isolateOneWay],
  ["bridge", 3, bridge],
  ["one way", 3, oneWay],
  ["ring", 1, ring],
  ["delays", 3, delays],
];

/** Faults of the network. They take no nodes: there is one at a time. */
export const NETWORK_FAULTS: readonly FaultKind[] = [
  ...CUTS.map(([name, weight, begin]): FaultKind => ({
    name,
    kind: "partition",
    weight,
    forMs: [200, 6_000],
    takes: "none",
    begin,
  })),
  { name: "resets", kind: "partition", weight: 3, forMs: [0, 0], takes: "none", begin: resets },
];
