// Memory of the engine: segments taken from the system, their numbers, and the way from a reference
// to bytes.
import { Buffer } from "node:buffer";
import { DbError } from "../../base/errors.ts";

/** Records and pages are multiples of this; a reference counts in it. */
export const UNIT_BYTES = 16;
/** Units that one number addresses: a reference is `number << 16 | unit`. */
export const STRIPE_UNITS = 65536;
/** Bytes that one number addresses. */
export const STRIPE_BYTES: number = STRIPE_UNITS * UNIT_BYTES;
/** Numbers of a shared segment, in a row, so that its references run on from stripe to stripe. */
export const SEGMENT_STRIPES = 4;
export const SEGMENT_BYTES: number = SEGMENT_STRIPES * STRIPE_BYTES;
export const SEGMENT_UNITS: number = SEGMENT_STRIPES * STRIPE_UNITS;

/** Buffers of their own come in multiples of this. */
const LARGE_STEP_BYTES = 65536;
/** Free shared segments kept whatever the size of the whole. */
const SPARE_SEGMENTS_MIN = 1;
/** Free memory kept for reuse, as a part of the memory in use. */
const SPARE_PART = 0.04;

/** What a segment holds; 0 for a number without memory. */
export const SegmentKind = { none: 0, records: 1, pages: 2, large: 3, spare: 4 } as const;

const NO_BYTES = Buffer.allocUnsafeSlow(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);
const NO_WORDS = new Int32Array(0);

/**
 * Segments by number. Every number of a segment has its own views, which start at its stripe and
 * end with the segment, so that one shift and one mask lead from a reference to its bytes.
 */
export class Segments {
  /** By number: the same memory as bytes, as a view and as 32-bit words. */
  readonly bytes: Buffer[] = [];
  readonly views: DataView[] = [];
  readonly words: Int32Array[] = [];
  /** By number (the first of a segment): a {@link SegmentKind}. */
  readonly kinds: number[] = [];
  /** Bytes taken from the system. */
  reservedBytes = 0;
  /** Bytes of it that nothing uses: segments kept for reuse. */
  spareBytes = 0;

  /** First numbers of segments kept for reuse, and of groups of numbers without memory. */
  readonly #spareSegments: number[] = [];
  readonly #emptyGroups: number[] = [];
  readonly #emptySingles: number[] = [];
  /** Numbers of buffers kept for reuse, by size in steps. */
  readonly #spareLarge = new Map<number, number[]>();

  /**
   * A shared segment for records or pages; its bytes are whatever they were. Returns its first
   * number.
   */
  takeSegment(kind: number): number {
    const spare = this.#spareSegments.pop();
    if (spare !== undefined) {
      this.spareBytes -= SEGMENT_BYTES;
      this.kinds[spare] = kind;
      return spare;
    }
    const first = this.#emptyGroups.pop() ?? this.#newGroup();
    const memory = Buffer.allocUnsafeSlow(SEGMENT_BYTES).buffer;
    for (let stripe = 0; stripe < SEGMENT_STRIPES; stripe++) {
      this.#attach(first + stripe, memory, stripe * STRIPE_BYTES, SEGMENT_BYTES);
    }
    this.kinds[first] = kind;
    this.reservedBytes += SEGMENT_BYTES;
    return first;
  }

  /** Takes a shared segment back, to be used again or given to the system. */
  giveSegment(first: number): void {
    this.kinds[first] = SegmentKind.spare;
    this.#spareSegments.push(first);
    this.spareBytes += SEGMENT_BYTES;
  }

  /** A buffer of its own for one record of at least `byteCount` bytes. Returns its number. */
  takeLarge(byteCount: number): number {
    const steps = largeSteps(byteCount);
    const number = this.#spareLarge.get(steps)?.pop();
    if (number !== undefined) {
      this.spareBytes -= steps * LARGE_STEP_BYTES;
      this.kinds[number] = SegmentKind.large;
      return number;
    }
    const fresh = this.#emptySingles.pop() ?? this.#newSingle();
    const size = steps * LARGE_STEP_BYTES;
    this.#attach(fresh, Buffer.allocUnsafeSlow(size).buffer, 0, size);
    this.kinds[fresh] = SegmentKind.large;
    this.reservedBytes += size;
    return fresh;
  }

