// Room for pages of tables: chunks of 64 KiB inside segments, each cut into pages of one size.
import type { Arena } from "./arena.ts";
import { SegmentKind, STRIPE_UNITS, UNIT_BYTES } from "./segments.ts";

const CHUNK_UNITS = 4096;
const CHUNK_HEADER_BYTES = 64;
const CHUNK_ROOM_BYTES = CHUNK_UNITS * UNIT_BYTES - CHUNK_HEADER_BYTES;
const PAGE_BYTES_MIN = 64;
/** Class of a page too big for a chunk: it has a buffer of its own. */
export const OWN_BUFFER_CLASS = 255;

/** Words of a chunk's header. */
const CHUNK_CLASS = 0;
const CHUNK_USED = 1;
const CHUNK_FREE = 2;
const CHUNK_NEXT = 3;
const CHUNK_PREVIOUS = 4;
/** Pages never used so far start at this one. */
const CHUNK_FRESH = 5;

/**
 * Free pages in used chunks are gathered when they are more than this part of the chunks, and
 * bytes.
 */
const SCATTERED_PART = 0.15;
const SCATTERED_BYTES_MIN = 2 * 1024 * 1024;

/**
 * Page sizes in bytes, smallest first: about five to a doubling, each filling a chunk with little
 * left.
 */
export const PAGE_BYTES: readonly number[] = makeClasses();
const PAGES_PER_CHUNK: readonly number[] = PAGE_BYTES.map((size) =>
  Math.floor(CHUNK_ROOM_BYTES / size),
);
/** Class by size in units of 16 bytes, rounded up. */
const CLASS_BY_UNITS: Uint8Array = makeClassIndex();

/** Biggest page inside a chunk, in bytes. */
export const PAGE_BYTES_MAX: number = PAGE_BYTES[PAGE_BYTES.length - 1]!;

/** Smallest class with pages of at least `byteCount` bytes, or `OWN_BUFFER_CLASS`. */
export function pageClassOf(byteCount: number): number {
  if (byteCount > PAGE_BYTES_MAX) return OWN_BUFFER_CLASS;
  return CLASS_BY_UNITS[Math.ceil(byteCount / UNIT_BYTES)]!;
}

/** Hands out pages by size class. A page's reference is that of its first unit. */
export class Pages {
  /** Bytes of pages in use, and of chunks taken from segments. */
  liveBytes = 0;
  chunkBytes = 0;
  /** Bytes of pages inside chunks. */
  #chunkedBytes = 0;
  /** Whether the last search for a chunk to empty found one, or pages were freed since. */
  #canGather = false;
  #nextClass = 0;
  readonly #arena: Arena;
  /** By class: first chunk with a free page. */
  readonly #partial = new Uint32Array(PAGE_BYTES.length);
  /** By segment's first number: chunks in use, and first free chunk. */
  readonly #usedChunks: number[] = [];
  readonly #freeChunks: number[] = [];
  /** Segments with free chunks. */
  readonly #open: number[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** A page of a class, filled with zeros. */
  allocate(pageClass: number): number {
    const size = PAGE_BYTES[pageClass]!;
    let chunk = this.#partial[pageClass]!;
    if (chunk === 0) chunk = this.#takeChunk(pageClass);
    const words = this.#arena.words[chunk >>> 16]!;
    const base = (chunk & 0xffff) << 2;
    let page = words[base + CHUNK_FREE]! >>> 0;
    if (page !== 0) {
      words[base + CHUNK_FREE] = this.#arena.words[page >>> 16]![((page & 0xffff) << 2) + 1]!;
    } else {
      const fresh = words[base + CHUNK_FRESH]!++;
      page = chunk + (CHUNK_HEADER_BYTES + fresh * size) / UNIT_BYTES;
    }
    if (++words[base + CHUNK_USED]! === PAGES_PER_CHUNK[pageClass]) this.#unlink(chunk, pageClass);
    this.liveBytes += size;
    this.#chunkedBytes += size;
    const at = (page & 0xffff) << 2;
    this.#arena.words[page >>> 16]!.fill(0, at, at + (size >>> 2));
    return page;
  }

  /** A zeroed page of any size with a buffer of its own; its true size is `ownBytes`. */
  allocateOwn(byteCount: number): number {
    const number = this.#arena.segments.takeLarge(byteCount);
    this.liveBytes += this.ownBytes(number * STRIPE_UNITS);
    this.#arena.words[number]!.fill(0);
    return number * STRIPE_UNITS;
  }

  ownBytes(page: number): number {
    return this.#arena.segments.largeBytes(page >>> 16);
  }

