// Plays a random but repeatable sequence of calls on a keyspace and on the model, and compares
// them.
import { Buffer } from "node:buffer";
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT } from "../../base/slot.ts";
import {
  DATABASE_COUNT,
  KEEP_EXPIRY,
  type Keyspace,
  NO_EXPIRY,
  type SnapshotChunks,
} from "../keyspace.ts";
import { KeyspaceTester } from "./keyspace-tester.ts";
import { copyState, emptyState, isLive, type ModelState, slotOfText } from "./model.ts";
import { OpenView } from "./open-view.ts";
import { same } from "./same.ts";

/** What a snapshot's chunks are loaded with. */
export interface ChunkLoader {
  readonly keyspace: Keyspace;
  add(chunk: Uint8Array): void;
  finish(): void;
}

/** How a sequence is played. */
export interface PlayOptions {
  readonly seed: number;
  readonly steps: number;
  readonly keyspace: Keyspace;
  /** A loader into a new keyspace of the same kind. */
  readonly newLoader: () => ChunkLoader;
  /** Different keys. */
  readonly keys: number;
  /** Values are shorter than this, most of them much shorter. */
  readonly valueBytesMax: number;
}

interface OpenPin {
  readonly chunks: SnapshotChunks;
  readonly loader: ChunkLoader;
  readonly state: ModelState;
  readonly digest: string;
}

/** One sequence on one keyspace. Throws when the keyspace and the model differ. */
export class Play {
  readonly #options: PlayOptions;
  readonly #keyspace: Keyspace;
  readonly #tester: KeyspaceTester;
  readonly #pins: OpenPin[] = [];
  readonly #views: OpenView[] = [];
  #state: ModelState = emptyState();
  /** State when the open working set began. */
  #before: ModelState | undefined;
  #random: number;
  /** Snapshots compared, for tests that want to be sure that some were. */
  snapshots = 0;
  /** The same for views. */
  views = 0;

  constructor(options: PlayOptions) {
    this.#options = options;
    this.#keyspace = options.keyspace;
    this.#tester = new KeyspaceTester(options.keyspace);
    this.#random = options.seed | 1;
    this.#keyspace.nowMs = 1_700_000_000_000;
  }

  run(): void {
    for (let step = 0; step < this.#options.steps; step++) {
      this.#keyspace.writeIndex = step + 1;
      this.#keyspace.writePosition = this.#below(3);
      this.#step();
      if (step % 500 === 499) this.#compareAll();
    }
    if (this.#before !== undefined) this.#endSet();
    while (this.#pins.length > 0) this.#readPin();
    while (this.#views.length > 0) this.#readView();
    this.#compareAll();
  }

  #step(): void {
    const choice = this.#below(1000);
    if (choice < 300) this.#put();
    else if (choice < 430) this.#create();
    else if (choice < 600) this.#remove();
    else if (choice < 680) this.#setExpiry();
    else if (choice < 780) this.#read();
    else if (choice < 820) this.#keyspace.nowMs += this.#below(400);
    else if (choice < 830) this.#walkSome();
    else if (choice < 840) this.#randomKey();
    else if (choice < 842) this.#flush();
    else if (choice < 846) this.#swap();
    else if (choice < 856) this.#rename();
    else if (choice < 870) this.#set();
    else if (this.#before === undefined) this.#betweenCommands(choice);
  }

  #betweenCommands(choice: number): void {
    if (choice < 876) this.#pin();
    else if (choice < 880) this.#openView();
    else if (choice < 920) this.#readPin();
    else if (choice < 960) this.#readView();
    else if (choice < 961) this.#releasePin();
    else if (choice < 962) this.#views.pop()?.release();
    else if (choice < 970) this.#expired();
    else this.#keyspace.cleanStep(0.05);
  }

  /** A uniform number from 0 to `limit` - 1. */
  #below(limit: number): number {
    let value = this.#random;
    value ^= value << 13;
    value ^= value >>> 17;
    value ^= value << 5;
    this.#random = value;
    return (value >>> 0) % limit;
  }

  #database(): number {
    return this.#below(3);
  }

