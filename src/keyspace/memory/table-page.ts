// Layout of a table's pages: entries in hash order with gaps. Drawn in docs/internals/keyspace.md.

/** Lowest byte of a page's first word. */
export const PageKind = { free: 0, leaf: 1, directory: 2 } as const;

/** Words of a page's header behind the first: slot in bits 0 to 15, size class above. */
export const WORD_SLOT = 1;
/** Entries of a leaf; of a directory, its leaves of full depth. */
export const WORD_COUNT = 2;
/** Home positions of a leaf: entries spread over them by hash. */
export const WORD_HOMES = 3;
/** Places for entries, the last of which stays empty. */
export const WORD_CAPACITY = 4;
/** The hash bits that a leaf's entries share, at the top of the word. */
export const WORD_PREFIX = 5;
export const PAGE_HEADER_WORDS = 6;

// An entry has two words: hash, reference (0: empty).

/** In the first word: bits of hash that a leaf's entries share, or that a directory tells apart. */
export const DEPTH_SHIFT = 8;
export const DEPTH_MASK = 0x1f;
export const PAGE_DATABASE_SHIFT = 16;
export const CLASS_SHIFT = 16;

/** Home positions are computed from 16 bits of hash, within 31 bits. */
const HOMES_MAX = 32767;

/** Places for entries in a page of so many bytes. */
export function capacityOf(pageBytes: number): number {
  return (pageBytes - PAGE_HEADER_WORDS * 4) >>> 3;
}

/** Bytes of a page with so many places. */
export function pageBytesFor(capacity: number): number {
  return PAGE_HEADER_WORDS * 4 + capacity * 8;
}

/** Entries at which a page of this capacity must grow. */
export function loadMax(capacity: number): number {
  return capacity < 16 ? capacity - 1 : capacity - (capacity >>> 3);
}

/** Places to give to `count` entries, so that they need not grow at once. */
export function capacityFor(count: number): number {
  return count + (count >>> 2) - (count >>> 5) + 2;
}

/** Below this many entries a page of this capacity shrinks. */
export function loadMin(capacity: number): number {
  return (capacity * 3) >>> 3;
}

/**
 * The leaf page for a hash.
 *
 * @param words The arena's memory by number.
 * @param root Root of a slot's table, not 0.
 */
export function leafOf(words: readonly Int32Array[], root: number, hash: number): number {
  const page = words[root >>> 16]!;
  const base = (root & 0xffff) << 2;
  const head = page[base]!;
  if ((head & 0xff) !== PageKind.directory) return root;
  const depth = (head >>> DEPTH_SHIFT) & DEPTH_MASK;
  return page[base + PAGE_HEADER_WORDS + (hash >>> (32 - depth))]! >>> 0;
}

/** The word where probing for a hash starts in a leaf. */
export function homeWord(words: Int32Array, base: number, hash: number): number {
  const shifted = hash << ((words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK);
  const home = ((shifted >>> 16) * words[base + WORD_HOMES]!) >>> 16;
  return base + PAGE_HEADER_WORDS + (home << 1);
}

/**
 * Lays sorted entries out over an empty leaf.
 *
 * @param source Hash and reference of each entry, from word `from`.
 * @remarks Home positions end before the last places, so that the last entries have room to be
 *   pushed on; where that is not enough (equal hashes), there are fewer home positions.
 */
export function layOut(
  words: Int32Array,
  base: number,
  capacity: number,
  source: Int32Array,
  from: number,
  count: number,
): void {
  words[base + WORD_CAPACITY] = capacity;
  words[base + WORD_COUNT] = count;
  let homes = Math.min(HOMES_MAX, capacity - Math.min(12, 1 + (capacity >>> 3)));
  for (;;) {
    words[base + WORD_HOMES] = homes;
    if (tryLayOut(words, base, capacity, source, from, count)) return;
    words.fill(0, base + PAGE_HEADER_WORDS, base + PAGE_HEADER_WORDS + capacity * 2);
    homes = Math.max(1, homes - Math.max(1, homes >>> 3));
  }
}

function tryLayOut(
  words: Int32Array,
  base: number,
  capacity: number,
  source: Int32Array,
  from: number,
  count: number,
): boolean {
  const limit = base + PAGE_HEADER_WORDS + (capacity - 1) * 2;
  let free = base + PAGE_HEADER_WORDS;
  const end = from + count * 2;
  for (let at = from; at < end; at += 2) {
    const hash = source[at]!;
    const home = homeWord(words, base, hash);
    if (home > free) free = home;
    if (free >= limit) return false;
    words[free] = hash;
    words[free + 1] = source[at + 1]!;
    free += 2;
  }
  return true;
}
