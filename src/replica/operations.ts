// The operations of a replica's clients, from when they are taken until they are answered.
import { failpoints } from "../base/failpoints.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { DataCommand } from "../commands/command.ts";
import type { Clock } from "../platform/clock.ts";
import type { Args } from "../resp/args.ts";
import { Batch, LOCAL, LOGGED } from "./batch.ts";
import { BatchQueue } from "./batch-queue.ts";
import type { ReplyTarget } from "./reply-target.ts";

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
  /** Operations not yet in the log or on their way to the leader: the oldest of them. */
  open: Batch = new Batch();
  /** Those behind `open`, in order, while it is full. */
  readonly #later: Batch[] = [];
  /** Proposed batches in log order. */
  readonly proposed: BatchQueue = new BatchQueue();
  #reads: Batch | null = null;
  /**
   * Reads that lost their leader, before the proposed batches: if these are void, they go again.
   */
  #ahead: Batch[] = [];
  readonly #spare: Batch[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes of everything that is not answered. */
  get bytes(): number {
    let bytes = this.open.bytes + this.proposed.bytes + (this.#reads?.bytes ?? 0);
    for (const batch of this.#later) bytes += batch.bytes;
    for (const batch of this.#ahead) bytes += batch.bytes;
    return bytes;
  }

  /** Operations that are neither in the log nor on their way to the leader. */
  get waiting(): number {
    let count = this.open.count + (this.#reads?.count ?? 0);
    for (const batch of this.#later) count += batch.count;
    return count;
  }

  get hasReads(): boolean {
    return this.#reads !== null;
  }

  /** The open batch should be proposed without waiting for the disk. */
  get full(): boolean {
    return this.open.isFull;
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
    const { open } = this;
    if (this.#later.length > 0 || open.isFull) return this.#laterBatch();
    if (isWrite || !canRead || open.loggedCount > 0) {
      // The clock is asked once per batch: per operation it would cost a percent.
      if (open.count === 0) open.sinceMs = this.#clock.monotonicMs();
      return open;
    }
    return this.#readBatch();
  }

  #laterBatch(): Batch {
    const last = this.#later.at(-1);
    if (last !== undefined && !last.isFull) return last;
    const batch = this.fresh();
    batch.sinceMs = this.#clock.monotonicMs();
    this.#later.push(batch);
    return batch;
  }

  #readBatch(): Batch {
    const last = this.proposed.last;
    const waits = last !== null && !plantedBugs.localReadOutOfOrder;
    if (waits) return (last.behind ??= this.fresh());
    return (this.#reads ??= this.fresh());
  }

  /** Takes the open batch out, to be sent or run elsewhere; the next one is open then. */
  takeOpen(): Batch {
    const batch = this.open;
    this.open = this.#later.shift() ?? this.fresh();
    return batch;
  }

  /** Puts the open batch, which holds reads alone, behind the last proposed one. */
  putBehind(last: Batch): void {
    const batch = this.takeOpen();
    if (last.behind === null) last.behind = batch;
    else {
      append(last.behind, batch);
      this.recycle(batch);
    }
  }

  /** The open batch has become the entry at this place. */
  onProposed(term: number, index: number): void {
    const batch = this.takeOpen();
    batch.term = term;
    batch.index = index;
    this.proposed.push(batch);
    failpoints.reached?.("batch.proposed");
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
    failpoints.reached?.("batch.retried");
    const again = this.#ahead;
    this.#ahead = [];
    this.proposed.drain((batch) => {
      const { behind } = batch;
      batch.reopen();
      again.push(batch);
      if (behind !== null) again.push(behind);
    });
    this.putFirst(again);
  }

  /** Reads that cannot be answered here any more go where the open batch goes. */
  retryReads(batches: readonly Batch[]): void {
    failpoints.reached?.("reads.retried");
    for (const batch of batches) batch.sinceMs = this.#clock.monotonicMs();
    if (this.proposed.first === null) this.putFirst(batches);
    else this.#ahead.push(...batches);
  }

  /** Puts operations before those that are open. */
  putFirst(batches: readonly Batch[]): void {
    for (const batch of batches.toReversed()) {
      if (this.open.count === 0) this.recycle(this.open);
      else this.#later.unshift(this.open);
      this.open = batch;
    }
  }

  /** The oldest proposed batches whose fate will not be known here. */
  failProposed(isLost: (batch: Batch) => boolean): boolean {
    let failed = false;
    this.proposed.dropWhile(isLost, (batch) => {
      this.#releaseAhead();
      failpoints.reached?.("batch.uncertain");
      batch.fail(plantedBugs.uncertainAsRetry ? NO_LEADER : UNCERTAIN);
      batch.behind?.fail(NO_LEADER);
      this.recycle(batch);
      failed = true;
    });
    return failed;
  }

  /** A read that goes again may see writes that its session sent later, but misses none before. */
  #releaseAhead(): void {
    if (this.#ahead.length === 0) return;
    const ahead = this.#ahead;
    this.#ahead = [];
    this.putFirst(ahead);
  }

  /**
   * Nobody leads: operations that were not proposed certainly did not happen, unless another leader
   * had them before. Fails those that came before `sinceMs`; true when there were any.
   */
  failOpen(sinceMs: number): boolean {
    let failed = false;
    while (this.open.count > 0 && this.open.sinceMs < sinceMs) {
      const batch = this.takeOpen();
      failpoints.reached?.("batch.leaderless");
      batch.fail(NO_LEADER, UNCERTAIN);
      this.recycle(batch);
      failed = true;
    }
    return failed;
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
