// Keeps the log short: when the oldest segment is held by little, that little is copied to the
// log's end. Bigger tails are the business of the shard's owner, who is asked for a snapshot.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import type { Disk } from "../platform/disk.ts";
import type { EntryRange, Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";
import type { FileGate } from "./file-gate.ts";
import { type FrameVisitor, type ReadableFile, SegmentReader } from "./segment-reader.ts";
import type { ShardTrack } from "./shard-track.ts";
import { RecordKind, RecordReader } from "./wal-records.ts";
import { copyBytesMax, type WalOptions } from "./wal-types.ts";

/** What the compactor asks of the log. */
export interface CompactorHost {
  readonly tracks: ReadonlyMap<number, ShardTrack>;
  /** Appends a live entry again, at the end of the log. */
  copyEntry(track: ShardTrack, record: RecordReader): void;
  /** Appends the present hard state, or the present mark, again. */
  copyHardState(track: ShardTrack): void;
  copyMark(track: ShardTrack): void;
  /** What was copied goes to the disk; afterwards the oldest segment may be free. */
  onCopied(): void;
  onSnapshotWanted(shard: number): void;
  onFailed(error: DbError): void;
}

/** Copies the live remains of the oldest segment, one segment at a time, in the background. */
export class Compactor {
  readonly #disk: Disk;
  readonly #gate: FileGate;
  readonly #options: WalOptions;
  readonly #segments: SegmentList;
  readonly #host: CompactorHost;
  #running: Promise<void> | null = null;
  #closed = false;
  /** The segment whose remains were copied; it is free as soon as the copies are written. */
  #copied: Segment | null = null;

  constructor(
    disk: Disk,
    gate: FileGate,
    options: WalOptions,
    segments: SegmentList,
    host: CompactorHost,
  ) {
    this.#disk = disk;
    this.#gate = gate;
    this.#options = options;
    this.#segments = segments;
    this.#host = host;
  }

  /** Looks whether there is something to do; called when segments or floors have moved. */
  consider(): void {
    if (this.#running !== null || this.#closed) return;
    if (this.#segments.all.length <= this.#options.segmentsKept) return;
    const { oldest } = this.#segments;
    if (oldest === this.#copied || this.#askForSnapshots(oldest)) return;
    failpoints.reached?.("wal.copy.begun");
    this.#running = this.#copy(oldest);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  /** Whether tails in a segment are too big to be copied; their owners are told. */
  #askForSnapshots(segment: Segment): boolean {
    const bytesMax = copyBytesMax(this.#options.segmentBytes);
    const tails: { shard: number; bytes: number }[] = [];
    let total = 0;
    for (const [shard, range] of segment.ranges) {
      const bytes = this.#liveBytes(shard, range);
      total += bytes;
      tails.push({ shard, bytes });
    }
    tails.sort((left, right) => right.bytes - left.bytes);
    let any = false;
    for (const { shard, bytes } of tails) {
      if (bytes <= bytesMax && total <= this.#options.segmentBytes / 4) break;
      total -= bytes;
      any = true;
      this.#ask(shard);
    }
    return any;
  }

  /** Asks once while the log does not grow into another segment. */
  #ask(shard: number): void {
    const track = this.#host.tracks.get(shard);
    const active = this.#segments.active.number;
    if (track === undefined || track.snapshotAskedFor === active) return;
    failpoints.reached?.("wal.snapshot.asked");
    track.snapshotAskedFor = active;
    this.#host.onSnapshotWanted(shard);
  }

  /**
   * Bytes of a shard's live entries in a segment, about; infinite when one of them is in pieces.
   */
  #liveBytes(shard: number, range: EntryRange): number {
    const track = this.#host.tracks.get(shard);
    if (track?.needs(range.first, range.last) !== true) return 0;
    if (range.longs.some((index) => track.needs(index, index))) return Number.POSITIVE_INFINITY;
    const first = Math.max(range.first, track.floor + 1);
    return (range.bytes * (range.last - first + 1)) / (range.last - range.first + 1);
  }

  #needs(shard: number, first: number, last: number): boolean {
    return this.#host.tracks.get(shard)?.needs(first, last) === true;
  }

  async #copy(segment: Segment): Promise<void> {
    try {
      await this.#gate.idle();
      const ranges = [...segment.ranges];
      // Entries without data (a leader's first ones) count too: bytes say nothing of these.
      if (ranges.some(([shard, { first, last }]) => this.#needs(shard, first, last))) {
        await this.#copyEntries(segment);
      }
      if (this.#closed) return;
      failpoints.reached?.("wal.copy.entries");
      for (const track of this.#host.tracks.values()) {
        if (track.hardSegment === segment) this.#host.copyHardState(track);
        if (track.markSegment === segment) this.#host.copyMark(track);
      }
      segment.ranges.clear();
      this.#copied = segment;
      this.#host.onCopied();
    } catch (error) {
      if (!this.#closed) this.#host.onFailed(asFailure(error, segment.path));
    } finally {
      this.#running = null;
    }
  }

  async #copyEntries(segment: Segment): Promise<void> {
    const file = await this.#gate.run(() => this.#disk.open(segment.path, { mode: "read" }));
    try {
      const bytes = await this.#gate.run(() => file.size());
      const gated: ReadableFile = {
        path: file.path,
        read: (target, offset, length, position) =>
          this.#gate.run(() => file.read(target, offset, length, position)),
        close: () => file.close(),
      };
      const reader = new SegmentReader(gated, bytes);
      const record = new RecordReader();
      const onFrame: FrameVisitor = (frame, memory, view, payloadAt) => {
        record.start(memory, view, payloadAt, frame.payloadBytes);
        while (record.next()) this.#copyRecord(segment, record);
      };
      const end = await reader.visit(segment.header, onFrame, segment.position);
      if (!this.#closed && end.offset !== segment.position) {
        const facts = { file: segment.path, offset: end.offset, sequence: end.nextSequence };
        throw new DbError("WAL_CORRUPT", "the log is damaged: a frame is damaged", facts);
      }
    } finally {
      await file.close();
    }
  }

  #copyRecord(segment: Segment, record: RecordReader): void {
    if (record.kind !== RecordKind.entry && record.kind !== RecordKind.copy) return;
    const range = segment.ranges.get(record.shard);
    const track = this.#host.tracks.get(record.shard);
    if (range === undefined || track === undefined || this.#closed) return;
    const { index } = record;
    if (index < range.first || index > range.last || !track.needs(index, index)) return;
    // An entry that was replaced within this very segment has another term.
    const term = track.termAt(index);
    if (term === -1 || term === record.term) this.#host.copyEntry(track, record);
  }
}

function asFailure(error: unknown, file: string): DbError {
  if (error instanceof DbError) return error;
  return new DbError("WAL_FAILED", `the log cannot read ${file}`, { what: "read", file }, error);
}
