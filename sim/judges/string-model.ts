// A string key with an expiry, for the linearizability judge. Expired keys are as if deleted; when
// exactly that is depends on the shard's clock, which is known only within a bound.
import { latestEffectAt } from "./history.ts";
import type { Model } from "./model.ts";
import { hideUnseenValues } from "./unseen-values.ts";
import {
  setAction,
  isRead,
  wordsOf,
  type Expiry,
  type SetAction,
  type StringAction,
  type StringOperation,
  type StringReply,
} from "./string-actions.ts";

/** How far the shard's clock may be from true time, either way. */
export interface ShardTimeBound {
  /** By design: the ceiling a new leader starts at, reads that lag behind. Default 1500. */
  readonly shardClockErrorMs?: number;
  /** How far the clock of any node may be off. Default 0. */
  readonly skewMs?: number;
}

/** A key. Its deadline is a time of the shard's clock, and lies somewhere in a range. */
export interface StringState {
  /** Null: there is no such key. */
  readonly value: string | null;
  /** Both Infinity: it does not expire. */
  readonly deadlineFromMs: number;
  readonly deadlineToMs: number;
}

const SHARD_CLOCK_ERROR_MS = 1_500;
/** Times of the shard are whole ms. */
const ROUNDING_MS = 1;

const ABSENT: StringState = { value: null, deadlineFromMs: Infinity, deadlineToMs: Infinity };

/** Shard times an operation may have run at. */
interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a command does to a key that is there, or that is not. */
interface Effect {
  readonly next: StringState;
  readonly reply: StringReply;
}

/**
 * A string key under the commands of {@link StringAction}.
 *
 * Sound: the shard's clock never goes back and stays within the bound, so an operation runs at a
 * shard time between its invocation minus the bound and its return plus the bound. A key is seen
 * before its deadline and not seen after it; a relative expiry counts from the write's shard time.
 * Once an operation found the key gone, it is deleted for all that follow.
 *
 * @remarks Shorter expiries than twice the bound say little: such a key may go at once.
 */
export function stringModel(bound: ShardTimeBound = {}): Model<StringState, StringOperation> {
  const { shardClockErrorMs = SHARD_CLOCK_ERROR_MS, skewMs = 0 } = bound;
  const errorMs = shardClockErrorMs + skewMs + ROUNDING_MS;
  return {
    initial: ABSENT,
    step(state, operation) {
      const window = {
        fromMs: operation.invokedAt - errorMs,
        toMs: latestEffectAt(operation) + errorMs,
      };
      const next: StringState[] = [];
      if (state.value !== null && window.fromMs < state.deadlineToMs) {
        run(state, operation, window, next);
      }
      if (state.value === null || (expires(state) && window.toMs >= state.deadlineFromMs)) {
        run(ABSENT, operation, window, next);
      }
      return next;
    },
    stateKey: (state) => {
      if (state.value === null) return -1;
      if (!expires(state)) return `never ${state.value}`;
      return `${state.deadlineFromMs} ${state.deadlineToMs} ${state.value}`;
    },
    simplify: hideUnseenValues,
    effectKey: ({ action }) => (isRead(action) ? null : wordsOf(silent(action), []).join(" ")),
    describe: (action, keys) => wordsOf(action, keys).join(" "),
  };
}

/** A deadline may be open to the right, after a write of unknown outcome, but never to the left. */
function expires({ deadlineFromMs }: StringState): boolean {
  return deadlineFromMs !== Infinity;
}

/** The plainest command with the same effect, when nobody sees the reply. */
function silent(action: StringAction): StringAction {
  if (action.name === "GETDEL") return { name: "DEL" };
  if (action.name === "GETSET") return setAction(action.value);
  return action.name === "SET" ? { ...action, returnsOld: false } : action;
}

