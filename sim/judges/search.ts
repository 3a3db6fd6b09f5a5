// The search for a linearization of one key's history: Wing and Gong's algorithm with the memory of
// Lowe ("Testing for linearizability", 2017), extended by operations that may never have happened.
import { byInvocation, type Operation } from "./history.ts";
import type { Model } from "./model.ts";
import { NodeMemory } from "./tables.ts";
import { INITIAL_SET, REJECTED, Transitions } from "./transitions.ts";

/** How a search ended. */
export interface SearchResult<State, Op> {
  readonly verdict: "linearizable" | "violation" | "undecided";
  /** Steps tried: what the bound counts. */
  readonly steps: number;
  /** The order found; empty unless linearizable. */
  readonly order: readonly Op[];
  /** Every state met: after a violation, all that any beginning of the history can lead to. */
  readonly states: readonly State[];
}

/** What a search is about, where it is not the plain question. */
export interface SearchOptions<State, Op> {
  /** Whether an operation took effect before its return, also if nobody knows its reply. */
  readonly happened?: (operation: Op) => boolean;
  /** States of which one was the true one at the beginning. */
  readonly initial?: readonly State[];
}

/**
 * Looks for an order of all operations that happened, and of any of those that may have, that the
 * model allows and that keeps real time.
 *
 * @param stepsMax Steps after which it gives up as undecided; a step takes some 0.1 µs.
 * @remarks Linear in the operations when little is concurrent; exponential at worst.
 */
export function search<State, Op extends Operation>(
  operations: readonly Op[],
  model: Model<State, Op>,
  stepsMax: number,
  options: SearchOptions<State, Op> = {},
): SearchResult<State, Op> {
  const { happened = ({ outcome }) => outcome === "ok", initial = [model.initial] } = options;
  const certain = byInvocation(operations.filter(happened));
  const uncertain = operations.filter(
    (one) => one.outcome === "unknown" && !happened(one) && model.effectKey(one) !== null,
  );
  const ordered = [...certain, ...byInvocation(uncertain)];
  const simplified = model.simplify(ordered);
  const transitions = new Transitions(model, simplified, initial);
  const twins = findTwins(simplified, certain.length, model);
  return new Search(ordered, certain.length, twins, transitions, stepsMax).run();
}

/**
 * Depth first. A node is a set of operations already placed, with the states they may have led to;
 * the linked list holds calls and returns of the certain operations not placed yet, by time.
 *
 * Operations are numbered: the certain ones by invocation, then the uncertain ones by invocation.
 * The call of operation n is entry n of the list, its return entry `#certainCount` + n.
 */
class Search<State, Op extends Operation> {
  readonly #operations: readonly Op[];
  readonly #certainCount: number;
  readonly #count: number;
  readonly #stepsMax: number;
  readonly #transitions: Transitions<State, Op>;
  readonly #visited = new NodeMemory();
  readonly #head: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** For an uncertain operation the one before it with the same effect, which is used first. */
  readonly #twin: Int32Array;
  /** Bit n: operation n is placed. */
  readonly #placed: Int32Array;
  /** The first word with bits of uncertain operations. */
  readonly #uncertainWord: number;
  readonly #key: Int32Array;
  #setId = INITIAL_SET;
  #steps = 0;
  /** What is placed, in order; before each the states and the highest certain operation placed. */
  #depth = 0;
  readonly #order: Int32Array;
  readonly #setBefore: Int32Array;
  readonly #highestBefore: Int32Array;
  #highest = -1;
  #certainPlaced = 0;

