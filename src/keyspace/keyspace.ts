// What commands see of the engine: records found, made, changed and walked. Both engines implement
// it.

/** Number of databases, chosen by `SELECT`. */
export const DATABASE_COUNT = 16;

/** Type of a record. The numbers are stored on disk: never change one. */
export const RecordType = {
  none: 0,
  string: 1,
  list: 2,
  set: 3,
  zset: 4,
  hash: 5,
  stream: 6,
} as const;

/**
 * Handle of a record: an unsigned 32-bit integer, 0 for none. Good until the next change of the
 * keyspace.
 */
export type Ref = number;

/**
 * Expiry argument of {@link Keyspace.create} and {@link Keyspace.putString}: keep what the key has.
 */
export const KEEP_EXPIRY = -1;
/** Expiry argument and result: the key never expires. */
export const NO_EXPIRY = 0;

/** Called for each live key of a walk; return false to stop after this one. */
export type KeyVisitor = (ref: Ref) => boolean;

/** Where a walk over a database goes on: (slot, hash), the state behind a SCAN cursor. */
export interface ScanPosition {
  /** 0 to 16383; 16384 when the walk has ended. */
  slot: number;
  /** Unsigned 32-bit keyed hash: the next key has this hash or a greater one. */
  hash: number;
}

/** Counters of one keyspace; all sizes in bytes. */
export interface KeyspaceStats {
  readonly keys: number;
  readonly keysWithExpiry: number;
  /** Bytes taken from the system for records, pages and buffers, free parts included. */
  readonly reservedBytes: number;
  /** Bytes asked of the system and never written: it has not provided them. */
  readonly untouchedBytes: number;
  /** Bytes in live records and pages. */
  readonly liveBytes: number;
  /** Bytes that a cleaner pass could give back. */
  readonly deadBytes: number;
}

/** A state of a keyspace as a sequence of chunks, written while the keyspace goes on changing. */
export interface SnapshotChunks {
  /** Log index of the state: that of the last entry whose changes it holds. */
  readonly index: number;
  /**
   * Fills `target` (1 KiB or more) with the next chunk, in well below 1 ms per 64 KiB; not within a
   * working set. Returns the chunk's bytes, 0 when the state has been written completely.
   */
  next(target: Uint8Array): number;
  /** Gives the state up; needed only when it is not read to its end. */
  release(): void;
}

/** Commands of one run that {@link KeyPrefetch} looks ahead over. */
export const LOOK_AHEAD_MAX = 32;

/**
 * Says which keys the next commands of an entry will ask for, so that the engine finds their memory
 * at once instead of one by one. A hint: what commands see does not depend on it.
 *
 * @example
 * for (let place = 0; place < count; place++) prefetch.expect(place, 0, view, at[place], 16);
 * prefetch.load(count);
 * for (let place = 0; place < count; place++) {
 *   prefetch.place = place;
 *   run(place);
 * }
 * prefetch.forget();
 */
export interface KeyPrefetch {
  /** The command of the run that runs now, below `LOOK_AHEAD_MAX`. */
  place: number;
  /** Command `place` will look for this key. The bytes do not change until `forget`. */
  expect(place: number, database: number, view: DataView, offset: number, length: number): void;
  /** Nothing is known of command `place`. */
  expectNothing(place: number): void;
  /** The first `count` commands have been told of. */
  load(count: number): void;
  /** The run is over: lets go of the memory that was given. */
  forget(): void;
}

/**
 * One database as it was at one moment, expiries included, to be read in steps while the keyspace
 * goes on changing. It is either walked or searched.
 */
export interface DatabaseView {
  /** The record of a key, or 0; good until the next change of the keyspace. */
  find(bytes: Uint8Array, view: DataView, offset: number, length: number): Ref;
  /**
   * Goes on with the walk, in no order: looks at some `limit` records and visits each live key
   * once, until the visitor stops this step (a few more may come). Not within a working set; the
   * visitor must not change the keyspace. Returns whether there may be more.
   */
  walk(limit: number, visit: KeyVisitor): boolean;
  /** Gives the state up: always the last call. */
  release(): void;
}

/**
 * One shard's data: 16 databases of keys.
 *
 * Keys and values are byte ranges: `bytes` with `view` over the same memory from the same start, an
 * offset and a length. The keyspace copies what it keeps. Nothing here waits or fails half-way:
 * limits are checked before a command is proposed. The bytes of a value given must not lie in this
 * keyspace's own memory; those of a key may. A key whose expiry is at or before `nowMs` does not
 * exist for any method but the walks of {@link Keyspace.expired}.
 */
