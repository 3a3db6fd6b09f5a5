// The parts of the engine and what they do together for one record: find, make, overwrite, let go.
import { copyBytes } from "../../base/bytes.ts";
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT, slotOf } from "../../base/slot.ts";
import { DATABASE_COUNT, NO_EXPIRY, type Ref } from "../keyspace.ts";
import { Arena, recordUnits } from "./arena.ts";
import { Database } from "./database.ts";
import { ExpiryIndex } from "./expiry-index.ts";
import type { KeyHash } from "./half-sip-hash.ts";
import { LookAhead } from "./look-ahead.ts";
import { Pages } from "./pages.ts";
import { Pins } from "./pins.ts";
import {
  DATABASE_SHIFT,
  FIELD_BYTES,
  FLAG_LONG_KEY,
  FLAG_TIME,
  HEADER_BYTES,
  KEY_LENGTH_SHIFT,
  LONG_KEY_MARK,
  TIMED_UNITS_MIN,
  TWO_32,
  TYPE_MASK,
  WORD_EXPIRY_HIGH,
  WORD_EXPIRY_LOW,
  WORD_NEXT,
  WORD_PREVIOUS,
  WORD_VALUE_LENGTH,
  WORD_VERSION_HIGH,
  WORD_VERSION_LOW,
} from "./record.ts";
import { Table } from "./table.ts";
import { TableCursor } from "./table-cursor.ts";
import { TableGrowth } from "./table-growth.ts";
import { Change, UndoLog } from "./undo-log.ts";

const DATABASE_IDS = 256;

/**
 * State and elementary operations of a memory engine. Its files share this; nothing outside sees
 * it.
 */
export class Store {
  nowMs = 0;
  writeIndex = 0;
  writePosition = 0;

  readonly arena: Arena = new Arena();
  readonly pages: Pages = new Pages(this.arena);
  readonly tableGrowth: TableGrowth = new TableGrowth(this.arena, this.pages);
  readonly table: Table = new Table(this.arena, this.tableGrowth);
  readonly cursor: TableCursor = new TableCursor(this.arena);
  /** Databases by their own number. */
  readonly byId: (Database | undefined)[] = [];
  /** Databases by the number that `SELECT` knows. */
  readonly databases: Database[] = [];
  /** Databases that were flushed, to be taken apart by the cleaner. */
  readonly dropped: Database[] = [];
  readonly expiry: ExpiryIndex = new ExpiryIndex(this.arena, this.byId);
  readonly pins: Pins = new Pins(this.arena);
  readonly lookAhead: LookAhead = new LookAhead(this);
  /** By slot: log index of its last removal. */
  readonly removals: Float64Array = new Float64Array(SLOT_COUNT);
  /** Log index of the last change of a whole database, which counts as a removal in every slot. */
  lastFlushIndex = 0;
  readonly undo: UndoLog = new UndoLog();
  isSetOpen = false;
  /** Slot and hash of the key that the last `locate` looked for. */
  slot = 0;
  keyHash = 0;

  readonly #seed0: number;
  readonly #seed1: number;
  readonly #hash: KeyHash;
  /** A record that left its table and stays readable until the next change; 0 for none. */
  #leaving = 0;

  constructor(seed0: number, seed1: number, hash: KeyHash) {
    this.#seed0 = seed0 | 0;
    this.#seed1 = seed1 | 0;
    this.#hash = hash;
    for (let id = 0; id < DATABASE_IDS; id++) this.byId.push(undefined);
    for (let number = 0; number < DATABASE_COUNT; number++) {
      this.databases.push(this.newDatabase());
    }
  }

  /** A new, empty database with a number of its own. */
  newDatabase(): Database {
    const id = this.byId.indexOf(undefined);
    invariant(id !== -1, "a database number is free");
    const database = new Database(id);
    this.byId[id] = database;
    return database;
  }

  /** Whether another database can be made. */
  get hasFreeId(): boolean {
    return this.byId.includes(undefined);
  }

  /** Lets two numbers of `SELECT` change places. */
  exchange(first: number, second: number): void {
    const database = this.databases[first]!;
    this.databases[first] = this.databases[second]!;
    this.databases[second] = database;
  }