/** Adds the state after the operation, if its reply fits. */
function run(
  state: StringState,
  operation: StringOperation,
  window: Window,
  next: StringState[],
): void {
  const { action, outcome, reply } = operation;
  if (outcome !== "ok") {
    next.push(effectOf(state, action, window).next);
  } else if (action.name === "PTTL") {
    if (fitsRemaining(state, window, reply)) next.push(state);
  } else if (action.name === "compare-and-set" && reply === null) {
    // EXEC gives nil when anything touched the key, and may do so when nothing did.
    next.push(state);
  } else {
    const effect = effectOf(state, action, window);
    if (effect.reply === reply) next.push(effect.next);
  }
}

function effectOf(state: StringState, action: StringAction, window: Window): Effect {
  const { value } = state;
  switch (action.name) {
    case "GET":
      return { next: state, reply: value };
    case "EXISTS":
      return { next: state, reply: value === null ? 0 : 1 };
    case "STRLEN":
      return { next: state, reply: value?.length ?? 0 };
    case "GETDEL":
      return { next: ABSENT, reply: value };
    case "DEL":
      return { next: ABSENT, reply: value === null ? 0 : 1 };
    case "SET":
      return set(state, action, window);
    case "GETSET":
      return { next: withDeadline(action.value, NEVER), reply: value };
    case "APPEND": {
      const longer = (value ?? "") + action.value;
      return { next: { ...state, value: longer }, reply: longer.length };
    }
    case "INCRBY":
      return increment(state, action.delta);
    case "compare-and-set":
      return value === action.expected
        ? { next: withDeadline(action.value, NEVER), reply: 1 }
        : { next: state, reply: null };
    case "PERSIST":
      return expires(state)
        ? { next: withDeadline(value, NEVER), reply: 1 }
        : { next: state, reply: 0 };
    case "PEXPIRE":
      return value === null
        ? { next: state, reply: 0 }
        : { next: withDeadline(value, later(window, action.ms)), reply: 1 };
    case "PTTL":
      return { next: state, reply: null };
  }
}

function set(state: StringState, action: SetAction, window: Window): Effect {
  const isPresent = state.value !== null;
  const isRefused = action.onlyIf === (isPresent ? "absent" : "present");
  const plainReply = isRefused ? null : "OK";
  const reply = action.returnsOld ? state.value : plainReply;
  if (isRefused) return { next: state, reply };
  return { next: withDeadline(action.value, deadlineOf(action.expiry, state, window)), reply };
}

function increment(state: StringState, delta: number): Effect {
  const number = Number(state.value ?? "0");
  // An error, and so an outcome of `failed`: no number fits.
  if (!Number.isSafeInteger(number)) return { next: state, reply: null };
  return { next: { ...state, value: String(number + delta) }, reply: number + delta };
}

const NEVER: Window = { fromMs: Infinity, toMs: Infinity };

function withDeadline(value: string | null, { fromMs, toMs }: Window): StringState {
  return { value, deadlineFromMs: fromMs, deadlineToMs: toMs };
}

function later({ fromMs, toMs }: Window, ms: number): Window {
  return { fromMs: fromMs + ms, toMs: toMs + ms };
}

function deadlineOf(expiry: Expiry, state: StringState, window: Window): Window {
  switch (expiry.kind) {
    case "none":
      return NEVER;
    case "keep":
      return { fromMs: state.deadlineFromMs, toMs: state.deadlineToMs };
    case "after":
      return later(window, expiry.ms);
    case "at":
      return { fromMs: expiry.ms, toMs: expiry.ms };
  }
}

/** Whether PTTL may answer this: -2 for no key, -1 for no expiry, else the ms to the deadline. */
function fitsRemaining(state: StringState, window: Window, reply: StringReply): boolean {
  if (state.value === null) return reply === -2;
  if (!expires(state)) return reply === -1;
  if (typeof reply !== "number" || reply < 0) return false;
  return reply >= state.deadlineFromMs - window.toMs && reply <= state.deadlineToMs - window.fromMs;
}
