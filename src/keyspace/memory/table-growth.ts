// How tables change shape: pages that grow, split, shrink and merge, and the directories above
// them.
import type { Arena } from "./arena.ts";
import type { Database } from "./database.ts";
import { OWN_BUFFER_CLASS, PAGE_BYTES, PAGE_BYTES_MAX, pageClassOf } from "./pages.ts";
import type { Pages } from "./pages.ts";
import {
  capacityFor,
  capacityOf,
  CLASS_SHIFT,
  DEPTH_MASK,
  DEPTH_SHIFT,
  layOut,
  leafOf,
  PAGE_DATABASE_SHIFT,
  PAGE_HEADER_WORDS,
  pageBytesFor,
  PageKind,
  WORD_CAPACITY,
  WORD_COUNT,
  WORD_PREFIX,
  WORD_SLOT,
} from "./table-page.ts";

/** Directories tell at most this many bits of hash apart. */
const DIRECTORY_DEPTH_MAX = 22;
/** Entries of the biggest leaf inside a chunk. */
const LEAF_CAPACITY_MAX = capacityOf(PAGE_BYTES_MAX);
/** Two leaves with no more entries than this together become one. */
const MERGE_COUNT_MAX = LEAF_CAPACITY_MAX >>> 1;
/** A slot's table begins with at most so many entries. */
export const PLANTED_MAX: number = LEAF_CAPACITY_MAX >>> 1;

/**
 * Reshapes tables one page at a time, so that no change takes longer than laying out a page or
 * copying a directory. What it does invalidates places noted by `Table.locate`.
 */
export class TableGrowth {
  readonly #pages: Pages;
  readonly #words: Int32Array[];
  /** Entries of the page that is being laid out anew. */
  #scratch = new Int32Array(2 * (LEAF_CAPACITY_MAX + 1));

  constructor(arena: Arena, pages: Pages) {
    this.#pages = pages;
    this.#words = arena.words;
  }

  /** Moves a page, leaf or directory, into another of the same class. */
  movePage(page: number, databases: readonly (Database | undefined)[]): void {
    const words = this.#words[page >>> 16]!;
    const base = (page & 0xffff) << 2;
    const head = words[base]!;
    const database = databases[head >>> PAGE_DATABASE_SHIFT]!;
    const pageClass = words[base + WORD_SLOT]! >>> CLASS_SHIFT;
    const slot = words[base + WORD_SLOT]! & 0xffff;
    const made = this.#pages.allocate(pageClass);
    const from = words.subarray(base, base + PAGE_BYTES[pageClass]! / 4);
    this.#words[made >>> 16]!.set(from, (made & 0xffff) << 2);
    if ((head & 0xff) === PageKind.directory) {
      database.roots[slot] = made;
    } else {
      const depth = (head >>> DEPTH_SHIFT) & DEPTH_MASK;
      this.#point(database, slot, made, depth, words[base + WORD_PREFIX]!);
    }
    this.#freePage(page);
  }

  /** Frees a slot's pages; its records stay as they are. */
  free(root: number): void {
    const words = this.#words[root >>> 16]!;
    const base = (root & 0xffff) << 2;
    if ((words[base]! & 0xff) === PageKind.directory) {
      const places = 1 << ((words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK);
      let previous = 0;
      for (let index = 0; index < places; index++) {
        const leaf = words[base + PAGE_HEADER_WORDS + index]! >>> 0;
        if (leaf !== previous) this.#freePage(leaf);
        previous = leaf;
      }
      this.#freePage(root);
      return;
    }
    this.#freePage(root);
  }

  /** The first entry of a slot. */
  plant(database: Database, slot: number, hash: number, ref: number): void {
    this.#scratch[0] = hash;
    this.#scratch[1] = ref;
    this.#plant(database, slot, 1);
  }

  /**
   * The first entries of a slot: hash and reference of each, in the table's order, at most
   * `PLANTED_MAX`.
   */
  plantAll(database: Database, slot: number, entries: Int32Array, count: number): void {
    this.#scratch.set(entries.subarray(0, count * 2));
    this.#plant(database, slot, count);
  }

  #plant(database: Database, slot: number, count: number): void {
    database.openRoots();
    const leaf = this.#newLeaf(database, slot, count, 0, 0);
    this.#fillLeaf(leaf, 0, count);
    database.roots[slot] = leaf;
  }

