// Exactly-once for retried writes: the replies of operations that carry (session, sequence), as
// replicated state.
import { failpoints } from "../base/failpoints.ts";
import { plantedBugs } from "../base/planted-bugs.ts";

/** Sessions that were not heard of for this long (shard time) are forgotten. */
export const SESSION_IDLE_MS_MAX: number = 15 * 60_000;
/** Replies kept for one session; a forwarder keeps fewer in flight. */
export const SESSION_REPLIES_MAX = 65_536;
const SWEEP_INTERVAL_MS = 60_000;

interface SessionRecord {
  /** The client has every reply below this sequence. */
  acknowledged: number;
  lastUseMs: number;
  readonly replies: Map<number, Uint8Array>;
}

/** What is known of an operation that arrives: run it, or answer without running it. */
export type Delivery =
  | { readonly kind: "new" }
  | { readonly kind: "duplicate"; readonly reply: Uint8Array }
  | { readonly kind: "forgotten" };

const NEW: Delivery = { kind: "new" };
const FORGOTTEN: Delivery = { kind: "forgotten" };

/** Changes only by what is applied from the log, so that every replica holds the same table. */
export class SessionTable {
  readonly #sessions = new Map<number, SessionRecord>();
  #sweptAtMs = 0;

  get size(): number {
    return this.#sessions.size;
  }

  /** Tells whether operation `sequence` of `session` has run, and drops replies the client has. */
  arrive(session: number, sequence: number, acknowledged: number, nowMs: number): Delivery {
    const record = this.#record(session, nowMs);
    if (acknowledged > record.acknowledged) {
      record.acknowledged = acknowledged;
      for (const known of record.replies.keys()) {
        if (known < acknowledged) record.replies.delete(known);
      }
    }
    if (plantedBugs.forwardedTwice) return NEW;
    if (sequence < record.acknowledged) return FORGOTTEN;
    const reply = record.replies.get(sequence);
    return reply === undefined ? NEW : { kind: "duplicate", reply };
  }

  /** Remembers the reply of an operation that has run. */
  remember(session: number, sequence: number, reply: Uint8Array): void {
    const record = this.#sessions.get(session);
    if (record === undefined) return;
    record.replies.set(sequence, reply);
    if (record.replies.size > SESSION_REPLIES_MAX) {
      const oldest = record.replies.keys().next();
      if (!oldest.done) record.replies.delete(oldest.value);
    }
  }

  /** Forgets idle sessions, now and then; a function of shard time alone. */
  sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
    failpoints.reached?.("sessions.swept");
    this.#sweptAtMs = nowMs;
    for (const [session, record] of this.#sessions) {
      if (nowMs - record.lastUseMs > SESSION_IDLE_MS_MAX) this.#sessions.delete(session);
    }
  }

  /** The table as bytes, for a snapshot. */
  encode(): Uint8Array {
    let size = 16;
    for (const record of this.#sessions.values()) {
      size += 28;
      for (const reply of record.replies.values()) size += 12 + reply.length;
    }
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setFloat64(0, this.#sweptAtMs, true);
    view.setUint32(8, this.#sessions.size, true);
    let at = 16;
    for (const [session, record] of this.#sessions) {
      view.setFloat64(at, session, true);
      view.setFloat64(at + 8, record.acknowledged, true);
      view.setFloat64(at + 16, record.lastUseMs, true);
      view.setUint32(at + 24, record.replies.size, true);
      at += 28;
      for (const [sequence, reply] of record.replies) {
        view.setFloat64(at, sequence, true);
        view.setUint32(at + 8, reply.length, true);
        bytes.set(reply, at + 12);
        at += 12 + reply.length;
      }
    }
    return bytes;
  }

  /**
   * Replaces the table by one from {@link SessionTable.encode}; the caller has checked its
   * checksum.
   */
  decode(bytes: Uint8Array): void {
    this.#sessions.clear();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#sweptAtMs = view.getFloat64(0, true);
    const sessions = view.getUint32(8, true);
    let at = 16;
    for (let i = 0; i < sessions; i++) {
      const session = view.getFloat64(at, true);
      const record: SessionRecord = {
        acknowledged: view.getFloat64(at + 8, true),
        lastUseMs: view.getFloat64(at + 16, true),
        replies: new Map(),
      };
      const replies = view.getUint32(at + 24, true);
      at += 28;
      for (let j = 0; j < replies; j++) {
        const length = view.getUint32(at + 8, true);
        record.replies.set(view.getFloat64(at, true), bytes.slice(at + 12, at + 12 + length));
        at += 12 + length;
      }
      this.#sessions.set(session, record);
    }
  }

  #record(session: number, nowMs: number): SessionRecord {
    const known = this.#sessions.get(session);
    if (known !== undefined) {
      known.lastUseMs = nowMs;
      return known;
    }
    const made: SessionRecord = { acknowledged: 0, lastUseMs: nowMs, replies: new Map() };
    this.#sessions.set(session, made);
    return made;
  }
}
