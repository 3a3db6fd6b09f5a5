// Faults of the cables between the machines.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

/** Clients are hosts too; faults here leave their links alone, but for delays. */
function others(stage: Stage, name: string): string[] {
  return stage.fleet.names.filter((other) => other !== name);
}

function shuffled(names: readonly string[], random: SimRandom): string[] {
  const left = [...names];
  const drawn: string[] = [];
  while (left.length > 0) drawn.push(...left.splice(random.between(0, left.length - 1), 1));
  return drawn;
}

function healing(stage: Stage, links: readonly (readonly [string, string])[]): () => void {
  return () => {
    for (const [left, right] of links) stage.world.fabric.heal(left, right);
  };
}

function cutAll(stage: Stage, links: readonly (readonly [string, string])[]): () => void {
  for (const [left, right] of links) stage.world.fabric.cut(left, right);
  return healing(stage, links);
}

function isolate(stage: Stage, random: SimRandom): Begun {
  const { name } = stage.draw(random);
  const links = others(stage, name).map((other) => [name, other] as const);
  return { what: `${name} cut off`, undo: cutAll(stage, links) };
}

function isolateOneWay(stage: Stage, random: SimRandom): Begun {
  const { name } = stage.draw(random);
  const isOut = random.chance(0.5);
  const links = others(stage, name).map((other) => [name, other] as const);
  for (const [own, other] of links) {
    if (isOut) stage.world.fabric.cutOneWay(own, other);
    else stage.world.fabric.cutOneWay(other, own);
  }
  const what = isOut ? `nothing leaves ${name}` : `nothing reaches ${name}`;
  return { what, undo: healing(stage, links) };
}

function partition(stage: Stage, random: SimRandom): Begun {
  const names = shuffled(stage.fleet.names, random);
  const at = random.between(1, names.length - 1);
  const [left, right] = [names.slice(0, at), names.slice(at)];
  const links = left.flatMap((one) => right.map((other) => [one, other] as const));
  return { what: `${left.join(" ")} | ${right.join(" ")}`, undo: cutAll(stage, links) };
}

/** Each machine reaches only its neighbours. */
function ring(stage: Stage, random: SimRandom): Begun | null {
  const names = shuffled(stage.fleet.names, random);
  if (names.length < 4) return null;
  const isNeighbour = (left: number, right: number): boolean =>
    Math.abs(left - right) === 1 || Math.abs(left - right) === names.length - 1;
  const links = names.flatMap((one, left) =>
    names.flatMap((other, right) =>
      left < right && !isNeighbour(left, right) ? [[one, other] as const] : [],
    ),
  );
  return { what: `ring ${names.join(" ")}`, undo: cutAll(stage, links) };
}

/** Two groups that only one machine reaches both of. */
function bridge(stage: Stage, random: SimRandom): Begun | null {
  const names = shuffled(stage.fleet.names, random);
  if (names.length < 3) return null;
  const [middle, ...rest] = names;
  const at = Math.ceil(rest.length / 2);
  const [left, right] = [rest.slice(0, at), rest.slice(at)];
  const links = left.flatMap((one) => right.map((other) => [one, other] as const));
  const what = `${left.join(" ")} - ${middle} - ${right.join(" ")}`;
  return { what: `bridge ${what}`, undo: cutAll(stage, links) };
}

function oneLink(stage: Stage, random: SimRandom): Begun {
  const [from, to] = shuffled(stage.fleet.names, random) as [string, string];
  if (random.chance(0.5)) {
    return { what: `${from} x ${to}`, undo: cutAll(stage, [[from, to]]) };
  }
  stage.world.fabric.cutOneWay(from, to);
  return { what: `${from} x> ${to}`, undo: healing(stage, [[from, to]]) };
}

function slowNetwork(stage: Stage, random: SimRandom): Begun {
  const { fabric } = stage.world;
  const before = fabric.delayMs;
  const max = random.between(20, 250);
  fabric.delayMs = { min: random.between(0, 10), max };
  const undo = (): void => {
    fabric.delayMs = before;
  };
  return { what: `packets take up to ${max} ms`, undo };
}

function slowLink(stage: Stage, random: SimRandom): Begun {
  const { fabric } = stage.world;
  const [from, to] = shuffled(stage.fleet.names, random) as [string, string];
  const max = random.between(50, 600);
  fabric.setDelay(from, to, { min: max / 2, max });
  const undo = (): void => fabric.setDelay(from, to, fabric.delayMs);
  return { what: `${from} > ${to} takes up to ${max} ms`, undo };
}

function resets(stage: Stage, random: SimRandom): Begun {
  const count = random.between(1, 6);
  for (let at = 0; at < count; at++) stage.world.fabric.resetOne();
  return { what: `${count} connections reset`, undo: null };
}

/** Faults of the network. */
export const NETWORK_FAULTS: readonly FaultKind[] = [
  { name: "isolate", kind: "network", weight: 4, forMs: [100, 5_000], begin: isolate },
  { name: "isolate one way", kind: "network", weight: 4, forMs: [100, 5_000], begin: isolateOneWay },
  { name: "partition", kind: "network", weight: 3, forMs: [100, 5_000], begin: partition },
  { name: "ring", kind: "network", weight: 2, forMs: [200, 5_000], begin: ring },
  { name: "bridge", kind: "network", weight: 3, forMs: [200, 5_000], begin: bridge },
  { name: "one link", kind: "network", weight: 4, forMs: [100, 5_000], begin: oneLink },
  { name: "slow network", kind: "network", weight: 2, forMs: [500, 5_000], begin: slowNetwork },
  { name: "slow link", kind: "network", weight: 2, forMs: [500, 5_000], begin: slowLink },
  { name: "resets", kind: "network", weight: 3, forMs: [0, 0], begin: resets },
];