  giveLarge(number: number): void {
    const size = this.bytes[number]!.length;
    const steps = size / LARGE_STEP_BYTES;
    let list = this.#spareLarge.get(steps);
    if (list === undefined) {
      list = [];
      this.#spareLarge.set(steps, list);
    }
    list.push(number);
    this.kinds[number] = SegmentKind.spare;
    this.spareBytes += size;
  }

  /** Bytes of the buffer behind a large record's number. */
  largeBytes(number: number): number {
    return this.bytes[number]!.length;
  }

  /** Spare memory that is kept in any case. */
  get #keptBytes(): number {
    return SPARE_SEGMENTS_MIN * SEGMENT_BYTES + this.reservedBytes * SPARE_PART;
  }

  /** Whether there is so much spare memory that `trim` gives some back. */
  get hasExcess(): boolean {
    return this.spareBytes > 2 * this.#keptBytes;
  }

  /**
   * Gives spare memory back to the system, when there is a lot; it leaves with the next full GC.
   */
  trim(): void {
    if (!this.hasExcess) return;
    const keep = this.#keptBytes;
    for (const [steps, numbers] of this.#spareLarge) {
      while (this.spareBytes > keep && numbers.length > 0) {
        this.#dropLarge(numbers.pop()!, steps * LARGE_STEP_BYTES);
      }
      if (numbers.length === 0) this.#spareLarge.delete(steps);
    }
    while (this.spareBytes > keep && this.#spareSegments.length > 0) {
      this.#dropSegment(this.#spareSegments.pop()!);
    }
  }

  #dropLarge(number: number, size: number): void {
    freeMemory(this.bytes[number]!.buffer);
    this.#detach(number);
    this.#emptySingles.push(number);
    this.reservedBytes -= size;
    this.spareBytes -= size;
  }

  #dropSegment(first: number): void {
    freeMemory(this.bytes[first]!.buffer);
    for (let stripe = 0; stripe < SEGMENT_STRIPES; stripe++) this.#detach(first + stripe);
    this.#emptyGroups.push(first);
    this.reservedBytes -= SEGMENT_BYTES;
    this.spareBytes -= SEGMENT_BYTES;
  }

  #attach(number: number, memory: ArrayBufferLike, from: number, end: number): void {
    this.bytes[number] = Buffer.from(memory as ArrayBuffer, from, end - from);
    this.views[number] = new DataView(memory, from, end - from);
    this.words[number] = new Int32Array(memory, from, (end - from) >>> 2);
  }

  #detach(number: number): void {
    this.bytes[number] = NO_BYTES;
    this.views[number] = NO_VIEW;
    this.words[number] = NO_WORDS;
    this.kinds[number] = SegmentKind.none;
  }

  #newGroup(): number {
    const first = this.bytes.length;
    if (first + SEGMENT_STRIPES > STRIPE_UNITS) {
      throw new DbError("MEMORY_ADDRESS_LIMIT", "this process cannot address more memory", {
        reservedBytes: this.reservedBytes,
      });
    }
    for (let stripe = 0; stripe < SEGMENT_STRIPES; stripe++) {
      this.bytes.push(NO_BYTES);
      this.views.push(NO_VIEW);
      this.words.push(NO_WORDS);
      this.kinds.push(SegmentKind.none);
    }
    return first;
  }

  #newSingle(): number {
    let first = this.#emptyGroups.pop() ?? this.#newGroup();
    if (first === 0) {
      // Reference 0 means none: number 0 is for a shared segment, which leaves its first units
      // unused.
      first = this.#newGroup();
      this.#emptyGroups.push(0);
    }
    for (let stripe = SEGMENT_STRIPES - 1; stripe > 0; stripe--) {
      this.#emptySingles.push(first + stripe);
    }
    return first;
  }
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
}