  constructor(
    operations: readonly Op[],
    certainCount: number,
    twins: Int32Array,
    transitions: Transitions<State, Op>,
    stepsMax: number,
  ) {
    this.#operations = operations;
    this.#certainCount = certainCount;
    this.#count = operations.length;
    this.#twin = twins;
    this.#transitions = transitions;
    this.#stepsMax = stepsMax;
    this.#head = 2 * this.#certainCount;
    this.#next = new Int32Array(this.#head + 1);
    this.#previous = new Int32Array(this.#head + 1);
    // Uncertain operations begin at a word of their own.
    this.#uncertainWord = (this.#certainCount + 31) >>> 5;
    const words = this.#uncertainWord + ((this.#count - certainCount + 31) >>> 5);
    this.#placed = new Int32Array(words);
    this.#key = new Int32Array(this.#uncertainWord + 2);
    this.#order = new Int32Array(this.#count);
    this.#setBefore = new Int32Array(this.#count);
    this.#highestBefore = new Int32Array(this.#count);
    this.#link();
  }

  run(): SearchResult<State, Op> {
    let candidate = this.#next[this.#head]!;
    let isUncertain = false;
    while (this.#certainPlaced < this.#certainCount) {
      if (this.#steps + (this.#visited.comparedWords >>> 4) > this.#stepsMax)
        return this.#result("undecided");
      if (!isUncertain && candidate >= this.#certainCount) {
        // A return: nothing behind it may come next, but for what may have happened unseen.
        isUncertain = true;
        candidate = this.#certainCount;
      }
      if (isUncertain && !this.#isInvoked(candidate)) {
        if (this.#depth === 0) return this.#result("violation");
        const undone = this.#undo();
        isUncertain = undone >= this.#certainCount;
        candidate = isUncertain ? undone + 1 : this.#next[undone]!;
      } else if (this.#place(candidate)) {
        isUncertain = false;
        candidate = this.#next[this.#head]!;
      } else {
        candidate = isUncertain ? candidate + 1 : this.#next[candidate]!;
      }
    }
    return this.#result("linearizable");
  }

  #result(verdict: SearchResult<State, Op>["verdict"]): SearchResult<State, Op> {
    const places = verdict === "linearizable" ? this.#order.subarray(0, this.#depth) : [];
    const order = Array.from(places, (place) => this.#operations[place]!);
    return { verdict, steps: this.#steps, order, states: this.#transitions.states };
  }

  /** Whether an uncertain operation exists and was invoked before the first return still open. */
  #isInvoked(place: number): boolean {
    if (place >= this.#count) return false;
    let entry = this.#next[this.#head]!;
    while (entry < this.#certainCount) entry = this.#next[entry]!;
    const returnedAt = this.#operations[entry - this.#certainCount]!.returnedAt;
    return this.#operations[place]!.invokedAt <= returnedAt;
  }

  /** Puts the operation next in order, unless that is impossible, pointless or was tried. */
  #place(place: number): boolean {
    this.#steps++;
    const isUncertain = place >= this.#certainCount;
    if (isUncertain && (this.#isPlaced(place) || !this.#isTwinPlaced(place))) return false;
    const setId = this.#transitions.after(this.#setId, place);
    if (setId === REJECTED || (isUncertain && setId === this.#setId)) return false;
    if (this.#isLastPointless(place, setId)) return false;
    this.#flip(place);
    const highest = isUncertain ? this.#highest : Math.max(this.#highest, place);
    if (!isUncertain) this.#unlink(place);
    if (!this.#isNews(setId, highest)) {
      this.#flip(place);
      if (!isUncertain) this.#relink(place);
      return false;
    }
    this.#order[this.#depth] = place;
    this.#setBefore[this.#depth] = this.#setId;
    this.#highestBefore[this.#depth++] = this.#highest;
    this.#setId = setId;
    this.#highest = highest;
    if (!isUncertain) this.#certainPlaced++;
    return true;
  }

  /** Takes the last operation back, and says which. */
  #undo(): number {
    const place = this.#order[--this.#depth]!;
    this.#setId = this.#setBefore[this.#depth]!;
    this.#highest = this.#highestBefore[this.#depth]!;
    this.#flip(place);
    if (place < this.#certainCount) {
      this.#relink(place);
      this.#certainPlaced--;
    }
    return place;
  }

  /**
   * Whether the operation placed last is an uncertain one that need not have been placed there:
   * this one covers it up, or the two may change places. An uncertain operation goes right before
   * one for which it makes a difference, and two that do not mind each other go in the order of
   * numbers; the branches that do so reach all that this one could.
   */
  #isLastPointless(place: number, setId: number): boolean {
    const last = this.#depth === 0 ? -1 : this.#order[this.#depth - 1]!;
    if (last < this.#certainCount || this.#twin[place] === last) return false;
    const without = this.#transitions.after(this.#setBefore[this.#depth - 1]!, place);
    if (without === REJECTED) return false;
    if (without === setId) return true;
    const mayChange = place < this.#certainCount || place < last;
    return mayChange && this.#transitions.after(without, last) === setId;
  }

  #isTwinPlaced(place: number): boolean {
    const twin = this.#twin[place]!;
    return twin === -1 || this.#isPlaced(twin);
  }

  #bitOf(place: number): number {
    if (place < this.#certainCount) return place;
    return 32 * this.#uncertainWord + place - this.#certainCount;
  }

  #isPlaced(place: number): boolean {
    const bit = this.#bitOf(place);
    return (this.#placed[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  #flip(place: number): void {
    const bit = this.#bitOf(place);
    this.#placed[bit >>> 5]! ^= 1 << (bit & 31);
  }

  /**
   * Remembers the node: states, and the placed bits from the first open operation to the highest
   * placed (all before are set, all behind clear). It is no news if it was reached before with
   * fewer of the uncertain operations spent: whatever follows now could have followed then.
   */
  #isNews(setId: number, highest: number): boolean {
    const entry = this.#next[this.#head]!;
    const first = (entry === this.#head ? this.#certainCount : entry) >>> 5;
    let length = 0;
    this.#key[length++] = setId;
    this.#key[length++] = first;
    for (let word = first; word <= highest >> 5; word++) this.#key[length++] = this.#placed[word]!;
    let end = this.#placed.length;
    while (end > this.#uncertainWord && this.#placed[end - 1] === 0) end--;
    return this.#visited.add(this.#key, length, this.#placed, this.#uncertainWord, end);
  }

  /** Lists calls and returns by time; at one instant calls come first, so they are concurrent. */
  #link(): void {
    const timeOf = (entry: number): number =>
      entry < this.#certainCount
        ? this.#operations[entry]!.invokedAt
        : this.#operations[entry - this.#certainCount]!.returnedAt;
    const entries = Array.from({ length: this.#head }, (_, entry) => entry);
    entries.sort((a, b) => timeOf(a) - timeOf(b) || a - b);
    entries.push(this.#head);
    let previous = this.#head;
    for (const entry of entries) {
      this.#next[previous] = entry;
      this.#previous[entry] = previous;
      previous = entry;
    }
  }

  #unlink(place: number): void {
    this.#skip(place);
    this.#skip(this.#certainCount + place);
  }

  /** Undoes the last {@link #unlink}, in the opposite order. */
  #relink(place: number): void {
    this.#restore(this.#certainCount + place);
    this.#restore(place);
  }

  #skip(entry: number): void {
    this.#next[this.#previous[entry]!] = this.#next[entry]!;
    this.#previous[this.#next[entry]!] = this.#previous[entry]!;
  }

  #restore(entry: number): void {
    this.#next[this.#previous[entry]!] = entry;
    this.#previous[this.#next[entry]!] = entry;
  }
}

function findTwins<State, Op extends Operation>(
  operations: readonly Op[],
  certainCount: number,
  model: Model<State, Op>,
): Int32Array {
  const twins = new Int32Array(operations.length).fill(-1);
  const latest = new Map<string | null, number>();
  for (let place = certainCount; place < operations.length; place++) {
    const effect = model.effectKey(operations[place]!);
    twins[place] = latest.get(effect) ?? -1;
    latest.set(effect, place);
  }
  return twins;
}
