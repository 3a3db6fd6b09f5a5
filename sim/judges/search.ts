// The search for a linearization of one key's history: Wing and Gong's algorithm with the memory of
// Lowe ("Testing for linearizability", 2017), extended by operations that may never have happened.
import { byInvocation, type Operation } from "./history.ts";
import type { Model } from "./model.ts";
import { SequenceSet } from "./tables.ts";
import { INITIAL_SET, REJECTED, Transitions } from "./transitions.ts";

/** How a search ended. */
export interface SearchResult<Op> {
  readonly verdict: "linearizable" | "violation" | "undecided";
  /** Steps tried: what the bound counts. */
  readonly steps: number;
  /** The order found; empty unless linearizable. */
  readonly order: readonly Op[];
}

/**
 * Looks for an order of all `ok` operations, and of any of the unknown ones, that the model allows
 * and that keeps real time.
 *
 * @param stepsMax Steps after which it gives up as undecided; a step takes some 0.1 µs.
 * @remarks Linear in the operations when little is concurrent; exponential at worst.
 */
export function search<State, Op extends Operation>(
  operations: readonly Op[],
  model: Model<State, Op>,
  stepsMax: number,
): SearchResult<Op> {
  return new Search(operations, model, stepsMax).run();
}

/**
 * Depth first. A node is a set of operations already placed, with the states they may have led to;
 * the linked list holds calls and returns of the `ok` operations not placed yet, by time.
 *
 * Operations are numbered: the `ok` ones by invocation, then the unknown ones by invocation. The
 * call of operation n is entry n of the list, its return entry `#okCount` + n.
 */
class Search<State, Op extends Operation> {
  readonly #operations: readonly Op[];
  readonly #okCount: number;
  readonly #count: number;
  readonly #stepsMax: number;
  readonly #transitions: Transitions<State, Op>;
  readonly #visited = new SequenceSet();
  readonly #head: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** For an unknown operation the one before it with the same effect, which is used first. */
  readonly #twin: Int32Array;
  /** Bit n: operation n is placed. */
  readonly #placed: Int32Array;
  /** The first word with bits of unknown operations. */
  readonly #unknownWord: number;
  readonly #key: Int32Array;
  #setId = INITIAL_SET;
  #steps = 0;
  /** What is placed, in order; before each the states and the highest `ok` operation placed. */
  #depth = 0;
  readonly #order: Int32Array;
  readonly #setBefore: Int32Array;
  readonly #highestBefore: Int32Array;
  #highest = -1;
  #okPlaced = 0;

  constructor(operations: readonly Op[], model: Model<State, Op>, stepsMax: number) {
    const ok = byInvocation(operations.filter(({ outcome }) => outcome === "ok"));
    const unknown = byInvocation(
      operations.filter((one) => one.outcome === "unknown" && model.effectKey(one) !== null),
    );
    this.#okCount = ok.length;
    this.#operations = [...ok, ...unknown];
    this.#count = this.#operations.length;
    this.#stepsMax = stepsMax;
    this.#transitions = new Transitions(model, this.#operations);
    this.#head = 2 * this.#okCount;
    this.#next = new Int32Array(this.#head + 1);
    this.#previous = new Int32Array(this.#head + 1);
    this.#twin = findTwins(this.#operations, this.#okCount, model);
    // Unknown operations begin at a word of their own.
    this.#unknownWord = (this.#okCount + 31) >>> 5;
    const words = this.#unknownWord + ((unknown.length + 31) >>> 5);
    this.#placed = new Int32Array(words);
    this.#key = new Int32Array(words + 3);
    this.#order = new Int32Array(this.#count);
    this.#setBefore = new Int32Array(this.#count);
    this.#highestBefore = new Int32Array(this.#count);
    this.#link();
  }

