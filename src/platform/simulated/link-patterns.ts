// Shapes of broken networks over host names: which links, in which direction, are cut.
import type { SimFabric } from "./sim-fabric.ts";
import type { SimRandom } from "./sim-random.ts";

/** A way from one host to another. */
export type Way = readonly [from: string, to: string];

/** Cuts every way of a list. */
export function cutAll(fabric: SimFabric, ways: readonly Way[]): void {
  for (const [from, to] of ways) fabric.cutOneWay(from, to);
}

/** All ways between hosts of a list, both directions. */
export function allWays(hosts: readonly string[]): Way[] {
  return hosts.flatMap((from) => hosts.filter((to) => to !== from).map((to): Way => [from, to]));
}

/** Everybody reaches its two neighbours alone: each sees a majority (of five), each another one. */
export function ring(hosts: readonly string[]): Way[] {
  const count = hosts.length;
  const apart = (from: string, to: string): number => {
    const steps = Math.abs(hosts.indexOf(from) - hosts.indexOf(to));
    return Math.min(steps, count - steps);
  };
  return allWays(hosts).filter(([from, to]) => apart(from, to) > 1);
}

/** Two halves that reach each other through one host only. */
export function bridge(hosts: readonly string[], middle: string): Way[] {
  const others = hosts.filter((host) => host !== middle);
  const left = new Set(others.slice(0, Math.ceil(others.length / 2)));
  return allWays(others).filter(([from, to]) => left.has(from) !== left.has(to));
}

/**
 * One host is alone.
 *
 * @param direction `in`: it hears nobody, and is heard; `out`: it is not heard.
 */
export function isolate(
  hosts: readonly string[],
  host: string,
  direction: "both" | "in" | "out" = "both",
): Way[] {
  return allWays(hosts).filter(([from, to]) =>
    direction === "in"
      ? to === host
      : direction === "out"
        ? from === host
        : from === host || to === host,
  );
}

/**
 * Cuts links one by one and heals them in another order, all by chance, within `forMs`
 * milliseconds; then every one of them is healed.
 *
 * @returns How many ways are cut on the way.
 */
export function swizzle(
  fabric: SimFabric,
  ways: readonly Way[],
  random: SimRandom,
  forMs: number,
): number {
  const drawn = ways.filter(() => random.chance(0.6));
  for (const [from, to] of drawn) {
    const cutMs = (random.fraction() * forMs) / 2;
    const healMs = forMs / 2 + (random.fraction() * forMs) / 2;
    fabric.world.schedule(cutMs, () => fabric.cutOneWay(from, to));
    fabric.world.schedule(healMs, () => fabric.healOneWay(from, to));
  }
  return drawn.length;
}
