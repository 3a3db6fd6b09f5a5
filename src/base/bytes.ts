// Moving and comparing bytes without calls into C++ and without allocation.

/** Below this many bytes a loop over `DataView` beats `TypedArray.set` (measured, Node 20). */
const LOOP_BYTES_MAX = 256;

/**
 * Copies bytes between two memories, which must not overlap.
 *
 * @param source Bytes to read, with `sourceView` over the same memory from the same start.
 * @param target Bytes to write, with `targetView` over the same memory from the same start.
 * @param length Bytes to copy, 0 or more.
 * @remarks Short ranges through the views, sixteen bytes a step (1.8 times as fast as four, for 100
 *   bytes); `set` for long ones.
 */
export function copyBytes(
  source: Uint8Array,
  sourceView: DataView,
  sourceAt: number,
  target: Uint8Array,
  targetView: DataView,
  targetAt: number,
  length: number,
): void {
  if (length > LOOP_BYTES_MAX) {
    target.set(source.subarray(sourceAt, sourceAt + length), targetAt);
    return;
  }
  let from = sourceAt;
  let to = targetAt;
  const end = sourceAt + length;
  for (const last = end - 16; from <= last; from += 16, to += 16) {
    const word0 = sourceView.getInt32(from, true);
    const word1 = sourceView.getInt32(from + 4, true);
    const word2 = sourceView.getInt32(from + 8, true);
    const word3 = sourceView.getInt32(from + 12, true);
    targetView.setInt32(to, word0, true);
    targetView.setInt32(to + 4, word1, true);
    targetView.setInt32(to + 8, word2, true);
    targetView.setInt32(to + 12, word3, true);
  }
  for (const last = end - 4; from <= last; from += 4, to += 4) {
    targetView.setInt32(to, sourceView.getInt32(from, true), true);
  }
  for (; from < end; from++, to++) target[to] = source[from]!;
}

/** Whether two ranges of `length` bytes hold the same bytes. */
export function equalBytes(
  left: Uint8Array,
  leftAt: number,
  right: Uint8Array,
  rightAt: number,
  length: number,
): boolean {
  for (let at = 0; at < length; at++) {
    if (left[leftAt + at] !== right[rightAt + at]) return false;
  }
  return true;
}

/** Orders two byte ranges as `memcmp` does, a shorter prefix first: negative, 0 or positive. */
export function compareBytes(
  left: Uint8Array,
  leftAt: number,
  leftLength: number,
  right: Uint8Array,
  rightAt: number,
  rightLength: number,
): number {
  const shared = Math.min(leftLength, rightLength);
  for (let at = 0; at < shared; at++) {
    const difference = left[leftAt + at]! - right[rightAt + at]!;
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}

/** A `DataView` over exactly the memory of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const WORD = 0x1_0000_0000;

/** Writes a whole number from 0 to 2^53 - 1 as 64 bits, little endian. */
export function setUint53(view: DataView, at: number, value: number): void {
  // `>>> 0` takes the number modulo 2^32, also above it.
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, value < WORD ? 0 : Math.floor(value / WORD), true);
}

/** Reads what {@link setUint53} wrote; other bytes may give numbers above 2^53 - 1. */
export function getUint53(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  const low = view.getUint32(at, true);
  return high === 0 ? low : high * WORD + low;
}
