// The memory engine as commands see it. Knows nothing of commands, logs or clocks.
import { copyBytes } from "../../base/bytes.ts";
import { SLOT_COUNT } from "../../base/slot.ts";
import {
  KEEP_EXPIRY,
  NO_EXPIRY,
  RecordType,
  type Keyspace,
  type KeyPrefetch,
  type KeyspaceStats,
  type KeyVisitor,
  type Ref,
  type ScanPosition,
} from "../keyspace.ts";
import { Cleaner } from "./cleaner.ts";
import { digestOf } from "./digest.ts";
import { halfSipHash13, type KeyHash } from "./half-sip-hash.ts";
import { PinnedView } from "./pinned-view.ts";
import { SnapshotStream } from "./snapshot-stream.ts";
import { statsOf } from "./stats.ts";
import { Store } from "./store.ts";
import { Change } from "./undo-log.ts";
import { beginSet, commitSet, rollbackSet } from "./working-set.ts";

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
  /** The engine's insides, for its own files. */
  readonly store: Store;
  readonly prefetch: KeyPrefetch;
  readonly #cleaner: Cleaner;

  constructor(options: MemoryKeyspaceOptions) {
    this.store = new Store(options.seed0, options.seed1, options.hash ?? halfSipHash13);
    this.prefetch = this.store.lookAhead;
    this.#cleaner = new Cleaner(this.store);
  }

  get nowMs(): number {
    return this.store.nowMs;
  }

  set nowMs(value: number) {
    this.store.nowMs = value;
  }

  get writeIndex(): number {
    return this.store.writeIndex;
  }

  set writeIndex(value: number) {
    this.store.writeIndex = value;
  }

  get writePosition(): number {
    return this.store.writePosition;
  }

  set writePosition(value: number) {
    this.store.writePosition = value;
  }

  find(database: number, view: DataView, offset: number, length: number): Ref {
    const store = this.store;
    store.noteKey(view, offset, length);
    const root = store.databases[database]!.roots[store.slot]!;
    if (root === 0) return 0;
    const ref = store.table.find(root, store.keyHash, view, offset, length);
    return ref === 0 || store.isExpired(ref) ? 0 : ref;
  }

  typeOf(ref: Ref): number {
    return this.store.arena.typeOf(ref);
  }

  expireAtOf(ref: Ref): number {
    return this.store.arena.expireAt(ref);
  }

  versionIndexOf(ref: Ref): number {
    return this.store.arena.versionIndex(ref);
  }

  versionPositionOf(ref: Ref): number {
    return this.store.arena.versionPosition(ref);
  }

  keyLengthOf(ref: Ref): number {
    return this.store.arena.keyLength(ref);
  }

  keyOffsetOf(ref: Ref): number {
    return this.store.arena.keyOffset(ref);
  }

  valueLengthOf(ref: Ref): number {
    return this.store.arena.valueLength(ref);
  }

  valueOffsetOf(ref: Ref): number {
    return this.store.arena.valueOffset(ref);
  }

  bytesOf(ref: Ref): Uint8Array {
    return this.store.arena.bytes[ref >>> 16]!;
  }

  viewOf(ref: Ref): DataView {
    return this.store.arena.views[ref >>> 16]!;
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
    const store = this.store;
    const home = store.databases[database]!;
    const old = store.locate(home, keyBytes, keyView, keyOffset, keyLength);
    const expireAt = expireAtMs === KEEP_EXPIRY ? this.#keptExpiry(old) : expireAtMs;
    let ref = old;
    if (old !== 0 && store.fitsInPlace(home, old, keyLength, valueLength, expireAt)) {
      store.overwrite(home, old, RecordType.string, valueLength, expireAt);
    } else {
      ref = store.place(
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
    const { arena } = store;
    copyBytes(
      valueBytes,
      valueView,
      valueOffset,
      arena.bytes[ref >>> 16]!,
      arena.views[ref >>> 16]!,
      arena.keyOffset(ref) + keyLength,
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
    const home = this.store.databases[database]!;
    const old = this.store.locate(home, keyBytes, keyView, keyOffset, keyLength);
    const expireAt = expireAtMs === KEEP_EXPIRY ? this.#keptExpiry(old) : expireAtMs;
    return this.store.place(
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
    const store = this.store;
    const home = store.databases[database]!;
    const ref = store.locate(home, bytes, view, offset, length);
    if (ref === 0) return false;
    const wasLive = !store.isExpired(ref);
    store.takeOut(home, ref);
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
    const store = this.store;
    const { arena } = store;
    const home = store.databases[database]!;
    const old = store.locate(home, bytes, view, offset, length);
    if (old === 0 || store.isExpired(old)) return false;
    const type = arena.typeOf(old);
    const valueLength = arena.valueLength(old);
    if (store.fitsInPlace(home, old, length, valueLength, expireAtMs)) {
      store.overwrite(home, old, type, valueLength, expireAtMs);
      return true;
    }
    const ref = store.place(home, old, bytes, view, offset, length, type, valueLength, expireAtMs);
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
    return Math.max(this.store.removals[slot]!, this.store.lastFlushIndex);
  }

  size(database: number): number {
    return this.store.databases[database]!.keys;
  }

  sizeWithExpiry(database: number): number {
    return this.store.databases[database]!.keysWithExpiry;
  }

  flush(database: number): void {
    const store = this.store;
    const old = store.databases[database]!;
    if (old.keys === 0) return;
    store.settle();
    if (!store.hasFreeId) {
      this.#removeAll(database);
      return;
    }
    store.databases[database] = store.newDatabase();
    old.dropped = true;
    if (store.isSetOpen) {
      store.undo.push(Change.flush, old, 0, database, store.lastFlushIndex);
    } else {
      store.dropped.push(old);
    }
    store.lastFlushIndex = store.writeIndex;
  }

  swap(first: number, second: number): void {
    const store = this.store;
    store.exchange(first, second);
    if (store.isSetOpen) {
      store.undo.push(Change.swap, undefined, first, second, store.lastFlushIndex);
    }
    store.lastFlushIndex = store.writeIndex;
  }

  walk(database: number, from: ScanPosition, visit: KeyVisitor): void {
    const { cursor, databases } = this.store;
    const { roots } = databases[database]!;
    let { slot, hash } = from;
    for (; slot < SLOT_COUNT; slot++, hash = 0) {
      let ref = roots[slot] === 0 ? 0 : cursor.seek(roots[slot]!, hash);
      let goesOn = true;
      while (ref !== 0 && goesOn) {
        const group = cursor.hash;
        for (; ref !== 0 && cursor.hash === group; ref = cursor.next()) {
          if (!this.store.isExpired(ref) && !visit(ref)) goesOn = false;
        }
      }
      if (goesOn) continue;
      from.slot = ref === 0 ? slot + 1 : slot;
      from.hash = ref === 0 ? 0 : cursor.hash;
      return;
    }
    from.slot = SLOT_COUNT;
    from.hash = 0;
  }

  randomKey(database: number, random1: number, random2: number): Ref {
    const { cursor, databases } = this.store;
    const { keys, roots } = databases[database]!;
    if (keys === 0) return 0;
    // The first slot with keys from a random one on, and there the first key from a random hash on.
    for (let step = 0; step < SLOT_COUNT; step++) {
      const root = roots[((random1 >>> 0) + step) % SLOT_COUNT]!;
      if (root === 0) continue;
      const ref = this.#firstLive(cursor.seek(root, random2 >>> 0));
      if (ref !== 0) return ref;
      const first = this.#firstLive(cursor.seek(root, 0));
      if (first !== 0) return first;
    }
    return 0;
  }

  expired(limit: number, visit: (database: number, ref: Ref) => void): boolean {
    const { databases, expiry, nowMs } = this.store;
    return expiry.expired(nowMs, limit, (database, ref) => {
      visit(databases.indexOf(database), ref);
    });
  }

  begin(): void {
    beginSet(this.store);
  }

  commit(): void {
    commitSet(this.store);
  }

  rollback(): void {
    rollbackSet(this.store);
  }

  pin(): SnapshotStream {
    return new SnapshotStream(this.store);
  }

  view(database: number): PinnedView {
    return new PinnedView(this.store, database);
  }

  cleanStep(budgetMs: number): boolean {
    return this.#cleaner.step(budgetMs);
  }

  get needsCleaning(): boolean {
    return this.#cleaner.isNeeded;
  }

  digest(versions = false): string {
    return digestOf(this.store, versions);
  }

  stats(): KeyspaceStats {
    return statsOf(this.store);
  }

  /** The cursor's record or the first after it that is not expired; 0 for none in the slot. */
  #firstLive(from: Ref): Ref {
    let ref = from;
    while (ref !== 0 && this.store.isExpired(ref)) ref = this.store.cursor.next();
    return ref;
  }

  #keptExpiry(old: Ref): number {
    const { arena } = this.store;
    return old === 0 || this.store.isExpired(old) ? NO_EXPIRY : arena.expireAt(old);
  }

  /**
   * Empties a database key by key: for the case that 256 flushed ones still wait to be taken apart.
   */
  #removeAll(database: number): void {
    const store = this.store;
    const home = store.databases[database]!;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      while (home.roots[slot] !== 0) {
        const ref = store.cursor.seek(home.roots[slot]!, 0);
        store.locateKeyOf(home, ref);
        store.takeOut(home, ref);
      }
    }
  }
}
