// Finds expired records without looking at others: lists of records by time, linked through the
// records.
import type { Arena } from "./arena.ts";
import type { Database } from "./database.ts";
import { TWO_32, WORD_EXPIRY_HIGH, WORD_EXPIRY_LOW, WORD_NEXT, WORD_PREVIOUS } from "./record.ts";

const TICK_MS = 64;
const TWO_24 = 0x100_0000;
const LEVELS = 6;
const DIGIT_VALUES = 256;
/**
 * Lists are numbered from 1, so that 0 can mean: in no list. All numbers lie below
 * `RESERVED_UNITS`.
 */
const FIRST_LIST = 1;
const DUE_LIST = FIRST_LIST + LEVELS * DIGIT_VALUES;
/** Records looked at in one call beyond those it is asked for. */
const STEPS_MIN = 4096;

/** Called for each expired record, with the database that its key is in. */
export type ExpiredVisitor = (database: Database, ref: number) => void;

/**
 * A hierarchy of lists, as in a timing wheel: time is counted in ticks of 64 ms, a tick is six
 * digits of 8 bits, and a record stands in the list (level, digit) of the highest digit in which
 * its tick differs from the base tick. When the base reaches a list, its records move to lower
 * levels and finally, expired, to the due list. A record may stand in a list before its time (its
 * expiry was put off): then it moves on when that list is reached. Costs two words in the record
 * and no other memory.
 */
export class ExpiryIndex {
  /** Records in lists. */
  count = 0;
  readonly #arena: Arena;
  readonly #databases: readonly (Database | undefined)[];
  readonly #heads = new Uint32Array(DUE_LIST + 1);
  /** A bit for each list of a level that is not empty. */
  readonly #filled = new Int32Array((LEVELS * DIGIT_VALUES) / 32);
  #baseHigh = 0;
  #baseLow = 0;
  /** Expired records that the running call still looks for. */
  #wanted = 0;

  /** @param databases Databases by their own number. */
  constructor(arena: Arena, databases: readonly (Database | undefined)[]) {
    this.#arena = arena;
    this.#databases = databases;
  }

  /** Adds a record whose time field holds its expiry. */
  link(ref: number, expireAtMs: number, nowMs: number): void {
    if (this.count === 0) this.#setBase(Math.floor(nowMs / TICK_MS));
    this.count++;
    this.#push(ref, this.#listFor(expireAtMs));
  }

  /** Takes a record out, if it is in a list. */
  unlink(ref: number): void {
    const words = this.#arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    const previous = words[base + WORD_PREVIOUS]! >>> 0;
    if (previous === 0) return;
    this.#takeOut(words[base + WORD_NEXT]! >>> 0, previous);
    words[base + WORD_PREVIOUS] = 0;
    words[base + WORD_NEXT] = 0;
    this.count--;
  }

  /** A record's expiry changed from one time to another, neither of them `NO_EXPIRY`. */
  change(ref: number, fromMs: number, toMs: number, nowMs: number): void {
    if (toMs >= fromMs) return;
    this.unlink(ref);
    this.link(ref, toMs, nowMs);
  }

  /** The cleaner copied a record, links included, from one place to another. */
  moved(ref: number): void {
    const words = this.#arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    const previous = words[base + WORD_PREVIOUS]! >>> 0;
    const next = words[base + WORD_NEXT]! >>> 0;
    if (previous === 0) return;
    if (previous <= DUE_LIST) this.#heads[previous] = ref;
    else this.#arena.words[previous >>> 16]![((previous & 0xffff) << 2) + WORD_NEXT] = ref;
    if (next !== 0) this.#arena.words[next >>> 16]![((next & 0xffff) << 2) + WORD_PREVIOUS] = ref;
  }

