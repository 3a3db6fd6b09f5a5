// Judges what one connection sees: its commands take effect in the order they were sent, it sees
// its own writes, and what it has seen does not change back. Values tell who wrote them, and when.
import {
  byInvocation,
  printOperation,
  type Finding,
  type Judgement,
  type Operation,
} from "./history.ts";

/** What a value consists of. */
export interface Stamp {
  /** The connection that wrote it. */
  readonly client: number;
  /** Counts the writes of this connection to all keys from 1, in the order they are sent. */
  readonly count: number;
}

/** SET of a stamp of the connection's own, or GET. Keys are never deleted and do not expire. */
export type SessionAction =
  | { readonly kind: "write"; readonly count: number }
  | { readonly kind: "read" };

/** One operation of a connection, which may have others under way; a read's reply is a stamp. */
export type SessionOperation = Operation<SessionAction, Stamp>;

/** A stamp as the text of a value. */
export function printStamp({ client, count }: Stamp): string {
  return `${client}:${count}`;
}

/** Reads what {@link printStamp} wrote; null when it is something else. */
export function parseStamp(text: string): Stamp | null {
  const parts = /^(\d+):(\d+)$/.exec(text);
  return parts === null ? null : { client: Number(parts[1]), count: Number(parts[2]) };
}

/**
 * Checks each connection by itself; operations invoked at one time were sent in the order of the
 * history. A read that is still under way may be answered late, from a state that shows writes sent
 * after it, so it binds only what is invoked after its return.
 *
 * @remarks O(n log n).
 */
export function judgeSessions(history: readonly SessionOperation[]): Judgement {
  const writes = new Writes(history);
  const sessions = new Map<number, Session>();
  const findings: Finding[] = [];
  for (const one of byInvocation(history)) {
    let session = sessions.get(one.client);
    if (session === undefined) sessions.set(one.client, (session = new Session(writes)));
    const rule = session.step(one);
    if (rule !== null) findings.push({ rule, text: printOperation(one, describe) });
  }
  return { checkedCount: history.length, findings, undecided: [] };
}

function describe(action: SessionAction, keys: readonly string[]): string {
  const words = [action.kind, ...keys];
  return (action.kind === "write" ? [...words, String(action.count)] : words).join(" ");
}

/** All writes, to be looked up. */
class Writes {
  readonly #byStamp = new Map<string, SessionOperation>();
  /** Counts of acknowledged writes of a client to a key, rising. */
  readonly #acknowledged = new Map<string, number[]>();

  constructor(history: readonly SessionOperation[]) {
    for (const one of byInvocation(history)) {
      if (one.action.kind !== "write") continue;
      this.#byStamp.set(printStamp({ client: one.client, count: one.action.count }), one);
      if (one.outcome !== "ok") continue;
      const place = `${one.client} ${one.keys[0]}`;
      const counts = this.#acknowledged.get(place) ?? [];
      this.#acknowledged.set(place, counts);
      counts.push(one.action.count);
    }
  }

  /** Whether a read could see the stamp at all. */
  isPossible(read: SessionOperation, stamp: Stamp): boolean {
    const write = this.#byStamp.get(printStamp(stamp));
    return (
      write !== undefined &&
      write.outcome !== "failed" &&
      write.keys[0] === read.keys[0] &&
      write.invokedAt <= read.returnedAt
    );
  }

  /** The client's last acknowledged write to the key among its first `count`; 0 when none. */
  latest(client: number, key: string, count: number): number {
    const counts = this.#acknowledged.get(`${client} ${key}`) ?? [];
    return counts.findLast((one) => one <= count) ?? 0;
  }
}

/** What a session knows of a key. */
interface KnownKey {
  /** What the key held last, as far as the session knows. */
  current: Stamp | null;
  /** By client the newest stamp that the key is known to have held. */
  readonly newest: Map<number, number>;
  /** Own writes sent so far. */
  writeCount: number;
  /** When the read returned that told what the key holds. */
  readAt: number;
}

/** A read that binds later operations once it has returned. */
interface Observation {
  readonly read: SessionOperation;
  readonly stamp: Stamp;
  /** Own writes to the key that had been sent before it. */
  readonly writeCount: number;
}

class Session {
  readonly #writes: Writes;
  readonly #keys = new Map<string, KnownKey>();
  /** By client the newest stamp seen on any key. */
  readonly #newest = new Map<number, number>();
  #observations: Observation[] = [];

  constructor(writes: Writes) {
    this.#writes = writes;
  }

  /** Takes the next operation in the order sent; the rule it breaks, or null. */
  step(one: SessionOperation): string | null {
    this.#observe(one.invokedAt);
    const known = this.#key(one.keys[0] ?? "");
    if (one.action.kind === "read") return one.outcome === "ok" ? this.#read(one, known) : null;
    known.writeCount++;
    if (one.outcome === "ok") hold(known, { client: one.client, count: one.action.count });
    return null;
  }

  #read(one: SessionOperation, known: KnownKey): string | null {
    const stamp = one.reply;
    if (stamp === null) return known.current === null ? null : "value gone";
    if (!this.#writes.isPossible(one, stamp)) return "value from nowhere";
    this.#observations.push({ read: one, stamp, writeCount: known.writeCount });
    const { client, count } = stamp;
    const isCurrent = known.current?.client === client && known.current.count === count;
    if (!isCurrent && count <= (known.newest.get(client) ?? 0)) {
      return known.current?.client === one.client ? "own write not seen" : "read went back";
    }
    const seenCount = this.#newest.get(client) ?? 0;
    const latest = this.#writes.latest(client, one.keys[0] ?? "", seenCount);
    return latest > count ? "writes out of order" : null;
  }

  /** Learns from reads that returned before `time`. */
  #observe(time: number): void {
    this.#observations = this.#observations.filter(({ read, stamp, writeCount }) => {
      if (read.returnedAt >= time) return true;
      this.#newest.set(stamp.client, Math.max(stamp.count, this.#newest.get(stamp.client) ?? 0));
      // Of reads under way together, and of writes sent meanwhile, the order cannot be told.
      const known = this.#key(read.keys[0] ?? "");
      if (known.writeCount !== writeCount || read.invokedAt <= known.readAt) return false;
      hold(known, stamp);
      known.readAt = read.returnedAt;
      return false;
    });
  }

  #key(key: string): KnownKey {
    let known = this.#keys.get(key);
    if (known === undefined) {
      known = { current: null, newest: new Map(), writeCount: 0, readAt: -Infinity };
      this.#keys.set(key, known);
    }
    return known;
  }
}

function hold(known: KnownKey, stamp: Stamp): void {
  known.current = stamp;
  known.newest.set(stamp.client, Math.max(stamp.count, known.newest.get(stamp.client) ?? 0));
}
