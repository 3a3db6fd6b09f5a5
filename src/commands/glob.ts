// Redis's glob patterns on bytes: `*`, `?`, `[a-z]`, `[^a]`, `\x`. Iterative: no stack, no
// exponential time.

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

/**
 * Whether a text matches a glob pattern, both given as ranges of bytes.
 *
 * The rules are those of Redis's `stringmatchlen`, the odd ones included: a bracket that is never
 * closed ends with the pattern; `[a-]` is a range up to `]`; an empty text matches only the empty
 * pattern, not `*` (commands treat a lone `*` as no pattern). Bytes are compared unsigned.
 *
 * @remarks At most text length x pattern length steps: on a mismatch only the last `*` is tried
 *   again, since what an earlier one could add, the last one covers. Allocation-free.
 */
export function globMatches(
  pattern: Uint8Array,
  patternOffset: number,
  patternLength: number,
  text: Uint8Array,
  textOffset: number,
  textLength: number,
): boolean {
  if (textLength === 0) return patternLength === 0;
  const patternEnd = patternOffset + patternLength;
  const textEnd = textOffset + textLength;
  let at = patternOffset;
  let textAt = textOffset;
  /**
   * First pattern byte behind the last star seen, -1 for none, and the text byte to try next there.
   */
  let starAt = -1;
  let retryAt = 0;
  while (textAt < textEnd) {
    if (at < patternEnd && pattern[at] === STAR) {
      do at++;
      while (at < patternEnd && pattern[at] === STAR);
      if (at === patternEnd) return true;
      starAt = at;
      retryAt = textAt;
      continue;
    }
    const next = at < patternEnd ? matchOne(pattern, at, patternEnd, text[textAt]!) : -1;
    if (next >= 0) {
      at = next;
      textAt++;
      continue;
    }
    if (starAt < 0) return false;
    at = starAt;
    textAt = ++retryAt;
  }
  while (at < patternEnd && pattern[at] === STAR) at++;
  return at === patternEnd;
}

/** Whether a pattern is a lone `*`, which commands take for "everything". */
export function isMatchAll(pattern: Uint8Array, offset: number, length: number): boolean {
  return length === 1 && pattern[offset] === STAR;
}

/** Matches one byte against the pattern item at `at`: the start of the next item, or -1. */
function matchOne(pattern: Uint8Array, at: number, end: number, byte: number): number {
  const first = pattern[at]!;
  if (first === QUESTION) return at + 1;
  if (first === OPEN) return matchClass(pattern, at + 1, end, byte);
  const literal = first === BACKSLASH && at + 1 < end ? at + 1 : at;
  return pattern[literal] === byte ? literal + 1 : -1;
}

/**
 * Matches one byte against the bracket whose inside starts at `start`: the place behind it, or -1.
 */
function matchClass(pattern: Uint8Array, start: number, end: number, byte: number): number {
  const negated = start < end && pattern[start] === CARET;
  let at = negated ? start + 1 : start;
  let found = false;
  while (at < end) {
    const first = pattern[at]!;
    if (first === BACKSLASH && at + 1 < end) {
      if (pattern[at + 1] === byte) found = true;
      at += 2;
    } else if (first === CLOSE) {
      break;
    } else if (at + 2 < end && pattern[at + 1] === DASH) {
      const last = pattern[at + 2]!;
      if (byte >= Math.min(first, last) && byte <= Math.max(first, last)) found = true;
      at += 3;
    } else {
      if (first === byte) found = true;
      at++;
    }
  }
  if (found === negated) return -1;
  return at < end ? at + 1 : end;
}
