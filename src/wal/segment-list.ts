// The segments of the log in order, which of them are still needed, and what becomes of the others.
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { Segment } from "./segment.ts";
import type { SegmentPool } from "./segment-pool.ts";
import type { ShardTrack } from "./shard-track.ts";
import { SECTOR_BYTES } from "./wal-types.ts";

/** A segment that is not needed any more, as soon as a frame that says so is durable. */
interface FreedSegment {
  readonly segment: Segment;
  readonly sequence: number;
}

/** Oldest first; the last one is written. */
export class SegmentList {
  readonly all: Segment[];
  readonly #pool: SegmentPool;
  readonly #freed: FreedSegment[] = [];
  /** Highest number that any file on this disk has, used or not. */
  #numberMax: number;

  constructor(pool: SegmentPool, segments: Segment[], numberMax: number) {
    this.#pool = pool;
    this.all = segments;
    this.#numberMax = numberMax;
  }

  get active(): Segment {
    const last = this.all[this.all.length - 1];
    invariant(last !== undefined, "a log that is written has a segment");
    return last;
  }

  get oldest(): Segment {
    return this.all[0]!;
  }

  /**
   * The oldest segment that the log needs when it ends with a given frame. Frames that were filled
   * before a segment was freed may be written after: they must not say that it is gone, since what
   * took its place (copies, a replacement, a drop) comes with a later frame.
   */
  oldestNumberAt(sequence: number): number {
    for (const freed of this.#freed) {
      if (freed.sequence > sequence) return freed.segment.number;
    }
    return this.oldest.number;
  }

  /** Freed segments wait for a durable frame. */
  get hasFreed(): boolean {
    return this.#freed.length > 0;
  }

  /** Appends an empty segment. */
  begin(
    spare: { path: string; file: Segment["file"]; filledBytes: number },
    capacityBytes: number,
    salt: number,
    firstSequence: number,
    durableSequence: number,
  ): Segment {
    const header = {
      number: ++this.#numberMax,
      previous: this.all[this.all.length - 1]?.number ?? 0,
      salt,
      firstSequence,
      durableSequence,
      capacityBytes,
      filledBytes: spare.filledBytes,
    };
    const segment = new Segment(spare.path, spare.file, header, SECTOR_BYTES);
    this.all.push(segment);
    failpoints.reached?.("wal.segment.begun");
    return segment;
  }

  /** Entries of a shard from `index` on are void, wherever they lie. */
  cutEntries(shard: number, index: number): void {
    for (const segment of this.all) segment.cutEntries(shard, index);
  }

  /**
   * Takes segments off the old end while nothing in them is needed. Returns whether there were any.
   */
  free(tracks: ReadonlyMap<number, ShardTrack>, openSequence: number): boolean {
    let any = false;
    while (this.all.length > 1 && !isNeeded(this.oldest, tracks)) {
      const segment = this.all.shift()!;
      this.#freed.push({ segment, sequence: openSequence });
      any = true;
    }
    return any;
  }

  /** Frames up to this one are durable: segments freed before them may be used again. */
  settle(durableSequence: number): void {
    while (this.#freed.length > 0 && this.#freed[0]!.sequence <= durableSequence) {
      const { segment } = this.#freed.shift()!;
      failpoints.reached?.("wal.segment.returned");
      void this.#pool.giveBack(segment.path);
    }
  }
}

function isNeeded(segment: Segment, tracks: ReadonlyMap<number, ShardTrack>): boolean {
  if (segment.pins > 0) return true;
  for (const [shard, range] of segment.ranges) {
    const track = tracks.get(shard);
    if (track?.needs(range.first, range.last) === true) return true;
    segment.ranges.delete(shard);
  }
  return false;
}
