// Fills an empty keyspace from a snapshot's chunks; believes none of their bytes, but cannot tell a
// damaged value from another: the checksum is that of whoever carries the chunks.
import { copyBytes, viewOf } from "../../base/bytes.ts";
import { DbError, type ErrorFacts } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT } from "../../base/slot.ts";
import { DATABASE_COUNT, NO_EXPIRY, RecordType, type Ref } from "../keyspace.ts";
import type { Database } from "./database.ts";
import type { MemoryKeyspace } from "./memory-keyspace.ts";
import { TWO_32, WORD_VERSION_HIGH, WORD_VERSION_LOW } from "./record.ts";
import {
  CHUNK_HEADER_BYTES,
  CHUNK_LENGTH_AT,
  CHUNK_MAGIC,
  CHUNK_NUMBER_AT,
  CHUNK_VERSION,
  CHUNK_VERSION_AT,
  END_ITEM_BYTES,
  EXPIRY_BYTES,
  FIELD_BYTES_MAX,
  HEAD_ITEM_BYTES,
  Item,
  ITEM_HAS_EXPIRY,
  PART_HEADER_BYTES,
  PIECE_LENGTH_BYTES,
  RECORD_HEADER_BYTES,
  REMOVAL_BYTES,
  REMOVALS_HEADER_BYTES,
} from "./snapshot-format.ts";
import type { Store } from "./store.ts";
import { TableFiller } from "./table-filler.ts";

/**
 * Loads one snapshot. After an error the keyspace holds part of it and is only fit to be thrown
 * away.
 */
export class SnapshotLoader {
  readonly #store: Store;
  readonly #filler: TableFiller;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = viewOf(this.#bytes);
  #chunks = 0;
  #records = 0;
  #index = 0;
  #lastFlushIndex = 0;
  readonly #keys: number[] = [];
  #isEnded = false;
  /**
   * A record that comes in pieces: its place, its database, and the bytes of key and value still to
   * come.
   */
  #span: Ref = 0;
  #spanHome: Database;
  #spanRest = 0;
  #spanAt = 0;

  /** @param keyspace Holds no keys, and is used by nobody else until `finish`. */
  constructor(keyspace: MemoryKeyspace) {
    this.#store = keyspace.store;
    this.#filler = new TableFiller(this.#store);
    this.#spanHome = this.#store.databases[0]!;
    for (const database of this.#store.databases) {
      invariant(database.keys === 0, "a snapshot is loaded into an empty keyspace");
    }
  }

