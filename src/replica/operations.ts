// The operations of a replica's clients, from when they are taken until they are answered.
import type { DataCommand } from "../commands/command.ts";
import type { Clock } from "../platform/clock.ts";
import type { Args } from "../resp/args.ts";
import { Batch, LOCAL, LOGGED } from "./batch.ts";
import { BatchQueue } from "./batch-queue.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** A batch is closed when it passes this, however busy the disk is. */
const BATCH_BYTES_MAX = 1024 * 1024;
/** A position in an entry has 16 bits in a record's version. */
const BATCH_OPERATIONS_MAX = 60_000;
const SPARE_BATCHES = 8;

const UNCERTAIN =
  "UNCERTAIN leadership was lost before this write was confirmed; it may or may not take effect";
const NO_LEADER = "CLUSTERDOWN no leader is known for this shard; the command was not executed";

/**
 * Three places, in the order that operations pass them: `open` (not in the log), `proposed` (in the
 * log, not applied; each with the reads behind it) and `reads` (behind nothing, waiting for a
 * turn).
 */
export class Operations {
  /** Operations not yet in the log or on their way to the leader. */
  open: Batch = new Batch();
  /** Proposed batches in log order. */
  readonly proposed: BatchQueue = new BatchQueue();
  #reads: Batch | null = null;
  /**
   * Reads that lost their leader, before the proposed batches: if these are void, they go again.
   */
  #ahead: Batch | null = null;
  readonly #spare: Batch[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes of everything that is not answered. */
  get bytes(): number {
    const reads = (this.#reads?.bytes ?? 0) + (this.#ahead?.bytes ?? 0);
    return this.open.bytes + this.proposed.bytes + reads;
  }

  get hasReads(): boolean {
    return this.#reads !== null;
  }

  /** The open batch should be proposed without waiting for the disk. */
  get full(): boolean {
    return this.open.bytes > BATCH_BYTES_MAX || this.open.count >= BATCH_OPERATIONS_MAX;
  }

  /**
   * Takes an operation; its arguments are copied.
   *
   * @param canRead Reads may run here: a read that has no write before it then costs no log entry.
   */
  add(
    command: DataCommand,
    isWrite: boolean,
    canRead: boolean,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void {
    const batch = this.#batchFor(isWrite, canRead);
    batch.add(isWrite ? LOGGED : LOCAL, command.id, database, args, target, sequence);
  }

  /** Takes an operation that is encoded already. */
  addEncoded(
    isWrite: boolean,
    canRead: boolean,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    length: number,
    target: ReplyTarget,
    sequence: number,
  ): void {
    const batch = this.#batchFor(isWrite, canRead);
    batch.addEncoded(isWrite ? LOGGED : LOCAL, bytes, view, at, length, target, sequence);
  }

  #batchFor(isWrite: boolean, canRead: boolean): Batch {
    if (isWrite || !canRead || this.open.loggedCount > 0) {
      // The clock is asked once per batch: per operation it would cost a percent.
      if (this.open.count === 0) this.open.sinceMs = this.#clock.monotonicMs();
      return this.open;
    }
    return this.#readBatch();
  }

  #readBatch(): Batch {
    const last = this.proposed.last;
    if (last !== null) return (last.behind ??= this.fresh());
    return (this.#reads ??= this.fresh());
  }

  /** Takes the open batch out, to be sent or run elsewhere. */
  takeOpen(): Batch {
    const batch = this.open;
    this.open = this.fresh();
    return batch;
  }

  /** The open batch has become the entry at this place. */
  onProposed(term: number, index: number): void {
    const batch = this.takeOpen();
    batch.term = term;
    batch.index = index;
    this.proposed.push(batch);
  }

  /** Takes the oldest proposed batch: it is about to be applied, too early for reads before it. */
  takeProposed(): Batch {
    this.#releaseAhead();
    return this.proposed.shift();
  }

  /** Takes the reads that wait for nothing but a turn. */
  takeReads(): Batch | null {
    const batch = this.#reads;
    this.#reads = null;
    return batch;
  }

  /**
   * The log took another way than the proposed batches: they certainly did not happen. They go
   * again, in their old order and before what came later.
   */
  retryProposed(): void {
    if (this.proposed.first === null) return;
    const again = this.#ahead ?? this.fresh();
    this.#ahead = null;
    this.proposed.drain((batch) => {
      append(again, batch);
      if (batch.behind !== null) append(again, batch.behind);
      this.recycle(batch);
    });
    this.putFirst(again);
  }

  /** Reads that cannot be answered here any more go where the open batch goes. */
  retryReads(batches: Iterable<Batch>): void {
    const isAhead = this.proposed.first !== null;
    const again = (isAhead ? this.#ahead : null) ?? this.fresh();
    for (const batch of batches) append(again, batch);
    again.sinceMs = this.#clock.monotonicMs();
    if (isAhead) this.#ahead = again;
    else this.putFirst(again);
  }

  /** Puts operations before those of the open batch. */
  putFirst(first: Batch): void {
    append(first, this.open);
    first.sinceMs = this.open.count > 0 ? this.open.sinceMs : first.sinceMs;
    this.recycle(this.open);
    this.open = first;
  }

  /** The oldest proposed batches whose fate will not be known here. */
  failProposed(isLost: (batch: Batch) => boolean): boolean {
    let failed = false;
    this.proposed.dropWhile(isLost, (batch) => {
      this.#releaseAhead();
      batch.fail(UNCERTAIN);
      batch.behind?.fail(NO_LEADER);
      this.recycle(batch);
      failed = true;
    });
    return failed;
  }

  /** A read that goes again may see writes that its session sent later, but misses none before. */
  #releaseAhead(): void {
    const ahead = this.#ahead;
    if (ahead === null) return;
    this.#ahead = null;
    this.putFirst(ahead);
  }

  /** Nobody leads: operations that were not proposed certainly did not happen. */
  failOpen(): void {
    const batch = this.takeOpen();
    batch.fail(NO_LEADER);
    this.recycle(batch);
  }

  fresh(): Batch {
    return this.#spare.pop() ?? new Batch();
  }

  /** Makes a batch that nobody needs any more ready for use again. */
  recycle(batch: Batch): void {
    if (this.#spare.length >= SPARE_BATCHES) return;
    batch.clear();
    this.#spare.push(batch);
  }
}

function append(to: Batch, from: Batch): void {
  if (to.count === 0) to.sinceMs = from.sinceMs;
  from.forEach((kind, buffer, at, length, target, sequence) => {
    to.addEncoded(kind, buffer.bytes, buffer.view, at, length, target, sequence);
  });
}
