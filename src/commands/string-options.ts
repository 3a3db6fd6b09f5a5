// Options of SET and GETEX: parsed to one number, no object per command.
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { invalidExpireTime, NOT_AN_INTEGER } from "./errors.ts";
import { resolveExpiry } from "./expiry-time.ts";

/** Bits of parsed options. */
export const OPTION_NX = 1;
export const OPTION_XX = 2;
export const OPTION_GET = 4;
export const OPTION_KEEPTTL = 8;
export const OPTION_PERSIST = 16;
const OPTION_EX = 32;
const OPTION_PX = 64;
const OPTION_EXAT = 128;
const OPTION_PXAT = 256;
/** Any of the options that carry a time. */
export const OPTION_TIMED: number = OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT;
/** Options that carry a time counted from the Unix epoch. */
export const OPTION_ABSOLUTE: number = OPTION_EXAT | OPTION_PXAT;

/** Above the bits: the index of the argument that holds the time. */
const INDEX_UNIT = 512;

/**
 * Parses options from argument `from` on.
 *
 * @param forSet Whether the words are those of SET or those of GETEX.
 * @returns The bits, plus `INDEX_UNIT` times the index of the time argument; -1 for a syntax error.
 */
export function parseStringOptions(args: Args, from: number, forSet: boolean): number {
  let bits = 0;
  let timeIndex = 0;
  for (let index = from; index < args.count; index++) {
    const timed = timedOption(args, index);
    if (timed !== 0) {
      const others = OPTION_KEEPTTL | OPTION_PERSIST | (OPTION_TIMED & ~timed);
      if ((bits & others) !== 0 || index + 1 === args.count) return -1;
      bits |= timed;
      timeIndex = ++index;
      continue;
    }
    const plain = forSet ? setOption(args, index, bits) : persistOption(args, index, bits);
    if (plain === 0) return -1;
    bits |= plain;
  }
  return bits + timeIndex * INDEX_UNIT;
}

/**
 * The expiry that parsed options ask for.
 *
 * @param options With a time among them.
 * @returns Unix ms, or NaN after replying with the error.
 */
export function expiryOfOptions(
  args: Args,
  options: number,
  nowMs: number,
  reply: Reply,
  command: string,
): number {
  const index = Math.floor(options / INDEX_UNIT);
  const unitMs = (options & (OPTION_EX | OPTION_EXAT)) !== 0 ? 1000 : 1;
  const baseMs = (options & OPTION_ABSOLUTE) !== 0 ? 0 : nowMs;
  return positiveExpiry(args, index, unitMs, baseMs, reply, command);
}

/**
 * The expiry in an argument, which must lie behind `baseMs`: Unix ms, or NaN after replying with
 * the error.
 */
export function positiveExpiry(
  args: Args,
  index: number,
  unitMs: number,
  baseMs: number,
  reply: Reply,
  command: string,
): number {
  const expireAtMs = resolveExpiry(
    args.bytes,
    args.offset(index),
    args.length(index),
    unitMs,
    baseMs,
  );
  if (Number.isNaN(expireAtMs)) {
    reply.error(NOT_AN_INTEGER);
    return NaN;
  }
  if (expireAtMs > baseMs && expireAtMs !== Infinity) return expireAtMs;
  reply.error(invalidExpireTime(command));
  return NaN;
}

function timedOption(args: Args, index: number): number {
  if (args.is(index, "EX")) return OPTION_EX;
  if (args.is(index, "PX")) return OPTION_PX;
  if (args.is(index, "EXAT")) return OPTION_EXAT;
  return args.is(index, "PXAT") ? OPTION_PXAT : 0;
}

function setOption(args: Args, index: number, bits: number): number {
  if (args.is(index, "NX")) return (bits & OPTION_XX) === 0 ? OPTION_NX : 0;
  if (args.is(index, "XX")) return (bits & OPTION_NX) === 0 ? OPTION_XX : 0;
  if (args.is(index, "GET")) return OPTION_GET;
  if (args.is(index, "KEEPTTL")) return (bits & OPTION_TIMED) === 0 ? OPTION_KEEPTTL : 0;
  return 0;
}

function persistOption(args: Args, index: number, bits: number): number {
  return args.is(index, "PERSIST") && (bits & OPTION_TIMED) === 0 ? OPTION_PERSIST : 0;
}
