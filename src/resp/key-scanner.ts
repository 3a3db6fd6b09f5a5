// Finds the first arguments of commands that have not been parsed yet: hints only, so that whatever
// looks odd simply ends the look.

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
/** Commands with more arguments are not looked over. */
const ARGUMENTS_MAX = 8;

/**
 * Looks over plain RESP arrays, one command a call.
 *
 * @example
 * let at = start;
 * while ((at = scanner.next(bytes, at, end)) > 0) note(scanner.keyAt, scanner.keyLength);
 */
export class KeyScanner {
  /** Where the command's first argument begins, and its bytes. */
  keyAt = 0;
  keyLength = 0;
  /** Where the number that was read last ends. */
  #after = 0;

  /** Where the command behind the one at `at` starts; -1 when that one is not whole and plain. */
  next(bytes: Uint8Array, at: number, end: number): number {
    const count = this.#number(bytes, at, end, STAR);
    if (count < 2 || count > ARGUMENTS_MAX) return -1;
    let cursor = this.#after;
    for (let index = 0; index < count; index++) {
      const length = this.#number(bytes, cursor, end, DOLLAR);
      if (length < 0) return -1;
      if (index === 1) {
        this.keyAt = this.#after;
        this.keyLength = length;
      }
      cursor = this.#after + length + 2;
    }
    return cursor <= end ? cursor : -1;
  }

  /** A number of up to seven digits behind `mark`, in a line of its own; -1 for anything else. */
  #number(bytes: Uint8Array, at: number, end: number, mark: number): number {
    if (at + 4 > end || bytes[at] !== mark) return -1;
    const last = Math.min(end - 2, at + 8);
    let value = 0;
    let cursor = at + 1;
    let digit = 0;
    while (cursor < last && (digit = bytes[cursor]! - 48) >= 0 && digit <= 9) {
      value = value * 10 + digit;
      cursor++;
    }
    if (bytes[cursor] !== CR || cursor === at + 1) return -1;
    this.#after = cursor + 2;
    return value;
  }
}
