// The memory engine: records in an arena, found through tables of pages. Knows nothing of commands or logs.
import { copyBytes } from "../../base/bytes.ts";
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT, slotOf } from "../../base/slot.ts";
import {
  DATABASE_COUNT,
  KEEP_EXPIRY,
  NO_EXPIRY,
  RecordType,
  type Keyspace,
  type KeyspaceStats,
  type KeyVisitor,
  type Ref,
  type ScanPosition,
} from "../keyspace.ts";
import { Arena, recordUnits } from "./arena.ts";
import { Database } from "./database.ts";
import { ExpiryIndex } from "./expiry-index.ts";
import { halfSipHash13, type KeyHash } from "./half-sip-hash.ts";
import { Pages } from "./pages.ts";
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
import { Change, UndoLog } from "./undo-log.ts";

const DATABASE_IDS = 256;

/** How a memory engine is made. */
export interface MemoryKeyspaceOptions {
  /** The two 32-bit halves of the cluster's secret hash seed: the same on every replica. */
  readonly seed0: number;
  readonly seed1: number;
  /** Tests only: another hash of keys. */
  readonly hash?: KeyHash;
}

/** A {@link Keyspace} in memory. */
export class MemoryKeyspace implements Keyspace {
  nowMs = 0;
  writeIndex = 0;
  writePosition = 0;

  readonly #seed0: number;
  readonly #seed1: number;
  readonly #hash: KeyHash;
  readonly #arena = new Arena();
  readonly #pages = new Pages(this.#arena);
  readonly #table = new Table(this.#arena, this.#pages);
  readonly #cursor = new TableCursor(this.#arena, this.#table);
  /** Databases by their own number; those that `SELECT` finds, by its number. */
  readonly #byId: (Database | undefined)[] = [];
  readonly #databases: Database[] = [];
  readonly #dropped: Database[] = [];
  readonly #expiry = new ExpiryIndex(this.#arena, this.#byId);
  readonly #removals = new Float64Array(SLOT_COUNT);
  /** Log index of the last change of a whole database: counts as a removal in every slot. */
  #lastFlushIndex = 0;
  readonly #undo = new UndoLog();
  #isSetOpen = false;
  /** A record that was replaced or removed and stays readable until the next change. */
  #leaving = 0;
  /** Slot and hash of the key that the last `#locate` looked for. */
  #slot = 0;
  #keyHash = 0;

  constructor(options: MemoryKeyspaceOptions) {
    this.#seed0 = options.seed0 | 0;
    this.#seed1 = options.seed1 | 0;
    this.#hash = options.hash ?? halfSipHash13;
    for (let id = 0; id < DATABASE_IDS; id++) this.#byId.push(undefined);
    for (let number = 0; number < DATABASE_COUNT; number++) {
      this.#databases.push(this.#newDatabase(number));
    }
  }

  find(database: number, bytes: Uint8Array, view: DataView, offset: number, length: number): Ref {
    const root = this.#databases[database]!.roots[slotOf(bytes, offset, length)]!;
    if (root === 0) return 0;
    const hash = this.#hash(view, offset, length, this.#seed0, this.#seed1);
    const ref = this.#table.find(root, hash, bytes, offset, length);
    return ref === 0 || this.#isExpired(ref) ? 0 : ref;
  }

  typeOf(ref: Ref): number {
    return this.#arena.typeOf(ref);
  }

  expireAtOf(ref: Ref): number {
    return this.#arena.expireAt(ref);
  }

  versionIndexOf(ref: Ref): number {
    return this.#arena.versionIndex(ref);
  }

  versionPositionOf(ref: Ref): number {
    return this.#arena.versionPosition(ref);
  }

  keyLengthOf(ref: Ref): number {
    return this.#arena.keyLength(ref);
  }

  keyOffsetOf(ref: Ref): number {
    return this.#arena.keyOffset(ref);
  }

  valueLengthOf(ref: Ref): number {
    return this.#arena.valueLength(ref);
  }

  valueOffsetOf(ref: Ref): number {
    return this.#arena.valueOffset(ref);
  }

  bytesOf(ref: Ref): Uint8Array {
    return this.#arena.bytes[ref >>> 16]!;
  }