  /**
   * Lays a leaf out anew with one entry more, which goes to `place`, in a bigger page or in two.
   */
  grow(
    database: Database,
    slot: number,
    leaf: number,
    place: number,
    hash: number,
    ref: number,
  ): void {
    const words = this.#words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    const count = words[base + WORD_COUNT]!;
    this.#needScratch(count + 1);
    const scratch = this.#scratch;
    const end = base + PAGE_HEADER_WORDS + words[base + WORD_CAPACITY]! * 2;
    let to = 0;
    for (let at = base + PAGE_HEADER_WORDS; at < end; at += 2) {
      if (at === place) {
        scratch[to++] = hash;
        scratch[to++] = ref;
      }
      if (words[at + 1] === 0) continue;
      scratch[to++] = words[at]!;
      scratch[to++] = words[at + 1]!;
    }
    this.#settle(database, slot, leaf, count + 1);
  }

  /** Puts the scratch's entries in place of a leaf: one page where they fit, else two. */
  #settle(database: Database, slot: number, leaf: number, count: number): void {
    const words = this.#words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    const depth = (words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    const prefix = words[base + WORD_PREFIX]!;
    if (capacityFor(count) > LEAF_CAPACITY_MAX && depth < DIRECTORY_DEPTH_MAX) {
      const middle = this.#splitPoint(depth, count);
      // All on one side happens with equal hashes only: then the page just grows.
      if (middle > 0 && middle < count) {
        this.#split(database, slot, leaf, depth, prefix, middle, count);
        return;
      }
    }
    const fresh = this.#newLeaf(database, slot, count, depth, prefix);
    this.#fillLeaf(fresh, 0, count);
    this.#point(database, slot, fresh, depth, prefix);
    this.#freePage(leaf);
  }

  /** Index of the scratch's first entry whose hash has bit `depth` (from the top) set. */
  #splitPoint(depth: number, count: number): number {
    const mask = 0x80000000 >>> depth;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#scratch[middle * 2]! & mask) !== 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #split(
    database: Database,
    slot: number,
    leaf: number,
    depth: number,
    prefix: number,
    middle: number,
    count: number,
  ): void {
    this.#deepen(database, slot, leaf, depth);
    const root = database.roots[slot]!;
    const rootBase = (root & 0xffff) << 2;
    const rootWords = this.#words[root >>> 16]!;
    const rootDepth = (rootWords[rootBase]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    const low = this.#newLeaf(database, slot, middle, depth + 1, prefix);
    this.#fillLeaf(low, 0, middle);
    const highPrefix = prefix | (0x80000000 >>> depth);
    const high = this.#newLeaf(database, slot, count - middle, depth + 1, highPrefix);
    this.#fillLeaf(high, middle, count - middle);
    this.#point(database, slot, low, depth + 1, prefix);
    this.#point(database, slot, high, depth + 1, highPrefix);
    if (rootDepth === depth + 1) rootWords[rootBase + WORD_COUNT]! += 2;
    this.#freePage(leaf);
  }

  /**
   * Makes sure that the slot's directory tells one bit more apart than a leaf of this depth shares.
   */
  #deepen(database: Database, slot: number, leaf: number, depth: number): void {
    const root = database.roots[slot]!;
    const words = this.#words[root >>> 16]!;
    const base = (root & 0xffff) << 2;
    if (root === leaf) {
      const made = this.#newDirectory(database, slot, 1);
      database.roots[slot] = made;
      return;
    }
    const rootDepth = (words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    if (rootDepth > depth) return;
    const made = this.#newDirectory(database, slot, rootDepth + 1);
    const target = this.#words[made >>> 16]!;
    let to = ((made & 0xffff) << 2) + PAGE_HEADER_WORDS;
    const from = base + PAGE_HEADER_WORDS;
    for (let index = 0; index < 1 << rootDepth; index++) {
      target[to++] = words[from + index]!;
      target[to++] = words[from + index]!;
    }
    database.roots[slot] = made;
    this.#freePage(root);
  }

  /** Lets the slot's root point to a leaf, wherever its prefix says. */
  #point(database: Database, slot: number, leaf: number, depth: number, prefix: number): void {
    const root = database.roots[slot]!;
    const words = this.#words[root >>> 16]!;
    const base = (root & 0xffff) << 2;
    if ((words[base]! & 0xff) !== PageKind.directory) {
      database.roots[slot] = leaf;
      return;
    }
    const rootDepth = (words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    const from = base + PAGE_HEADER_WORDS + (prefix >>> (32 - rootDepth));
    words.fill(leaf, from, from + (1 << (rootDepth - depth)));
  }

  /** A smaller page for a leaf that lost entries, or one page for it and its sister. */
  shrink(database: Database, slot: number, leaf: number, count: number): void {
    let merged = leaf;
    for (let next = leaf; next !== 0; next = this.#maybeMerge(database, slot, next)) merged = next;
    const words = this.#words[merged >>> 16]!;
    const base = (merged & 0xffff) << 2;
    const depth = (words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    if (words[base + WORD_COUNT] === 0 && depth === 0) {
      database.roots[slot] = 0;
      this.#freePage(merged);
      return;
    }
    const pageClass = words[base + WORD_SLOT]! >>> CLASS_SHIFT;
    const wanted = pageClassOf(pageBytesFor(capacityFor(count)));
    if (merged !== leaf || wanted >= pageClass) return;
    const prefix = words[base + WORD_PREFIX]!;
    this.#gather(leaf, 0);
    const fresh = this.#newLeaf(database, slot, count, depth, prefix);
    this.#fillLeaf(fresh, 0, count);
    this.#point(database, slot, fresh, depth, prefix);
    this.#freePage(leaf);
  }

  /** Makes one leaf of a leaf and its sister if they are small; returns it, or 0. */
  #maybeMerge(database: Database, slot: number, leaf: number): number {
    const words = this.#words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    const depth = (words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    if (depth === 0) return 0;
    const prefix = words[base + WORD_PREFIX]!;
    const bit = 0x80000000 >>> (depth - 1);
    const sister = leafOf(this.#words, database.roots[slot]!, prefix ^ bit);
    const sisterWords = this.#words[sister >>> 16]!;
    const sisterBase = (sister & 0xffff) << 2;
    const total = words[base + WORD_COUNT]! + sisterWords[sisterBase + WORD_COUNT]!;
    const sisterDepth = (sisterWords[sisterBase]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    if (sisterDepth !== depth || total > MERGE_COUNT_MAX) return 0;
    const isHigh = (prefix & bit) !== 0;
    const middle = this.#gather(isHigh ? sister : leaf, 0);
    this.#gather(isHigh ? leaf : sister, middle);
    const merged = this.#newLeaf(database, slot, total, depth - 1, prefix & ~bit);
    this.#fillLeaf(merged, 0, total);
    this.#point(database, slot, merged, depth - 1, prefix & ~bit);
    this.#freePage(leaf);
    this.#freePage(sister);
    this.#maybeFlatten(database, slot, depth);
    return merged;
  }

  /** Halves the directory if no leaf needs all its bits now that two of this depth were merged. */
  #maybeFlatten(database: Database, slot: number, depth: number): void {
    const root = database.roots[slot]!;
    const words = this.#words[root >>> 16]!;
    const base = (root & 0xffff) << 2;
    const rootDepth = (words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    if (rootDepth !== depth) return;
    words[base + WORD_COUNT]! -= 2;
    let deepest = rootDepth;
    if (words[base + WORD_COUNT] === 0) deepest = this.#deepestLeaf(words, base, rootDepth);
    if (deepest === rootDepth) return;
    const from = base + PAGE_HEADER_WORDS;
    if (deepest === 0) {
      database.roots[slot] = words[from]! >>> 0;
      this.#freePage(root);
      return;
    }
    const made = this.#newDirectory(database, slot, deepest);
    const target = this.#words[made >>> 16]!;
    const to = ((made & 0xffff) << 2) + PAGE_HEADER_WORDS;
    let full = 0;
    for (let index = 0; index < 1 << deepest; index++) {
      const leaf = words[from + (index << (rootDepth - deepest))]!;
      target[to + index] = leaf;
      if (this.#depthOf(leaf) === deepest) full++;
    }
    target[((made & 0xffff) << 2) + WORD_COUNT] = full;
    database.roots[slot] = made;
    this.#freePage(root);
  }

  #deepestLeaf(words: Int32Array, base: number, rootDepth: number): number {
    let deepest = 0;
    for (let index = 0; index < 1 << rootDepth; index++) {
      deepest = Math.max(deepest, this.#depthOf(words[base + PAGE_HEADER_WORDS + index]!));
    }
    return deepest;
  }

  #depthOf(page: number): number {
    return (this.#words[page >>> 16]![(page & 0xffff) << 2]! >>> DEPTH_SHIFT) & DEPTH_MASK;
  }

  /**
   * Copies a leaf's entries into the scratch from entry `at` on; returns the entry after the last.
   */
  #gather(leaf: number, at: number): number {
    const words = this.#words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    this.#needScratch(at + words[base + WORD_COUNT]!);
    const scratch = this.#scratch;
    const end = base + PAGE_HEADER_WORDS + words[base + WORD_CAPACITY]! * 2;
    let to = at * 2;
    for (let from = base + PAGE_HEADER_WORDS; from < end; from += 2) {
      if (words[from + 1] === 0) continue;
      scratch[to++] = words[from]!;
      scratch[to++] = words[from + 1]!;
    }
    return to >>> 1;
  }

  #needScratch(entries: number): void {
    if (this.#scratch.length >= entries * 2) return;
    const grown = new Int32Array(entries * 4);
    grown.set(this.#scratch);
    this.#scratch = grown;
  }

  #newLeaf(database: Database, slot: number, count: number, depth: number, prefix: number): number {
    const leaf = this.#newPage(pageBytesFor(capacityFor(count)), slot);
    const words = this.#words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    words[base] = PageKind.leaf | (depth << DEPTH_SHIFT) | (database.id << PAGE_DATABASE_SHIFT);
    words[base + WORD_PREFIX] = prefix;
    return leaf;
  }

  #fillLeaf(leaf: number, from: number, count: number): void {
    const words = this.#words[leaf >>> 16]!;
    const base = (leaf & 0xffff) << 2;
    const pageClass = words[base + WORD_SLOT]! >>> CLASS_SHIFT;
    const size =
      pageClass === OWN_BUFFER_CLASS ? this.#pages.ownBytes(leaf) : PAGE_BYTES[pageClass]!;
    layOut(words, base, capacityOf(size), this.#scratch, from * 2, count);
  }

  #newDirectory(database: Database, slot: number, depth: number): number {
    const made = this.#newPage(PAGE_HEADER_WORDS * 4 + (4 << depth), slot);
    this.#words[made >>> 16]![(made & 0xffff) << 2] =
      PageKind.directory | (depth << DEPTH_SHIFT) | (database.id << PAGE_DATABASE_SHIFT);
    return made;
  }

  #newPage(byteCount: number, slot: number): number {
    const pageClass = pageClassOf(byteCount);
    const page =
      pageClass === OWN_BUFFER_CLASS
        ? this.#pages.allocateOwn(byteCount)
        : this.#pages.allocate(pageClass);
    this.#words[page >>> 16]![((page & 0xffff) << 2) + WORD_SLOT] =
      slot | (pageClass << CLASS_SHIFT);
    return page;
  }

  #freePage(page: number): void {
    const words = this.#words[page >>> 16]!;
    this.#pages.free(page, words[((page & 0xffff) << 2) + WORD_SLOT]! >>> CLASS_SHIFT);
  }
}