  run(): SearchResult<Op> {
    let candidate = this.#next[this.#head]!;
    let isUnknown = false;
    while (this.#okPlaced < this.#okCount) {
      if (this.#steps > this.#stepsMax) return this.#result("undecided");
      if (!isUnknown && candidate >= this.#okCount) {
        // A return: nothing behind it may come next, but for what may have happened unseen.
        isUnknown = true;
        candidate = this.#okCount;
      }
      if (isUnknown && !this.#isInvoked(candidate)) {
        if (this.#depth === 0) return this.#result("violation");
        const undone = this.#undo();
        isUnknown = undone >= this.#okCount;
        candidate = isUnknown ? undone + 1 : this.#next[undone]!;
      } else if (this.#place(candidate)) {
        isUnknown = false;
        candidate = this.#next[this.#head]!;
      } else {
        candidate = isUnknown ? candidate + 1 : this.#next[candidate]!;
      }
    }
    return this.#result("linearizable");
  }

  #result(verdict: SearchResult<Op>["verdict"]): SearchResult<Op> {
    const places = verdict === "linearizable" ? this.#order.subarray(0, this.#depth) : [];
    const order = Array.from(places, (place) => this.#operations[place]!);
    return { verdict, steps: this.#steps, order };
  }

  /** Whether an unknown operation exists and was invoked before the first return still open. */
  #isInvoked(place: number): boolean {
    if (place >= this.#count) return false;
    let entry = this.#next[this.#head]!;
    while (entry < this.#okCount) entry = this.#next[entry]!;
    const returnedAt = this.#operations[entry - this.#okCount]!.returnedAt;
    return this.#operations[place]!.invokedAt <= returnedAt;
  }

  /** Puts the operation next in order, unless that is impossible, pointless or was tried. */
  #place(place: number): boolean {
    this.#steps++;
    const isUnknown = place >= this.#okCount;
    if (isUnknown && (this.#isPlaced(place) || !this.#isTwinPlaced(place))) return false;
    const setId = this.#transitions.after(this.#setId, place);
    if (setId === REJECTED || (isUnknown && setId === this.#setId)) return false;
    if (this.#isLastPointless(place, setId)) return false;
    this.#flip(place);
    const highest = isUnknown ? this.#highest : Math.max(this.#highest, place);
    if (!isUnknown) this.#unlink(place);
    if (!this.#visited.add(this.#key, this.#writeKey(setId, highest))) {
      this.#flip(place);
      if (!isUnknown) this.#relink(place);
      return false;
    }
    this.#order[this.#depth] = place;
    this.#setBefore[this.#depth] = this.#setId;
    this.#highestBefore[this.#depth++] = this.#highest;
    this.#setId = setId;
    this.#highest = highest;
    if (!isUnknown) this.#okPlaced++;
    return true;
  }

  /** Takes the last operation back, and says which. */
  #undo(): number {
    const place = this.#order[--this.#depth]!;
    this.#setId = this.#setBefore[this.#depth]!;
    this.#highest = this.#highestBefore[this.#depth]!;
    this.#flip(place);
    if (place < this.#okCount) {
      this.#relink(place);
      this.#okPlaced--;
    }
    return place;
  }

  /**
   * Whether the operation placed last is an unknown one that this one covers up: without it the
   * states would be the same. Then the branch without it says all that this one could.
   */
  #isLastPointless(place: number, setId: number): boolean {
    if (this.#depth === 0 || this.#order[this.#depth - 1]! < this.#okCount) return false;
    if (this.#twin[place] === this.#order[this.#depth - 1]) return false;
    return this.#transitions.after(this.#setBefore[this.#depth - 1]!, place) === setId;
  }

  #isTwinPlaced(place: number): boolean {
    const twin = this.#twin[place]!;
    return twin === -1 || this.#isPlaced(twin);
  }

  #bitOf(place: number): number {
    if (place < this.#okCount) return place;
    return 32 * this.#unknownWord + place - this.#okCount;
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
   * Writes the node as a sequence, and returns its length: states, then the placed bits from the
   * first open operation to the highest placed (all before are set, all behind clear), then those
   * of the unknown ones up to the last that is set.
   */
  #writeKey(setId: number, highest: number): number {
    const entry = this.#next[this.#head]!;
    const first = (entry === this.#head ? this.#okCount : entry) >>> 5;
    let length = 0;
    this.#key[length++] = setId;
    this.#key[length++] = first;
    let end = this.#placed.length;
    while (end > this.#unknownWord && this.#placed[end - 1] === 0) end--;
    this.#key[length++] = end;
    for (let word = first; word <= highest >> 5; word++) this.#key[length++] = this.#placed[word]!;
    for (let word = this.#unknownWord; word < end; word++) {
      this.#key[length++] = this.#placed[word]!;
    }
    return length;
  }

  /** Lists calls and returns by time; at one instant calls come first, so they are concurrent. */
  #link(): void {
    const timeOf = (entry: number): number =>
      entry < this.#okCount
        ? this.#operations[entry]!.invokedAt
        : this.#operations[entry - this.#okCount]!.returnedAt;
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
    this.#skip(this.#okCount + place);
  }

  /** Undoes the last {@link #unlink}, in the opposite order. */
  #relink(place: number): void {
    this.#restore(this.#okCount + place);
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
  okCount: number,
  model: Model<State, Op>,
): Int32Array {
  const twins = new Int32Array(operations.length).fill(-1);
  const latest = new Map<string | null, number>();
  for (let place = okCount; place < operations.length; place++) {
    const effect = model.effectKey(operations[place]!);
    twins[place] = latest.get(effect) ?? -1;
    latest.set(effect, place);
  }
  return twins;
}
