// Operations that another node must run: sent to the leader, kept until answered, sent again after
// failover.
import { encodeWithOrigin, OperationBuffer, type OperationOrigin } from "../commands/operation.ts";
import { type Batch, LOGGED } from "./batch.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** How long an operation may stay unanswered. */
const ANSWER_MS_MAX = 8_000;
/** After a leader's refusal, when to try again. */
const RETRY_MS = 50;
/** Larger operations take another connection, so they travel alone in their session. */
const ALONE_BYTES_MIN = 60 * 1024;

const UNCERTAIN =
  "UNCERTAIN the leader did not answer in time; the write may or may not take effect";
const NO_ANSWER = "CLUSTERDOWN the leader did not answer in time; the command was not executed";

/** One forwarded operation as it travels. */
export interface ForwardedOperation {
  /** Names the operation among those of this node; comes back with the answer. */
  readonly request: number;
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
  readonly sinceMs: number;
  /** It is on its way, or was: some leader may have run it. */
  sent: boolean;
  /** To be sent (again) when its turn comes. */
  waiting: boolean;
  /** Refused by a node that does not lead: sent again after this time. */
  retryAtMs: number;
}

/** The answer to a forwarded operation. */
export type ForwardAnswer =
  | { readonly kind: "done"; readonly reply: Uint8Array }
  /** Certainly not run, and never will be. */
  | { readonly kind: "notLeader" }
  | { readonly kind: "uncertain" };

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
  /** In the order they came. */
  readonly #outstanding = new Map<number, Outstanding>();
  /** Unanswered requests of each session, oldest first. */
  readonly #sessions = new Map<number, Set<number>>();
  #pendingBytes = 0;
  #leader = 0;
  #nextRequest = 1;
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

  /** Operations that wait. */
  get count(): number {
    return this.#outstanding.size;
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
      const operation: Outstanding = {
        ...origin,
        request: this.#nextRequest++,
        isWrite,
        bytes: Buffer.from(scratch.bytes.subarray(0, scratch.length)),
        target,
        sinceMs: this.#now(),
        sent: false,
        waiting: true,
        retryAtMs: 0,
      };
      this.#keep(operation);
      this.#dispatch(operation);
    });
  }

  /** The answer of the node that an operation was sent to. */
  onAnswer(request: number, answer: ForwardAnswer): void {
    const operation = this.#outstanding.get(request);
    if (operation === undefined) return;
    if (answer.kind === "done") {
      this.#forget(operation);
      operation.target.rawReply(operation.sequence, answer.reply);
      this.#dispatchNext(operation.session);
    } else {
      operation.retryAtMs = this.#now() + RETRY_MS;
    }
  }

  /**
   * Another node leads, or the connection to it is new: everything unanswered goes there, in order.
   */
  sendAll(leader: number): void {
    this.#leader = leader;
    for (const operation of this.#outstanding.values()) operation.waiting = true;
    for (const operation of this.#outstanding.values()) this.#dispatch(operation);
  }

  /** This node leads: everything unanswered runs here, in order. */
  comeBack(receiver: ForwardReceiver): void {
    for (const operation of [...this.#outstanding.values()]) {
      this.#forget(operation);
      const { isWrite, bytes, target, sequence } = operation;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      receiver.submitEncoded(isWrite, bytes, view, 0, bytes.length, target, sequence);
    }
  }

  /**
   * Sends again what was refused, gives up what waited too long. True when replies were written.
   */
  tick(nowMs: number): boolean {
    let answered = false;
    for (const operation of [...this.#outstanding.values()]) {
      if (nowMs - operation.sinceMs > ANSWER_MS_MAX) {
        this.#forget(operation);
        const certain = !operation.sent || !operation.isWrite;
        operation.target.failReply(operation.sequence, certain ? NO_ANSWER : UNCERTAIN);
        answered = true;
      } else if (operation.retryAtMs !== 0 && nowMs >= operation.retryAtMs) {
        operation.retryAtMs = 0;
        operation.waiting = true;
        this.#dispatch(operation);
      } else if (operation.waiting) {
        this.#dispatch(operation);
      }
    }
    return answered;
  }

  /** Sends an operation unless an earlier one of its session must be answered first. */
  #dispatch(operation: Outstanding): void {
    if (!operation.waiting || this.#leader === 0 || this.#mustWait(operation)) return;
    if (!this.#send(this.#leader, operation)) return;
    operation.sent = true;
    operation.waiting = false;
  }

  #mustWait(operation: Outstanding): boolean {
    const alone = operation.bytes.length >= ALONE_BYTES_MIN;
    for (const request of this.#sessions.get(operation.session) ?? []) {
      if (request === operation.request) return false;
      const earlier = this.#outstanding.get(request);
      if (earlier === undefined) continue;
      if (alone || earlier.waiting || earlier.bytes.length >= ALONE_BYTES_MIN) return true;
    }
    return false;
  }

  #dispatchNext(session: number): void {
    for (const request of this.#sessions.get(session) ?? []) {
      const operation = this.#outstanding.get(request);
      if (operation !== undefined && operation.waiting) this.#dispatch(operation);
    }
  }

  #keep(operation: Outstanding): void {
    this.#outstanding.set(operation.request, operation);
    const requests = this.#sessions.get(operation.session);
    if (requests === undefined) this.#sessions.set(operation.session, new Set([operation.request]));
    else requests.add(operation.request);
    this.#pendingBytes += operation.bytes.length;
  }

  #forget(operation: Outstanding): void {
    this.#outstanding.delete(operation.request);
    const requests = this.#sessions.get(operation.session);
    requests?.delete(operation.request);
    if (requests?.size === 0) this.#sessions.delete(operation.session);
    this.#pendingBytes -= operation.bytes.length;
  }
}