  /**
   * Visits up to `limit` records that are expired at `nowMs`, the longest found first.
   *
   * @returns Whether more are waiting, or may be found by calling again.
   * @remarks O(records visited) in the long run; a bounded number of steps in one call.
   */
  expired(nowMs: number, limit: number, visit: ExpiredVisitor): boolean {
    const finished = this.#collect(nowMs, limit);
    let visited = 0;
    let ref = this.#heads[DUE_LIST]!;
    for (; ref !== 0 && visited < limit; ref = this.#nextOf(ref)) {
      visit(this.#databaseOf(ref), ref);
      visited++;
    }
    return !finished || visited === limit;
  }

  /**
   * Moves expired records to the due list until `limit` wait there; false when it stopped for its
   * budget.
   */
  #collect(nowMs: number, limit: number): boolean {
    const nowTick = Math.floor(nowMs / TICK_MS);
    const nowHigh = Math.floor(nowTick / TWO_24);
    const nowLow = nowTick - nowHigh * TWO_24;
    let steps = STEPS_MIN + limit;
    this.#wanted = limit - this.#sift(nowMs, limit);
    while (this.#wanted > 0) {
      steps = this.#drain(nowMs, steps);
      // The base must not pass lists that were not sorted to their end.
      if (steps <= 0 || this.#wanted <= 0) return false;
      if (!this.#isBefore(nowHigh, nowLow) || !this.#advance(nowHigh, nowLow)) return true;
    }
    return true;
  }

  /**
   * Takes records out of the due list that are not due any more, until `limit` are found that are.
   */
  #sift(nowMs: number, limit: number): number {
    let due = 0;
    let ref = this.#heads[DUE_LIST]!;
    while (ref !== 0 && due < limit) {
      const next = this.#nextOf(ref);
      const expireAt = this.#expireAt(ref);
      if (this.#databaseOf(ref).dropped) {
        this.unlink(ref);
      } else if (expireAt > nowMs) {
        this.unlink(ref);
        this.link(ref, expireAt, nowMs);
      } else {
        due++;
      }
      ref = next;
    }
    return due;
  }

  /** Sorts the lists that the base has reached into lower ones; returns the steps left. */
  #drain(nowMs: number, steps: number): number {
    for (let level = LEVELS - 1; level >= 0; level--) {
      const list = FIRST_LIST + level * DIGIT_VALUES + this.#baseDigit(level);
      let ref = this.#heads[list]!;
      while (ref !== 0) {
        if (steps-- <= 0 || this.#wanted <= 0) return steps;
        const next = this.#nextOf(ref);
        this.#sort(ref, list, nowMs);
        ref = next;
      }
    }
    return steps;
  }

  /** Moves a record of a list that the base has reached to where it belongs now. */
  #sort(ref: number, list: number, nowMs: number): void {
    if (this.#databaseOf(ref).dropped) {
      this.unlink(ref);
      return;
    }
    const expireAt = this.#expireAt(ref);
    const target = expireAt <= nowMs ? DUE_LIST : this.#listFor(expireAt);
    if (target === list) return;
    const words = this.#arena.words[ref >>> 16]!;
    this.#takeOut(this.#nextOf(ref), words[((ref & 0xffff) << 2) + WORD_PREVIOUS]! >>> 0);
    this.#push(ref, target);
    if (target === DUE_LIST) this.#wanted--;
  }

  /**
   * Moves the base to the next list that has records, at most to the tick given; false if none is
   * left.
   */
  #advance(nowHigh: number, nowLow: number): boolean {
    for (let level = 0; level < LEVELS; level++) {
      const digit = this.#nextFilled(level, this.#baseDigit(level) + 1);
      if (digit === DIGIT_VALUES) continue;
      const shift = (level % 3) * 8;
      const high = level < 3 ? this.#baseHigh : replaceDigit(this.#baseHigh, shift, digit);
      const low = level < 3 ? replaceDigit(this.#baseLow, shift, digit) : 0;
      if (high > nowHigh || (high === nowHigh && low > nowLow)) break;
      this.#baseHigh = high;
      this.#baseLow = low;
      return true;
    }
    // Nothing up to now: the lists reached by the digits of now are empty, so the base may go
    // there.
    this.#baseHigh = nowHigh;
    this.#baseLow = nowLow;
    return true;
  }

