// One database's tables: a root per slot, and its counters. SWAPDB and FLUSHDB move these about
// whole.
import { SLOT_COUNT } from "../../base/slot.ts";

/** Roots of a database that never held a key; shared, never written. */
const NO_ROOTS = new Uint32Array(SLOT_COUNT);

/**
 * A database by its own number, which its records carry; which one `SELECT` finds there may change.
 */
export class Database {
  /** 0 to 255. */
  readonly id: number;
  /** Page or directory of each slot's table, 0 for none. */
  roots: Uint32Array = NO_ROOTS;
  keys = 0;
  keysWithExpiry = 0;
  /** Owners besides the keyspace itself: pins and the working set's undo list. */
  holders = 0;
  /** No longer in the keyspace: to be taken apart once nobody holds it. */
  dropped = false;

  constructor(id: number) {
    this.id = id;
  }

  /** Makes `roots` writable. */
  openRoots(): void {
    if (this.roots === NO_ROOTS) this.roots = new Uint32Array(SLOT_COUNT);
  }

  /** Bytes of the roots. */
  get rootBytes(): number {
    return this.roots === NO_ROOTS ? 0 : this.roots.byteLength;
  }
}
