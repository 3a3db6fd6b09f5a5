// Operations that another node must run: sent to the leader, kept until answered, sent again after
// failover.
import { viewOf } from "../base/bytes.ts";
import { failpoints } from "../base/failpoints.ts";
import {
  encodeWithOrigin,
  OPERATION_ORIGIN,
  OperationBuffer,
  operationFlags,
} from "../commands/operation.ts";
import { Batch, LOCAL, LOGGED } from "./batch.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** How long an operation may stay unanswered. */
const ANSWER_MS_MAX = 8_000;
/** After a leader's refusal, when to try again. */
const RETRY_MS = 50;
/** Larger operations take another connection, so they travel alone in their session. */
const ALONE_BYTES_MIN = 60 * 1024;

/** What the latest reply counts for in the average length of replies. */
const REPLY_SHARE = 1 / 32;

const UNCERTAIN =
  "UNCERTAIN the leader did not answer in time; the write may or may not take effect";
const UNCERTAIN_REFUSED =
  "UNCERTAIN the leader takes no writes now, and an earlier leader may have run this write; " +
  "it may or may not take effect";
const NO_BYTES = new Uint8Array(0);
/** How the errors begin with which a leader refuses a write before it is in the log. */
const REFUSALS = ["-MISCONF ", "-OOM "];
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

/** An operation that is not answered. */
class Outstanding implements ForwardedOperation {
  readonly request: number;
  readonly session: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly protocol: number;
  readonly isWrite: boolean;
  readonly target: ReplyTarget;
  readonly sinceMs: number;
  readonly waits: Waits;
  bytes: Uint8Array = NO_BYTES;
  /** How often it was sent to a node that may have run it, or may yet. */
  sends = 0;
  /** To be sent (again) when its turn comes, not before `notBeforeMs`. */
  waiting = true;
  notBeforeMs = 0;
  /** Its neighbours in its session. */
  before: Outstanding | null = null;
  after: Outstanding | null = null;

  constructor(
    request: number,
    target: ReplyTarget,
    sequence: number,
    isWrite: boolean,
    waits: Waits,
    sinceMs: number,
  ) {
    this.request = request;
    this.session = target.sessionId;
    this.sequence = sequence;
    this.acknowledged = target.acknowledged;
    this.protocol = target.protocol;
    this.isWrite = isWrite;
    this.target = target;
    this.sinceMs = sinceMs;
    this.waits = waits;
  }

  get isLarge(): boolean {
    return this.bytes.length >= ALONE_BYTES_MIN;
  }
}

/** The unanswered operations of one session. */
class Waits {
  oldest: Outstanding | null = null;
  newest: Outstanding | null = null;
  /** How many of them are to be sent. */
  waiting = 0;
  /** How many of them are large. */
  large = 0;

  add(operation: Outstanding): void {
    operation.before = this.newest;
    if (this.newest === null) this.oldest = operation;
    else this.newest.after = operation;
    this.newest = operation;
    this.waiting++;
    if (operation.isLarge) this.large++;
  }

  remove(operation: Outstanding): void {
    const { before, after } = operation;
    if (before === null) this.oldest = after;
    else before.after = after;
    if (after === null) this.newest = before;
    else after.before = before;
    if (operation.waiting) this.waiting--;
    if (operation.isLarge) this.large--;
  }
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
  /** In the order they came, by request less `#firstRequest`: small numbers are cheaper keys. */
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #sessions = new Map<number, Waits>();
  #pendingBytes = 0;
  /** Of a reply, on the average of the last ones. */
  #replyBytes = 0;
  #leader = 0;
  /** The leader has answered since it was told: it takes operations. */
  #confirmed = false;
  readonly #firstRequest: number;
  #nextKey = 0;
  readonly #scratch = new OperationBuffer();

  /**
   * @param now Monotonic milliseconds.
   * @param firstRequest Unlike the numbers of this node's earlier lives: the answer to one of those
   *   may still be on its way.
   */
  constructor(send: SendForward, now: () => number, firstRequest: number) {
    this.#send = send;
    this.#now = now;
    this.#firstRequest = firstRequest;
  }

  /** Bytes of operations that wait. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Operations that wait. */
  get count(): number {
    return this.#outstanding.size;
  }

  /** Sessions whose operations wait. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Bytes of operations that wait, and of their replies as far as these can be told ahead. */
  get bytesInFlight(): number {
    return this.#pendingBytes + this.#outstanding.size * this.#replyBytes;
  }