export interface Keyspace {
  /** Shard time in Unix ms that decides expiry; the caller sets it before each command. */
  nowMs: number;
  /**
   * Log index and position in the entry of the command that runs now: the version its writes get.
   */
  writeIndex: number;
  writePosition: number;
  readonly prefetch: KeyPrefetch;

  /** The record of a key, or 0. */
  find(database: number, view: DataView, offset: number, length: number): Ref;

  typeOf(ref: Ref): number;
  /** Unix ms, or `NO_EXPIRY`. */
  expireAtOf(ref: Ref): number;
  versionIndexOf(ref: Ref): number;
  versionPositionOf(ref: Ref): number;
  keyLengthOf(ref: Ref): number;
  keyOffsetOf(ref: Ref): number;
  valueLengthOf(ref: Ref): number;
  valueOffsetOf(ref: Ref): number;
  /** The memory that holds the record (key and value), for the two offsets above. */
  bytesOf(ref: Ref): Uint8Array;
  viewOf(ref: Ref): DataView;

  /** Sets a key to a string value; `expireAtMs` is Unix ms, `NO_EXPIRY` or `KEEP_EXPIRY`. */
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
  ): void;
  /**
   * Makes a key's record with room for a value that the caller fills at once (through `bytesOf` and
   * `valueOffsetOf`); until then it holds any bytes. A record that it replaces stays readable until
   * the next call that changes something.
   */
  create(
    database: number,
    keyBytes: Uint8Array,
    keyView: DataView,
    keyOffset: number,
    keyLength: number,
    type: number,
    valueLength: number,
    expireAtMs: number,
  ): Ref;
  /**
   * Removes a key; false when there is none. A record that is expired goes too, with the result
   * false. The record stays readable until the next call that changes something.
   */
  remove(
    database: number,
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    length: number,
  ): boolean;
  /**
   * Sets (Unix ms) or, with `NO_EXPIRY`, takes away the expiry of a key that exists; gives it a new
   * version.
   */
  setExpiry(
    database: number,
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    length: number,
    expireAtMs: number,
  ): boolean;

  /** Log index of the last deletion in a key's slot: the version of a missing key, for WATCH. */
  lastRemovalIndex(slot: number): number;

  /** Keys in a database, those included that are expired but not yet removed (as Redis counts). */
  size(database: number): number;
  /** How many keys of a database have an expiry. */
  sizeWithExpiry(database: number): number;
  /** Empties a database in constant time; memory comes back in steps. */
  flush(database: number): void;
  /** Swaps two databases in constant time. */
  swap(first: number, second: number): void;
  /**
   * Visits live keys in order of (slot, hash, bytes) from `from`, whole hashes at a time, until the
   * visitor stops it (the rest of that hash is still visited), and sets `from` to where to go on.
   * The visitor must not change the keyspace.
   */
  walk(database: number, from: ScanPosition, visit: KeyVisitor): void;
  /**
   * A live key chosen by two random 32-bit numbers, the first for its slot, the second for its
   * place there, whatever the layout; 0 when the database has none. Keys of crowded slots come less
   * often than others.
   */
  randomKey(database: number, random1: number, random2: number): Ref;
  /**
   * Visits up to `limit` keys that are expired at `nowMs`, any database, for proposing their
   * deletion. Keys that are not removed are visited again by the next call. The visitor must not
   * change the keyspace. Returns whether calling again may find more.
   */
  expired(limit: number, visit: (database: number, ref: Ref) => void): boolean;

  /** Starts a working set: until `commit` or `rollback`, changes can be undone. Not nested. */
  begin(): void;
  commit(): void;
  rollback(): void;

  /**
   * Pins the present state, between entries: what is written later must have a greater
   * `writeIndex`. Throws DbError `TOO_MANY_SNAPSHOTS` when four are being written already.
   */
  pin(): SnapshotChunks;
  /**
   * Pins the present state of a database, as `pin` does. What is open makes every write a little
   * dearer: the caller limits how many there are.
   */
  view(database: number): DatabaseView;
  /**
   * Gives memory back for about `budgetMs` milliseconds; between commands, not within a working
   * set. Counts as a change. Returns whether there is more to do.
   */
  cleanStep(budgetMs: number): boolean;
  /**
   * Fingerprint of every database, key, type, expiry and value: equal for equal states. With
   * `versions`, of versions and last removals too. Reads everything: for tests, the simulator and
   * `check`.
   */
  digest(versions?: boolean): string;

  stats(): KeyspaceStats;
}