  /** Takes a page back. */
  free(page: number, pageClass: number): void {
    if (pageClass === OWN_BUFFER_CLASS) {
      this.liveBytes -= this.ownBytes(page);
      this.#arena.segments.giveLarge(page >>> 16);
      return;
    }
    const chunk = page - (page % CHUNK_UNITS);
    const words = this.#arena.words[chunk >>> 16]!;
    const base = (chunk & 0xffff) << 2;
    this.liveBytes -= PAGE_BYTES[pageClass]!;
    this.#chunkedBytes -= PAGE_BYTES[pageClass]!;
    this.#canGather = true;
    const pageWords = this.#arena.words[page >>> 16]!;
    const at = (page & 0xffff) << 2;
    pageWords[at] = 0;
    pageWords[at + 1] = words[base + CHUNK_FREE]!;
    words[base + CHUNK_FREE] = page;
    const used = words[base + CHUNK_USED]!--;
    if (used === PAGES_PER_CHUNK[pageClass]) this.#link(chunk, pageClass);
    if (used === 1) {
      this.#unlink(chunk, pageClass);
      this.#giveChunk(chunk);
    }
  }

  /** Whether free pages take so much room that emptying chunks is worth its work. */
  get isScattered(): boolean {
    const free = this.chunkBytes - this.#chunkedBytes;
    return this.#canGather && free > this.chunkBytes * SCATTERED_PART && free > SCATTERED_BYTES_MIN;
  }

  /**
   * Empties one chunk, if its pages find room in others of their class.
   *
   * @param move Moves a page elsewhere with `allocate` and frees it.
   * @returns False when no class can do with a chunk less.
   */
  emptyOne(move: (page: number) => void): boolean {
    for (let tries = 0; tries < PAGE_BYTES.length; tries++) {
      const pageClass = this.#nextClass;
      const chunk = this.#emptiest(pageClass);
      if (chunk !== 0) {
        this.#evacuate(chunk, pageClass, move);
        return true;
      }
      this.#nextClass = (pageClass + 1) % PAGE_BYTES.length;
    }
    this.#canGather = false;
    return false;
  }

