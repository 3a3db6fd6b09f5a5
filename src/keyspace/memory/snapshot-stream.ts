// Writes a pinned state as chunks, in slices, while the keyspace goes on changing.
import { copyBytes, viewOf } from "../../base/bytes.ts";
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT } from "../../base/slot.ts";
import type { Ref, SnapshotChunks } from "../keyspace.ts";
import type { Pin } from "./pins.ts";
import {
  CHUNK_BYTES_MIN,
  CHUNK_HEADER_BYTES,
  END_ITEM_BYTES,
  EXPIRY_BYTES,
  HEAD_ITEM_BYTES,
  Item,
  ITEM_HAS_EXPIRY,
  PART_HEADER_BYTES,
  PIECE_LENGTH_BYTES,
  RECORD_HEADER_BYTES,
  REMOVAL_BYTES,
  REMOVALS_HEADER_BYTES,
  sealChunk,
} from "./snapshot-format.ts";
import type { Store } from "./store.ts";
import { TableCursor, TOUCHED_ENTRIES } from "./table-cursor.ts";

/** Records looked at in one call, so that a state mostly changed since does not take long. */
const STEPS_MAX = 8192;

const HASH_MAX = 0xffffffff;

/** Outcomes of writing a record: all of it, its start, or nothing for want of room. */
const WROTE = 1;
const STARTED = 2;
const NO_ROOM = 0;

/** A state of a keyspace as a sequence of chunks. Made by `MemoryKeyspace.pin`. */
export class SnapshotStream implements SnapshotChunks {
  /** Log index of the state. */
  readonly index: number;
  readonly #store: Store;
  readonly #pin: Pin;
  readonly #cursor: TableCursor;
  readonly #removals: Float64Array;
  readonly #lastFlushIndex: number;
  readonly #keys: number[];
  #removalSlot = 0;
  #chunks = 0;
  #records = 0;
  /** Bytes of the spanning record already written. */
  #spanAt = 0;
  #isEnded = false;
  #target: Uint8Array = new Uint8Array(0);
  #view: DataView = viewOf(this.#target);
  #at = 0;

  constructor(store: Store) {
    invariant(!store.isSetOpen, "no state is pinned within a working set");
    store.settle();
    const numbers: number[] = [];
    for (const [number, database] of store.databases.entries()) {
      if (database.keys > 0) numbers.push(number);
    }
    this.index = store.writeIndex;
    this.#store = store;
    const databases = numbers.map((number) => store.databases[number]!);
    this.#pin = store.pins.addSnapshot(store.writeIndex, databases, numbers);
    this.#cursor = new TableCursor(store.arena);
    this.#removals = store.removals.slice();
    this.#lastFlushIndex = store.lastFlushIndex;
    this.#keys = store.databases.map((database) => database.keys);
  }

  /** Old records that wait to be written: memory that the snapshot holds. */
  get imagesWaiting(): number {
    return this.#pin.images.length;
  }