  viewOf(ref: Ref): DataView {
    return this.#arena.views[ref >>> 16]!;
  }

  putString(
    database: number,
    keyBytes: Uint8Array,
    keyView: DataView,
    keyOffset: number,
    keyLength: number,
    valueBytes: Uint8Array,
    valueView: DataView,
    valueOffset: number,
    valueLength: number,
    expireAtMs: number,
  ): void {
    const home = this.#databases[database]!;
    const old = this.#locate(home, keyBytes, keyView, keyOffset, keyLength);
    const expireAt = expireAtMs === KEEP_EXPIRY ? this.#keptExpiry(old) : expireAtMs;
    let ref = old;
    if (old !== 0 && this.#fitsInPlace(old, keyLength, valueLength, expireAt)) {
      this.#overwrite(home, old, RecordType.string, valueLength, expireAt);
    } else {
      ref = this.#place(
        home,
        old,
        keyBytes,
        keyView,
        keyOffset,
        keyLength,
        RecordType.string,
        valueLength,
        expireAt,
      );
    }
    copyBytes(
      valueBytes,
      valueView,
      valueOffset,
      this.#arena.bytes[ref >>> 16]!,
      this.#arena.views[ref >>> 16]!,
      this.#arena.keyOffset(ref) + keyLength,
      valueLength,
    );
  }

  create(
    database: number,
    keyBytes: Uint8Array,
    keyView: DataView,
    keyOffset: number,
    keyLength: number,
    type: number,
    valueLength: number,
    expireAtMs: number,
  ): Ref {
    const home = this.#databases[database]!;
    const old = this.#locate(home, keyBytes, keyView, keyOffset, keyLength);
    const expireAt = expireAtMs === KEEP_EXPIRY ? this.#keptExpiry(old) : expireAtMs;
    return this.#place(
      home,
      old,
      keyBytes,
      keyView,
      keyOffset,
      keyLength,
      type,
      valueLength,
      expireAt,
    );
  }

  remove(
    database: number,
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    length: number,
  ): boolean {
    const home = this.#databases[database]!;
    const ref = this.#locate(home, bytes, view, offset, length);
    if (ref === 0) return false;
    const wasLive = !this.#isExpired(ref);
    const slot = this.#slot;
    this.#table.remove(home, slot);
    this.#countOut(home, ref);
    if (this.#isSetOpen) this.#undo.push(Change.remove, home, ref, 0, this.#removals[slot]!);
    else this.#leave(ref);
    this.#removals[slot] = this.writeIndex;
    return wasLive;
  }

  setExpiry(
    database: number,
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    length: number,
    expireAtMs: number,
  ): boolean {
    const home = this.#databases[database]!;
    const old = this.#locate(home, bytes, view, offset, length);
    if (old === 0 || this.#isExpired(old)) return false;
    const arena = this.#arena;
    const valueLength = arena.valueLength(old);
    if (this.#fitsInPlace(old, length, valueLength, expireAtMs)) {
      this.#overwrite(home, old, arena.typeOf(old), valueLength, expireAtMs);
      return true;
    }
    const type = arena.typeOf(old);
    const ref = this.#place(home, old, bytes, view, offset, length, type, valueLength, expireAtMs);
    copyBytes(
      arena.bytes[old >>> 16]!,
      arena.views[old >>> 16]!,
      arena.valueOffset(old),
      arena.bytes[ref >>> 16]!,
      arena.views[ref >>> 16]!,
      arena.valueOffset(ref),
      valueLength,
    );
    return true;
  }

  lastRemovalIndex(slot: number): number {
    return Math.max(this.#removals[slot]!, this.#lastFlushIndex);
  }

  size(database: number): number {
    return this.#databases[database]!.keys;
  }

  sizeWithExpiry(database: number): number {
    return this.#databases[database]!.keysWithExpiry;
  }

  flush(database: number): void {
    const old = this.#databases[database]!;
    if (old.keys === 0) return;
    this.#settleLeaving();
    this.#databases[database] = this.#newDatabase(this.#freeId());
    old.dropped = true;
    if (this.#isSetOpen) {
      this.#undo.push(Change.flush, old, 0, database, this.#lastFlushIndex);
    } else {
      this.#dropped.push(old);
    }
    this.#lastFlushIndex = this.writeIndex;
  }

  swap(first: number, second: number): void {
    this.#exchange(first, second);
    if (this.#isSetOpen) {
      this.#undo.push(Change.swap, undefined, first, second, this.#lastFlushIndex);
    }
    this.#lastFlushIndex = this.writeIndex;
  }

  walk(database: number, from: ScanPosition, visit: KeyVisitor): void {
    const { roots } = this.#databases[database]!;
    const cursor = this.#cursor;
    let { slot, hash } = from;
    for (; slot < SLOT_COUNT; slot++, hash = 0) {
      if (roots[slot] === 0) continue;
      let ref = cursor.seek(roots[slot]!, hash);
      let isStopped = false;
      while (ref !== 0) {
        const group = cursor.hash;
        if (isStopped) {
          from.slot = slot;
          from.hash = group;
          return;
        }
        for (; ref !== 0 && cursor.hash === group; ref = cursor.next()) {
          if (!this.#isExpired(ref) && !visit(ref)) isStopped = true;
        }
      }
      if (isStopped) {
        from.slot = slot + 1;
        from.hash = 0;
        return;
      }
    }
    from.slot = SLOT_COUNT;
    from.hash = 0;
  }

  randomKey(database: number, random1: number, random2: number): Ref {
    const { roots } = this.#databases[database]!;
    const start = (random1 >>> 0) % SLOT_COUNT;
    for (let step = 0; step <= SLOT_COUNT; step++) {
      const root = roots[(start + step) % SLOT_COUNT]!;
      if (root === 0) continue;
      let ref = this.#cursor.seek(root, step === 0 ? random2 >>> 0 : 0);
      for (; ref !== 0; ref = this.#cursor.next()) {
        if (!this.#isExpired(ref)) return ref;
      }
    }
    return 0;
  }

  expired(limit: number, visit: (database: number, ref: Ref) => void): boolean {
    return this.#expiry.expired(this.nowMs, limit, (database, ref) => {
      visit(this.#databases.indexOf(database), ref);
    });
  }

  begin(): void {
    invariant(!this.#isSetOpen, "working sets are not nested");
    this.#settleLeaving();
    this.#isSetOpen = true;
  }

  commit(): void {
    invariant(this.#isSetOpen, "commit ends an open working set");
    this.#isSetOpen = false;
    const undo = this.#undo;
    for (let at = 0; at < undo.length; at++) {
      const kind = undo.kinds[at]!;
      if (kind === Change.flush) this.#dropped.push(undo.databases[at]!);
      else if (kind !== Change.swap && undo.oldRefs[at] !== 0)
        this.#arena.retire(undo.oldRefs[at]!);
    }
    undo.clear();
  }

  rollback(): void {
    invariant(this.#isSetOpen, "rollback ends an open working set");
    this.#isSetOpen = false;
    const undo = this.#undo;
    for (let at = undo.length - 1; at >= 0; at--) this.#takeBack(at);
    undo.clear();
  }

  stats(): KeyspaceStats {
    let keys = 0;
    let keysWithExpiry = 0;
    let rootBytes = this.#removals.byteLength;
    for (const database of this.#databases) {
      keys += database.keys;
      keysWithExpiry += database.keysWithExpiry;
      rootBytes += database.rootBytes;
    }
    const { segments, liveUnits, largeBytes } = this.#arena;
    const liveBytes = liveUnits * 16 + largeBytes + this.#pages.liveBytes + rootBytes;
    const reservedBytes = segments.reservedBytes + rootBytes;
    return {
      keys,
      keysWithExpiry,
      reservedBytes,
      liveBytes,
      deadBytes: this.#arena.deadUnits * 16 + segments.spareBytes,
    };
  }

  #newDatabase(id: number): Database {
    const database = new Database(id);
    this.#byId[id] = database;
    return database;
  }

  #freeId(): number {
    const id = this.#byId.indexOf(undefined);
    invariant(id !== -1, "there is a free database number");
    return id;
  }

  #exchange(first: number, second: number): void {
    const database = this.#databases[first]!;
    this.#databases[first] = this.#databases[second]!;
    this.#databases[second] = database;
  }

  #isExpired(ref: Ref): boolean {
    const words = this.#arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    if ((words[base]! & FLAG_TIME) === 0) return false;
    const expireAt =
      words[base + WORD_EXPIRY_HIGH]! * TWO_32 + (words[base + WORD_EXPIRY_LOW]! >>> 0);
    return expireAt !== NO_EXPIRY && expireAt <= this.nowMs;
  }

  #keptExpiry(old: Ref): number {
    return old === 0 || this.#isExpired(old) ? NO_EXPIRY : this.#arena.expireAt(old);
  }

  /** The record of a key, expired or not, with its place noted for the table. */
  #locate(home: Database, bytes: Uint8Array, view: DataView, offset: number, length: number): Ref {
    const slot = slotOf(bytes, offset, length);
    const hash = this.#hash(view, offset, length, this.#seed0, this.#seed1);
    this.#slot = slot;
    this.#keyHash = hash;
    return this.#table.locate(home.roots[slot]!, hash, bytes, offset, length);
  }

  /** Whether a record can take another value and expiry where it stands. */
  #fitsInPlace(ref: Ref, keyLength: number, valueLength: number, expireAtMs: number): boolean {
    if (this.#isSetOpen) return false;
    const isTimed = (this.#arena.words[ref >>> 16]![(ref & 0xffff) << 2]! & FLAG_TIME) !== 0;
    if (!isTimed && expireAtMs !== NO_EXPIRY) return false;
    const units = recordUnits(isTimed, keyLength, valueLength);
    return units === this.#arena.unitsOf(ref);
  }

  /** Gives a record that stays where it is a new type, length, expiry and version. */
  #overwrite(
    home: Database,
    ref: Ref,
    type: number,
    valueLength: number,
    expireAtMs: number,
  ): void {
    const words = this.#arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    const head = words[base]!;
    if ((head & FLAG_TIME) !== 0) this.#changeExpiry(home, ref, expireAtMs);
    words[base] = (head & ~TYPE_MASK) | type;
    words[base + WORD_VALUE_LENGTH] = valueLength;
    words[base + WORD_VERSION_LOW] = this.writeIndex;
    words[base + WORD_VERSION_HIGH] =
      Math.floor(this.writeIndex / TWO_32) | (this.writePosition << 16);
  }

  #changeExpiry(home: Database, ref: Ref, expireAtMs: number): void {
    const before = this.#arena.expireAt(ref);
    if (before === expireAtMs) return;
    const words = this.#arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    words[base + WORD_EXPIRY_LOW] = expireAtMs;
    words[base + WORD_EXPIRY_HIGH] = Math.floor(expireAtMs / TWO_32);
    if (expireAtMs === NO_EXPIRY) {
      this.#expiry.unlink(ref);
      home.keysWithExpiry--;
    } else if (before === NO_EXPIRY) {
      this.#expiry.link(ref, expireAtMs, this.nowMs);
      home.keysWithExpiry++;
    } else {
      this.#expiry.change(ref, before, expireAtMs, this.nowMs);
    }
  }

  /** Makes a record for the located key, in place of `old` if there is one. The value is left to fill. */
  #place(
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
    const arena = this.#arena;
    const plainUnits = recordUnits(false, keyLength, valueLength);
    const isTimed = expireAtMs !== NO_EXPIRY || plainUnits >= TIMED_UNITS_MIN;
    const ref = arena.allocate(isTimed ? plainUnits + 1 : plainUnits);
    const words = arena.words[ref >>> 16]!;
    const unit = ref & 0xffff;
    const base = unit << 2;
    let head = type | (home.id << DATABASE_SHIFT) | (keyLength << KEY_LENGTH_SHIFT);
    let keyAt = (unit << 4) + HEADER_BYTES;
    words[base + WORD_VALUE_LENGTH] = valueLength;
    words[base + WORD_VERSION_LOW] = this.writeIndex;
    words[base + WORD_VERSION_HIGH] =
      Math.floor(this.writeIndex / TWO_32) | (this.writePosition << 16);
    if (isTimed) {
      head |= FLAG_TIME;
      words[base + WORD_EXPIRY_LOW] = expireAtMs;
      words[base + WORD_EXPIRY_HIGH] = Math.floor(expireAtMs / TWO_32);
      words[base + WORD_NEXT] = 0;
      words[base + WORD_PREVIOUS] = 0;
      keyAt += FIELD_BYTES;
    }
    if (keyLength >= LONG_KEY_MARK) {
      head |= FLAG_LONG_KEY | (LONG_KEY_MARK << KEY_LENGTH_SHIFT);
      words[keyAt >>> 2] = keyLength;
      keyAt += FIELD_BYTES;
    }
    words[base] = head;
    copyBytes(
      keyBytes,
      keyView,
      keyOffset,
      arena.bytes[ref >>> 16]!,
      arena.views[ref >>> 16]!,
      keyAt,
      keyLength,
    );
    this.#enter(home, old, ref, expireAtMs);
    return ref;
  }

  /** Puts a new record into the located place. */
  #enter(home: Database, old: Ref, ref: Ref, expireAtMs: number): void {
    if (old === 0) {
      this.#table.insert(home, this.#slot, this.#keyHash, ref);
      home.keys++;
    } else {
      this.#table.replace(ref);
      this.#unlinkExpiry(home, old);
    }
    if (expireAtMs !== NO_EXPIRY) {
      this.#expiry.link(ref, expireAtMs, this.nowMs);
      home.keysWithExpiry++;
    }
    if (this.#isSetOpen) this.#undo.push(Change.put, home, old, ref, 0);
    else if (old !== 0) this.#leave(old);
  }

  #countOut(home: Database, ref: Ref): void {
    home.keys--;
    this.#unlinkExpiry(home, ref);
  }

  #unlinkExpiry(home: Database, ref: Ref): void {
    if (this.#arena.expireAt(ref) === NO_EXPIRY) return;
    this.#expiry.unlink(ref);
    home.keysWithExpiry--;
  }

  #relinkExpiry(home: Database, ref: Ref): void {
    const expireAt = this.#arena.expireAt(ref);
    if (expireAt === NO_EXPIRY) return;
    this.#expiry.link(ref, expireAt, this.nowMs);
    home.keysWithExpiry++;
  }

  /** A record left its table: its memory is free from the next change on. */
  #leave(ref: Ref): void {
    this.#settleLeaving();
    this.#leaving = ref;
  }

  #settleLeaving(): void {
    if (this.#leaving === 0) return;
    this.#arena.retire(this.#leaving);
    this.#leaving = 0;
  }

  #takeBack(at: number): void {
    const undo = this.#undo;
    const home = undo.databases[at];
    const oldRef = undo.oldRefs[at]!;
    const newRef = undo.newRefs[at]!;
    const kind = undo.kinds[at]!;
    if (kind === Change.swap) {
      this.#exchange(oldRef, newRef);
      this.#lastFlushIndex = undo.removalIndexes[at]!;
      return;
    }
    invariant(home !== undefined, "the change of a key or a flush names its database");
    if (kind === Change.flush) {
      this.#byId[this.#databases[newRef]!.id] = undefined;
      this.#databases[newRef] = home;
      home.dropped = false;
      this.#lastFlushIndex = undo.removalIndexes[at]!;
      return;
    }
    this.#locateRecord(home, kind === Change.put ? newRef : oldRef);
    if (kind === Change.remove) {
      this.#table.insert(home, this.#slot, this.#keyHash, oldRef);
      home.keys++;
      this.#relinkExpiry(home, oldRef);
      this.#removals[this.#slot] = undo.removalIndexes[at]!;
      return;
    }
    if (oldRef === 0) {
      this.#table.remove(home, this.#slot);
      this.#countOut(home, newRef);
    } else {
      this.#table.replace(oldRef);
      this.#unlinkExpiry(home, newRef);
      this.#relinkExpiry(home, oldRef);
    }
    this.#arena.retire(newRef);
  }

  /** Notes the table's place for a record's key. */
  #locateRecord(home: Database, ref: Ref): void {
    const number = ref >>> 16;
    const { bytes, views } = this.#arena;
    const offset = this.#arena.keyOffset(ref);
    this.#locate(home, bytes[number]!, views[number]!, offset, this.#arena.keyLength(ref));
  }
}
