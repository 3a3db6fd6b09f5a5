// Makes a history that has no linearization small enough to read.
import {
  byInvocation,
  forgetOutcome,
  forgetReply,
  latestEffectAt,
  type Operation,
} from "./history.ts";
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
  /** How many of the others returned before the core began: they may have led to any state. */
  readonly beforeCount: number;
}

/** One attempt to leave something out may take so many times the steps of the search before. */
const ATTEMPT_FACTOR = 3;
const ATTEMPT_STEPS_MIN = 10_000;

/**
 * Shrinks a failing history in ways that cannot make a good one fail: it cuts time after a return,
 * then before some moment, when the key may have been in any state it can be led to; it forgets
 * replies, then whether and when operations happened.
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
  const attemptMax = weakened.limitTo([...returns.slice(0, cut - 1), culprit]);
  const isFailing = (spoken: readonly Op[], silent: readonly Op[]): boolean =>
    weakened.fails([...spoken, culprit], silent, attemptMax);

  const before = startLate(weakened, returns.slice(0, cut - 1), (rest) => isFailing(rest, []));
  const answered = shrink(before, (rest) => isFailing(rest, without(before, rest)));
  const silent = shrink(without(before, answered), (rest) => isFailing(answered, rest));
  const spoken = shrink(answered, (rest) => isFailing(rest, silent));
  const core = [...spoken, ...silent];
  return {
    core: byInvocation([...core, culprit]),
    culprit,
    prefix: weakened.search(spoken, silent, attemptMax).order,
    otherCount: failing.length - core.length - 1,
    beforeCount: returns.filter(({ returnedAt }) => returnedAt <= weakened.startsAt).length,
  };
}

/** Lets the history begin as late as it still fails; what is left of `before` then. */
function startLate<State, Op extends Operation>(
  weakened: WeakenedHistory<State, Op>,
  before: readonly Op[],
  isFailing: (rest: readonly Op[]) => boolean,
): Op[] {
  const restOf = (dropCount: number): Op[] => {
    const last = before[dropCount - 1];
    weakened.startsAt = last === undefined ? -Infinity : last.returnedAt;
    return before.filter(({ invokedAt }) => invokedAt > weakened.startsAt);
  };
  const kept = firstFailing(before.length + 1, (count) =>
    isFailing(restOf(before.length + 1 - count)),
  );
  return restOf(before.length + 1 - kept);
}

/** A history of which less and less is held to be true. */
class WeakenedHistory<State, Op extends Operation> {
  readonly #history: readonly Op[];
  readonly #model: Model<State, Op>;
  #stepsLeft: number;
  /** What returned up to then has led to some state, nobody knows which. */
  startsAt = -Infinity;
  #states: readonly State[];

  constructor(history: readonly Op[], model: Model<State, Op>, stepsMax: number) {
    this.#history = history;
    this.#model = model;
    this.#stepsLeft = stepsMax;
    this.#states = [model.initial];
  }

  /** Learns which states there can be at all; returns the bound for attempts to leave more out. */
  limitTo(spoken: readonly Op[]): number {
    const { verdict, steps, states } = this.search(spoken, [], this.#stepsLeft);
    if (verdict === "violation") this.#states = states;
    return ATTEMPT_FACTOR * steps + ATTEMPT_STEPS_MIN;
  }

  fails(spoken: readonly Op[], silent: readonly Op[], stepsMax: number): boolean {
    return this.search(spoken, silent, stepsMax).verdict === "violation";
  }

  /**
   * Searches with some operations as they were; the silent ones happened, but their replies are
   * forgotten; all others may happen whenever they like. It ends with the last of the former.
   */
  search(spoken: readonly Op[], silent: readonly Op[], stepsMax: number): SearchResult<State, Op> {
    const [isSpoken, isSilent] = [new Set(spoken), new Set(silent)];
    let endsAt = -Infinity;
    for (const { returnedAt } of [...spoken, ...silent]) endsAt = Math.max(endsAt, returnedAt);
    const originals = new Map<Op, Op>();
    const certain = new Set<Op>();
    for (const one of this.#history) {
      const isOutside = one.invokedAt > endsAt || latestEffectAt(one) <= this.startsAt;
      if (isOutside || one.outcome === "failed") continue;
      const weakened = this.#weaken(one, isSpoken.has(one), isSilent.has(one));
      originals.set(weakened, one);
      const isNoRead = this.#model.effectKey(one) !== null;
      if (isSpoken.has(one) || (isSilent.has(one) && isNoRead)) certain.add(weakened);
    }
    const bound = Math.min(stepsMax, this.#stepsLeft);
    const result = search([...originals.keys()], this.#model, bound, {
      happened: (one) => certain.has(one),
      initial: this.startsAt === -Infinity ? [this.#model.initial] : this.#states,
    });
    this.#stepsLeft -= result.steps;
    return { ...result, order: result.order.map((one) => originals.get(one)!) };
  }

  #weaken(one: Op, isSpoken: boolean, isSilent: boolean): Op {
    if (isSpoken) return one;
    return (isSilent ? forgetReply(one) : forgetOutcome(one)) as Op;
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
