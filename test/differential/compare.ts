// Which differences of two replies to the same command are allowed: docs/compatibility-notes.md.
import { type Reply, show } from "../support/reply.ts";

/** Two servers handle a command, and time goes on, within this time. */
const TOLERANCE_MS = 5000;

/** Kvorum keeps times up to 2^53 - 1 ms: beyond this, they are taken as equal. */
const TIME_MS_COMPARED_MAX = 9e15;

type Normalize = (reply: Reply) => string;

const TIMES: ReadonlyMap<string, number> = new Map([
  ["TTL", 1000],
  ["PTTL", 1],
  ["EXPIRETIME", 1000],
  ["PEXPIRETIME", 1],
]);

/** Commands whose replies are compared after this. */
const NORMALIZED: ReadonlyMap<string, Normalize> = new Map([
  ["KEYS", (reply: Reply) => reply.items.map(show).sort().join(" ") || show(reply)],
  ["RANDOMKEY", (reply: Reply) => (reply.kind === "bulk" ? "some key" : show(reply))],
]);

const ENDS_TRANSACTION: ReadonlySet<string> = new Set(["EXEC", "DISCARD", "RESET"]);

/** Compares replies of one connection to both servers, command by command. */
export class ReplyComparer {
  /** Names of the commands queued since MULTI; null outside of a transaction. */
  #queue: string[] | null = null;

  /** Expired keys that were not deleted yet may be there, and counted by one of the two. */
  sizesDiffer = false;

  /** Whether the connection is between MULTI and EXEC. */
  get inTransaction(): boolean {
    return this.#queue !== null;
  }

  /**
   * Null when the replies agree, else what the first and the second server said; or "undecided"
   * when one ran a transaction and the other aborted it, in a case where both may: a watched key
   * that was missing and is missing again, after deletions in its slot or after it expired.
   */
  compare(
    name: string,
    ours: Reply,
    theirs: Reply,
  ): readonly [string, string] | "undecided" | null {
    const upper = name.toUpperCase();
    const queued = this.#queue;
    this.#follow(upper, theirs);
    const isQueued = queued !== null && theirs.kind === "simple" && theirs.text === "QUEUED";
    if (isQueued) queued.push(upper);
    if (upper === "EXEC" && queued !== null) {
      if (ours.kind === "null" && theirs.kind === "array") return "undecided";
      const mayHaveExpired = this.sizesDiffer;
      if (mayHaveExpired && theirs.kind === "null" && ours.kind === "array") return "undecided";
      if (theirs.kind === "array") return this.#compareAll(queued, ours, theirs);
    }
    return isQueued ? exactly(ours, theirs) : this.#compareOne(upper, ours, theirs);
  }

  #follow(name: string, reply: Reply): void {
    if (name === "MULTI" && reply.kind === "simple") this.#queue ??= [];
    const isRefused = reply.kind === "error" && !reply.text.startsWith("EXECABORT");
    if (ENDS_TRANSACTION.has(name) && !isRefused) this.#queue = null;
  }

  #compareAll(
    names: readonly string[],
    ours: Reply,
    theirs: Reply,
  ): readonly [string, string] | null {
    if (ours.kind !== "array" || ours.items.length !== theirs.items.length) {
      return exactly(ours, theirs);
    }
    for (const [place, item] of theirs.items.entries()) {
      const difference = this.#compareOne(names[place]!, ours.items[place]!, item);
      if (difference !== null) return difference;
    }
    return null;
  }

  #compareOne(name: string, ours: Reply, theirs: Reply): readonly [string, string] | null {
    if (name === "DBSIZE" && this.sizesDiffer && ours.kind === theirs.kind) return null;
    const unitMs = TIMES.get(name);
    if (unitMs !== undefined && bothTimes(ours, theirs)) {
      const [left, right] = [timeOf(ours, unitMs), timeOf(theirs, unitMs)];
      const apartMs = Math.abs(left - right);
      return apartMs <= TOLERANCE_MS ? null : [show(ours), show(theirs)];
    }
    const normalize = NORMALIZED.get(name);
    if (normalize === undefined || ours.kind !== theirs.kind) return exactly(ours, theirs);
    const [left, right] = [normalize(ours), normalize(theirs)];
    return left === right ? null : [left, right];
  }
}

/** Negative ones mean "no key" and "no expiry", and must be the same. */
function bothTimes(ours: Reply, theirs: Reply): boolean {
  const isTime = (reply: Reply): boolean => reply.kind === "integer" && Number(reply.text) >= 0;
  return isTime(ours) && isTime(theirs);
}

function timeOf(reply: Reply, unitMs: number): number {
  return Math.min(Number(reply.text) * unitMs, TIME_MS_COMPARED_MAX);
}

function exactly(ours: Reply, theirs: Reply): readonly [string, string] | null {
  const [left, right] = [show(ours), show(theirs)];
  return left === right ? null : [left, right];
}
