// Expiry times from arguments: seconds or milliseconds, relative or absolute, with Redis's 64-bit
// checks.
import { INT64_MAX, INT64_MIN, parseInt64, parseSafeInteger } from "./integers.ts";

/**
 * Latest expiry that is stored, in Unix ms (the year 287396). Redis takes times up to 2^63 - 1; a
 * later one than this is stored as this one.
 */
export const EXPIRY_MS_MAX: number = Number.MAX_SAFE_INTEGER;

/** Largest amount that times 1000, plus a Unix time, is surely exact. */
const EXACT_AMOUNT_MAX = 8e12;

/**
 * Reads an amount of time and adds it to a base.
 *
 * @param unitMs 1 or 1000: milliseconds in one unit of the amount.
 * @param baseMs Unix ms for a relative time, 0 for an absolute one.
 * @returns Unix ms within +-`EXPIRY_MS_MAX`; NaN when the argument is no 64-bit integer; Infinity
 *   or -Infinity when the time does not fit in 64 bits of milliseconds.
 */
export function resolveExpiry(
  bytes: Uint8Array,
  offset: number,
  length: number,
  unitMs: number,
  baseMs: number,
): number {
  const amount = parseSafeInteger(bytes, offset, length);
  if (amount <= EXACT_AMOUNT_MAX && amount >= -EXACT_AMOUNT_MAX) return amount * unitMs + baseMs;
  const exact = parseInt64(bytes, offset, length);
  if (exact === undefined) return NaN;
  const relativeMs = exact * BigInt(unitMs);
  if (relativeMs < INT64_MIN) return -Infinity;
  const absoluteMs = relativeMs + BigInt(baseMs);
  if (absoluteMs > INT64_MAX) return Infinity;
  return Math.max(-EXPIRY_MS_MAX, Math.min(EXPIRY_MS_MAX, Number(absoluteMs)));
}
