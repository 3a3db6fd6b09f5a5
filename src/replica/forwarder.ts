// Operations that another node must run: sent to the leader, kept until answered, sent again after failover.
import {
  encodeWithOrigin,
  OperationBuffer,
  type OperationOrigin,
} from "../commands/operation.ts";
import { type Batch, LOGGED } from "./batch.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** How long an operation may stay unanswered. */
const ANSWER_MS_MAX = 8_000;
/** After a leader's refusal, when to try again. */
const RETRY_MS = 50;

const UNCERTAIN = "UNCERTAIN the leader did not answer in time; the write may or may not take effect";
const NO_ANSWER = "CLUSTERDOWN the leader did not answer in time; the command was not executed";

/** One forwarded operation as it travels. */
export interface ForwardedOperation {
  readonly session: number;
  readonly sequence: number;
  /** Everything below this sequence has been answered to the client. */
  readonly acknowledged: number;
  readonly protocol: number;
  readonly isWrite: boolean;
  /** The encoded operation; a write carries its origin. */
  readonly bytes: Uint8Array;
}

interface Outstanding extends ForwardedOperation {
  readonly target: ReplyTarget;
  readonly view: DataView;
  readonly sinceMs: number;
  /** Some leader may have it: not certainly undone. */
  sent: boolean;
  /** Refused by a node that does not lead: sent again after this time. */
  retryAtMs: number;
}

/** Sends one operation to a node; false when it was certainly not sent. */
export type SendForward = (to: number, operation: ForwardedOperation) => boolean;

/** Where operations go that come back to this node because it leads now. */
export interface ForwardReceiver {
  submitEncoded(
    isWrite: boolean,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    length: number,
    target: ReplyTarget,
    sequence: number,
  ): void;
}

/** The operations of this node's clients that wait for an answer of another node. */
export class Forwarder {
  readonly #send: SendForward;
  readonly #now: () => number;
  /** By session, then sequence, in the order they came. */
  readonly #outstanding = new Map<number, Map<number, Outstanding>>();
  #pendingBytes = 0;
  #leader = 0;
  readonly #scratch = new OperationBuffer();

  /** @param now Monotonic milliseconds. */
  constructor(send: SendForward, now: () => number) {
    this.#send = send;
    this.#now = now;
  }

  /** Bytes of operations that wait. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Takes the operations of a batch and sends them to the leader. */
  forward(batch: Batch, leader: number): void {
    this.#leader = leader;
    batch.forEach((kind, buffer, at, length, target, sequence) => {
      const isWrite = kind === LOGGED;
      const origin: OperationOrigin = {
        session: target.sessionId,
        sequence,
        acknowledged: target.acknowledged,
        protocol: target.protocol,
      };
      const scratch = this.#scratch;
      scratch.clear();
      encodeWithOrigin(scratch, buffer.bytes, buffer.view, at, length, isWrite ? origin : null);
      const bytes = Buffer.from(scratch.bytes.subarray(0, scratch.length));
      const operation: Outstanding = {
        ...origin,
        isWrite,
        bytes,
        view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        target,
        sinceMs: this.#now(),
        sent: false,
        retryAtMs: 0,
      };
      this.#keep(operation);
      this.#dispatch(operation);
    });
  }

  /** The leader's answer: RESP bytes, or null when it does not lead and did nothing. */
  onReply(session: number, sequence: number, reply: Uint8Array | null): void {
    const operation = this.#outstanding.get(session)?.get(sequence);
    if (operation === undefined) return;
    if (reply === null) {
      operation.retryAtMs = this.#now() + RETRY_MS;
      return;
    }
    this.#forget(operation);
    operation.target.rawReply(sequence, reply);
  }

  /** Another node leads: everything unanswered goes there, in order. */
  leaderChanged(leader: number): void {
    this.#leader = leader;
    for (const operation of this.#all()) this.#dispatch(operation);
  }

  /** This node leads: everything unanswered runs here, in order. */
  comeBack(receiver: ForwardReceiver): void {
    for (const operation of this.#all()) {
      this.#forget(operation);
      const { isWrite, bytes, view, target, sequence } = operation;
      receiver.submitEncoded(isWrite, bytes, view, 0, bytes.length, target, sequence);
    }
  }

  /** Sends again what was refused, gives up what waited too long. */
  tick(nowMs: number): void {
    if (this.#outstanding.size === 0) return;
    for (const operation of this.#all()) {
      if (nowMs - operation.sinceMs > ANSWER_MS_MAX) {
        this.#forget(operation);
        const certain = !operation.sent || !operation.isWrite;
        operation.target.failReply(operation.sequence, certain ? NO_ANSWER : UNCERTAIN);
      } else if (operation.retryAtMs !== 0 && nowMs >= operation.retryAtMs) {
        this.#dispatch(operation);
      } else if (!operation.sent) this.#dispatch(operation);
    }
  }

  #dispatch(operation: Outstanding): void {
    operation.retryAtMs = 0;
    if (this.#leader !== 0 && this.#send(this.#leader, operation)) operation.sent = true;
  }

  #keep(operation: Outstanding): void {
    let session = this.#outstanding.get(operation.session);
    if (session === undefined) {
      session = new Map();
      this.#outstanding.set(operation.session, session);
    }
    session.set(operation.sequence, operation);
    this.#pendingBytes += operation.bytes.length;
  }

  #forget(operation: Outstanding): void {
    const session = this.#outstanding.get(operation.session);
    session?.delete(operation.sequence);
    if (session?.size === 0) this.#outstanding.delete(operation.session);
    this.#pendingBytes -= operation.bytes.length;
  }

  #all(): Outstanding[] {
    const all: Outstanding[] = [];
    for (const session of this.#outstanding.values()) all.push(...session.values());
    return all;
  }
}
