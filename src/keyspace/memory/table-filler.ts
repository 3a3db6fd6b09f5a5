// Fills tables with records that come in the order of a snapshot: a slot's table is laid out once,
// not grown record by record.
import { slotOf } from "../../base/slot.ts";
import type { Ref } from "../keyspace.ts";
import type { Database } from "./database.ts";
import type { Store } from "./store.ts";
import { PLANTED_MAX } from "./table-growth.ts";

/**
 * Puts complete records into tables. Those of one slot wait as long as each has a higher hash than
 * the one before: nothing else may use the tables until `finish`.
 */
export class TableFiller {
  readonly #store: Store;
  /** Hash and reference of the records that wait, all of one slot without a table. */
  readonly #waiting = new Int32Array(PLANTED_MAX * 2);
  #count = 0;
  #home: Database;
  #slot = 0;
  /** Hash of the last record that waits, unsigned. */
  #last = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#home = store.databases[0]!;
  }

  /** Adds a record, or returns false when its key is there already. */
  add(home: Database, ref: Ref): boolean {
    const store = this.#store;
    const { arena } = store;
    const number = ref >>> 16;
    const bytes = arena.bytes[number]!;
    const view = arena.views[number]!;
    const offset = arena.keyOffset(ref);
    const length = arena.keyLength(ref);
    const slot = slotOf(view, offset, length);
    const hash = store.hashOf(view, offset, length);
    if (this.#count > 0 && !this.#continues(home, slot, hash)) this.finish();
    if (this.#count > 0 || home.roots[slot] === 0) {
      this.#home = home;
      this.#slot = slot;
      this.#last = hash >>> 0;
      this.#waiting[this.#count * 2] = hash;
      this.#waiting[this.#count * 2 + 1] = ref;
      this.#count++;
      return true;
    }
    const { table } = store;
    if (table.locate(home.roots[slot]!, hash, bytes, view, offset, length) !== 0) return false;
    table.insert(home, slot, hash, ref);
    return true;
  }

  /** Puts what waits into its table. */
  finish(): void {
    if (this.#count === 0) return;
    this.#store.tableGrowth.plantAll(this.#home, this.#slot, this.#waiting, this.#count);
    this.#count = 0;
  }

  #continues(home: Database, slot: number, hash: number): boolean {
    const isNext = slot === this.#slot && home === this.#home && hash >>> 0 > this.#last;
    return isNext && this.#count < PLANTED_MAX;
  }
}