  /**
   * Loads the next chunk.
   *
   * @throws DbError `SNAPSHOT_CORRUPT` when it is damaged, or not the chunk that comes next.
   */
  add(chunk: Uint8Array): void {
    this.#bytes = chunk;
    this.#view = viewOf(chunk);
    this.#checkHeader();
    let at = CHUNK_HEADER_BYTES;
    while (at < chunk.length) {
      if (this.#isEnded) this.#refuse("has items after its end", { at });
      const before = at;
      at = this.#loadItem(at);
      invariant(at > before, "every item has bytes");
    }
    this.#chunks++;
  }

  /**
   * Ends the load. Returns the log index of the state, which is also the keyspace's `writeIndex`
   * now.
   *
   * @throws DbError `SNAPSHOT_CORRUPT` when something is missing.
   */
  finish(): number {
    if (!this.#isEnded) this.#refuse("is not complete", {});
    this.#filler.finish();
    const store = this.#store;
    store.writeIndex = this.#index;
    store.lastFlushIndex = this.#lastFlushIndex;
    for (const [number, database] of store.databases.entries()) {
      if (database.keys !== this.#keys[number]) {
        this.#refuse("lacks keys", { database: number, keys: database.keys });
      }
    }
    return this.#index;
  }

  #checkHeader(): void {
    const view = this.#view;
    const length = this.#bytes.length;
    if (length < CHUNK_HEADER_BYTES) this.#refuse("has a chunk without header", { length });
    const isOurs =
      view.getUint32(0, true) === CHUNK_MAGIC &&
      view.getUint32(CHUNK_VERSION_AT, true) === CHUNK_VERSION;
    if (!isOurs) {
      this.#refuse("is of an unknown format", { version: view.getUint32(CHUNK_VERSION_AT, true) });
    }
    const said = view.getUint32(CHUNK_LENGTH_AT, true);
    if (said !== length) this.#refuse("has a chunk of another length than it says", { said });
    const number = view.getUint32(CHUNK_NUMBER_AT, true);
    if (number !== this.#chunks) this.#refuse("has chunks out of order", { number });
  }

  #loadItem(at: number): number {
    const kind = this.#bytes[at]!;
    if ((kind === Item.head) !== (this.#keys.length === 0)) {
      this.#refuse("does not begin with one head", { at });
    }
    if ((kind === Item.part) !== (this.#span !== 0)) {
      this.#refuse("has a record's parts out of order", { at });
    }
    switch (kind) {
      case Item.head:
        return this.#loadHead(at);
      case Item.removals:
        return this.#loadRemovals(at);
      case Item.record:
      case Item.start:
        return this.#loadRecord(at, kind === Item.start);
      case Item.part:
        return this.#loadPiece(this.#need(at, PART_HEADER_BYTES) - PIECE_LENGTH_BYTES);
      case Item.end:
        return this.#loadEnd(at);
      default:
        return this.#refuse("has an item of unknown kind", { kind, at });
    }
  }

  #loadHead(at: number): number {
    const end = this.#need(at, HEAD_ITEM_BYTES);
    this.#index = this.#indexAt(at + 2);
    this.#lastFlushIndex = this.#indexAt(at + 10);
    for (let number = 0; number < DATABASE_COUNT; number++) {
      this.#keys.push(this.#indexAt(at + 18 + number * 8));
    }
    return end;
  }

  #loadRemovals(at: number): number {
    let entry = this.#need(at, REMOVALS_HEADER_BYTES);
    const count = this.#view.getUint16(at + 2, true);
    const end = this.#need(entry, count * REMOVAL_BYTES);
    for (; entry < end; entry += REMOVAL_BYTES) {
      const slot = this.#view.getUint16(entry, true);
      if (slot >= SLOT_COUNT) this.#refuse("names a slot that does not exist", { slot });
      this.#store.removals[slot] = this.#indexAt(entry + 2);
    }
    return end;
  }

  #loadRecord(at: number, isStart: boolean): number {
    const view = this.#view;
    let bodyAt = this.#need(at, RECORD_HEADER_BYTES);
    const type = view.getUint8(at + 1);
    const number = view.getUint8(at + 2);
    const keyLength = view.getUint32(at + 4, true);
    const valueLength = view.getUint32(at + 8, true);
    const isSound =
      type > RecordType.none &&
      type <= RecordType.stream &&
      number < DATABASE_COUNT &&
      keyLength <= FIELD_BYTES_MAX &&
      valueLength <= FIELD_BYTES_MAX;
    if (!isSound) {
      this.#refuse("has a record that cannot be", { type, number, keyLength, valueLength });
    }
    let expireAt = NO_EXPIRY;
    if ((view.getUint8(at + 3) & ITEM_HAS_EXPIRY) !== 0) {
      bodyAt = this.#need(bodyAt, EXPIRY_BYTES);
      expireAt = this.#indexAt(bodyAt - EXPIRY_BYTES);
      if (expireAt === NO_EXPIRY) this.#refuse("has a record with an empty expiry", { at });
    }
    const bodyBytes = keyLength + valueLength;
    const end = isStart ? bodyAt : this.#need(bodyAt, bodyBytes);
    const { arena } = this.#store;
    const home = this.#store.databases[number]!;
    const ref = this.#store.allocate(home, type, keyLength, valueLength, expireAt);
    const words = arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    words[base + WORD_VERSION_LOW] = view.getInt32(at + 12, true);
    words[base + WORD_VERSION_HIGH] = view.getInt32(at + 16, true);
    if (isStart) {
      this.#span = ref;
      this.#spanHome = home;
      this.#spanRest = bodyBytes;
      this.#spanAt = arena.keyOffset(ref);
      return this.#loadPiece(end);
    }
    const target = arena.bytes[ref >>> 16]!;
    const targetView = arena.views[ref >>> 16]!;
    const keyAt = arena.keyOffset(ref);
    copyBytes(this.#bytes, view, bodyAt, target, targetView, keyAt, bodyBytes);
    this.#adopt(home, ref);
    return end;
  }

  #loadPiece(at: number): number {
    const from = this.#need(at, PIECE_LENGTH_BYTES);
    const length = this.#view.getUint32(at, true);
    const end = this.#need(from, length);
    if (length > this.#spanRest) this.#refuse("has a record longer than it says", { length });
    const ref = this.#span;
    this.#store.arena.bytes[ref >>> 16]!.set(this.#bytes.subarray(from, end), this.#spanAt);
    this.#spanAt += length;
    this.#spanRest -= length;
    if (this.#spanRest === 0) {
      this.#span = 0;
      this.#adopt(this.#spanHome, ref);
    }
    return end;
  }

  #adopt(home: Database, ref: Ref): void {
    if (!this.#filler.add(home, ref)) {
      this.#refuse("has a key twice", { records: this.#records });
    }
    home.keys++;
    this.#store.linkExpiry(home, ref);
    this.#records++;
  }

  #loadEnd(at: number): number {
    const end = this.#need(at, END_ITEM_BYTES);
    const said = this.#indexAt(at + 2);
    if (said !== this.#records) this.#refuse("lacks records", { said, records: this.#records });
    this.#isEnded = true;
    return end;
  }

  /** Makes sure that an item's bytes are there; returns where they end. */
  #need(at: number, length: number): number {
    const end = at + length;
    if (end > this.#bytes.length) this.#refuse("has an item that ends beyond its chunk", { at });
    return end;
  }

  #indexAt(at: number): number {
    const high = this.#view.getUint32(at + 4, true);
    if (high >= 0x200000) this.#refuse("has a number beyond 2^53", { at });
    return high * TWO_32 + this.#view.getUint32(at, true);
  }

  #refuse(what: string, facts: ErrorFacts): never {
    throw new DbError("SNAPSHOT_CORRUPT", `snapshot ${what}`, { chunk: this.#chunks, ...facts });
  }
}
