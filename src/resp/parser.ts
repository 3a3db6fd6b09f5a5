// Finds the next command in a buffer, as ranges of bytes: RESP arrays and inline commands, no
// copies.
import type { Args } from "./args.ts";
import { parseInline } from "./inline.ts";

/** What one client may send in one request. */
export interface RequestLimits {
  /** Arguments of one command, its name included. */
  readonly argumentsMax: number;
  /** Bytes of one argument. */
  readonly argumentBytesMax: number;
  /** Bytes of one inline line. */
  readonly inlineBytesMax: number;
  /** Bytes of one whole request. */
  readonly requestBytesMax: number;
}

/** Limits of a client that has logged in, or needs no login. */
export const defaultLimits: RequestLimits = {
  argumentsMax: 1024 * 1024,
  argumentBytesMax: 64 * 1024 * 1024,
  inlineBytesMax: 64 * 1024,
  requestBytesMax: 64 * 1024 * 1024 + 64 * 1024,
};

/** Limits before login: what AUTH and HELLO need (CVE-2021-32675). */
export const unauthenticatedLimits: RequestLimits = {
  argumentsMax: 10,
  argumentBytesMax: 16 * 1024,
  inlineBytesMax: 64 * 1024,
  requestBytesMax: 256 * 1024,
};

/** The input ends inside a command: {@link CommandParser.parse} again when more bytes are here. */
export const INCOMPLETE = -1;
/** The input is not RESP: send {@link CommandParser.error}, then close. */
export const MALFORMED = -2;

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
/** Longest count or length line that can be right: sign, ten digits, with room for zeros. */
const NUMBER_BYTES_MAX = 32;

/**
 * A parser that can go on where it stopped: feed it the same bytes again with more behind them, in
 * the same buffer positions, and it does not look at finished arguments a second time.
 *
 * @example
 * let at = 0;
 * for (;;) {
 *   const next = parser.parse(bytes, at, length, args);
 *   if (next < 0) break; // INCOMPLETE or MALFORMED
 *   run(args); // args.count may be 0: an empty request
 *   at = next;
 * }
 */
export class CommandParser {
  limits: RequestLimits;
  /** Text of the protocol error after `MALFORMED`, without `-ERR`. */
  error = "";
  /** After `INCOMPLETE`: bytes that the command has at the least, counted from its start. */
  neededBytes = 0;
  /** Where to go on inside an unfinished command: argument and its place, relative to the start. */
  #argumentsDone = 0;
  #resumeAt = 0;
  #expected = 0;

  constructor(limits: RequestLimits) {
    this.limits = limits;
  }

  /** Forgets an unfinished command. */
  reset(): void {
    this.#argumentsDone = 0;
    this.#resumeAt = 0;
    this.#expected = 0;
  }

