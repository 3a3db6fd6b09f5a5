// One database as it was at one moment, for reads that take several turns of the loop.
import { equalBytes } from "../../base/bytes.ts";
import { invariant } from "../../base/invariant.ts";
import { slotOf } from "../../base/slot.ts";
import { type DatabaseView, type KeyVisitor, NO_EXPIRY, type Ref } from "../keyspace.ts";
import type { Database } from "./database.ts";
import type { Pin } from "./pins.ts";
import type { Store } from "./store.ts";
import { TableCursor } from "./table-cursor.ts";

const HASH_MAX = 0xffffffff;
const TWO_32 = 2 ** 32;

/**
 * A {@link DatabaseView} over a pin: what still stands in the table with an old version is of the
 * state, and what has left the table since waits among the pin's images.
 */
export class PinnedView implements DatabaseView {
  readonly #store: Store;
  readonly #database: Database;
  readonly #pin: Pin;
  readonly #cursor: TableCursor;
  readonly #nowMs: number;
  /** Images that `find` has looked through, by slot and hash. */
  readonly #images = new Map<number, Ref[]>();

  constructor(store: Store, number: number) {
    invariant(!store.isSetOpen, "no state is pinned within a working set");
    store.settle();
    this.#store = store;
    this.#database = store.databases[number]!;
    this.#nowMs = store.nowMs;
    this.#cursor = new TableCursor(store.arena);
    this.#pin = store.pins.add(store.writeIndex, [this.#database], [number]);
  }

  find(bytes: Uint8Array, view: DataView, offset: number, length: number): Ref {
    const store = this.#store;
    const slot = slotOf(view, offset, length);
    const hash = store.hashOf(view, offset, length);
    let ref = store.table.find(this.#database.roots[slot]!, hash, view, offset, length);
    if (ref === 0 || !this.#isOld(ref)) {
      this.#takeImages();
      const images = this.#images.get(placeOf(slot, hash)) ?? [];
      ref = images.find((image) => this.#hasKey(image, bytes, offset, length)) ?? 0;
    }
    return ref === 0 || this.#isExpired(ref) ? 0 : ref;
  }

  walk(limit: number, visit: KeyVisitor): boolean {
    const pin = this.#pin;
    let steps = limit;
    this.#store.settle();
    for (let ref = pin.images.peek(); ref !== 0; ref = pin.images.peek()) {
      if (steps-- <= 0) return true;
      const goesOn = this.#isExpired(ref) || visit(ref);
      pin.images.shift();
      this.#store.arena.retire(ref);
      if (!goesOn) return true;
    }
    while (pin.at === 0) {
      const root = this.#database.roots[pin.slot]!;
      if (root !== 0 && pin.hash <= HASH_MAX) this.#cursor.seek(root, pin.hash);
      else this.#cursor.ref = 0;
      while (this.#cursor.ref !== 0) {
        if (steps <= 0) return true;
        // Whole hashes at a time: what lies before the pin's place is no longer kept for it.
        const { hash } = this.#cursor;
        pin.hash = hash + 1;
        let goesOn = true;
        for (let ref = this.#cursor.ref; ref !== 0 && this.#cursor.hash === hash; steps--) {
          if (this.#isOld(ref) && !this.#isExpired(ref) && !visit(ref)) goesOn = false;
          ref = this.#cursor.next();
        }
        if (!goesOn) return true;
      }
      pin.nextSlot();
    }
    return false;
  }

  release(): void {
    if (this.#pin.isReleased) return;
    for (const refs of this.#images.values()) {
      for (const ref of refs) this.#store.arena.retire(ref);
    }
    this.#images.clear();
    this.#store.pins.remove(this.#pin);
  }

  #isOld(ref: Ref): boolean {
    return this.#store.arena.versionIndex(ref) <= this.#pin.index;
  }

  #isExpired(ref: Ref): boolean {
    const expireAt = this.#store.arena.expireAt(ref);
    return expireAt !== NO_EXPIRY && expireAt <= this.#nowMs;
  }

  #hasKey(ref: Ref, bytes: Uint8Array, offset: number, length: number): boolean {
    const { arena } = this.#store;
    if (arena.keyLength(ref) !== length) return false;
    return equalBytes(arena.bytes[ref >>> 16]!, arena.keyOffset(ref), bytes, offset, length);
  }

  /** Takes the images that came since, to be found by their keys; they never move. */
  #takeImages(): void {
    const { arena } = this.#store;
    const { images } = this.#pin;
    for (let ref = images.shift(); ref !== 0; ref = images.shift()) {
      const number = ref >>> 16;
      const keyAt = arena.keyOffset(ref);
      const length = arena.keyLength(ref);
      const hash = this.#store.hashOf(arena.views[number]!, keyAt, length);
      const place = placeOf(slotOf(arena.views[number]!, keyAt, length), hash);
      const others = this.#images.get(place);
      if (others === undefined) this.#images.set(place, [ref]);
      else others.push(ref);
    }
  }
}

/** Slot and hash as one number. */
function placeOf(slot: number, hash: number): number {
  return slot * TWO_32 + (hash >>> 0);
}