  /**
   * Fills a buffer with the next chunk.
   *
   * @param target At least 1 KiB; 64 KiB or more is a good size.
   * @returns Bytes of the chunk; 0 when the state has been written completely (or `release` was
   * called).
   * @remarks Not within a working set. Some 0.2 ms per 64 KiB.
   */
  next(target: Uint8Array): number {
    const store = this.#store;
    invariant(!store.isSetOpen, "no snapshot is written within a working set");
    invariant(target.length >= CHUNK_BYTES_MIN, "a chunk has room for at least 1 KiB");
    if (this.#isEnded || this.#pin.isReleased) return 0;
    store.settle();
    this.#target = target;
    this.#view = viewOf(target);
    this.#at = CHUNK_HEADER_BYTES;
    if (this.#chunks === 0) this.#writeHead();
    if (this.#writeRemovals() && this.#writeSpan() && this.#writeImages() && this.#walk()) {
      this.#writeEnd();
    }
    const length = this.#at;
    sealChunk(this.#view, this.#chunks++, length);
    return length;
  }

  /** Gives up the state; needed only when the stream is not read to its end. */
  release(): void {
    this.#store.pins.remove(this.#pin);
  }

  get #room(): number {
    return this.#target.length - this.#at;
  }

  #writeHead(): void {
    const view = this.#view;
    const at = this.#at;
    view.setUint16(at, Item.head, true);
    putIndex(view, at + 2, this.index);
    putIndex(view, at + 10, this.#lastFlushIndex);
    for (const [number, keys] of this.#keys.entries()) putIndex(view, at + 18 + number * 8, keys);
    this.#at += HEAD_ITEM_BYTES;
  }

  /** Writes the slots' last removals; false when the chunk is full. */
  #writeRemovals(): boolean {
    if (this.#removalSlot === SLOT_COUNT) return true;
    const view = this.#view;
    const start = this.#at;
    let at = start + REMOVALS_HEADER_BYTES;
    let count = 0;
    for (; this.#removalSlot < SLOT_COUNT; this.#removalSlot++) {
      const index = this.#removals[this.#removalSlot]!;
      if (index === 0) continue;
      if (at + REMOVAL_BYTES > this.#target.length) break;
      view.setUint16(at, this.#removalSlot, true);
      putIndex(view, at + 2, index);
      at += REMOVAL_BYTES;
      count++;
    }
    if (count > 0) {
      view.setUint16(start, Item.removals, true);
      view.setUint16(start + 2, count, true);
      this.#at = at;
    }
    return this.#removalSlot === SLOT_COUNT;
  }

  /** Goes on with a record that takes several chunks; false when the chunk is full. */
  #writeSpan(): boolean {
    const pin = this.#pin;
    if (pin.span === 0) return true;
    this.#view.setUint32(this.#at, Item.part, true);
    this.#at += PART_HEADER_BYTES - PIECE_LENGTH_BYTES;
    return this.#writePiece();
  }

  /** Writes as much of the spanning record as there is room for; false when some is left. */
  #writePiece(): boolean {
    const { arena } = this.#store;
    const pin = this.#pin;
    const ref = pin.span;
    const from = arena.keyOffset(ref) + this.#spanAt;
    const rest = arena.keyLength(ref) + arena.valueLength(ref) - this.#spanAt;
    const length = Math.min(rest, this.#room - PIECE_LENGTH_BYTES);
    this.#view.setUint32(this.#at, length, true);
    this.#at += PIECE_LENGTH_BYTES;
    this.#target.set(arena.bytes[ref >>> 16]!.subarray(from, from + length), this.#at);
    this.#at += length;
    this.#spanAt += length;
    if (length < rest) return false;
    this.#records++;
    if (pin.spanIsImage) arena.retire(ref);
    pin.span = 0;
    return true;
  }

  /** Writes old records that left their tables; false when the chunk is full. */
  #writeImages(): boolean {
    const { arena } = this.#store;
    const pin = this.#pin;
    for (let ref = pin.images.peek(); ref !== 0; ref = pin.images.peek()) {
      const outcome = this.#writeRecord(ref, pin.numberOf(arena.databaseOf(ref)));
      if (outcome === NO_ROOM) return false;
      pin.images.shift();
      if (outcome === STARTED) {
        pin.spanIsImage = true;
        if (!this.#writePiece()) return false;
      } else {
        arena.retire(ref);
      }
    }
    return true;
  }

  /** Writes records from the tables; false when the chunk is full or the call has done enough. */
  #walk(): boolean {
    const pin = this.#pin;
    let steps = STEPS_MAX;
    while (pin.at < pin.databases.length) {
      const root = pin.databases[pin.at]!.roots[pin.slot]!;
      // The database stays held while one of its records spans chunks: only then on to the next
      // slot.
      let ref = root === 0 || pin.hash > HASH_MAX ? 0 : this.#cursor.seek(root, pin.hash);
      let untouched = 0;
      while (ref !== 0) {
        const hash = this.#cursor.hash;
        if (untouched-- === 0) {
          this.#cursor.touchAhead();
          untouched = TOUCHED_ENTRIES - 1;
        }
        if (!this.#writeGroup(hash)) return false;
        pin.hash = hash + 1;
        if (pin.span !== 0 && !this.#writePiece()) return false;
        if (pin.images.length > 0 || --steps === 0) return false;
        ref = this.#cursor.ref;
      }
      pin.nextSlot();
    }
    return true;
  }

  /**
   * Writes the records of one hash from the cursor on. False: there was no room for the first.
   * Once one is written the hash counts as passed, so the others, if there is no room, become
   * images.
   */
  #writeGroup(hash: number): boolean {
    const { arena } = this.#store;
    const pin = this.#pin;
    const number = pin.numbers[pin.at]!;
    let isFull = false;
    let isBegun = false;
    for (
      let ref: Ref = this.#cursor.ref;
      ref !== 0 && this.#cursor.hash === hash;
      ref = this.#cursor.next()
    ) {
      if (arena.versionIndex(ref) > pin.index) continue;
      const outcome = isFull ? NO_ROOM : this.#writeRecord(ref, number);
      if (outcome === NO_ROOM) {
        if (!isBegun) return false;
        pin.images.push(arena.copy(ref));
      }
      if (outcome !== WROTE) isFull = true;
      isBegun = true;
    }
    return true;
  }

  /** Writes a record, or the start of one that no chunk can hold. */
  #writeRecord(ref: Ref, number: number): number {
    const { arena } = this.#store;
    const expireAt = arena.expireAt(ref);
    const keyLength = arena.keyLength(ref);
    const valueLength = arena.valueLength(ref);
    const headerBytes = RECORD_HEADER_BYTES + (expireAt === 0 ? 0 : EXPIRY_BYTES);
    const need = headerBytes + keyLength + valueLength;
    const isSpan = need > this.#target.length - CHUNK_HEADER_BYTES;
    if (this.#room < (isSpan ? headerBytes + PIECE_LENGTH_BYTES + 1 : need)) return NO_ROOM;
    const view = this.#view;
    const at = this.#at;
    view.setUint8(at, isSpan ? Item.start : Item.record);
    view.setUint8(at + 1, arena.typeOf(ref));
    view.setUint8(at + 2, number);
    view.setUint8(at + 3, expireAt === 0 ? 0 : ITEM_HAS_EXPIRY);
    view.setUint32(at + 4, keyLength, true);
    view.setUint32(at + 8, valueLength, true);
    putIndex(view, at + 12, arena.versionIndex(ref));
    view.setUint16(at + 18, arena.versionPosition(ref), true);
    if (expireAt !== 0) putIndex(view, at + RECORD_HEADER_BYTES, expireAt);
    this.#at = at + headerBytes;
    if (isSpan) {
      this.#pin.span = ref;
      this.#pin.spanIsImage = false;
      this.#spanAt = 0;
      return STARTED;
    }
    copyBytes(
      arena.bytes[ref >>> 16]!,
      arena.views[ref >>> 16]!,
      arena.keyOffset(ref),
      this.#target,
      view,
      this.#at,
      keyLength + valueLength,
    );
    this.#at += keyLength + valueLength;
    this.#records++;
    return WROTE;
  }

  #writeEnd(): void {
    if (this.#room < END_ITEM_BYTES) return;
    this.#view.setUint16(this.#at, Item.end, true);
    putIndex(this.#view, this.#at + 2, this.#records);
    this.#at += END_ITEM_BYTES;
    this.#isEnded = true;
    this.release();
  }
}

/** Writes a safe integer in 8 bytes, low word first. */
function putIndex(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x1_0000_0000, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
