// Room for records: taken from the end of a segment or from a dead record of the same size.
import type { Buffer } from "node:buffer";
import {
  DATABASE_MASK,
  DATABASE_SHIFT,
  FIELD_BYTES,
  FLAG_IMAGE,
  FLAG_LISTED,
  FLAG_LONG_KEY,
  FLAG_TIME,
  HEADER_BYTES,
  KEY_LENGTH_SHIFT,
  LONG_KEY_MARK,
  RESERVED_UNITS,
  SHARED_UNITS_MAX,
  TWO_32,
  TYPE_MASK,
  WORD_DEAD_UNITS,
  WORD_EXPIRY_HIGH,
  WORD_EXPIRY_LOW,
  WORD_FREE_NEXT,
  WORD_FREE_PREVIOUS,
  WORD_NEXT,
  WORD_PREVIOUS,
  WORD_VALUE_LENGTH,
  WORD_VERSION_HIGH,
  WORD_VERSION_LOW,
} from "./record.ts";
import { SegmentKind, Segments, STRIPE_UNITS, UNIT_BYTES } from "./segments.ts";

/** Dead records of up to this many units wait in lists by size for a record of the same size. */
const LISTED_UNITS_MAX = 4096;

/** Units of a record with these lengths. */
export function recordUnits(timed: boolean, keyLength: number, valueLength: number): number {
  const fields = (timed ? FIELD_BYTES : 0) + (keyLength >= LONG_KEY_MARK ? FIELD_BYTES : 0);
  return (HEADER_BYTES + fields + keyLength + valueLength + UNIT_BYTES - 1) >>> 4;
}

/**
 * Records by reference, and the memory they live in. Knows nothing of keys' order or of databases.
 */
export class Arena {
  readonly segments: Segments = new Segments();
  /** The segments' views by number, here for speed: `ref >>> 16` is the number. */
  readonly bytes: Buffer[] = this.segments.bytes;
  readonly views: DataView[] = this.segments.views;
  readonly words: Int32Array[] = this.segments.words;

  /** By first number of a records segment: units in dead records. */
  readonly deadUnitsOf: number[] = [];
  /**
   * By first number, 1 or 0: the segment is being emptied. Its dead records are not used again, and
   * when it has no others it is given back.
   */
  readonly drains: number[] = [];
  /** Units handed out and not dead; in dead records; bytes in buffers of large records. */
  liveUnits = 0;
  deadUnits = 0;
  largeBytes = 0;

  /** Segment that the cleaner works through now, -1 for none: it is not given back meanwhile. */
  victim = -1;

  readonly #firsts: number[] = this.segments.firsts;
  readonly #free = new Uint32Array(LISTED_UNITS_MAX + 1);
  #current = -1;
  /** Next free unit of the current segment, and its end, as references. */
  #at = 0;
  #end = 0;

