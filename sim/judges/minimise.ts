// Makes a history that has no linearization small enough to read.
import { byInvocation, forgetOutcome, forgetReply, type Operation } from "./history.ts";
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

/** One attempt to leave something out may take so many times the steps of the search before. */
const ATTEMPT_FACTOR = 3;
const ATTEMPT_STEPS_MIN = 10_000;

/**
 * Shrinks a failing history in ways that cannot make a good one fail: it cuts time after a return,
 * then forgets replies, then whether and when operations happened.
 *
 * @param stepsMax Bound of all searches together; one that is undecided counts as not failing, so
 *   that the explanation is longer than it might be.
 */
export function explain<State, Op extends Operation>(
  failing: readonly Op[],
  model: Model<State, Op>,
  stepsMax: number,
): Explanation<Op> {
  const weakened = new WeakenedHistory(failing, model, stepsMax);
  const returns = failing
    .filter(({ outcome }) => outcome === "ok")
    .toSorted((a, b) => a.returnedAt - b.returnedAt);
  const cut = firstFailing(returns.length, (count) =>
    weakened.fails(returns.slice(0, count), [], stepsMax),
  );
  const culprit = returns[cut - 1]!;
  const before = returns.slice(0, cut - 1);
  const { steps } = weakened.search([...before, culprit], [], stepsMax);
  const attemptMax = ATTEMPT_FACTOR * steps + ATTEMPT_STEPS_MIN;
  const isFailing = (spoken: readonly Op[], silent: readonly Op[]): boolean =>
    weakened.fails([...spoken, culprit], silent, attemptMax);
  const answered = shrink(before, (rest) => isFailing(rest, without(before, rest)));
  const silent = shrink(without(before, answered), (rest) => isFailing(answered, rest));
  const spoken = shrink(answered, (rest) => isFailing(rest, silent));
  const core = [...spoken, ...silent];
  return {
    core: byInvocation([...core, culprit]),
    culprit,
    prefix: weakened.search(spoken, silent, attemptMax).order,
    otherCount: failing.length - core.length - 1,
  };
}

/** A history of which less and less is held to be true. */
class WeakenedHistory<State, Op extends Operation> {
  readonly #history: readonly Op[];
  readonly #model: Model<State, Op>;
  #stepsLeft: number;

  constructor(history: readonly Op[], model: Model<State, Op>, stepsMax: number) {
    this.#history = history;
    this.#model = model;
    this.#stepsLeft = stepsMax;
  }

  fails(spoken: readonly Op[], silent: readonly Op[], stepsMax: number): boolean {
    return this.search(spoken, silent, stepsMax).verdict === "violation";
  }

  /**
   * Searches with some operations as they were; the silent ones happened, but their replies are
   * forgotten; all others may happen whenever they like. It ends with the last of the former.
   */
  search(spoken: readonly Op[], silent: readonly Op[], stepsMax: number): SearchResult<Op> {
    const [isSpoken, isSilent] = [new Set(spoken), new Set(silent)];
    let endsAt = -Infinity;
    for (const { returnedAt } of [...spoken, ...silent]) endsAt = Math.max(endsAt, returnedAt);
    const originals = new Map<Op, Op>();
    const certain = new Set<Op>();
    for (const one of this.#history) {
      if (one.invokedAt > endsAt || one.outcome === "failed") continue;
      const weakened = isSpoken.has(one)
        ? one
        : isSilent.has(one)
          ? forgetReply(one)
          : forgetOutcome(one);
      originals.set(weakened as Op, one);
      const isNoRead = this.#model.effectKey(one) !== null;
      if (isSpoken.has(one) || (isSilent.has(one) && isNoRead)) certain.add(weakened as Op);
    }
    const bound = Math.min(stepsMax, this.#stepsLeft);
    const result = search([...originals.keys()], this.#model, bound, (one) => certain.has(one));
    this.#stepsLeft -= result.steps;
    return { ...result, order: result.order.map((one) => originals.get(one)!) };
  }
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

function without<Item>(items: readonly Item[], gone: readonly Item[]): Item[] {
  const isGone = new Set(gone);
  return items.filter((item) => !isGone.has(item));
}
