// Operations that another node must run: sent to the leader, kept until answered, sent again after
// failover.
import { viewOf } from "../base/bytes.ts";
import { encodeWithOrigin, OperationBuffer, type OperationOrigin } from "../commands/operation.ts";
import { type Batch, LOCAL, LOGGED } from "./batch.ts";
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
  readonly waits: Waits;
  /** It is on its way, or was: some leader may have run it. */
  sent: boolean;
  /** To be sent (again) when its turn comes, not before `notBeforeMs`. */
  waiting: boolean;
  notBeforeMs: number;
}

/** The unanswered operations of one session, oldest first. */
interface Waits {
  readonly operations: Set<Outstanding>;
  /** How many of them are to be sent. */
  waiting: number;
  /** How many of them are large. */
  large: number;
}

/** The answer to a forwarded operation. */
export type ForwardAnswer =
  | { readonly kind: "done"; readonly reply: Uint8Array }
  /** Certainly not run, and never will be. */
  | { readonly kind: "notLeader" }
  | { readonly kind: "uncertain" };

/** Sends one operation to a node; false when it was certainly not sent. */
export type SendForward = (to: number, operation: ForwardedOperation) => boolean;

/**
 * The operations of this node's clients that wait for an answer of another node.
 *
 * The operations of one session run in their order: the connection keeps it, a leader takes what
 * comes, and after a change or a refusal one operation of each session goes ahead to find out
 * whether the node takes them now.
 */
export class Forwarder {
  readonly #send: SendForward;
  readonly #now: () => number;
  /** In the order they came. */
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #sessions = new Map<number, Waits>();
  #pendingBytes = 0;
  #leader = 0;
  /** The leader has answered since it was told: it takes operations. */
  #confirmed = false;
  #nextRequest: number;
  readonly #scratch = new OperationBuffer();

  /**
   * @param now Monotonic milliseconds.
   * @param firstRequest Unlike the numbers of this node's earlier lives: the answer to one of those
   *   may still be on its way.
   */
  constructor(send: SendForward, now: () => number, firstRequest: number) {
    this.#send = send;
    this.#now = now;
    this.#nextRequest = firstRequest;
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
    // What came earlier goes there first.
    if (leader !== this.#leader) this.sendAll(leader);
    const nowMs = this.#now();
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
        sinceMs: nowMs,
        waits: this.#waitsOf(target.sessionId),
        sent: false,
        waiting: true,
        notBeforeMs: 0,
      };
      this.#keep(operation);
      this.#sendNew(operation);
    });
  }

  /** The answer of a node that an operation was sent to. */
  onAnswer(from: number, request: number, answer: ForwardAnswer): void {
    const operation = this.#outstanding.get(request);
    if (operation === undefined) return;
    if (answer.kind !== "done") {
      if (from === this.#leader) this.#confirmed = false;
      this.#wait(operation);
      operation.notBeforeMs = this.#now() + RETRY_MS;
      return;
    }
    this.#forget(operation);
    operation.target.rawReply(operation.sequence, answer.reply);
    if (from === this.#leader && !this.#confirmed) {
      this.#confirmed = true;
      this.#sendWaiting();
    } else if (operation.waits.waiting > 0) this.#sendInOrder(operation.waits);
  }

  /**
   * Another node leads, or the connection to it is new: everything unanswered goes there, in order.
   */
  sendAll(leader: number): void {
    this.#leader = leader;
    this.#confirmed = false;
    for (const operation of this.#outstanding.values()) {
      this.#wait(operation);
      operation.notBeforeMs = 0;
    }
    this.#sendWaiting();
  }

  /** This node leads: moves everything unanswered to a batch of its own, in order. */
  comeBack(batch: Batch): void {
    this.#leader = 0;
    for (const operation of [...this.#outstanding.values()]) {
      this.#forget(operation);
      const { isWrite, bytes, target, sequence } = operation;
      const kind = isWrite ? LOGGED : LOCAL;
      if (batch.count === 0) batch.sinceMs = operation.sinceMs;
      batch.addEncoded(kind, bytes, viewOf(bytes), 0, bytes.length, target, sequence);
    }
  }

  /**
   * Sends again what was refused, gives up what waited too long. True when replies were written.
   */
  tick(nowMs: number): boolean {
    let answered = false;
    for (const operation of [...this.#outstanding.values()]) {
      if (nowMs - operation.sinceMs <= ANSWER_MS_MAX) break;
      this.#forget(operation);
      const certain = !operation.sent || !operation.isWrite;
      operation.target.failReply(operation.sequence, certain ? NO_ANSWER : UNCERTAIN);
      answered = true;
    }
    this.#sendWaiting();
    return answered;
  }

  #sendNew(operation: Outstanding): void {
    const { waits } = operation;
    const isOnly = waits.operations.size === 1;
    const follows = this.#confirmed && waits.waiting === 1 && waits.large === 0;
    if (isOnly || follows) this.#sendOne(operation);
  }

  #sendWaiting(): void {
    for (const waits of this.#sessions.values()) {
      if (waits.waiting > 0) this.#sendInOrder(waits);
    }
  }

  /** Sends what waits of a session, up to the first that must wait on. */
  #sendInOrder(waits: Waits): void {
    const nowMs = this.#now();
    let isFirst = true;
    let afterLarge = false;
    for (const operation of waits.operations) {
      const isLarge = operation.bytes.length >= ALONE_BYTES_MIN;
      if (operation.waiting) {
        if (operation.notBeforeMs > nowMs) return;
        const mayFollow = this.#confirmed && !isLarge && !afterLarge;
        if (!isFirst && !mayFollow) return;
        if (!this.#sendOne(operation)) return;
        if (waits.waiting === 0) return;
      }
      isFirst = false;
      afterLarge ||= isLarge;
    }
  }

  #sendOne(operation: Outstanding): boolean {
    if (this.#leader === 0 || !this.#send(this.#leader, operation)) return false;
    operation.sent = true;
    operation.waiting = false;
    operation.waits.waiting--;
    return true;
  }

  #wait(operation: Outstanding): void {
    if (operation.waiting) return;
    operation.waiting = true;
    operation.waits.waiting++;
  }

  #waitsOf(session: number): Waits {
    let waits = this.#sessions.get(session);
    if (waits === undefined) {
      waits = { operations: new Set(), waiting: 0, large: 0 };
      this.#sessions.set(session, waits);
    }
    return waits;
  }

  #keep(operation: Outstanding): void {
    const { waits, bytes } = operation;
    this.#outstanding.set(operation.request, operation);
    waits.operations.add(operation);
    waits.waiting++;
    if (bytes.length >= ALONE_BYTES_MIN) waits.large++;
    this.#pendingBytes += bytes.length;
  }

  #forget(operation: Outstanding): void {
    const { waits, bytes } = operation;
    this.#outstanding.delete(operation.request);
    waits.operations.delete(operation);
    if (operation.waiting) waits.waiting--;
    if (bytes.length >= ALONE_BYTES_MIN) waits.large--;
    if (waits.operations.size === 0) this.#sessions.delete(operation.session);
    this.#pendingBytes -= bytes.length;
  }
}
