// The node's one log, shared by all its shards: append, group commit, and what keeps it short.
// Reading it back is in recovery.ts and replay.ts; docs/internals/wal-format.md draws the bytes.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { Compactor } from "./compactor.ts";
import type { FrameBuffer } from "./frame-buffer.ts";
import type { FrameQueue } from "./frame-queue.ts";
import { FrameWriter } from "./frame-writer.ts";
import { openLog } from "./open-log.ts";
import type { Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";
import type { SegmentPool } from "./segment-pool.ts";
import { ShardTrack } from "./shard-track.ts";
import { FrameFlag } from "./wal-format.ts";
import {
  DROP_BYTES,
  ENTRY_HEADER_BYTES,
  HARD_STATE_BYTES,
  MARK_BYTES,
  RecordKind,
  type RecordReader,
  writeDrop,
  writeEntry,
  writeHardState,
  writeMark,
} from "./wal-records.ts";
import {
  resolveWalOptions,
  type WalEnvironment,
  type WalListener,
  type WalOptions,
  type WalReport,
  type WalVisitor,
} from "./wal-types.ts";

const SILENT: WalListener = { onDurable() {}, onFull() {}, onFailed() {}, onSnapshotWanted() {} };

/**
 * The write-ahead log of one node.
 *
 * Appends go into the open frame; `flush` sends it off; one write is in flight at a time, and frame
 * N+1 leaves only after N is durable, so `onDurable` is the clock of group commit. To learn when
 * something is durable, append it and then read {@link Wal.nextSequence}.
 *
 * @example
 * const { wal } = await Wal.open(environment, "/data/wal", { sync: "always" }, visitor);
 * wal.start(listener);
 * wal.appendEntry(1, 5, 100, 0, bytes);
 * const frame = wal.nextSequence;
 * wal.flush(); // listener.onDurable(frame) follows
 */
export class Wal {
  readonly options: WalOptions;
  readonly #queue: FrameQueue;
  readonly #segments: SegmentList;
  readonly #pool: SegmentPool;
  readonly #tracks: Map<number, ShardTrack>;
  readonly #writer: FrameWriter;
  readonly #compactor: Compactor;
  #listener: WalListener = SILENT;
  /** The last appended shard's track: most appends in a row are of one shard. */
  #track: ShardTrack = new ShardTrack(-1);
  #failure: DbError | null = null;
  #isFull = false;
  #closing: Promise<void> | null = null;

  /**
   * Opens the log of a directory, or begins one.
   *
   * @param directory Made when missing. The caller holds a lock on it or above it.
   * @param visitor Hears every record that still counts before the promise resolves.
   * @throws DbError `WAL_CORRUPT` (damage in what was durable, with file, offset and frame),
   *   `WAL_VERSION` (written by a later release), `WAL_FAILED` (the disk does not work).
   */
  static async open(
    environment: WalEnvironment,
    directory: string,
    options: Partial<WalOptions>,
    visitor: WalVisitor,
  ): Promise<{ wal: Wal; report: WalReport }> {
    const resolved = resolveWalOptions(options);
    const opened = await openLog(environment, directory, resolved, visitor, {
      onSpareChanged: () => wal.#writer.onSpareChanged(),
      onPoolFailed: (what, file, cause) =>
        wal.#writer.fail(
          new DbError("WAL_FAILED", `the log cannot ${what} ${file}`, { what, file }, cause),
        ),
    });
    const wal = new Wal(environment, resolved, opened);
    await wal.#begin(opened.settle);
    return { wal, report: opened.report };
  }

  private constructor(
    environment: WalEnvironment,
    options: WalOptions,
    parts: {
      queue: FrameQueue;
      segments: SegmentList;
      pool: SegmentPool;
      tracks: Map<number, ShardTrack>;
      report: WalReport;
    },
  ) {
    this.options = options;
    this.#queue = parts.queue;
    this.#segments = parts.segments;
    this.#pool = parts.pool;
    this.#tracks = parts.tracks;
    this.#writer = new FrameWriter(environment, options, parts, parts.report.lastSequence, {
      onIssued: (frame, segment) => this.#settle(frame, segment),
      onWritten: (sequence) => this.#onWritten(sequence),
      onRotated: () => this.#compactor.consider(),
      onFull: (isFull) => {
        failpoints.reached?.("wal.full.changed");
        this.#isFull = isFull;
        this.#listener.onFull(isFull);
      },
      onFailed: (error) => this.#onFailed(error),
    });
    this.#compactor = new Compactor(environment.disk, parts.pool.gate, options, parts.segments, {
      tracks: parts.tracks,
      copyEntry: (track, record) => this.#copyEntry(track, record),
      copyHardState: (track) => this.#writeHardState(track),
      copyMark: (track) => this.#writeMark(track, true),
      onCopied: () => this.#onCopied(),
      onSnapshotWanted: (shard) => this.#listener.onSnapshotWanted(shard),
      onFailed: (error) => this.#writer.fail(error),
    });
  }

  /** Sets who is told; before that nobody is. */
  start(listener: WalListener): void {
    this.#listener = listener;
    if (this.#isFull) listener.onFull(true);
    if (this.#failure !== null) listener.onFailed(this.#failure);
    this.#compactor.consider();
  }

  /** The frame that is being filled: it completes whatever was appended just before. */
  get nextSequence(): number {
    return this.#queue.open.sequence;
  }

  /** A write (or its sync) is under way. */
  get writing(): boolean {
    return this.#writer.writing;
  }

  /** Bytes appended and not durable yet. */
  get pendingBytes(): number {
    return this.#queue.pendingBytes;
  }

  /** Segments that are part of the log now. */
  get segmentCount(): number {
    return this.#segments.all.length;
  }

  /** The last appended index of a shard, or what recovery found; 0 when there is none. */
  lastIndex(shard: number): number {
    return this.#tracks.get(shard)?.last ?? 0;
  }

  /**
   * Appends an entry; an index that the log holds already replaces that entry and all behind it.
   *
   * @param bytes Copied, or, when longer than a frame, kept until written: never change it.
   */
  appendEntry(shard: number, term: number, index: number, type: number, bytes: Uint8Array): void {
    const track = this.#trackOf(shard);
    if (index !== track.last + 1) this.#voidFrom(track, track.voidedBy(index));
    track.append(index, term);
    if (!this.#queue.fits(bytes.length)) {
      failpoints.reached?.("wal.entry.inPieces");
      this.#queue.addLong(track, term, index, type, bytes);
      return;
    }
    this.#writeEntry(track, RecordKind.entry, term, index, type, bytes);
  }

  /** Appends a shard's term, vote and commit index. A new term or vote is synced in every mode. */
  appendHardState(shard: number, term: number, vote: number, commit: number): void {
    const track = this.#trackOf(shard);
    const urgent = term !== track.term || vote !== track.vote;
    track.term = term;
    track.vote = vote;
    track.commit = commit;
    this.#writeHardState(track);
    failpoints.reached?.("wal.hardState.appended");
    if (urgent) this.#queue.open.urgent = true;
  }

  /** What was appended so far counts as durable only once it is synced, in every mode. */
  requireSync(): void {
    this.#queue.open.urgent = true;
  }

  /**
   * Appends that entries up to `index` are in a snapshot. As in Raft, entries behind it stay when
   * the log agrees with it (or begins behind it), and are void otherwise.
   */
  appendSnapshotMark(shard: number, index: number, term: number): void {
    const track = this.#trackOf(shard);
    const replaces = track.isReplacedBy(index, term);
    if (replaces) {
      this.#voidFrom(track, 0);
      track.reset(index);
    }
    track.markIndex = index;
    track.markTerm = term;
    track.markReplaces = replaces;
    this.#writeMark(track, false);
    failpoints.reached?.("wal.mark.appended");
  }

  /** Appends that a shard has left this node: nothing of it is kept. */
  appendDrop(shard: number): void {
    const track = this.#trackOf(shard);
    const at = this.#queue.reserve(DROP_BYTES);
    writeDrop(this.#queue.open.view, at, shard);
    this.#voidFrom(track, 0);
    track.moveHardState(null);
    track.moveMark(null);
    track.dropped = true;
    this.#tracks.delete(shard);
    this.#track = new ShardTrack(-1);
    this.#reclaim();
  }

  /**
   * Says that entries of a shard up to `index` are in a durable snapshot: the log may forget them.
   */
  setFloor(shard: number, index: number): void {
    const track = this.#tracks.get(shard);
    if (track === undefined || !track.raiseFloor(index)) return;
    failpoints.reached?.("wal.floor.raised");
    this.#reclaim();
    this.#compactor.consider();
  }

  /**
   * Sends the open frame off, unless a write is in flight: then it goes as soon as that ends.
   *
   * @param now Write it before this returns, where the disk can: for an owner with nothing else to
   *   do. `onDurable` then comes inside the call.
   */
  flush(now = false): void {
    this.#writer.flush(now);
  }

  /** Writes what waits, syncs, marks the log as closed in order, and closes its files. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #begin(settle: () => void): Promise<void> {
    failpoints.reached?.("recovery.log.opening");
    await this.#writer.writeControl(FrameFlag.open);
    if (this.#failure !== null) throw this.#failure;
    failpoints.reached?.("recovery.log.opened");
    settle();
    // Files that were given back are enough in most starts: new ones are 64 MiB of zeros each.
    this.#pool.fill();
    this.#reclaim();
  }

  async #close(): Promise<void> {
    await this.#compactor.close();
    failpoints.reached?.("close.log.begun");
    const writer = this.#writer;
    // While a sync runs, something may be appended still: the mark of a snapshot that just ended.
    do {
      await writer.drain();
      if (writer.stopped || writer.writing) break;
      await writer.sync();
    } while (writer.writing || !this.#queue.empty);
    failpoints.reached?.("close.log.drained");
    if (!writer.stopped && !writer.writing) await writer.writeControl(FrameFlag.close);
    writer.stop();
    failpoints.reached?.("close.log.marked");
    await this.#pool.close();
    for (const segment of this.#segments.all) await segment.file?.close();
    failpoints.reached?.("close.log.closed");
  }

  #trackOf(shard: number): ShardTrack {
    if (this.#track.shard === shard) return this.#track;
    let track = this.#tracks.get(shard);
    if (track === undefined) {
      track = new ShardTrack(shard);
      this.#tracks.set(shard, track);
    }
    this.#track = track;
    return track;
  }

  #writeEntry(
    track: ShardTrack,
    kind: number,
    term: number,
    index: number,
    type: number,
    bytes: Uint8Array,
  ): void {
    const queue = this.#queue;
    const at = queue.reserve(ENTRY_HEADER_BYTES + bytes.length);
    const { open } = queue;
    writeEntry(open.bytes, open.view, at, kind, track.shard, term, index, type, bytes);
    open.touch(track, index, bytes.length);
  }

  #copyEntry(track: ShardTrack, record: RecordReader): void {
    const { term, index, type, data } = record;
    this.#writeEntry(track, RecordKind.copy, term, index, type, data);
  }

  #writeHardState(track: ShardTrack): void {
    const at = this.#queue.reserve(HARD_STATE_BYTES);
    const { open } = this.#queue;
    writeHardState(open.view, at, track.shard, track.term, track.vote, track.commit);
    if (track.hardSequence !== open.sequence) open.hardStates.push(track);
    track.hardSequence = open.sequence;
  }

  #writeMark(track: ShardTrack, copied: boolean): void {
    const at = this.#queue.reserve(MARK_BYTES);
    const { open } = this.#queue;
    const { shard, markIndex, markTerm, markReplaces } = track;
    writeMark(open.view, at, shard, markIndex, markTerm, markReplaces, copied);
    if (track.markSequence !== open.sequence) open.marks.push(track);
    track.markSequence = open.sequence;
  }

  /** Entries of a shard from `index` on do not count any more. */
  #voidFrom(track: ShardTrack, index: number): void {
    if (index > track.last) return;
    failpoints.reached?.("wal.entries.voided");
    this.#segments.cutEntries(track.shard, index);
    this.#queue.cutTouches(track, index);
  }

  /** A frame lies in a segment now: so do the entries and states in it. */
  #settle(frame: FrameBuffer, segment: Segment): void {
    failpoints.reached?.("wal.frame.issued");
    for (let slot = 0; slot < frame.touchCount; slot++) {
      const { track, first, last, bytes, long } = frame.touches[slot]!;
      if (track === null || track.dropped) continue;
      segment.addEntries(track.shard, first, last, bytes);
      if (long !== 0 && long <= last) segment.addLongEntry(track.shard, long);
    }
    for (const track of frame.hardStates) {
      if (track.hardSequence === frame.sequence && !track.dropped) track.moveHardState(segment);
    }
    for (const track of frame.marks) {
      if (track.markSequence === frame.sequence && !track.dropped) track.moveMark(segment);
    }
  }

  #onWritten(sequence: number): void {
    failpoints.reached?.("wal.durable.before");
    this.#listener.onDurable(sequence);
    failpoints.reached?.("wal.durable.told");
    if (this.#segments.all.length > 1) this.#reclaim();
  }

  #onCopied(): void {
    failpoints.reached?.("wal.copy.appended");
    this.#writer.flush();
    this.#reclaim();
    if (!this.#writer.writing) this.#writer.requestSeal();
  }

  /** Frees segments that nobody needs; the next frame says so on disk. */
  #reclaim(): void {
    if (this.#segments.free(this.#tracks, this.#queue.open.sequence)) {
      failpoints.reached?.("wal.segment.freed");
      this.#writer.requestSeal();
      this.#compactor.consider();
    }
  }

  #onFailed(error: DbError): void {
    failpoints.reached?.("wal.failed");
    this.#failure = error;
    this.#listener.onFailed(error);
  }
}
