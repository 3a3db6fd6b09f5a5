// Integers as decimal bytes: 64-bit exact, fast as plain numbers below 2^53.

/** Smallest and largest signed 64-bit integer. */
export const INT64_MIN: bigint = -(2n ** 63n);
export const INT64_MAX: bigint = 2n ** 63n - 1n;

/** Longest decimal form of a signed 64-bit integer, in bytes. */
export const INTEGER_TEXT_BYTES_MAX = 20;

const MINUS = 0x2d;
const ZERO = 0x30;
const BILLION = 1e9;
/** Digits of 2^53 - 1; a sum of so many digits is exact or at least not below 2^53. */
const SAFE_DIGITS_MAX = 16;
const INT64_DIGITS_MAX = 19;

/**
 * Reads a decimal integer from bytes in Redis's strict form: no space, no `+`, no leading zero, no
 * `-0`.
 *
 * @returns The integer, or NaN when the bytes have another form or the integer is beyond +-(2^53 -
 *   1).
 */
export function parseSafeInteger(bytes: Uint8Array, offset: number, length: number): number {
  const negative = length > 0 && bytes[offset] === MINUS;
  const end = offset + length;
  let at = negative ? offset + 1 : offset;
  const digits = end - at;
  if (digits < 1 || digits > SAFE_DIGITS_MAX) return NaN;
  if (bytes[at] === ZERO) return length === 1 ? 0 : NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return NaN;
  return negative ? -value : value;
}

/**
 * Reads any signed 64-bit integer, in the same strict form.
 *
 * @returns The integer, or undefined for another form or an integer beyond 64 bits.
 * @remarks Allocates: for the slow path, after {@link parseSafeInteger} said NaN.
 */
export function parseInt64(bytes: Uint8Array, offset: number, length: number): bigint | undefined {
  const negative = length > 0 && bytes[offset] === MINUS;
  const start = negative ? offset + 1 : offset;
  const end = offset + length;
  const digits = end - start;
  if (digits < 1 || digits > INT64_DIGITS_MAX) return undefined;
  if (bytes[start] === ZERO) return length === 1 ? 0n : undefined;
  let text = negative ? "-" : "";
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    text += String.fromCharCode(bytes[at]!);
  }
  const value = BigInt(text);
  return value < INT64_MIN || value > INT64_MAX ? undefined : value;
}

/**
 * Reads a signed 64-bit integer for uses that only compare it: offsets, counts.
 *
 * @returns The integer, rounded to a double when beyond 2^53; NaN for another form or beyond 64
 *   bits.
 */
export function parseRoundedInteger(bytes: Uint8Array, offset: number, length: number): number {
  const value = parseSafeInteger(bytes, offset, length);
  if (value === value) return value;
  const exact = parseInt64(bytes, offset, length);
  return exact === undefined ? NaN : Number(exact);
}

/**
 * Writes an integer within +-(2^53 - 1) in decimal at the start of `target` (20 bytes are enough).
 *
 * @returns How many bytes were written.
 */
export function writeInteger(target: Uint8Array, value: number): number {
  let at = 0;
  let rest = value;
  if (rest < 0) {
    target[at++] = MINUS;
    rest = -rest;
  }
  // From 10^9 on the digits are made in two halves, so that the loop divides small integers only.
  if (rest >= BILLION) {
    const high = Math.floor(rest / BILLION);
    at = writeInteger32(target, at, high, decimalDigits(high));
    return writeInteger32(target, at, rest - high * BILLION, 9);
  }
  return writeInteger32(target, at, rest, decimalDigits(rest));
}

/** Writes text of ASCII characters at the start of `target`; returns its length. */
export function writeAscii(target: Uint8Array, text: string): number {
  for (let at = 0; at < text.length; at++) target[at] = text.charCodeAt(at);
  return text.length;
}

function writeInteger32(target: Uint8Array, start: number, value: number, digits: number): number {
  let rest = value | 0;
  for (let at = start + digits - 1; at >= start; at--) {
    const next = (rest / 10) | 0;
    target[at] = ZERO + rest - next * 10;
    rest = next;
  }
  return start + digits;
}

/** Digits of an integer from 0 to 2^53 / 10^9, which is below 10^8, or of a rest below 10^9. */
function decimalDigits(value: number): number {
  let digits = 1;
  for (let bound = 10; digits < 9 && value >= bound; bound *= 10) digits++;
  return digits;
}