  /**
   * Parses one command that starts at `at`.
   *
   * @param end End of the bytes that are there.
   * @returns Where the next command starts, `INCOMPLETE` or `MALFORMED`. `args.count` 0 means an
   * empty request.
   */
  parse(bytes: Uint8Array, at: number, end: number, args: Args): number {
    if (this.#resumeAt !== 0) return this.#arguments(bytes, at, at + this.#resumeAt, end, args);
    if (at >= end) return this.#incomplete(1);
    if (bytes[at] !== STAR) return this.#inline(bytes, at, end, args);
    let cursor = at + 1;
    let count = 0;
    let byte = 0;
    while (cursor < end && (byte = bytes[cursor]! - 48) >= 0 && byte <= 9) {
      count = count * 10 + byte;
      cursor++;
    }
    const digits = cursor - at - 1;
    if (cursor + 1 >= end) {
      if (digits > NUMBER_BYTES_MAX) return this.#malformed("too big mbulk count string");
      if (cursor === end || bytes[cursor] === CR) return this.#incomplete(cursor + 2 - at);
    }
    if (bytes[cursor] !== CR || bytes[cursor + 1] !== LF || digits === 0) {
      return this.#oddCount(bytes, at, end, args);
    }
    if (count > this.limits.argumentsMax) return this.#tooManyArguments();
    args.count = 0;
    if (count === 0) return cursor + 2;
    args.reserve(count);
    this.#expected = count;
    this.#argumentsDone = 0;
    return this.#arguments(bytes, at, cursor + 2, end, args);
  }

  #arguments(bytes: Uint8Array, start: number, from: number, end: number, args: Args): number {
    const expected = this.#expected;
    const lengthMax = this.limits.argumentBytesMax;
    const offsets = args.offsets;
    const lengths = args.lengths;
    let cursor = from;
    let index = this.#argumentsDone;
    for (; index < expected; index++) {
      const header = cursor;
      if (header >= end) return this.#stopAt(start, header, index, 4);
      if (bytes[header] !== DOLLAR) return this.#notDollar(bytes[header]!);
      let length = 0;
      let byte = 0;
      cursor++;
      while (cursor < end && (byte = bytes[cursor]! - 48) >= 0 && byte <= 9) {
        length = length * 10 + byte;
        cursor++;
      }
      if (cursor - header > NUMBER_BYTES_MAX) return this.#malformed("invalid bulk length");
      if (cursor + 1 >= end && (cursor === end || bytes[cursor] === CR)) {
        return this.#stopAt(start, header, index, cursor + 2 - header);
      }
      if (bytes[cursor] !== CR || bytes[cursor + 1] !== LF || cursor === header + 1) {
        return this.#malformed("invalid bulk length");
      }
      if (length > lengthMax) return this.#tooLong();
      cursor += 2;
      const next = cursor + length + 2;
      if (next - start > this.limits.requestBytesMax) return this.#malformed("request too big");
      if (next > end) return this.#stopAt(start, header, index, next - header);
      if (bytes[next - 2] !== CR || bytes[next - 1] !== LF) {
        return this.#malformed("expected CRLF after bulk data");
      }
      offsets[index] = cursor;
      lengths[index] = length;
      cursor = next;
    }
    args.count = expected;
    this.#resumeAt = 0;
    return cursor;
  }

  #stopAt(start: number, header: number, index: number, bytesMore: number): number {
    this.#argumentsDone = index;
    this.#resumeAt = header - start;
    this.neededBytes = header - start + bytesMore;
    return INCOMPLETE;
  }

  /** True when finished arguments are remembered as offsets into the buffer that was given. */
  get resuming(): boolean {
    return this.#resumeAt !== 0;
  }

  #incomplete(neededBytes: number): number {
    this.neededBytes = neededBytes;
    return INCOMPLETE;
  }

  #malformed(error: string): number {
    this.error = `Protocol error: ${error}`;
    return MALFORMED;
  }

  #notDollar(byte: number): number {
    const shown =
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "\\x" + byte.toString(16);
    return this.#malformed(`expected '$', got '${shown}'`);
  }

  #tooManyArguments(): number {
    const early = this.limits.argumentsMax < defaultLimits.argumentsMax;
    return this.#malformed(early ? "unauthenticated multibulk length" : "invalid multibulk length");
  }

  #tooLong(): number {
    const early = this.limits.argumentBytesMax < 1024 * 1024;
    return this.#malformed(early ? "unauthenticated bulk length" : "invalid bulk length");
  }

  /** A count line that is not plain digits: `*-1` is an empty request, all else an error. */
  #oddCount(bytes: Uint8Array, at: number, end: number, args: Args): number {
    const lineMax = Math.min(end, at + NUMBER_BYTES_MAX);
    let cursor = at + 1;
    while (cursor < lineMax && bytes[cursor] !== CR) cursor++;
    if (cursor === lineMax) {
      if (lineMax < end) return this.#malformed("too big mbulk count string");
      return this.#incomplete(end - at + 1);
    }
    if (cursor + 1 >= end) return this.#incomplete(cursor + 2 - at);
    const text = String.fromCharCode(...bytes.subarray(at + 1, cursor));
    if (bytes[cursor + 1] !== LF || !/^-\d{1,10}$/.test(text)) {
      return this.#malformed("invalid multibulk length");
    }
    args.count = 0;
    return cursor + 2;
  }

  #inline(bytes: Uint8Array, at: number, end: number, args: Args): number {
    const lineMax = Math.min(end, at + this.limits.inlineBytesMax);
    const newline = bytes.indexOf(LF, at);
    if (newline === -1 || newline >= lineMax) {
      if (end - at >= this.limits.inlineBytesMax) return this.#malformed("too big inline request");
      return this.#incomplete(end - at + 1);
    }
    if (!parseInline(bytes, at, newline, args)) {
      return this.#malformed("unbalanced quotes in request");
    }
    return newline + 1;
  }
}