  #nextFilled(level: number, from: number): number {
    for (let digit = from; digit < DIGIT_VALUES;) {
      const index = level * DIGIT_VALUES + digit;
      const bits = this.#filled[index >>> 5]! >>> (index & 31);
      if (bits !== 0) return digit + (31 - Math.clz32(bits & -bits));
      digit += 32 - (digit & 31);
    }
    return DIGIT_VALUES;
  }

  #isBefore(high: number, low: number): boolean {
    return this.#baseHigh < high || (this.#baseHigh === high && this.#baseLow < low);
  }

  #setBase(tick: number): void {
    this.#baseHigh = Math.floor(tick / TWO_24);
    this.#baseLow = tick - this.#baseHigh * TWO_24;
  }

  #baseDigit(level: number): number {
    return level < 3
      ? (this.#baseLow >>> (level * 8)) & 0xff
      : (this.#baseHigh >>> ((level - 3) * 8)) & 0xff;
  }

  #listFor(expireAtMs: number): number {
    const tick = Math.floor(expireAtMs / TICK_MS);
    const high = Math.floor(tick / TWO_24);
    const low = tick - high * TWO_24;
    if (high < this.#baseHigh || (high === this.#baseHigh && low < this.#baseLow)) {
      // Before the base: with the records that are looked at next.
      return FIRST_LIST + (this.#baseLow & 0xff);
    }
    const isHigh = high !== this.#baseHigh;
    const digits = isHigh ? high : low;
    const differing = isHigh ? high ^ this.#baseHigh : low ^ this.#baseLow;
    const level = differing >= 65536 ? 2 : differing >= 256 ? 1 : 0;
    const list = (isHigh ? level + 3 : level) * DIGIT_VALUES + ((digits >>> (level * 8)) & 0xff);
    return FIRST_LIST + list;
  }

  #push(ref: number, list: number): void {
    const head = this.#heads[list]!;
    const words = this.#arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    words[base + WORD_NEXT] = head;
    words[base + WORD_PREVIOUS] = list;
    if (head !== 0) this.#arena.words[head >>> 16]![((head & 0xffff) << 2) + WORD_PREVIOUS] = ref;
    this.#heads[list] = ref;
    if (head === 0 && list !== DUE_LIST) {
      const bit = list - FIRST_LIST;
      this.#filled[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  #takeOut(next: number, previous: number): void {
    if (next !== 0) {
      this.#arena.words[next >>> 16]![((next & 0xffff) << 2) + WORD_PREVIOUS] = previous;
    }
    if (previous > DUE_LIST) {
      this.#arena.words[previous >>> 16]![((previous & 0xffff) << 2) + WORD_NEXT] = next;
      return;
    }
    this.#heads[previous] = next;
    if (next === 0 && previous !== DUE_LIST) {
      const bit = previous - FIRST_LIST;
      this.#filled[bit >>> 5]! &= ~(1 << (bit & 31));
    }
  }

  #databaseOf(ref: number): Database {
    return this.#databases[this.#arena.databaseOf(ref)]!;
  }

  #nextOf(ref: number): number {
    return this.#arena.words[ref >>> 16]![((ref & 0xffff) << 2) + WORD_NEXT]! >>> 0;
  }

  #expireAt(ref: number): number {
    const words = this.#arena.words[ref >>> 16]!;
    const base = (ref & 0xffff) << 2;
    return words[base + WORD_EXPIRY_HIGH]! * TWO_32 + (words[base + WORD_EXPIRY_LOW]! >>> 0);
  }
}

/** A number of three digits with one replaced and the lower ones zero. */
function replaceDigit(value: number, shift: number, digit: number): number {
  return ((value >>> (shift + 8)) << (shift + 8)) | (digit << shift);
}
