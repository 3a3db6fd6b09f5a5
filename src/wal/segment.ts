// One segment file of the log and what it holds: which entries of which shards.
import type { DiskFile } from "../platform/disk.ts";
import type { SegmentHeader } from "./wal-format.ts";

/** Entries of one shard in one segment. May name more than there are, never fewer. */
export class EntryRange {
  first: number;
  last: number;
  bytes: number;
  /** Indexes of entries of which pieces lie here: such a one is not copied forward. */
  longs: number[] = [];

  constructor(first: number, last: number, bytes: number) {
    this.first = first;
    this.last = last;
    this.bytes = bytes;
  }
}

/** A segment that is part of the log. */
export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  /** Open while it is written; closed segments are opened again to be read or reused. */
  file: DiskFile | null;
  /** Where the next frame goes. */
  position: number;
  /** Written since the last sync; only under relaxed sync. */
  unsynced = false;
  /** Hard states and snapshot marks that are the newest of their shard and lie here. */
  pins = 0;
  readonly ranges: Map<number, EntryRange> = new Map();

  constructor(path: string, file: DiskFile | null, header: SegmentHeader, position: number) {
    this.path = path;
    this.file = file;
    this.header = header;
    this.position = position;
  }

  get number(): number {
    return this.header.number;
  }

  /** Bytes that frames can still take. */
  get roomBytes(): number {
    return this.header.capacityBytes - this.position;
  }

  /** Bytes that writing the rest of it takes from the disk. */
  get unfilledBytes(): number {
    const { capacityBytes, filledBytes } = this.header;
    return Math.max(0, capacityBytes - Math.max(filledBytes, this.position));
  }

  /** Notes that entries of a shard lie here. */
  addEntries(shard: number, first: number, last: number, bytes: number): void {
    if (last < first) return;
    const range = this.ranges.get(shard);
    if (range === undefined) {
      this.ranges.set(shard, new EntryRange(first, last, bytes));
      return;
    }
    range.first = Math.min(range.first, first);
    range.last = Math.max(range.last, last);
    range.bytes += bytes;
  }

  /** Notes that a piece of a long entry lies here. */
  addLongEntry(shard: number, index: number): void {
    this.addEntries(shard, index, index, 0);
    const { longs } = this.ranges.get(shard)!;
    if (!longs.includes(index)) longs.push(index);
  }

  /** Entries of a shard from `index` on are void. */
  cutEntries(shard: number, index: number): void {
    const range = this.ranges.get(shard);
    if (range === undefined || range.last < index) return;
    range.last = index - 1;
    range.longs = range.longs.filter((long) => long < index);
    if (range.last < range.first) this.ranges.delete(shard);
  }
}
