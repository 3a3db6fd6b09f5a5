// The part of the log held in memory: entries after a snapshot mark, in a ring that drops its head
// cheaply.
import { invariant } from "../base/invariant.ts";
import type { Entry, Index, Term } from "./types.ts";

/** Memory an entry is taken to cost besides its bytes. */
export const ENTRY_OVERHEAD_BYTES = 64;
const CAPACITY_MIN = 16;
/** A ring above this size shrinks when seven eighths of it are empty. */
const CAPACITY_KEPT = 1024;

/** Bytes that count against limits for one entry. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

/** Entries `firstIndex..lastIndex`, without gaps; terms never fall. */
export class RaftLog {
  /** Index and term of the entry before `firstIndex`; 0, 0 at the log's beginning. */
  snapshotIndex: Index;
  snapshotTerm: Term;
  lastIndex: Index;
  lastTerm: Term;
  /** Sum of `entryBytes` over all entries held. */
  bytes = 0;
  #slots: (Entry | undefined)[] = new Array<Entry | undefined>(CAPACITY_MIN).fill(undefined);
  #mask = CAPACITY_MIN - 1;
  /** Slot of `firstIndex`. */
  #head = 0;

  constructor(snapshotIndex: Index, snapshotTerm: Term) {
    this.snapshotIndex = snapshotIndex;
    this.snapshotTerm = snapshotTerm;
    this.lastIndex = snapshotIndex;
    this.lastTerm = snapshotTerm;
  }

  get firstIndex(): Index {
    return this.snapshotIndex + 1;
  }

  /** The entry at `index`, or null outside the log. */
  at(index: Index): Entry | null {
    if (index <= this.snapshotIndex || index > this.lastIndex) return null;
    return this.#slots[(this.#head + index - this.snapshotIndex - 1) & this.#mask]!;
  }

  /** The entry at `index`, which the caller knows to be held. */
  get(index: Index): Entry {
    const entry = this.at(index);
    invariant(entry !== null, "the log holds the entry asked for");
    return entry;
  }

  /** Term at `index`; known for `firstIndex - 1` too; -1 outside. */
  termAt(index: Index): Term {
    if (index === this.lastIndex) return this.lastTerm;
    if (index === this.snapshotIndex) return this.snapshotTerm;
    const entry = this.at(index);
    return entry === null ? -1 : entry.term;
  }

  push(entry: Entry): void {
    invariant(entry.index === this.lastIndex + 1, "the log has no gaps");
    invariant(entry.term >= this.lastTerm, "terms in the log never fall");
    const count = this.lastIndex - this.snapshotIndex;
    if (count > this.#mask) this.#resize((this.#mask + 1) * 2);
    this.#slots[(this.#head + count) & this.#mask] = entry;
    this.lastIndex = entry.index;
    this.lastTerm = entry.term;
    this.bytes += entryBytes(entry);
  }

  /** Drops `index` and everything after it. */
  truncateFrom(index: Index): void {
    invariant(index > this.snapshotIndex, "a truncation stays behind the snapshot");
    for (let at = this.lastIndex; at >= index; at--) this.#clear(at);
    if (index > this.lastIndex) return;
    const term = index - 1 === this.snapshotIndex ? this.snapshotTerm : this.get(index - 1).term;
    this.lastIndex = index - 1;
    this.lastTerm = term;
  }

  /** Drops everything up to `index`, which becomes the snapshot mark. */
  compact(index: Index): void {
    if (index <= this.snapshotIndex) return;
    const term = this.termAt(index);
    invariant(term !== -1, "compaction stays inside the log");
    for (let at = this.snapshotIndex + 1; at <= index; at++) this.#clear(at);
    this.#head = (this.#head + index - this.snapshotIndex) & this.#mask;
    this.snapshotIndex = index;
    this.snapshotTerm = term;
    const capacity = this.#mask + 1;
    const count = this.lastIndex - this.snapshotIndex;
    if (capacity > CAPACITY_KEPT && count * 8 < capacity) this.#resize(capacity / 4);
  }

  /** Forgets everything: the log now continues a snapshot. */
  reset(snapshotIndex: Index, snapshotTerm: Term): void {
    this.#slots = new Array<Entry | undefined>(CAPACITY_MIN).fill(undefined);
    this.#mask = CAPACITY_MIN - 1;
    this.#head = 0;
    this.snapshotIndex = snapshotIndex;
    this.snapshotTerm = snapshotTerm;
    this.lastIndex = snapshotIndex;
    this.lastTerm = snapshotTerm;
    this.bytes = 0;
  }

  /** Entries from `from` to the end, cut after `bytesMax` of their bytes, but at least one. */
  slice(from: Index, bytesMax: number): Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index = from; index <= this.lastIndex; index++) {
      const entry = this.get(index);
      bytes += entryBytes(entry);
      if (entries.length > 0 && bytes > bytesMax) break;
      entries.push(entry);
    }
    return entries;
  }

  /**
   * Highest index up to `index` whose term is at most `term`: logs cannot agree above it.
   * Falls to the snapshot mark at the lowest.
   */
  lastIndexWithTermUpTo(index: Index, term: Term): Index {
    let at = Math.min(index, this.lastIndex);
    while (at > this.snapshotIndex && this.termAt(at) > term) at--;
    return at;
  }

  /**
   * Whether a log ending in (`term`, `index`) is at least as complete as this one (paper 5.4.1).
   */
  isUpToDate(term: Term, index: Index): boolean {
    return term > this.lastTerm || (term === this.lastTerm && index >= this.lastIndex);
  }

  #clear(index: Index): void {
    const slot = (this.#head + index - this.snapshotIndex - 1) & this.#mask;
    this.bytes -= entryBytes(this.#slots[slot]!);
    this.#slots[slot] = undefined;
  }

  #resize(capacity: number): void {
    const slots = new Array<Entry | undefined>(capacity).fill(undefined);
    const count = this.lastIndex - this.snapshotIndex;
    for (let at = 0; at < count; at++) slots[at] = this.#slots[(this.#head + at) & this.#mask];
    this.#slots = slots;
    this.#mask = capacity - 1;
    this.#head = 0;
  }
}
