// The tables of keys: per slot one leaf page, or a directory of leaf pages by the first bits of the
// hash.
import { compareBytes } from "../../base/bytes.ts";
import type { Arena } from "./arena.ts";
import type { Database } from "./database.ts";
import type { TableGrowth } from "./table-growth.ts";
import {
  homeWord,
  leafOf,
  loadMax,
  loadMin,
  PAGE_HEADER_WORDS,
  WORD_CAPACITY,
  WORD_COUNT,
} from "./table-page.ts";

/**
 * Finds, adds and removes entries, always in order of (hash, key bytes).
 *
 * `locate` notes the place that `insert`, `replace` and `remove` then work on, so that a write
 * probes once; anything else in between that changes the table makes the place invalid.
 */
export class Table {
  /** Leaf of the last `locate`, 0 when the slot has no table, and the word of the place in it. */
  leaf = 0;
  place = 0;

  readonly #arena: Arena;
  readonly #growth: TableGrowth;
  readonly #words: Int32Array[];

  constructor(arena: Arena, growth: TableGrowth) {
    this.#arena = arena;
    this.#growth = growth;
    this.#words = arena.words;
  }

  /** The record of a key, or 0. */
  find(root: number, hash: number, view: DataView, offset: number, length: number): number {
    if (root === 0) return 0;
    const leaf = leafOf(this.#words, root, hash);
    const words = this.#words[leaf >>> 16]!;
    let at = homeWord(words, (leaf & 0xffff) << 2, hash);
    for (;;) {
      const ref = words[at + 1]!;
      if (ref === 0) return 0;
      const found = words[at]!;
      if (found === hash) {
        if (this.#hasKey(ref, view, offset, length)) return ref >>> 0;
      } else if (found >>> 0 > hash >>> 0) {
        return 0;
      }
      at += 2;
    }
  }

  /** As `find`, and notes the place of the key, or the one where it belongs. */
  locate(
    root: number,
    hash: number,
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    length: number,
  ): number {
    this.leaf = 0;
    if (root === 0) return 0;
    const leaf = leafOf(this.#words, root, hash);
    const words = this.#words[leaf >>> 16]!;
    let at = homeWord(words, (leaf & 0xffff) << 2, hash);
    this.leaf = leaf;
    for (;;) {
      const ref = words[at + 1]!;
      const found = words[at]!;
      if (ref === 0 || found >>> 0 > hash >>> 0) break;
      if (found === hash) {
        const order = this.#compareKey(ref, bytes, view, offset, length);
        if (order === 0) {
          this.place = at;
          return ref >>> 0;
        }
        if (order > 0) break;
      }
      at += 2;
    }
    this.place = at;
    return 0;
  }

  /** Notes the place of a record that stands in the table; reads no keys. */
  locateRef(root: number, hash: number, ref: number): boolean {
    if (root === 0) return false;
    const leaf = leafOf(this.#words, root, hash);
    const words = this.#words[leaf >>> 16]!;
    const wanted = ref | 0;
    let at = homeWord(words, (leaf & 0xffff) << 2, hash);
    for (;;) {
      const found = words[at + 1]!;
      if (found === wanted) break;
      if (found === 0 || words[at]! >>> 0 > hash >>> 0) return false;
      at += 2;
    }
    this.leaf = leaf;
    this.place = at;
    return true;
  }

  /** Puts another record into the noted place, for the same key. */
  replace(ref: number): void {
    this.#words[this.leaf >>> 16]![this.place + 1] = ref;
  }

  /** Adds an entry at the noted place. */
  insert(database: Database, slot: number, hash: number, ref: number): void {
    const leaf = this.leaf;
    if (leaf === 0) {
      this.#growth.plant(database, slot, hash, ref);
      return;
    }
    const words = this.#words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    const count = words[base + WORD_COUNT]! + 1;
    const capacity = words[base + WORD_CAPACITY]!;
    const place = this.place;
    let gap = place;
    while (words[gap + 1] !== 0) gap += 2;
    const last = base + PAGE_HEADER_WORDS + (capacity - 1) * 2;
    if (count > loadMax(capacity) || gap === last) {
      this.#growth.grow(database, slot, leaf, place, hash, ref);
      return;
    }
    for (let at = gap; at > place; at -= 2) {
      words[at] = words[at - 2]!;
      words[at + 1] = words[at - 1]!;
    }
    words[place] = hash;
    words[place + 1] = ref;
    words[base + WORD_COUNT] = count;
  }

  /** Takes the entry at the noted place out. */
  remove(database: Database, slot: number): void {
    const leaf = this.leaf;
    const words = this.#words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    let hole = this.place;
    for (;;) {
      const next = hole + 2;
      if (words[next + 1] === 0 || homeWord(words, base, words[next]!) >= next) break;
      words[hole] = words[next]!;
      words[hole + 1] = words[next + 1]!;
      hole = next;
    }
    words[hole] = 0;
    words[hole + 1] = 0;
    const count = --words[base + WORD_COUNT]!;
    if (count < loadMin(words[base + WORD_CAPACITY]!))
      this.#growth.shrink(database, slot, leaf, count);
  }

  #hasKey(ref: number, view: DataView, offset: number, length: number): boolean {
    const arena = this.#arena;
    if (arena.keyLength(ref) !== length) return false;
    const stored = arena.views[ref >>> 16]!;
    const from = arena.keyOffset(ref);
    const wordsEnd = length - 3;
    let at = 0;
    for (; at < wordsEnd; at += 4) {
      if (stored.getInt32(from + at, true) !== view.getInt32(offset + at, true)) return false;
    }
    for (; at < length; at++) {
      if (stored.getUint8(from + at) !== view.getUint8(offset + at)) return false;
    }
    return true;
  }

  #compareKey(
    ref: number,
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    length: number,
  ): number {
    if (this.#hasKey(ref, view, offset, length)) return 0;
    const arena = this.#arena;
    const stored = arena.bytes[ref >>> 16]!;
    const from = arena.keyOffset(ref);
    return compareBytes(stored, from, arena.keyLength(ref), bytes, offset, length);
  }
}
