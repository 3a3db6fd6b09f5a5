// A model's states as numbers: each state, and each set of states that may be the true one, is
// interned, and each step is taken once.
import type { Operation } from "./history.ts";
import type { Model } from "./model.ts";
import { PairTable } from "./tables.ts";

/** Said of a step that no state of the set allows. */
export const REJECTED = -1;
/** The set of states a history may begin in. */
export const INITIAL_SET = 0;

/** Steps of a model over the operations of one key. */
export class Transitions<State, Op extends Operation> {
  readonly #model: Model<State, Op>;
  readonly #operations: readonly Op[];
  /** All states met so far. */
  readonly states: State[] = [];
  readonly #stateIds = new Map<string | number, number>();
  /** Sets by their number: sorted ids of states. */
  readonly #sets: (readonly number[])[] = [];
  readonly #setIds = new Map<string | number, number>();
  readonly #known = new PairTable();

  constructor(model: Model<State, Op>, operations: readonly Op[], initial: readonly State[]) {
    this.#model = model;
    this.#operations = operations;
    this.#internSet(initial.map((state) => this.#internState(state)));
  }

  /** The set of states after an operation (by its place), or {@link REJECTED}. */
  after(setId: number, place: number): number {
    const known = this.#known.get(setId, place);
    if (known !== undefined) return known;
    const next = this.#take(setId, this.#operations[place]!);
    this.#known.add(setId, place, next);
    return next;
  }

  #take(setId: number, operation: Op): number {
    const next: number[] = [];
    for (const stateId of this.#sets[setId]!) {
      for (const state of this.#model.step(this.states[stateId]!, operation)) {
        const id = this.#internState(state);
        if (!next.includes(id)) next.push(id);
      }
    }
    return next.length === 0 ? REJECTED : this.#internSet(next);
  }

  #internState(state: State): number {
    const key = this.#model.stateKey(state);
    let id = this.#stateIds.get(key);
    if (id === undefined) {
      id = this.states.push(state) - 1;
      this.#stateIds.set(key, id);
    }
    return id;
  }

  #internSet(ids: number[]): number {
    const key = ids.length === 1 ? ids[0]! : ids.sort((a, b) => a - b).join();
    let setId = this.#setIds.get(key);
    if (setId === undefined) {
      setId = this.#sets.push(ids) - 1;
      this.#setIds.set(key, setId);
    }
    return setId;
  }
}
