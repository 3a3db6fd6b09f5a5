// Makes a history that has no linearization small enough to read.
import { byInvocation, forgetOutcome, type Operation } from "./history.ts";
import type { Model } from "./model.ts";
import { search, type SearchResult } from "./search.ts";

/** Why a history is not linearizable. */
export interface Explanation<Op> {
  /** The operations that contradict each other, by invocation; {@link culprit} is among them. */
  readonly core: readonly Op[];
  /** The first operation to return that cannot be placed: before its return all was well. */
  readonly culprit: Op;
  /** An order for the core without the culprit: the longest prefix that can be linearized. */
  readonly prefix: readonly Op[];
  /** Operations besides the core: the contradiction holds whatever they did, and whether or not. */
  readonly otherCount: number;
}

/**
 * Shrinks a failing history in ways that cannot make a good one fail: it cuts time after a return,
 * and forgets outcomes, so that an operation may happen whenever it likes.
 *
 * @param stepsMax Bound of each search; one that is undecided counts as not failing.
 */
export function explain<State, Op extends Operation>(
  failing: readonly Op[],
  model: Model<State, Op>,
  stepsMax: number,
): Explanation<Op> {
  const returns = failing
    .filter(({ outcome }) => outcome === "ok")
    .toSorted((a, b) => a.returnedAt - b.returnedAt);
  const searchFor = (kept: readonly Op[]): SearchResult<Op> =>
    searchKeeping(failing, new Set(kept), model, stepsMax);
  const fails = (kept: readonly Op[]): boolean => searchFor(kept).verdict === "violation";
  const cut = firstFailing(returns.length, (count) => fails(returns.slice(0, count)));
  const culprit = returns[cut - 1]!;
  // Reads first: they are left out first, and writes say more.
  const isWrite = (one: Op): number => (model.effectKey(one) === null ? 0 : 1);
  const others = returns.slice(0, cut - 1).toSorted((a, b) => isWrite(a) - isWrite(b));
  const kept = shrink(others, (rest) => fails([...rest, culprit]));
  return {
    core: byInvocation([...kept, culprit]),
    culprit,
    prefix: searchFor(kept).order,
    otherCount: failing.length - kept.length - 1,
  };
}

/** Searches with some operations as they were; all others may happen whenever they like. */
function searchKeeping<State, Op extends Operation>(
  history: readonly Op[],
  kept: ReadonlySet<Op>,
  model: Model<State, Op>,
  stepsMax: number,
): SearchResult<Op> {
  let endsAt = -Infinity;
  for (const { returnedAt } of kept) endsAt = Math.max(endsAt, returnedAt);
  const originals = new Map<Op, Op>();
  for (const one of history) {
    if (one.invokedAt > endsAt || one.outcome === "failed") continue;
    originals.set(kept.has(one) ? one : (forgetOutcome(one) as Op), one);
  }
  const result = search([...originals.keys()], model, stepsMax);
  return { ...result, order: result.order.map((one) => originals.get(one)!) };
}

/** The smallest count that fails, when `count` does and more operations never make it pass. */
function firstFailing(count: number, fails: (count: number) => boolean): number {
  let [passing, failing] = [0, count];
  while (failing - passing > 1) {
    const middle = (passing + failing) >>> 1;
    if (fails(middle)) failing = middle;
    else passing = middle;
  }
  return failing;
}

/** Leaves out ever smaller runs of items while the rest still fails. */
function shrink<Item>(items: Item[], fails: (rest: Item[]) => boolean): Item[] {
  let kept = items;
  for (let size = kept.length; size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < kept.length;) {
      const rest = kept.toSpliced(start, size);
      if (fails(rest)) kept = rest;
      else start += size;
    }
  }
  return kept;
}
