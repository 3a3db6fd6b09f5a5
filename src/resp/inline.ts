// Inline commands: words of a line typed by a person, with the quoting rules of redis-cli.
import { viewOf } from "../base/bytes.ts";
import type { Args } from "./args.ts";

const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const BACKSLASH = 0x5c;
const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 };

/**
 * Splits `bytes[at, end)` into words and points `args` at them (in memory of its own: quoted words
 * differ from their source).
 *
 * @returns False for unbalanced quotes, or a closing quote with no space behind it.
 */
export function parseInline(bytes: Uint8Array, at: number, end: number, args: Args): boolean {
  const words = splitWords(bytes, at, end);
  if (words === null) return false;
  const total = words.reduce((sum, word) => sum + word.length, 0);
  const memory = new Uint8Array(total);
  args.setMemory(memory, viewOf(memory));
  args.reserve(words.length);
  args.count = words.length;
  let offset = 0;
  for (const [index, word] of words.entries()) {
    memory.set(word, offset);
    args.offsets[index] = offset;
    args.lengths[index] = word.length;
    offset += word.length;
  }
  return true;
}

/** Words of a line, quotes and escapes resolved; null when quotes do not balance. */
export function splitWords(bytes: Uint8Array, at: number, end: number): number[][] | null {
  const words: number[][] = [];
  let cursor = at;
  for (;;) {
    while (cursor < end && isSpace(bytes[cursor]!)) cursor++;
    if (cursor >= end) return words;
    const word: number[] = [];
    const next = readWord(bytes, cursor, end, word);
    if (next === -1) return null;
    words.push(word);
    cursor = next;
  }
}

function readWord(bytes: Uint8Array, at: number, end: number, word: number[]): number {
  let cursor = at;
  while (cursor < end && !isSpace(bytes[cursor]!)) {
    const byte = bytes[cursor]!;
    if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) {
      cursor = readQuoted(bytes, cursor + 1, end, byte, word);
      if (cursor === -1 || (cursor < end && !isSpace(bytes[cursor]!))) return -1;
      return cursor;
    }
    word.push(byte);
    cursor++;
  }
  return cursor;
}

function readQuoted(
  bytes: Uint8Array,
  at: number,
  end: number,
  quote: number,
  word: number[],
): number {
  let cursor = at;
  while (cursor < end) {
    const byte = bytes[cursor]!;
    if (byte === quote) return cursor + 1;
    if (byte === BACKSLASH && cursor + 1 < end) {
      cursor = readEscape(bytes, cursor + 1, end, quote, word);
    } else {
      word.push(byte);
      cursor++;
    }
  }
  return -1;
}

function readEscape(
  bytes: Uint8Array,
  at: number,
  end: number,
  quote: number,
  word: number[],
): number {
  const letter = String.fromCharCode(bytes[at]!);
  if (quote === SINGLE_QUOTE) {
    if (bytes[at] === SINGLE_QUOTE) {
      word.push(SINGLE_QUOTE);
      return at + 1;
    }
    word.push(BACKSLASH);
    return at;
  }
  if (letter === "x" && at + 2 < end) {
    const digits = String.fromCharCode(bytes[at + 1]!, bytes[at + 2]!);
    if (/^[0-9a-fA-F]{2}$/.test(digits)) {
      word.push(Number.parseInt(digits, 16));
      return at + 3;
    }
  }
  word.push(ESCAPES[letter] ?? bytes[at]!);
  return at + 1;
}

/** Space, tab, CR, LF, VT, FF and NUL end a word, as `isspace` and C strings do in Redis. */
function isSpace(byte: number): boolean {
  return byte === SPACE || (byte >= 9 && byte <= 13) || byte === 0;
}
