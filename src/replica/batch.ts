// Operations that wait for the log together: their bytes, and who wants each reply.
import { copyBytes } from "../base/bytes.ts";
import {
  encodeOperation,
  OPERATION_ORIGIN,
  OperationBuffer,
  operationFlags,
} from "../commands/operation.ts";
import type { Args } from "../resp/args.ts";
import { ENTRY_HEADER_BYTES, type EntryHeader, writeEntryHeader } from "./entry-header.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** Operation is in the entry, and runs on every replica. */
export const LOGGED = 0;
/** Operation is a read that runs at its place here alone. */
export const LOCAL = 1;

/** A batch takes no more when it passes this. */
const BYTES_MAX = 1024 * 1024;
/** A position in an entry has 16 bits in a record's version. */
const COUNT_MAX = 60_000;
const COUNT_FIRST = 64;
/** Buffers that grew beyond this are dropped when a batch is used again. */
const KEPT_BYTES_MAX = 2 * 1024 * 1024;
/** Up to here an entry is a copy, which comes from Node's pool of small buffers. */
const COPIED_BYTES_MAX = 4000;
const PAGE_BYTES = 4096;

/**
 * The operations of one log entry, in order, with local reads between them.
 *
 * The logged operations stand behind room for the entry's header, so that closing a batch needs one
 * copy at most.
 */
export class Batch {
  logged: OperationBuffer = new OperationBuffer();
  local: OperationBuffer = new OperationBuffer();
  /** Operations of both kinds, and logged ones alone. */
  count = 0;
  loggedCount = 0;
  kinds: Uint8Array = new Uint8Array(COUNT_FIRST);
  /** Of the first `count` operations; they keep their length, since growing them costs. */
  readonly targets: (ReplyTarget | null)[] = [];
  readonly sequences: number[] = [];
  /** Where the entry stands in the log; 0 until it is proposed. */
  term = 0;
  index = 0;
  /** Reads that came after this batch was proposed and wait for it to apply. */
  behind: Batch | null = null;
  /** Monotonic time at which the first operation came. */
  sinceMs = 0;
  /** The memory of `logged` is the entry's now. */
  #isGivenAway = false;

  /** Bytes of all operations. */
  get bytes(): number {
    return Math.max(0, this.logged.length - ENTRY_HEADER_BYTES) + this.local.length;
  }

  /** Nothing more should be added. */
  get isFull(): boolean {
    return this.count >= COUNT_MAX || this.bytes > BYTES_MAX;
  }

  /** Adds an operation from its arguments, which are copied. */
  add(
    kind: number,
    commandId: number,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void {
    encodeOperation(this.#bufferFor(kind), commandId, database, 0, args);
    this.#note(kind, target, sequence);
  }

  /** Adds an operation that is encoded already. */
  addEncoded(
    kind: number,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    length: number,
    target: ReplyTarget,
    sequence: number,
  ): void {
    const buffer = this.#bufferFor(kind);
    const to = buffer.reserve(length);
    copyBytes(bytes, view, at, buffer.bytes, buffer.view, to, length);
    buffer.length = to + length;
    this.#note(kind, target, sequence);
  }

  /** Where operations of a kind go; logged ones stand behind room for the entry's header. */
  #bufferFor(kind: number): OperationBuffer {
    if (kind !== LOGGED) return this.local;
    const { logged } = this;
    if (logged.length === 0) logged.skip(ENTRY_HEADER_BYTES);
    return logged;
  }

  #note(kind: number, target: ReplyTarget, sequence: number): void {
    const place = this.count++;
    if (place === this.kinds.length) this.#growKinds();
    this.kinds[place] = kind;
    this.targets[place] = target;
    this.sequences[place] = sequence;
    if (kind === LOGGED) this.loggedCount++;
  }

  /**
   * The entry's bytes: header and logged operations, never changed from now on. A long entry takes
   * the batch's own memory, a short one is copied into memory shared with others.
   */
  seal(header: EntryHeader): Uint8Array {
    header.operations = this.loggedCount;
    const { bytes, view, length } = this.#bufferFor(LOGGED);
    writeEntryHeader(view, header);
    if (length > COPIED_BYTES_MAX && length > bytes.length / 2) {
      this.#isGivenAway = true;
      return bytes.subarray(0, length);
    }
    const copy = Buffer.allocUnsafe(length);
    bytes.copy(copy, 0, 0, length);
    return copy;
  }

  /** Visits each operation: its kind, the memory it is in, and its range there. */
  forEach(
    visit: (
      kind: number,
      buffer: OperationBuffer,
      at: number,
      length: number,
      target: ReplyTarget,
      sequence: number,
    ) => void,
  ): void {
    let loggedAt = ENTRY_HEADER_BYTES;
    let localAt = 0;
    for (let i = 0; i < this.count; i++) {
      const isLogged = this.kinds[i] === LOGGED;
      const buffer = isLogged ? this.logged : this.local;
      const at = isLogged ? loggedAt : localAt;
      const length = buffer.view.getUint32(at, true);
      visit(this.kinds[i]!, buffer, at, length, this.targets[i]!, this.sequences[i]!);
      if (isLogged) loggedAt += length;
      else localAt += length;
    }
  }

  /**
   * Gives every operation an error.
   *
   * @param wentOut The error of writes that went to another node before: that one may have run
   * them.
   */
  fail(error: string, wentOut: string = error): void {
    this.forEach((kind, buffer, at, _length, target, sequence) => {
      const isOut = kind === LOGGED && (operationFlags(buffer.bytes, at) & OPERATION_ORIGIN) !== 0;
      target.failReply(sequence, isOut ? wentOut : error);
    });
  }

  /** It is not in the log any more. */
  reopen(): void {
    this.term = 0;
    this.index = 0;
    this.behind = null;
  }

  /** Makes the batch empty, for use again. */
  clear(): void {
    if (this.#isGivenAway) {
      // The next batch will most likely be about as long.
      const wanted = Math.min(this.logged.length * 1.25, KEPT_BYTES_MAX);
      this.logged = new OperationBuffer(Math.ceil(wanted / PAGE_BYTES) * PAGE_BYTES);
      this.#isGivenAway = false;
    } else if (this.logged.bytes.length > KEPT_BYTES_MAX) {
      this.logged = new OperationBuffer();
    }
    if (this.local.bytes.length > KEPT_BYTES_MAX) this.local = new OperationBuffer();
    this.logged.clear();
    this.local.clear();
    // A session that is gone is not held by a batch that waits to be used again.
    this.targets.fill(null, 0, this.count);
    this.count = 0;
    this.loggedCount = 0;
    this.term = 0;
    this.index = 0;
    this.behind = null;
  }

  #growKinds(): void {
    const grown = new Uint8Array(this.kinds.length * 2);
    grown.set(this.kinds);
    this.kinds = grown;
  }
}
