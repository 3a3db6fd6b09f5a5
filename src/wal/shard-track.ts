// What the log knows of each shard: where its log ends, which terms it has, where its state lies.
import type { Segment } from "./segment.ts";

/** A run of entries of one term. */
interface TermRun {
  readonly first: number;
  readonly term: number;
}

/** One shard, as far as the log must know it to reclaim segments. */
export class ShardTrack {
  readonly shard: number;
  /** Entries up to here are in a durable snapshot. */
  floor = 0;
  /** Index of the last entry; 0 when none is known. */
  last = 0;
  term = 0;
  vote = 0;
  commit = 0;
  /** Where the newest hard state lies, and the frame that carries it when it is not issued yet. */
  hardSegment: Segment | null = null;
  hardSequence = 0;
  markIndex = 0;
  markTerm = 0;
  markReplaces = false;
  markSegment: Segment | null = null;
  markSequence = 0;
  /** Frame that this shard has entries in, and where in its list: see `FrameBuffer.touch`. */
  touchSequence = 0;
  touchSlot = 0;
  /** The shard has left; frames that wait may still name it. */
  dropped = false;
  /** Number of the active segment when a snapshot was last asked for. */
  snapshotAskedFor = 0;
  #runs: TermRun[] = [];

  constructor(shard: number) {
    this.shard = shard;
  }

  /** First index that an append of `index` makes void: 0 for all, more than `last` for none. */
  voidedBy(index: number): number {
    if (this.last === 0 || index === this.last + 1) return this.last + 1;
    return index > this.last ? 0 : index;
  }

  /** The log now ends with `index`, of `term`. */
  append(index: number, term: number): void {
    const runs = this.#runs;
    if (index !== this.last + 1) {
      if (index > this.last) runs.length = 0;
      else while (runs.length > 0 && runs[runs.length - 1]!.first >= index) runs.pop();
    }
    this.last = index;
    if (runs.length === 0 || runs[runs.length - 1]!.term !== term)
      runs.push({ first: index, term });
  }

  /** The term of a held entry, or -1 when it is not known. */
  termAt(index: number): number {
    if (index > this.last) return -1;
    const run = this.#runs.findLast((each) => each.first <= index);
    return run === undefined ? -1 : run.term;
  }

  /**
   * Whether a mark voids the entries behind it: Raft keeps them only when the entry at it agrees.
   */
  isReplacedBy(index: number, term: number): boolean {
    if (index > this.last) return true;
    const held = this.termAt(index);
    return held !== -1 && held !== term;
  }

  /** The log now ends with a snapshot at `index`. */
  reset(index: number): void {
    this.#runs.length = 0;
    this.last = index;
  }

  /** Raises the floor; returns false when it was there already. */
  raiseFloor(index: number): boolean {
    if (index <= this.floor) return false;
    this.floor = index;
    const runs = this.#runs;
    while (runs.length > 1 && runs[1]!.first <= index) runs.shift();
    return true;
  }

  setHardState(term: number, vote: number, commit: number, sequence: number): void {
    this.term = term;
    this.vote = vote;
    this.commit = commit;
    this.hardSequence = sequence;
  }

  setMark(index: number, term: number, replacesLog: boolean, sequence: number): void {
    this.markIndex = index;
    this.markTerm = term;
    this.markReplaces = replacesLog;
    this.markSequence = sequence;
  }

  moveHardState(to: Segment | null): void {
    if (this.hardSegment !== null) this.hardSegment.pins--;
    if (to !== null) to.pins++;
    this.hardSegment = to;
  }

  moveMark(to: Segment | null): void {
    if (this.markSegment !== null) this.markSegment.pins--;
    if (to !== null) to.pins++;
    this.markSegment = to;
  }

  /** Whether a segment's entries of this shard are still part of its log. */
  needs(first: number, last: number): boolean {
    return Math.max(first, this.floor + 1) <= Math.min(last, this.last);
  }
}
