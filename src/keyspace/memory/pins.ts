// Pinned states: which old records a snapshot or a view still needs, and where they wait for it.
import { DbError } from "../../base/errors.ts";
import { SLOT_COUNT } from "../../base/slot.ts";
import type { Arena } from "./arena.ts";
import type { Database } from "./database.ts";
import { RefQueue } from "./ref-queue.ts";

/** Snapshots that can be written at once. */
const SNAPSHOTS_MAX = 4;
/** Position in the walk when every database has been passed. */
const NOWHERE = -1;

/** One pinned state, and how far the walk over it has come. */
export class Pin {
  /** Records with a greater version index came later: they are not part of the state. */
  readonly index: number;
  /** Non-empty databases of the state with the numbers that `SELECT` knew them by, in order. */
  readonly databases: readonly Database[];
  readonly numbers: readonly number[];
  /** Old records that left their tables, to be written before anything else. */
  readonly images: RefQueue = new RefQueue();
  /** Where the walk goes on: place in `databases`, slot, lowest hash not yet written. */
  at = 0;
  slot = 0;
  hash = 0;
  /** A record that is being written over several chunks, or 0; whether it has left its table. */
  span = 0;
  spanIsImage = false;
  isReleased = false;
  /** By a database's own number: its place in `databases`, or `NOWHERE`. */
  readonly #places = new Int16Array(256).fill(NOWHERE);

  constructor(index: number, databases: readonly Database[], numbers: readonly number[]) {
    this.index = index;
    this.databases = databases;
    this.numbers = numbers;
    for (const [place, database] of databases.entries()) {
      this.#places[database.id] = place;
      database.holders++;
    }
  }

  /** Number by which the state knew a database that it still holds. */
  numberOf(databaseId: number): number {
    return this.numbers[this.#places[databaseId]!]!;
  }

  /** Whether a place has yet to be walked over. */
  isAhead(databaseId: number, slot: number, hash: number): boolean {
    const place = this.#places[databaseId]!;
    if (place !== this.at) return place > this.at;
    return slot > this.slot || (slot === this.slot && hash >>> 0 >= this.hash);
  }

  /** Goes on to the next slot, and lets a database go that has been walked over. */
  nextSlot(): void {
    this.hash = 0;
    this.slot++;
    if (this.slot < SLOT_COUNT) return;
    this.slot = 0;
    this.databases[this.at]!.holders--;
    this.at++;
  }

  /** Lets all databases go that have not been walked over. */
  drop(): void {
    for (; this.at < this.databases.length; this.at++) this.databases[this.at]!.holders--;
    this.isReleased = true;
  }
}

/** The pinned states of a keyspace. */
export class Pins {
  count = 0;
  readonly #list: Pin[] = [];
  readonly #snapshots = new Set<Pin>();
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /**
   * Pins the present state of some databases, to be written as a snapshot.
   *
   * @throws DbError `TOO_MANY_SNAPSHOTS` beyond four.
   */
  addSnapshot(index: number, databases: readonly Database[], numbers: readonly number[]): Pin {
    if (this.#snapshots.size === SNAPSHOTS_MAX) {
      const facts = { max: SNAPSHOTS_MAX };
      throw new DbError("TOO_MANY_SNAPSHOTS", "too many snapshots run at once", facts);
    }
    const pin = this.add(index, databases, numbers);
    this.#snapshots.add(pin);
    return pin;
  }

  /** Pins the present state of some databases. */
  add(index: number, databases: readonly Database[], numbers: readonly number[]): Pin {
    const pin = new Pin(index, databases, numbers);
    this.#list.push(pin);
    this.count++;
    return pin;
  }

  /** Ends a pin: what was kept for it alone is freed. */
  remove(pin: Pin): void {
    const at = this.#list.indexOf(pin);
    if (at === -1) return;
    this.#list.splice(at, 1);
    this.#snapshots.delete(pin);
    this.count--;
    pin.drop();
    for (let ref = pin.images.shift(); ref !== 0; ref = pin.images.shift()) {
      this.#arena.retire(ref);
    }
    if (pin.span !== 0 && pin.spanIsImage) this.#arena.retire(pin.span);
    pin.span = 0;
  }

  /** Whether a pin still needs the bytes of a record, so that they must not change. */
  need(home: Database, slot: number, hash: number, ref: number): boolean {
    for (const pin of this.#list) {
      if (this.#needs(pin, home, slot, hash, ref)) return true;
    }
    return false;
  }

  /**
   * Hands a record that left its table to the pins that need it; false when none does.
   * The first gets the record itself, a further one a copy.
   */
  keep(home: Database, slot: number, hash: number, ref: number): boolean {
    let isKept = false;
    for (const pin of this.#list) {
      if (!this.#needs(pin, home, slot, hash, ref)) continue;
      const image = isKept ? this.#arena.copy(ref) : ref;
      if (!isKept) this.#arena.markImage(ref);
      isKept = true;
      if (pin.span === ref) {
        pin.span = image;
        pin.spanIsImage = true;
      } else {
        pin.images.push(image);
      }
    }
    return isKept;
  }

  /** The cleaner moved a record of a table. */
  moved(from: number, to: number): void {
    for (const pin of this.#list) {
      if (pin.span === from) pin.span = to;
    }
  }

  #needs(pin: Pin, home: Database, slot: number, hash: number, ref: number): boolean {
    if (pin.span === ref) return true;
    return pin.isAhead(home.id, slot, hash) && this.#arena.versionIndex(ref) <= pin.index;
  }
}
