// The 80-bit `long double` of x86-64 in exact integers, for INCRBYFLOAT to give what Redis gives.

/** A finite number: `mantissa` x 2^`exponent`, the mantissa signed and of at most 64 bits. */
export interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** What does not fit: parsed from `inf`, or the result of an addition. */
export type Infinite = "infinite";

const MANTISSA_BITS = 64;
/** Exponent of the last mantissa bit of the smallest (denormal) number. */
const EXPONENT_MIN = -16445;
/** Finite numbers are below 2 to this power. */
const BITS_MAX = 16384;
/** Redis refuses longer texts (its buffer is 5 KiB with the final zero). */
const TEXT_BYTES_MAX: number = 5 * 1024 - 1;
/** Decimal exponents beyond this overflow or vanish, whatever the digits of such a text are. */
const DECIMAL_EXPONENT_MAX = 20000;
/** Decimals that Redis prints before it cuts trailing zeros. */
const DECIMALS = 17;

const ZERO: LongDouble = { mantissa: 0n, exponent: 0 };
const DECIMAL = /^([+-]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/;
const HEXADECIMAL =
  /^([+-]?)0[xX](?=\.?[0-9a-fA-F])([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?$/;
const INFINITE = /^[+-]?inf(?:inity)?$/i;

/**
 * Reads a number as C's `strtold` does in the C locale: decimal, hexadecimal or `inf`, rounded to
 * nearest.
 *
 * @returns The number; undefined for another form, `nan`, and numbers too large or too close to 0.
 */
export function parseLongDouble(text: string): LongDouble | Infinite | undefined {
  if (text.length > TEXT_BYTES_MAX) return undefined;
  if (INFINITE.test(text)) return "infinite";
  const decimal = DECIMAL.exec(text);
  if (decimal !== null) return fromDecimal(decimal);
  const hexadecimal = HEXADECIMAL.exec(text);
  return hexadecimal === null ? undefined : fromHexadecimal(hexadecimal);
}

/** The same from bytes; a text too long for a number is not even built. */
export function parseLongDoubleBytes(
  bytes: Uint8Array,
  offset: number,
  length: number,
): LongDouble | Infinite | undefined {
  if (length > TEXT_BYTES_MAX) return undefined;
  let text = "";
  for (let at = offset; at < offset + length; at++) text += String.fromCharCode(bytes[at]!);
  return parseLongDouble(text);
}

/** The sum, rounded to nearest, ties to even. */
export function addLongDoubles(left: LongDouble, right: LongDouble): LongDouble | Infinite {
  const exponent = Math.min(left.exponent, right.exponent);
  const sum = aligned(left, exponent) + aligned(right, exponent);
  return sum === 0n ? ZERO : round(sum, 1n, exponent);
}

/** The number as Redis prints it: 17 decimals, trailing zeros cut, never an exponent. */
export function formatLongDouble(value: LongDouble): string {
  const scaled = abs(value.mantissa) * 10n ** BigInt(DECIMALS);
  const units =
    value.exponent >= 0
      ? scaled << BigInt(value.exponent)
      : divideToEven(scaled, 1n << BigInt(-value.exponent));
  const digits = units.toString().padStart(DECIMALS + 1, "0");
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, "");
  const sign = value.mantissa < 0n && units !== 0n ? "-" : "";
  return sign + digits.slice(0, -DECIMALS) + (fraction === "" ? "" : `.${fraction}`);
}

function fromDecimal(match: RegExpExecArray): LongDouble | undefined {
  const [, sign, whole = "", fraction = "", exponentText = "0"] = match;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return ZERO;
  const power = Number(exponentText) - fraction.length;
  if (Math.abs(power) > DECIMAL_EXPONENT_MAX) return undefined;
  const scale = 10n ** BigInt(Math.abs(power));
  const signed = sign === "-" ? -digits : digits;
  return power >= 0 ? finite(round(signed * scale, 1n, 0)) : finite(round(signed, scale, 0));
}

function fromHexadecimal(match: RegExpExecArray): LongDouble | undefined {
  const [, sign, whole = "", fraction = "", exponentText = "0"] = match;
  const digits = BigInt(`0x${whole}${fraction}`);
  if (digits === 0n) return ZERO;
  const exponent = Number(exponentText) - 4 * fraction.length;
  if (Math.abs(exponent) > 8 * DECIMAL_EXPONENT_MAX) return undefined;
  return finite(round(sign === "-" ? -digits : digits, 1n, exponent));
}

/** What Redis takes: `strtold` reports overflow, and numbers that vanish to 0, as range errors. */
function finite(value: LongDouble | Infinite): LongDouble | undefined {
  return value === "infinite" || value.mantissa === 0n ? undefined : value;
}

/** Rounds `numerator / denominator x 2^exponent`, numerator not 0, to the nearest long double. */
function round(numerator: bigint, denominator: bigint, exponent: number): LongDouble | Infinite {
  const magnitude = abs(numerator);
  let shift = bitLength(magnitude) - bitLength(denominator) - MANTISSA_BITS;
  // The quotient has 64 or 65 bits at this shift; one look decides.
  if (bitLength(shifted(magnitude, denominator, shift)) > MANTISSA_BITS) shift++;
  shift = Math.max(shift, EXPONENT_MIN - exponent);
  const [top, bottom] =
    shift >= 0
      ? [magnitude, denominator << BigInt(shift)]
      : [magnitude << BigInt(-shift), denominator];
  const mantissa = divideToEven(top, bottom);
  if (bitLength(mantissa) + exponent + shift > BITS_MAX) return "infinite";
  return { mantissa: numerator < 0n ? -mantissa : mantissa, exponent: exponent + shift };
}

function shifted(top: bigint, bottom: bigint, shift: number): bigint {
  return shift >= 0 ? top / (bottom << BigInt(shift)) : (top << BigInt(-shift)) / bottom;
}

/** Quotient of two positive integers rounded to nearest, ties to even. */
function divideToEven(top: bigint, bottom: bigint): bigint {
  const quotient = top / bottom;
  const doubled = (top - quotient * bottom) * 2n;
  const up = doubled > bottom || (doubled === bottom && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}

function aligned(value: LongDouble, exponent: number): bigint {
  return value.mantissa << BigInt(value.exponent - exponent);
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const text = value.toString(16);
  return text.length * 4 - Math.clz32(parseInt(text[0]!, 16)) + 28;
}