  /** Takes the operations of a batch and sends them to the leader. */
  forward(batch: Batch, leader: number): void {
    // What came earlier goes there first.
    if (leader !== this.#leader) this.sendAll(leader);
    const first = this.#nextKey;
    const nowMs = this.#now();
    const scratch = this.#scratch;
    const ends: number[] = [];
    scratch.clear();
    batch.forEach((kind, buffer, at, length, target, sequence) => {
      const isWrite = kind === LOGGED;
      const waits = this.#waitsOf(target.sessionId);
      const request = this.#firstRequest + this.#nextKey;
      const operation = new Outstanding(request, target, sequence, isWrite, waits, nowMs);
      const origin = isWrite ? operation : null;
      // It went out before, and came back when this node was about to lead.
      if ((operationFlags(buffer.bytes, at) & OPERATION_ORIGIN) !== 0) operation.sends = 1;
      encodeWithOrigin(scratch, buffer.bytes, buffer.view, at, length, origin);
      this.#outstanding.set(this.#nextKey++, operation);
      ends.push(scratch.length);
    });
    // One piece of memory for all: a batch is answered as a whole, more or less.
    const bytes = Buffer.from(scratch.bytes.subarray(0, scratch.length));
    this.#pendingBytes += bytes.length;
    let at = 0;
    for (const [place, end] of ends.entries()) {
      const operation = this.#outstanding.get(first + place)!;
      operation.bytes = bytes.subarray(at, end);
      operation.waits.add(operation);
      this.#sendNew(operation);
      at = end;
    }
    failpoints.reached?.("forward.batch.sent");
  }

  /** The answer of a node that an operation was sent to. */
  onAnswer(from: number, request: number, answer: ForwardAnswer): void {
    const operation = this.#outstanding.get(request - this.#firstRequest);
    if (operation === undefined) return;
    if (answer.kind !== "done") {
      failpoints.reached?.("forward.answer.refused");
      if (from === this.#leader) this.#confirmed = false;
      if (answer.kind === "notLeader" && operation.sends > 0) operation.sends--;
      this.#wait(operation);
      operation.notBeforeMs = this.#now() + RETRY_MS;
      return;
    }
    failpoints.reached?.("forward.answer.taken");
    this.#forget(operation);
    this.#replyBytes += (answer.reply.length - this.#replyBytes) * REPLY_SHARE;
    const { target, sequence } = operation;
    if (operation.sends > 1 && operation.isWrite && isRefusal(answer.reply)) {
      target.failReply(sequence, UNCERTAIN_REFUSED);
    } else target.rawReply(sequence, answer.reply);
    if (from === this.#leader && !this.#confirmed) {
      this.#confirmed = true;
      this.#sendWaiting();
    } else if (operation.waits.waiting > 0) this.#sendInOrder(operation.waits);
  }

  /**
   * Another node leads, or the connection to it is new: everything unanswered goes there, in order.
   */
  sendAll(leader: number): void {
    failpoints.reached?.("forward.sentAgain");
    this.#leader = leader;
    this.#confirmed = false;
    for (const operation of this.#outstanding.values()) {
      this.#wait(operation);
      operation.notBeforeMs = 0;
    }
    this.#sendWaiting();
  }

  /** The connection to a node that had refused something has room again. */
  onRoom(id: number): void {
    if (id === this.#leader) this.#sendWaiting();
  }

  /** This node leads: moves everything unanswered to batches of its own, in order. */
  comeBack(): Batch[] {
    failpoints.reached?.("serve.begins");
    this.#leader = 0;
    const batches: Batch[] = [];
    for (const operation of this.#outstanding.values()) {
      this.#forget(operation);
      const { isWrite, bytes, target, sequence } = operation;
      const kind = isWrite ? LOGGED : LOCAL;
      let batch = batches.at(-1);
      if (batch === undefined || batch.isFull) {
        batch = new Batch();
        batch.sinceMs = operation.sinceMs;
        batches.push(batch);
      }
      batch.addEncoded(kind, bytes, viewOf(bytes), 0, bytes.length, target, sequence);
    }
    return batches;
  }

  /**
   * Sends again what was refused, gives up what waited too long. True when replies were written.
   */
  tick(nowMs: number): boolean {
    let answered = false;
    for (const operation of this.#outstanding.values()) {
      if (nowMs - operation.sinceMs <= ANSWER_MS_MAX) break;
      this.#forget(operation);
      failpoints.reached?.("forward.givenUp");
      const certain = operation.sends === 0 || !operation.isWrite;
      operation.target.failReply(operation.sequence, certain ? NO_ANSWER : UNCERTAIN);
      answered = true;
    }
    this.#sendWaiting();
    return answered;
  }

  #sendNew(operation: Outstanding): void {
    const { waits } = operation;
    const isOnly = waits.oldest === operation;
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
    let next = waits.oldest;
    while (next !== null) {
      const operation = next;
      const { isLarge } = operation;
      next = operation.after;
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
    operation.sends++;
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
      waits = new Waits();
      this.#sessions.set(session, waits);
    }
    return waits;
  }

  #forget(operation: Outstanding): void {
    const { waits, bytes, request, session } = operation;
    this.#outstanding.delete(request - this.#firstRequest);
    waits.remove(operation);
    if (waits.oldest === null) this.#sessions.delete(session);
    this.#pendingBytes -= bytes.length;
  }
}

function isRefusal(reply: Uint8Array): boolean {
  return REFUSALS.some((start) =>
    Buffer.from(reply.subarray(0, start.length)).equals(Buffer.from(start)),
  );
}
