// Memory of the engine: segments taken from the system, their numbers, and the way from a reference
// to bytes.
import { Buffer } from "node:buffer";
import { DbError } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";

/** Records and pages are multiples of this; a reference counts in it. */
export const UNIT_BYTES = 16;
/** Units that one number addresses: a reference is `number << 16 | unit`. */
export const STRIPE_UNITS = 65536;
const STRIPE_BYTES = STRIPE_UNITS * UNIT_BYTES;
const NUMBERS_MAX = 65536;

/**
 * Sizes of shared segments in stripes (MiB), each used from so many reserved bytes on. Small
 * keyspaces get small segments. From 32 MiB on, glibc maps every piece of memory for itself, so
 * that all of it goes back to the system when it is freed; smaller pieces may stay in the process's
 * heap.
 */
const SEGMENT_SIZES = [
  { stripes: 1, fromBytes: 0 },
  { stripes: 4, fromBytes: 48 << 20 },
  { stripes: 32, fromBytes: 256 << 20 },
] as const;

/** Buffers of their own come in multiples of this. */
const LARGE_STEP_BYTES = 65536;
/** Spare memory beyond this part of all memory, and beyond the minimum, goes back to the system. */
const SPARE_PART_MAX = 0.08;
const SPARE_BYTES_MIN = 2 << 20;
/** Memory given back at once: the system takes some milliseconds for more. */
const TRIM_BYTES = 8 << 20;

/** What a segment holds; 0 for a number without memory. */
export const SegmentKind = { none: 0, records: 1, pages: 2, large: 3, spare: 4 } as const;

const NO_BYTES = Buffer.allocUnsafeSlow(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);
const NO_WORDS = new Int32Array(0);

/**
 * Segments by number. A segment has a number for every stripe of 1 MiB, in a row, so that its
 * references run on from stripe to stripe; every number has its own views, which start at its
 * stripe and end with the segment. So one shift and one mask lead from a reference to its bytes.
 */
export class Segments {
  /** By number: the same memory as bytes, as a view and as 32-bit words. */
  readonly bytes: Buffer[] = [];
  readonly views: DataView[] = [];
  readonly words: Int32Array[] = [];
  /** By number: the first number of its segment. */
  readonly firsts: number[] = [];
  /**
   * By first number: a {@link SegmentKind}, units, and units from the start that were ever used.
   */
  readonly kinds: number[] = [];
  readonly units: number[] = [];
  readonly touchedUnits: number[] = [];
  /** Bytes taken from the system, used or not. */
  reservedBytes = 0;
  /** Bytes of segments and buffers kept for reuse. */
  spareBytes = 0;

  /** By number of stripes: first numbers of spare segments, and of numbers without memory. */
  readonly #spareSegments = new Map<number, number[]>();
  readonly #emptyNumbers = new Map<number, number[]>();
  /** Numbers of spare buffers, by size in steps. */
  readonly #spareLarge = new Map<number, number[]>();

