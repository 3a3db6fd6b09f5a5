// Walks a slot's table in order of (hash, key bytes), whatever its pages look like.
import type { Arena } from "./arena.ts";
import {
  DEPTH_MASK,
  DEPTH_SHIFT,
  homeWord,
  leafOf,
  PAGE_HEADER_WORDS,
  WORD_CAPACITY,
  WORD_PREFIX,
} from "./table-page.ts";

/** Words of a cache line: records are touched in their first three. */
const LINE_WORDS = 16;
/** Entries that `touchAhead` goes through. */
export const TOUCHED_ENTRIES = 32;

/** A place in a slot's table. Any change of the table makes it invalid: `seek` again. */
export class TableCursor {
  /** Record at the place; 0 past the last. */
  ref = 0;
  /** Its hash, unsigned. */
  hash = 0;
  /** What was touched: kept, lest the compiler finds that touching is of no use. */
  touched = 0;
  readonly #arena: Arena;
  #root = 0;
  #leaf = 0;
  #at = 0;
  #end = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Goes to the first entry whose hash is at least `hash` (unsigned). Returns its record, or 0. */
  seek(root: number, hash: number): number {
    this.#root = root;
    this.ref = 0;
    if (root === 0) return 0;
    this.#enter(leafOf(this.#arena.words, root, hash | 0));
    const base = (this.#leaf & 0xffff) << 2;
    this.#at = homeWord(this.#arena.words[this.#leaf >>> 16]!, base, hash | 0);
    this.#settle();
    while (this.ref !== 0 && this.hash < hash) this.next();
    return this.ref;
  }

  /** Goes to the next entry. Returns its record, or 0. */
  next(): number {
    this.#at += 2;
    this.#settle();
    return this.ref;
  }

  /**
   * Reads a little of each of the next records of this page, so that the processor waits for all of
   * them together and not for each in turn. Call it again after `TOUCHED_ENTRIES` calls of `next`.
   */
  touchAhead(): void {
    const memories = this.#arena.words;
    const words = memories[this.#leaf >>> 16]!;
    const end = Math.min(this.#end, this.#at + 2 * TOUCHED_ENTRIES);
    let touched = 0;
    for (let at = this.#at; at < end; at += 2) {
      const ref = words[at + 1]!;
      if (ref === 0) continue;
      const memory = memories[ref >>> 16]!;
      const base = (ref & 0xffff) << 2;
      touched ^= memory[base]! ^ memory[base + LINE_WORDS]! ^ memory[base + 2 * LINE_WORDS]!;
    }
    this.touched = touched;
  }

  #enter(leaf: number): void {
    const words = this.#arena.words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    this.#leaf = leaf;
    this.#at = base + PAGE_HEADER_WORDS;
    this.#end = this.#at + words[base + WORD_CAPACITY]! * 2;
  }

  /** Passes over gaps and on to the following leaves. */
  #settle(): void {
    for (;;) {
      const words = this.#arena.words[this.#leaf >>> 16]!;
      const end = this.#end;
      let at = this.#at;
      while (at < end && words[at + 1] === 0) at += 2;
      this.#at = at;
      if (at < end) {
        this.ref = words[at + 1]! >>> 0;
        this.hash = words[at]! >>> 0;
        return;
      }
      const base = (this.#leaf & 0xffff) << 2;
      const depth = (words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK;
      const prefix = words[base + WORD_PREFIX]! >>> 0;
      const following = prefix + 2 ** (32 - depth);
      if (following >= 2 ** 32) {
        this.ref = 0;
        return;
      }
      this.#enter(leafOf(this.#arena.words, this.#root, following | 0));
    }
  }
}
