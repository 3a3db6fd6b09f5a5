// Finds the memory of several keys at once, before the commands that ask for them run: the
// processor then waits for all of it together instead of for each key in turn.
import { slotOf } from "../../base/slot.ts";
import { LOOK_AHEAD_MAX, type KeyPrefetch } from "../keyspace.ts";
import type { Store } from "./store.ts";
import { homeWord, leafOf } from "./table-page.ts";

/** A longer key is not looked up twice. */
const KEY_BYTES_MAX = 128;
/** Words of a cache line: records are touched in their first three. */
const LINE_WORDS = 16;

/** Keys of a run of commands, with what was worked out for them. */
export class LookAhead implements KeyPrefetch {
  place = 0;
  readonly #views: (DataView | null)[] = new Array<null>(LOOK_AHEAD_MAX).fill(null);
  readonly #offsets = new Uint32Array(LOOK_AHEAD_MAX);
  readonly #lengths = new Uint32Array(LOOK_AHEAD_MAX);
  readonly #databases = new Uint8Array(LOOK_AHEAD_MAX);
  readonly #slots = new Int32Array(LOOK_AHEAD_MAX);
  readonly #hashes = new Int32Array(LOOK_AHEAD_MAX);
  /** A root, then a leaf, then a record, each 0 when there is none. */
  readonly #refs = new Uint32Array(LOOK_AHEAD_MAX);
  readonly #homes = new Uint32Array(LOOK_AHEAD_MAX);
  readonly #store: Store;
  /** What was touched: kept, lest the compiler finds that touching is of no use. */
  touched = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  expect(place: number, database: number, view: DataView, offset: number, length: number): void {
    this.#views[place] = length <= KEY_BYTES_MAX ? view : null;
    this.#offsets[place] = offset;
    this.#lengths[place] = length;
    this.#databases[place] = database;
  }

  expectNothing(place: number): void {
    this.#views[place] = null;
  }

  load(count: number): void {
    this.#hash(count);
    this.#findLeaves(count);
    this.#findHomes(count);
    this.#findRecords(count);
    this.#touchRecords(count);
  }

  forget(): void {
    this.#views.fill(null);
  }

  /** Whether slot and hash of this key are known: the present command was to look for it. */
  knows(view: DataView, offset: number, length: number): boolean {
    const { place } = this;
    return (
      this.#views[place] === view &&
      this.#offsets[place] === offset &&
      this.#lengths[place] === length
    );
  }

  get slot(): number {
    return this.#slots[this.place]!;
  }

  get hash(): number {
    return this.#hashes[this.place]!;
  }

  #hash(count: number): void {
    const { databases } = this.#store;
    for (let place = 0; place < count; place++) {
      this.#refs[place] = 0;
      const view = this.#views[place]!;
      if (view === null) continue;
      const offset = this.#offsets[place]!;
      const length = this.#lengths[place]!;
      const slot = slotOf(view, offset, length);
      this.#slots[place] = slot;
      this.#hashes[place] = this.#store.hashOf(view, offset, length);
      this.#refs[place] = databases[this.#databases[place]!]!.roots[slot]!;
    }
  }

  // Each step below reads what the one before has found, for all keys, and branches on nothing that
  // it reads itself: a branch that is guessed wrong would make the reads wait for each other again.

  #findLeaves(count: number): void {
    const { words } = this.#store.arena;
    const refs = this.#refs;
    for (let place = 0; place < count; place++) {
      const root = refs[place]!;
      if (root !== 0) refs[place] = leafOf(words, root, this.#hashes[place]!);
    }
  }

  /** Where probing starts in each leaf. */
  #findHomes(count: number): void {
    const { words } = this.#store.arena;
    let touched = 0;
    for (let place = 0; place < count; place++) {
      const leaf = this.#refs[place]!;
      if (leaf === 0) continue;
      const memory = words[leaf >>> 16]!;
      const home = homeWord(memory, (leaf & 0xffff) << 2, this.#hashes[place]!);
      this.#homes[place] = home;
      touched ^= memory[home]!;
    }
    this.touched = touched;
  }

  /** The first record whose hash is not lower: most often the one that is looked for. */
  #findRecords(count: number): void {
    const { words } = this.#store.arena;
    const refs = this.#refs;
    for (let place = 0; place < count; place++) {
      const leaf = refs[place]!;
      if (leaf === 0) continue;
      const memory = words[leaf >>> 16]!;
      const hash = this.#hashes[place]! >>> 0;
      let at = this.#homes[place]!;
      while (memory[at + 1] !== 0 && memory[at]! >>> 0 < hash) at += 2;
      refs[place] = memory[at + 1]!;
    }
  }

  #touchRecords(count: number): void {
    const { words } = this.#store.arena;
    let touched = this.touched;
    for (let place = 0; place < count; place++) {
      const ref = this.#refs[place]!;
      if (ref === 0) continue;
      const memory = words[ref >>> 16]!;
      const base = (ref & 0xffff) << 2;
      touched ^= memory[base]! ^ memory[base + LINE_WORDS]! ^ memory[base + 2 * LINE_WORDS]!;
    }
    this.touched = touched;
  }
}
