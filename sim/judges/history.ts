// What clients saw in a run, as recorded by whoever ran it: the input of every judge. Plain data;
// nothing here knows what an action means.

/**
 * What became of an operation.
 *
 * - `ok`: it happened between invocation and return, and this was its reply.
 * - `failed`: it certainly did not happen and never will (-MOVED, -CLUSTERDOWN, -TRYAGAIN, -OOM,
 *   an error of the command itself).
 * - `unknown`: it may have happened, may happen at any later time, or never (a timeout, a closed
 *   connection, -UNCERTAIN).
 */
export type Outcome = "ok" | "failed" | "unknown";

/**
 * One operation of one client.
 *
 * Times may be in any unit, but models with expiries need ms. They are true time: of the one clock
 * that saw all clients. Operations that touch at one instant count as concurrent.
 */
export interface Operation<Action = unknown, Reply = unknown> {
  /** A connection in its life: after an unknown outcome the client goes on under a new number. */
  readonly client: number;
  readonly invokedAt: number;
  /** When the reply came; Infinity when none did. */
  readonly returnedAt: number;
  /** What it touches; judges of single keys take the first alone. */
  readonly keys: readonly string[];
  readonly action: Action;
  readonly outcome: Outcome;
  /** The reply of an `ok` operation, which may be null for nil; null for all others. */
  readonly reply: Reply | null;
}

/** Something that must not be. */
export interface Finding {
  /** A short fixed name, to count by: "not linearizable", "G1c", "lost element". */
  readonly rule: string;
  /** For people: what happened, one operation a line. */
  readonly text: string;
}

/**
 * What a judge says of a history. It is fine when both lists are empty and something was checked.
 */
export interface Judgement {
  /** Operations that were looked at: 0 means that nothing was judged. */
  readonly checkedCount: number;
  readonly findings: readonly Finding[];
  /** What could not be decided within the bound on work: never to be counted as fine. */
  readonly undecided: readonly string[];
}

/** The last moment at which the operation may take effect. */
export function latestEffectAt({ outcome, returnedAt }: Operation): number {
  return outcome === "ok" ? returnedAt : Infinity;
}

/** The same operation with its reply forgotten. */
export function forgetReply<Action, Reply>(
  operation: Operation<Action, Reply>,
): Operation<Action, Reply> {
  return { ...operation, outcome: "unknown", reply: null };
}

/**
 * The same operation with all that became of it forgotten: it may happen any time from now on, or
 * never.
 */
export function forgetOutcome<Action, Reply>(
  operation: Operation<Action, Reply>,
): Operation<Action, Reply> {
  return { ...operation, returnedAt: Infinity, outcome: "unknown", reply: null };
}

/** Operations by their first key, in the order of the history. */
export function groupByKey<Action, Reply>(
  history: readonly Operation<Action, Reply>[],
): Map<string, Operation<Action, Reply>[]> {
  const groups = new Map<string, Operation<Action, Reply>[]>();
  for (const operation of history) {
    const key = operation.keys[0] ?? "";
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [operation]);
    else group.push(operation);
  }
  return groups;
}

/** Sorts by invocation; of those invoked at once, the earlier in the history comes first. */
export function byInvocation<Op extends Operation>(history: readonly Op[]): Op[] {
  return history.toSorted((a, b) => a.invokedAt - b.invokedAt);
}

/**
 * An operation on one line.
 *
 * @param describeAction The action in words, keys included.
 * @example
 * printOperation(operation, describe); // "c3 12..15.5 GET a -> 7"
 */
export function printOperation<Action>(
  { client, invokedAt, returnedAt, keys, action, outcome, reply }: Operation<Action>,
  describeAction: (action: Action, keys: readonly string[]) => string,
): string {
  const times = `${timeText(invokedAt)}..${timeText(returnedAt)}`;
  const end = outcome === "ok" ? `-> ${replyText(reply)}` : outcome;
  return `c${client} ${times} ${describeAction(action, keys)} ${end}`;
}

function timeText(time: number): string {
  return time === Infinity ? "" : String(Math.round(time * 1000) / 1000);
}

function replyText(reply: unknown): string {
  if (reply === null) return "nil";
  if (Array.isArray(reply)) return `[${reply.map(replyText).join(" ")}]`;
  return typeof reply === "string" || typeof reply === "number"
    ? String(reply)
    : JSON.stringify(reply);
}