  /** A shared segment; its bytes are whatever they were. Returns its first number. */
  takeSegment(kind: number): number {
    const stripes = this.#stripesNow();
    const spare = listOf(this.#spareSegments, stripes).pop() ?? this.#anySpare();
    if (spare !== undefined) {
      this.spareBytes -= this.units[spare]! * UNIT_BYTES;
      this.kinds[spare] = kind;
      return spare;
    }
    const first = this.#takeNumbers(stripes);
    this.#attach(first, stripes, stripes * STRIPE_BYTES, kind);
    return first;
  }

  /** Takes a shared segment back, to be used again or given to the system. */
  giveSegment(first: number): void {
    this.kinds[first] = SegmentKind.spare;
    this.spareBytes += this.units[first]! * UNIT_BYTES;
    listOf(this.#spareSegments, this.units[first]! / STRIPE_UNITS).push(first);
  }

  /** A buffer of its own for one record of at least `byteCount` bytes. Returns its number. */
  takeLarge(byteCount: number): number {
    const steps = largeSteps(byteCount);
    const spare = this.#spareLarge.get(steps)?.pop();
    if (spare !== undefined) {
      this.spareBytes -= steps * LARGE_STEP_BYTES;
      this.kinds[spare] = SegmentKind.large;
      return spare;
    }
    let number = this.#takeNumbers(1);
    if (number === 0) {
      // Reference 0 means none: number 0 is for a shared segment, which leaves its first units
      // unused.
      number = this.#takeNumbers(1);
      listOf(this.#emptyNumbers, 1).push(0);
    }
    this.#attach(number, 1, steps * LARGE_STEP_BYTES, SegmentKind.large);
    this.touchedUnits[number] = this.units[number]!;
    return number;
  }

  giveLarge(number: number): void {
    const size = this.largeBytes(number);
    this.kinds[number] = SegmentKind.spare;
    this.spareBytes += size;
    listOf(this.#spareLarge, size / LARGE_STEP_BYTES).push(number);
  }

  /** Bytes of the buffer behind a large record's number. */
  largeBytes(number: number): number {
    return this.bytes[number]!.length;
  }

  /** Notes that a segment was used up to a unit, for `touchedBytes`. */
  touch(first: number, units: number): void {
    if (units > this.touchedUnits[first]!) this.touchedUnits[first] = units;
  }

  /** Bytes that the system had to provide: without the ends of segments never written so far. */
  get touchedBytes(): number {
    let units = 0;
    for (const touched of this.touchedUnits) units += touched;
    return units * UNIT_BYTES;
  }

  /** Whether there is so much spare memory that `trim` gives some back. */
  get hasExcess(): boolean {
    return this.spareBytes > Math.max(SPARE_BYTES_MIN, this.reservedBytes * SPARE_PART_MAX);
  }

  /**
   * Gives some spare memory back to the system, when there is a lot: call again while `hasExcess`.
   */
  trim(): void {
    if (!this.hasExcess) return;
    // Down to half of what may be kept, so that not every segment that comes and goes is fetched
    // anew.
    const keep = Math.max(SPARE_BYTES_MIN, this.reservedBytes * SPARE_PART_MAX) / 2;
    const downTo = Math.max(keep, this.spareBytes - TRIM_BYTES);
    for (const lists of [this.#spareLarge, this.#spareSegments]) {
      for (const list of lists.values()) {
        while (list.length > 0 && this.spareBytes > downTo) this.#drop(list.pop()!);
      }
    }
  }

  #stripesNow(): number {
    let stripes = 1;
    for (const size of SEGMENT_SIZES) {
      if (this.reservedBytes >= size.fromBytes) stripes = size.stripes;
    }
    return stripes;
  }

  /** A spare segment of any size. */
  #anySpare(): number | undefined {
    for (const list of this.#spareSegments.values()) {
      if (list.length > 0) return list.pop();
    }
    return undefined;
  }

  #drop(first: number): void {
    const bytes = this.units[first]! * UNIT_BYTES;
    this.reservedBytes -= bytes;
    this.spareBytes -= bytes;
    freeMemory(this.bytes[first]!.buffer);
    let count = 0;
    for (let number = first; this.firsts[number] === first; number++) {
      this.bytes[number] = NO_BYTES;
      this.views[number] = NO_VIEW;
      this.words[number] = NO_WORDS;
      count++;
    }
    this.kinds[first] = SegmentKind.none;
    this.units[first] = 0;
    this.touchedUnits[first] = 0;
    listOf(this.#emptyNumbers, count).push(first);
  }

  #attach(first: number, stripes: number, size: number, kind: number): void {
    const memory = Buffer.allocUnsafeSlow(size).buffer;
    for (let stripe = 0; stripe < stripes; stripe++) {
      const from = stripe * STRIPE_BYTES;
      this.bytes[first + stripe] = Buffer.from(memory, from, size - from);
      this.views[first + stripe] = new DataView(memory, from, size - from);
      this.words[first + stripe] = new Int32Array(memory, from, (size - from) >>> 2);
    }
    this.kinds[first] = kind;
    this.units[first] = size / UNIT_BYTES;
    this.touchedUnits[first] = 0;
    this.reservedBytes += size;
  }

  /** So many numbers in a row without memory. */
  #takeNumbers(count: number): number {
    const used = this.#emptyNumbers.get(count)?.pop();
    if (used !== undefined) return used;
    const first = this.bytes.length;
    if (first + count > NUMBERS_MAX) {
      throw new DbError("MEMORY_ADDRESS_LIMIT", "this process cannot address more memory", {
        reservedBytes: this.reservedBytes,
      });
    }
    for (let stripe = 0; stripe < count; stripe++) {
      this.bytes.push(NO_BYTES);
      this.views.push(NO_VIEW);
      this.words.push(NO_WORDS);
      this.firsts.push(first);
      this.kinds.push(SegmentKind.none);
      this.units.push(0);
      this.touchedUnits.push(0);
    }
    return first;
  }
}

function listOf(lists: Map<number, number[]>, size: number): number[] {
  let list = lists.get(size);
  if (list === undefined) {
    list = [];
    lists.set(size, list);
  }
  return list;
}

/** Steps of the smallest size class with room: at most an eighth more than asked for. */
function largeSteps(byteCount: number): number {
  const steps = Math.ceil(byteCount / LARGE_STEP_BYTES);
  let grain = 1;
  while (steps > grain * 16) grain *= 2;
  return Math.ceil(steps / grain) * grain;
}

/** `ArrayBuffer.transfer`, which Node 20 does not have yet. */
interface Transferable extends ArrayBuffer {
  transfer?: (byteCount: number) => ArrayBuffer;
}

/**
 * Gives a buffer's memory back now; dropping the last reference would leave it to the next full
 * collection, which an idle node may never run. All views of the buffer become empty.
 */
function freeMemory(memory: ArrayBufferLike): void {
  const buffer = memory as Transferable;
  if (buffer.transfer === undefined) {
    // The copy owns the memory now. It is a young object, so the next small collection frees it.
    structuredClone(buffer, { transfer: [buffer] });
  } else {
    buffer.transfer(0);
  }
  invariant(buffer.byteLength === 0, "memory given back cannot be reached any more");
}