  hashOf(view: DataView, offset: number, length: number): number {
    return this.#hash(view, offset, length, this.#seed0, this.#seed1);
  }

  /** Notes slot and hash of a key. */
  noteKey(view: DataView, offset: number, length: number): void {
    const { lookAhead } = this;
    if (lookAhead.knows(view, offset, length)) {
      this.slot = lookAhead.slot;
      this.keyHash = lookAhead.hash;
    } else {
      this.slot = slotOf(view, offset, length);
      this.keyHash = this.#hash(view, offset, length, this.#seed0, this.#seed1);
    }
  }

  /** The record of a key, expired or not, with its place noted for the table. */
  locate(home: Database, bytes: Uint8Array, view: DataView, offset: number, length: number): Ref {
    this.noteKey(view, offset, length);
    const root = home.roots[this.slot]!;
    return this.table.locate(root, this.keyHash, bytes, view, offset, length);
  }

  /** As `locate`, for the key of a record. */
  locateKeyOf(home: Database, ref: Ref): Ref {
    const number = ref >>> 16;
    const { bytes, views } = this.arena;
    const offset = this.arena.keyOffset(ref);
    return this.locate(home, bytes[number]!, views[number]!, offset, this.arena.keyLength(ref));
  }

  isExpired(ref: Ref): boolean {
    const words = this.arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    if ((words[base]! & FLAG_TIME) === 0) return false;
    const expireAt =
      words[base + WORD_EXPIRY_HIGH]! * TWO_32 + (words[base + WORD_EXPIRY_LOW]! >>> 0);
    return expireAt !== NO_EXPIRY && expireAt <= this.nowMs;
  }

  /** Whether the located record can take another value and expiry where it stands. */
  fitsInPlace(
    home: Database,
    ref: Ref,
    keyLength: number,
    valueLength: number,
    expireAtMs: number,
  ): boolean {
    if (this.isSetOpen) return false;
    const isTimed = (this.arena.words[ref >>> 16]![(ref & 0xffff) << 2]! & FLAG_TIME) !== 0;
    if (!isTimed && expireAtMs !== NO_EXPIRY) return false;
    if (recordUnits(isTimed, keyLength, valueLength) !== this.arena.unitsOf(ref)) return false;
    return this.pins.count === 0 || !this.pins.need(home, this.slot, this.keyHash, ref);
  }

  /** Gives a record that stays where it is a new type, length, expiry and version. */
  overwrite(home: Database, ref: Ref, type: number, valueLength: number, expireAtMs: number): void {
    const words = this.arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    const head = words[base]!;
    if ((head & FLAG_TIME) !== 0) this.#changeExpiry(home, ref, expireAtMs);
    words[base] = (head & ~TYPE_MASK) | type;
    words[base + WORD_VALUE_LENGTH] = valueLength;
    this.#stamp(words, base);
  }

  /**
   * Makes a record for the located key, in place of `old` if there is one. The value is left to
   * fill.
   */
  place(
    home: Database,
    old: Ref,
    keyBytes: Uint8Array,
    keyView: DataView,
    keyOffset: number,
    keyLength: number,
    type: number,
    valueLength: number,
    expireAtMs: number,
  ): Ref {
    const arena = this.arena;
    const ref = this.allocate(home, type, keyLength, valueLength, expireAtMs);
    const number = ref >>> 16;
    const keyAt = arena.keyOffset(ref);
    this.#stamp(arena.words[number]!, (ref & 0xffff) << 2);
    copyBytes(
      keyBytes,
      keyView,
      keyOffset,
      arena.bytes[number]!,
      arena.views[number]!,
      keyAt,
      keyLength,
    );
    this.#enter(home, old, ref, expireAtMs);
    return ref;
  }

