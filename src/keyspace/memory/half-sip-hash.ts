// The keyed hash of keys: HalfSipHash-1-3 with 32 bits of output, which resists hash flooding.

/** A function like {@link halfSipHash13}; tests pass weak ones. */
export type KeyHash = (
  view: DataView,
  offset: number,
  length: number,
  seed0: number,
  seed1: number,
) => number;

/**
 * HalfSipHash with 1 compression and 3 finalisation rounds.
 *
 * @param view Holds the bytes to hash.
 * @param seed0 First half of the secret key, as a 32-bit integer.
 * @param seed1 Second half of the secret key, as a 32-bit integer.
 * @returns A signed 32-bit integer (`>>> 0` gives the usual form): signed stays a small integer in
 * V8.
 * @remarks Aumasson and Bernstein, "SipHash"; same result as `hsiphash` of Linux on 32-bit
 * machines.
 */
export function halfSipHash13(
  view: DataView,
  offset: number,
  length: number,
  seed0: number,
  seed1: number,
): number {
  let v0 = seed0 | 0;
  let v1 = seed1 | 0;
  let v2 = 0x6c796765 ^ seed0;
  let v3 = 0x74656462 ^ seed1;
  const wordsEnd = offset + (length & ~3);
  let at = offset;
  let word = 0;
  let rounds = 0;
  // One loop for message words, the padded last word and the finalisation keeps the code small
  // enough to be compiled as one piece.
  for (;;) {
    if (rounds === 0) {
      if (at < wordsEnd) {
        word = view.getInt32(at, true);
      } else {
        word = length << 24;
        const rest = length & 3;
        if (rest === 3) word |= view.getUint8(at + 2) << 16;
        if (rest >= 2) word |= view.getUint8(at + 1) << 8;
        if (rest >= 1) word |= view.getUint8(at);
        rounds = 1;
      }
      v3 ^= word;
    }
    v0 = (v0 + v1) | 0;
    v1 = (v1 << 5) | (v1 >>> 27);
    v1 ^= v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = (v3 << 8) | (v3 >>> 24);
    v3 ^= v2;
    v0 = (v0 + v3) | 0;
    v3 = (v3 << 7) | (v3 >>> 25);
    v3 ^= v0;
    v2 = (v2 + v1) | 0;
    v1 = (v1 << 13) | (v1 >>> 19);
    v1 ^= v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    if (rounds === 0) {
      v0 ^= word;
      at += 4;
      continue;
    }
    if (rounds === 1) {
      v0 ^= word;
      v2 ^= 0xff;
    } else if (rounds === 4) {
      return v1 ^ v3;
    }
    rounds++;
  }
}