  /**
   * The chunk with the fewest pages of a class whose other chunks have room for them; 0 for none.
   */
  #emptiest(pageClass: number): number {
    const most = PAGES_PER_CHUNK[pageClass]!;
    let free = 0;
    let least = most;
    let emptiest = 0;
    for (let chunk = this.#partial[pageClass]!; chunk !== 0;) {
      const words = this.#arena.words[chunk >>> 16]!;
      const base = (chunk & 0xffff) << 2;
      const used = words[base + CHUNK_USED]!;
      free += most - used;
      if (used < least) {
        least = used;
        emptiest = chunk;
      }
      chunk = words[base + CHUNK_NEXT]! >>> 0;
    }
    return free - (most - least) >= least ? emptiest : 0;
  }

  #evacuate(chunk: number, pageClass: number, move: (page: number) => void): void {
    // At the end of its list, the chunk gets no page while another has room.
    this.#unlink(chunk, pageClass);
    this.#append(chunk, pageClass);
    const words = this.#arena.words[chunk >>> 16]!;
    const base = (chunk & 0xffff) << 2;
    const fresh = words[base + CHUNK_FRESH]!;
    for (let index = 0; index < fresh; index++) {
      const page = chunk + (CHUNK_HEADER_BYTES + index * PAGE_BYTES[pageClass]!) / UNIT_BYTES;
      if (words[(page & 0xffff) << 2] !== 0) move(page);
    }
  }

  #append(chunk: number, pageClass: number): void {
    let last = 0;
    for (let at = this.#partial[pageClass]!; at !== 0;) {
      last = at;
      at = this.#arena.words[at >>> 16]![((at & 0xffff) << 2) + CHUNK_NEXT]! >>> 0;
    }
    if (last === 0) {
      this.#link(chunk, pageClass);
      return;
    }
    const words = this.#arena.words[chunk >>> 16]!;
    const base = (chunk & 0xffff) << 2;
    words[base + CHUNK_NEXT] = 0;
    words[base + CHUNK_PREVIOUS] = last;
    this.#arena.words[last >>> 16]![((last & 0xffff) << 2) + CHUNK_NEXT] = chunk;
  }

  #takeChunk(pageClass: number): number {
    let segment = this.#open[this.#open.length - 1];
    if (segment === undefined) {
      segment = this.#newSegment();
      this.#open.push(segment);
    }
    const chunk = this.#freeChunks[segment]!;
    const words = this.#arena.words[chunk >>> 16]!;
    const base = (chunk & 0xffff) << 2;
    const next = words[base + CHUNK_NEXT]! >>> 0;
    this.#freeChunks[segment] = next;
    this.#usedChunks[segment]!++;
    this.#arena.segments.touch(segment, chunk + CHUNK_UNITS - segment * STRIPE_UNITS);
    if (next === 0) this.#open.pop();
    words[base + CHUNK_CLASS] = pageClass;
    words[base + CHUNK_USED] = 0;
    words[base + CHUNK_FREE] = 0;
    words[base + CHUNK_FRESH] = 0;
    this.chunkBytes += CHUNK_UNITS * UNIT_BYTES;
    this.#link(chunk, pageClass);
    return chunk;
  }

  #giveChunk(chunk: number): void {
    const segment = this.#arena.segments.firsts[chunk >>> 16]!;
    const next = this.#freeChunks[segment]!;
    this.#arena.words[chunk >>> 16]![((chunk & 0xffff) << 2) + CHUNK_NEXT] = next;
    this.#freeChunks[segment] = chunk;
    this.chunkBytes -= CHUNK_UNITS * UNIT_BYTES;
    if (next === 0) this.#open.push(segment);
    if (--this.#usedChunks[segment]! > 0) return;
    this.#open.splice(this.#open.indexOf(segment), 1);
    this.#freeChunks[segment] = 0;
    this.#arena.segments.giveSegment(segment);
  }

  #newSegment(): number {
    const first = this.#arena.segments.takeSegment(SegmentKind.pages);
    while (this.#usedChunks.length <= first) {
      this.#usedChunks.push(0);
      this.#freeChunks.push(0);
    }
    this.#usedChunks[first] = 0;
    let next = 0;
    const start = first * STRIPE_UNITS;
    const end = this.#arena.segments.units[first]!;
    // Reference 0 means none, so the chunk that would have it stays unused.
    const lowest = first === 0 ? CHUNK_UNITS : 0;
    for (let unit = end - CHUNK_UNITS; unit >= lowest; unit -= CHUNK_UNITS) {
      const chunk = start + unit;
      this.#arena.words[chunk >>> 16]![((chunk & 0xffff) << 2) + CHUNK_NEXT] = next;
      next = chunk;
    }
    this.#freeChunks[first] = next;
    return first;
  }

  #link(chunk: number, pageClass: number): void {
    const head = this.#partial[pageClass]!;
    const words = this.#arena.words[chunk >>> 16]!;
    const base = (chunk & 0xffff) << 2;
    words[base + CHUNK_NEXT] = head;
    words[base + CHUNK_PREVIOUS] = 0;
    if (head !== 0) {
      this.#arena.words[head >>> 16]![((head & 0xffff) << 2) + CHUNK_PREVIOUS] = chunk;
    }
    this.#partial[pageClass] = chunk;
  }

  #unlink(chunk: number, pageClass: number): void {
    const words = this.#arena.words[chunk >>> 16]!;
    const base = (chunk & 0xffff) << 2;
    const next = words[base + CHUNK_NEXT]! >>> 0;
    const previous = words[base + CHUNK_PREVIOUS]! >>> 0;
    if (next !== 0) {
      this.#arena.words[next >>> 16]![((next & 0xffff) << 2) + CHUNK_PREVIOUS] = previous;
    }
    if (previous === 0) this.#partial[pageClass] = next;
    else this.#arena.words[previous >>> 16]![((previous & 0xffff) << 2) + CHUNK_NEXT] = next;
  }
}

function makeClasses(): number[] {
  const sizes: number[] = [];
  for (let wanted = PAGE_BYTES_MIN; wanted < CHUNK_ROOM_BYTES / 1.8; wanted *= 1.16) {
    // Two to a chunk at least: one that fills it would leave tables half empty when they split.
    const count = Math.max(2, Math.floor(CHUNK_ROOM_BYTES / wanted));
    const size = Math.floor(CHUNK_ROOM_BYTES / count / UNIT_BYTES) * UNIT_BYTES;
    if (size !== sizes[sizes.length - 1]) sizes.push(size);
  }
  return sizes;
}

function makeClassIndex(): Uint8Array {
  const last = PAGE_BYTES[PAGE_BYTES.length - 1]!;
  const index = new Uint8Array(last / UNIT_BYTES + 1);
  let pageClass = 0;
  for (let units = 0; units < index.length; units++) {
    if (units * UNIT_BYTES > PAGE_BYTES[pageClass]!) pageClass++;
    index[units] = pageClass;
  }
  return index;
}