  /** Room for a record with its header filled but for the version; in no table yet. */
  allocate(
    home: Database,
    type: number,
    keyLength: number,
    valueLength: number,
    expireAtMs: number,
  ): Ref {
    const plainUnits = recordUnits(false, keyLength, valueLength);
    const isTimed = expireAtMs !== NO_EXPIRY || plainUnits >= TIMED_UNITS_MIN;
    const ref = this.arena.allocate(isTimed ? plainUnits + 1 : plainUnits);
    const words = this.arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    let head = type | (home.id << DATABASE_SHIFT) | (keyLength << KEY_LENGTH_SHIFT);
    let fieldAt = base + HEADER_BYTES / 4;
    words[base + WORD_VALUE_LENGTH] = valueLength;
    if (isTimed) {
      head |= FLAG_TIME;
      words[base + WORD_EXPIRY_LOW] = expireAtMs;
      words[base + WORD_EXPIRY_HIGH] = Math.floor(expireAtMs / TWO_32);
      words[base + WORD_NEXT] = 0;
      words[base + WORD_PREVIOUS] = 0;
      fieldAt += FIELD_BYTES / 4;
    }
    if (keyLength >= LONG_KEY_MARK) {
      head |= FLAG_LONG_KEY | (LONG_KEY_MARK << KEY_LENGTH_SHIFT);
      words[fieldAt] = keyLength;
    }
    words[base] = head;
    return ref;
  }

  /** Puts a complete record whose key has none into the located place, outside any working set. */
  adopt(home: Database, ref: Ref): void {
    this.table.insert(home, this.slot, this.keyHash, ref);
    home.keys++;
    this.linkExpiry(home, ref);
  }

  /** Takes the located record out of its table. */
  takeOut(home: Database, ref: Ref): void {
    const slot = this.slot;
    this.table.remove(home, slot);
    home.keys--;
    this.unlinkExpiry(home, ref);
    if (this.isSetOpen) this.undo.push(Change.remove, home, ref, 0, this.removals[slot]!);
    else this.letGo(home, ref);
    this.removals[slot] = this.writeIndex;
  }

  unlinkExpiry(home: Database, ref: Ref): void {
    if (this.arena.expireAt(ref) === NO_EXPIRY) return;
    this.expiry.unlink(ref);
    home.keysWithExpiry--;
  }

  linkExpiry(home: Database, ref: Ref): void {
    const expireAt = this.arena.expireAt(ref);
    if (expireAt === NO_EXPIRY) return;
    this.expiry.link(ref, expireAt, this.nowMs);
    home.keysWithExpiry++;
  }

  /**
   * The located record left its table: pins may take it over, else it is free from the next change
   * on.
   */
  letGo(home: Database, ref: Ref): void {
    this.settle();
    if (this.pins.count > 0 && this.pins.keep(home, this.slot, this.keyHash, ref)) return;
    this.#leaving = ref;
  }

  /** Frees the record that left last. */
  settle(): void {
    if (this.#leaving === 0) return;
    this.arena.retire(this.#leaving);
    this.#leaving = 0;
  }

  #enter(home: Database, old: Ref, ref: Ref, expireAtMs: number): void {
    if (old === 0) {
      this.table.insert(home, this.slot, this.keyHash, ref);
      home.keys++;
    } else {
      this.table.replace(ref);
      this.unlinkExpiry(home, old);
    }
    if (expireAtMs !== NO_EXPIRY) {
      this.expiry.link(ref, expireAtMs, this.nowMs);
      home.keysWithExpiry++;
    }
    if (this.isSetOpen) this.undo.push(Change.put, home, old, ref, 0);
    else if (old !== 0) this.letGo(home, old);
  }

  #stamp(words: Int32Array, base: number): void {
    words[base + WORD_VERSION_LOW] = this.writeIndex;
    words[base + WORD_VERSION_HIGH] =
      Math.floor(this.writeIndex / TWO_32) | (this.writePosition << 16);
  }

  #changeExpiry(home: Database, ref: Ref, expireAtMs: number): void {
    const before = this.arena.expireAt(ref);
    if (before === expireAtMs) return;
    const words = this.arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    words[base + WORD_EXPIRY_LOW] = expireAtMs;
    words[base + WORD_EXPIRY_HIGH] = Math.floor(expireAtMs / TWO_32);
    if (expireAtMs === NO_EXPIRY) {
      this.expiry.unlink(ref);
      home.keysWithExpiry--;
    } else if (before === NO_EXPIRY) {
      this.expiry.link(ref, expireAtMs, this.nowMs);
      home.keysWithExpiry++;
    } else {
      this.expiry.change(ref, before, expireAtMs, this.nowMs);
    }
  }
}