  /** Room for a record; the memory holds whatever it held before. */
  allocate(units: number): number {
    if (units <= LISTED_UNITS_MAX) {
      const listed = this.#free[units]!;
      if (listed !== 0) {
        this.unlist(listed, units);
        this.deadUnitsOf[this.#firsts[listed >>> 16]!]! -= units;
        this.deadUnits -= units;
        this.liveUnits += units;
        return listed;
      }
    } else if (units > SHARED_UNITS_MAX) {
      return this.#allocateLarge(units);
    }
    if (this.#at + units > this.#end) this.#nextSegment();
    const ref = this.#at;
    this.#at = ref + units;
    this.liveUnits += units;
    return ref;
  }

  /** Takes back a record's room. Nothing may refer to it any more. */
  retire(ref: number): void {
    const units = this.unitsOf(ref);
    if (units > SHARED_UNITS_MAX) {
      const number = ref >>> 16;
      this.largeBytes -= this.segments.largeBytes(number);
      this.segments.giveLarge(number);
      return;
    }
    this.liveUnits -= units;
    this.#kill(ref, units);
  }

  #kill(ref: number, units: number): void {
    const segment = this.#firsts[ref >>> 16]!;
    this.deadUnitsOf[segment]! += units;
    this.deadUnits += units;
    const words = this.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    words[base + WORD_DEAD_UNITS] = units;
    words[base] = 0;
    if (this.drains[segment] === 1) {
      this.maybeRelease(segment);
      return;
    }
    if (units > LISTED_UNITS_MAX) return;
    const next = this.#free[units]!;
    words[base] = FLAG_LISTED;
    words[base + WORD_FREE_NEXT] = next;
    words[base + WORD_FREE_PREVIOUS] = 0;
    if (next !== 0) this.words[next >>> 16]![((next & 0xffff) << 2) + WORD_FREE_PREVIOUS] = ref;
    this.#free[units] = ref;
  }

  /** Takes a dead record out of its free list. */
  unlist(ref: number, units: number): void {
    const words = this.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    const next = words[base + WORD_FREE_NEXT]! >>> 0;
    const previous = words[base + WORD_FREE_PREVIOUS]! >>> 0;
    words[base] = 0;
    if (next !== 0) {
      this.words[next >>> 16]![((next & 0xffff) << 2) + WORD_FREE_PREVIOUS] = previous;
    }
    if (previous === 0) this.#free[units] = next;
    else this.words[previous >>> 16]![((previous & 0xffff) << 2) + WORD_FREE_NEXT] = next;
  }

  /** Units of any record, dead ones included. */
  unitsOf(ref: number): number {
    const words = this.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    const head = words[base]!;
    if ((head & TYPE_MASK) === 0) return words[base + WORD_DEAD_UNITS]!;
    const bytes = this.keyOffset(ref) - ((ref & 0xffff) << 4) + this.keyLength(ref);
    return (bytes + words[base + WORD_VALUE_LENGTH]! + UNIT_BYTES - 1) >>> 4;
  }

  typeOf(ref: number): number {
    return this.words[ref >>> 16]![(ref & 0xffff) << 2]! & TYPE_MASK;
  }

  databaseOf(ref: number): number {
    return (this.words[ref >>> 16]![(ref & 0xffff) << 2]! >>> DATABASE_SHIFT) & DATABASE_MASK;
  }

  keyOffset(ref: number): number {
    const unit = ref & 0xffff;
    const head = this.words[ref >>> 16]![unit << 2]!;
    return (unit << 4) + HEADER_BYTES + (head & FLAG_TIME) + ((head & FLAG_LONG_KEY) >>> 1);
  }

  keyLength(ref: number): number {
    const words = this.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    const head = words[base]!;
    const length = head >>> KEY_LENGTH_SHIFT;
    if (length !== LONG_KEY_MARK) return length;
    return words[base + ((HEADER_BYTES + (head & FLAG_TIME)) >>> 2)]!;
  }

  valueLength(ref: number): number {
    return this.words[ref >>> 16]![((ref & 0xffff) << 2) + WORD_VALUE_LENGTH]!;
  }

  valueOffset(ref: number): number {
    return this.keyOffset(ref) + this.keyLength(ref);
  }

  /** Unix ms, or 0 for never. */
  expireAt(ref: number): number {
    const words = this.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    if ((words[base]! & FLAG_TIME) === 0) return 0;
    return words[base + WORD_EXPIRY_HIGH]! * TWO_32 + (words[base + WORD_EXPIRY_LOW]! >>> 0);
  }

  versionIndex(ref: number): number {
    const words = this.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    const high = words[base + WORD_VERSION_HIGH]! & 0xffff;
    return high * TWO_32 + (words[base + WORD_VERSION_LOW]! >>> 0);
  }

  versionPosition(ref: number): number {
    return this.words[ref >>> 16]![((ref & 0xffff) << 2) + WORD_VERSION_HIGH]! >>> 16;
  }

  /** Marks a record that left its table as kept for a snapshot: it stays where it is. */
  markImage(ref: number): void {
    this.words[ref >>> 16]![(ref & 0xffff) << 2]! |= FLAG_IMAGE;
  }

  /** A copy of a record, as an image and in no list. */
  copy(ref: number): number {
    const units = this.unitsOf(ref);
    const made = this.allocate(units);
    const from = (ref & 0xffff) << 4;
    const to = (made & 0xffff) << 4;
    const source = this.bytes[ref >>> 16]!.subarray(from, from + units * UNIT_BYTES);
    this.bytes[made >>> 16]!.set(source, to);
    const words = this.words[made >>> 16]!;
    const base = (made & 0xffff) << 2;
    if ((words[base]! & FLAG_TIME) !== 0) {
      words[base + WORD_NEXT] = 0;
      words[base + WORD_PREVIOUS] = 0;
    }
    this.markImage(made);
    return made;
  }

  /** Whether new records go to this segment. */
  isCurrent(first: number): boolean {
    return first === this.#current;
  }

  /** First unit of a records segment that holds a record, counted from its start. */
  startOf(first: number): number {
    // The very first units stay unused, so that small references can mean something else.
    return first === 0 ? RESERVED_UNITS : 0;
  }

  /** Units of a records segment up to the end of its last record. */
  endOf(first: number): number {
    return first === this.#current ? this.#at - first * STRIPE_UNITS : this.segments.units[first]!;
  }

  /** Notes how far the current segment is used, for `Segments.touchedBytes`. */
  touch(): void {
    if (this.#current !== -1) this.segments.touch(this.#current, this.endOf(this.#current));
  }

  /** Ends the current segment, so that it can be emptied too. Returns its first number, or -1. */
  closeCurrent(): number {
    const first = this.#current;
    if (first === -1) return -1;
    this.segments.touch(first, this.segments.units[first]!);
    this.#current = -1;
    const rest = this.#end - this.#at;
    if (rest > 0) this.#kill(this.#at, rest);
    this.#at = 0;
    this.#end = 0;
    return first;
  }

  /** Starts emptying a segment. Its dead records are still in free lists. */
  drain(first: number): void {
    this.drains[first] = 1;
  }

  /** Gives a segment that is being emptied back if all its records are dead. */
  maybeRelease(first: number): void {
    const room = this.segments.units[first]! - this.startOf(first);
    if (this.deadUnitsOf[first] !== room || this.victim === first) return;
    this.deadUnits -= room;
    this.deadUnitsOf[first] = 0;
    this.drains[first] = 0;
    this.segments.giveSegment(first);
  }

  #allocateLarge(units: number): number {
    const number = this.segments.takeLarge(units * UNIT_BYTES);
    this.largeBytes += this.segments.largeBytes(number);
    return number * STRIPE_UNITS;
  }

  #nextSegment(): void {
    this.closeCurrent();
    const first = this.segments.takeSegment(SegmentKind.records);
    this.#current = first;
    this.#at = first * STRIPE_UNITS + this.startOf(first);
    this.#end = first * STRIPE_UNITS + this.segments.units[first]!;
    while (this.deadUnitsOf.length <= first) {
      this.deadUnitsOf.push(0);
      this.drains.push(0);
    }
  }
}