  #key(): string {
    const number = this.#below(this.#options.keys);
    const tag = number % 3 === 0 ? "{tag}" : "";
    return `${tag}key:${number}${"~".repeat(number % 7 === 0 ? number % 40 : 0)}`;
  }

  #value(): string {
    const most = this.#below(20) === 0 ? this.#options.valueBytesMax : 60;
    return String.fromCharCode(33 + this.#below(90)).repeat(this.#below(most));
  }

  #expiry(): number {
    const choice = this.#below(8);
    if (choice < 4) return NO_EXPIRY;
    if (choice === 4) return KEEP_EXPIRY;
    return this.#keyspace.nowMs + 1 + this.#below(choice === 5 ? 100_000 : 3000);
  }

  #set(): void {
    if (this.#before !== undefined) {
      this.#endSet();
      return;
    }
    this.#before = copyState(this.#state);
    this.#keyspace.begin();
  }

  #endSet(): void {
    invariant(this.#before !== undefined, "a set is open");
    if (this.#below(2) === 0) {
      this.#keyspace.commit();
    } else {
      this.#keyspace.rollback();
      this.#state = this.#before;
    }
    this.#before = undefined;
    this.#compareAll();
  }

  #write(database: number, key: string, type: number, value: string, expiry: number): void {
    const { nowMs, writeIndex, writePosition } = this.#keyspace;
    const map = this.#state.databases[database]!;
    const old = map.get(key);
    const kept = isLive(old, nowMs) ? old.expireAt : NO_EXPIRY;
    const expireAt = expiry === KEEP_EXPIRY ? kept : expiry;
    map.set(key, { type, value, expireAt, index: writeIndex, position: writePosition });
  }

  #put(): void {
    const database = this.#database();
    const key = this.#key();
    const expiry = this.#expiry();
    const old = this.#state.databases[database]!.get(key);
    const isSameLength = old !== undefined && this.#below(2) === 0;
    const value = isSameLength ? "=".repeat(old.value.length) : this.#value();
    this.#tester.put(database, key, value, expiry);
    this.#write(database, key, 1, value, expiry);
  }

  /** Makes a record whose value repeats the old one, read after `create`. */
  #create(): void {
    const database = this.#database();
    const key = this.#key();
    const expiry = this.#expiry();
    const type = 1 + this.#below(6);
    const old = this.#tester.find(database, key);
    const oldValue = old === 0 ? "" : this.#tester.valueOf(old);
    const added = this.#value();
    this.#tester.create(database, key, oldValue.slice(0, 100) + added, expiry, type);
    if (old !== 0) same(this.#tester.valueOf(old), oldValue, "replaced record stays readable");
    this.#write(database, key, type, oldValue.slice(0, 100) + added, expiry);
  }

  #remove(): void {
    const database = this.#database();
    this.#removeKey(database, this.#key());
  }

  #removeKey(database: number, key: string): void {
    const map = this.#state.databases[database]!;
    const record = map.get(key);
    const wasLive = isLive(record, this.#keyspace.nowMs);
    same(this.#tester.remove(database, key), wasLive, "remove");
    if (record === undefined) return;
    map.delete(key);
    this.#state.removals[slotOfText(key)] = this.#keyspace.writeIndex;
  }

  #setExpiry(): void {
    const database = this.#database();
    const key = this.#key();
    const drawn = this.#expiry();
    const expireAt = drawn === KEEP_EXPIRY ? NO_EXPIRY : drawn;
    const record = this.#state.databases[database]!.get(key);
    const { nowMs, writeIndex, writePosition } = this.#keyspace;
    const wasLive = isLive(record, nowMs);
    same(this.#tester.setExpiry(database, key, expireAt), wasLive, "setExpiry");
    if (!wasLive) return;
    const changed = { ...record, expireAt, index: writeIndex, position: writePosition };
    this.#state.databases[database]!.set(key, changed);
  }

  #rename(): void {
    const from = this.#database();
    const to = this.#database();
    const source = this.#key();
    const target = this.#key();
    const record = this.#tester.read(from, source);
    if (record === undefined || (from === to && source === target)) return;
    this.#tester.create(to, target, record.value, record.expireAt, record.type);
    this.#write(to, target, record.type, record.value, record.expireAt);
    this.#removeKey(from, source);
  }

  #read(): void {
    const database = this.#database();
    const key = this.#key();
    const record = this.#state.databases[database]!.get(key);
    const expected = isLive(record, this.#keyspace.nowMs) ? record : undefined;
    same(this.#tester.read(database, key), expected, `record of ${key}`);
    const slot = slotOfText(key);
    same(this.#keyspace.lastRemovalIndex(slot), this.#state.removals[slot], "last removal");
  }

  #flush(): void {
    const database = this.#database();
    this.#keyspace.flush(database);
    if (this.#state.databases[database]!.size === 0) return;
    this.#state.databases[database] = new Map();
    this.#state.removals.fill(this.#keyspace.writeIndex);
  }

  #swap(): void {
    const first = this.#database();
    const second = this.#database();
    this.#keyspace.swap(first, second);
    const { databases } = this.#state;
    const moved = databases[first]!;
    databases[first] = databases[second]!;
    databases[second] = moved;
    this.#state.removals.fill(this.#keyspace.writeIndex);
  }

  #liveKeys(database: number): string[] {
    const { nowMs } = this.#keyspace;
    const records = [...this.#state.databases[database]!];
    return records.filter(([, record]) => isLive(record, nowMs)).map(([key]) => key);
  }

  /** Walks in pieces; every key must come once, however the walk is cut. */
  #walkSome(): void {
    const database = this.#database();
    const seen: string[] = [];
    const from = { slot: 0, hash: 0 };
    let lastSlot = -1;
    while (from.slot < SLOT_COUNT) {
      let room = 1 + this.#below(20);
      this.#keyspace.walk(database, from, (ref) => {
        const key = this.#tester.keyOf(ref);
        const slot = slotOfText(key);
        invariant(slot >= lastSlot, "a walk goes from slot to slot");
        lastSlot = slot;
        seen.push(key);
        return --room > 0;
      });
    }
    same(seen.sort(), this.#liveKeys(database).sort(), "keys of a walk");
    same(new Set(seen).size, seen.length, "keys come once");
  }

  #randomKey(): void {
    const database = this.#database();
    const live = this.#liveKeys(database);
    const ref = this.#keyspace.randomKey(database, this.#below(2 ** 32), this.#below(2 ** 32));
    if (live.length === 0) same(ref, 0, "random key of an empty database");
    else invariant(live.includes(this.#tester.keyOf(ref)), "a random key is a live key");
  }

  #expired(): void {
    const { nowMs } = this.#keyspace;
    const limit = this.#below(2) === 0 ? 3 : 1_000_000;
    const expected: string[] = [];
    for (const [number, map] of this.#state.databases.entries()) {
      for (const [key, record] of map) {
        if (!isLive(record, nowMs)) expected.push(`${number} ${key}`);
      }
    }
    const found: string[] = [];
    this.#keyspace.expired(limit, (number, ref) => {
      found.push(`${number} ${this.#tester.keyOf(ref)}`);
    });
    same(found.length, Math.min(limit, expected.length), "expired keys found");
    same(new Set(found).size, found.length, "expired keys come once");
    for (const name of found) invariant(expected.includes(name), "an expired key is expired");
    if (this.#below(2) === 0) return;
    for (const name of found) this.#removeKey(Number(name.split(" ")[0]), name.slice(2));
  }

  #pin(): void {
    if (this.#pins.length === 4) return;
    this.#pins.push({
      chunks: this.#keyspace.pin(),
      loader: this.#options.newLoader(),
      state: copyState(this.#state),
      digest: this.#keyspace.digest(true),
    });
  }

  /** Reads one more chunk of some open snapshot; compares it with its state at the end. */
  #readPin(): void {
    if (this.#pins.length === 0) return;
    const at = this.#below(this.#pins.length);
    const pin = this.#pins[at]!;
    const target = Buffer.alloc(1024 + this.#below(3000));
    const length = pin.chunks.next(target);
    if (length > 0) {
      pin.loader.add(target.subarray(0, length));
      return;
    }
    this.#pins.splice(at, 1);
    pin.loader.finish();
    const { keyspace } = pin.loader;
    keyspace.nowMs = 0;
    compareStates(keyspace, pin.state);
    same(keyspace.digest(true), pin.digest, "digest of a loaded snapshot");
    this.snapshots++;
  }

  #releasePin(): void {
    this.#pins.pop()?.chunks.release();
  }

  #openView(): void {
    if (this.#views.length === 3) return;
    const database = this.#database();
    const state = this.#state.databases[database]!;
    const isWalk = this.#below(2) === 0;
    this.#views.push(new OpenView(this.#keyspace, database, state, isWalk));
  }

  /** Walks some open view on, or searches it. */
  #readView(): void {
    if (this.#views.length === 0) return;
    const at = this.#below(this.#views.length);
    const below = (limit: number): number => this.#below(limit);
    if (this.#views[at]!.read(below, () => this.#key())) return;
    this.#views.splice(at, 1)[0]!.release();
    this.views++;
  }

  #compareAll(): void {
    const { nowMs } = this.#keyspace;
    this.#keyspace.nowMs = 0;
    compareStates(this.#keyspace, this.#state);
    this.#keyspace.nowMs = nowMs;
  }
}

/** Compares all of a keyspace, expired keys included, whose `nowMs` is 0. */
function compareStates(keyspace: Keyspace, state: ModelState): void {
  const tester = new KeyspaceTester(keyspace);
  for (let database = 0; database < DATABASE_COUNT; database++) {
    const map = state.databases[database]!;
    same(keyspace.size(database), map.size, `size of database ${database}`);
    const timed = [...map.values()].filter((record) => record.expireAt !== NO_EXPIRY);
    same(keyspace.sizeWithExpiry(database), timed.length, "keys with expiry");
    for (const [key, record] of map) same(tester.read(database, key), record, `record of ${key}`);
    if (map.size > 0) same(tester.keys(database).sort(), [...map.keys()].sort(), "keys");
  }
  for (let slot = 0; slot < SLOT_COUNT; slot += 97) {
    same(keyspace.lastRemovalIndex(slot), state.removals[slot], "last removal");
  }
}
