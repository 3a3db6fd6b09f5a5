// What the search for a linearization needs to know of an object: how its states follow each other.
import type { Operation } from "./history.ts";

/**
 * A sequential object. It may be non-deterministic: then an operation leads to several states, any
 * of which may be the true one.
 *
 * Three rules the search relies on: a step never changes the state it was given; states with equal
 * `stateKey` behave alike; forgetting an operation's outcome never takes a next state away.
 */
export interface Model<State, Op extends Operation> {
  readonly initial: State;
  /**
   * The states that may follow. None: in `state`, `operation` cannot have had its reply. The reply
   * counts when the outcome is `ok`; an operation of unknown outcome has every reply that fits.
   */
  step(state: State, operation: Op): readonly State[];
  stateKey(state: State): string | number;
  /**
   * What the operation does when nobody sees its reply, as a text: equal texts, equal effects in
   * every state, but that one invoked later may be able to do less. Null: nothing (a read).
   */
  effectKey(operation: Op): string | null;
  /**
   * The same operations in the same order, made as alike as nobody could tell apart from all the
   * replies given: values that no reply shows may all be one. It only has to be right, not good.
   */
  simplify(operations: readonly Op[]): readonly Op[];
  /** The operation in words, for people. */
  describe(action: Op["action"], keys: readonly string[]): string;
}
