// Latency histogram of fixed size: exact below 64 microseconds, within 3 % above.

/** Buckets per doubling, 2^5: the width of a bucket is at most 1/32 of its value. */
const SUB_BITS = 5;
const SUB_COUNT = 1 << SUB_BITS;
const VALUE_MAX = 0x7fffffff;
const BUCKET_COUNT = (31 - SUB_BITS) * SUB_COUNT + SUB_COUNT;

/** Counts whole microseconds from 0 to 2^31 (36 minutes; larger values count as that). */
export class Histogram {
  readonly #counts = new Float64Array(BUCKET_COUNT);
  #count = 0;
  #maxUs = 0;

  /** Number of values recorded. */
  get count(): number {
    return this.#count;
  }

  /** The largest value recorded, exact; 0 when empty. */
  get maxUs(): number {
    return this.#maxUs;
  }

  /** Adds `times` values of `us` microseconds (fractions are cut off). */
  record(us: number, times = 1): void {
    const value = us > VALUE_MAX ? VALUE_MAX : us > 0 ? us | 0 : 0;
    this.#counts[bucketOf(value)]! += times;
    this.#count += times;
    if (value > this.#maxUs) this.#maxUs = value;
  }

  /** The value at share `q` (0 to 1) in microseconds: the middle of its bucket; 0 when empty. */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(middleOf(bucket), this.#maxUs);
    }
    return this.#maxUs;
  }
}

function bucketOf(value: number): number {
  if (value < 2 * SUB_COUNT) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return shift * SUB_COUNT + (value >>> shift);
}

function middleOf(bucket: number): number {
  if (bucket < 2 * SUB_COUNT) return bucket;
  const shift = (bucket >>> SUB_BITS) - 1;
  const lowest = (bucket - shift * SUB_COUNT) * 2 ** shift;
  return lowest + (2 ** shift - 1) / 2;
}
