// Gives memory back in small steps: takes flushed databases apart, empties segments and chunks,
// trims.
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT, slotOf } from "../../base/slot.ts";
import { NO_EXPIRY } from "../keyspace.ts";
import type { Database } from "./database.ts";
import { FLAG_IMAGE, FLAG_LISTED, FLAG_TIME, TYPE_MASK, WORD_DEAD_UNITS } from "./record.ts";
import { SegmentKind, STRIPE_UNITS, UNIT_BYTES } from "./segments.ts";
import type { Store } from "./store.ts";

/** Work of one millisecond, in the costs below, which are rough nanoseconds. */
const COST_PER_MS = 1_000_000;
const COST_SCAN = 15;
const COST_FREE = 120;
const COST_MOVE = 600;
const COST_MOVE_UNIT = 4;
const COST_EMPTY_SLOT = 2;
const COST_CHUNK = 50_000;

/** Cleaning begins when this part of the records' memory is dead, and ends below the other. */
const DEAD_PART_BEGIN = 0.08;
const DEAD_PART_END = 0.06;
/** Less dead space than this (2 MiB) is not worth any work. */
const DEAD_UNITS_MIN = 131_072;

/** The cleaner of one keyspace. */
export class Cleaner {
  readonly #store: Store;
  /** Work left in the running step. */
  #budget = 0;
  /** Whether dead space is being worked off, from `DEAD_PART_BEGIN` down to `DEAD_PART_END`. */
  #isBusy = false;
  /** Next record of the victim, and whether its dead records are still in free lists. */
  #at = 0;
  #isListed = false;
  /** Progress in the database that is taken apart: next slot, next hash there. */
  #takenApart: Database | undefined;
  #slot = 0;
  #hash = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether a step would find work. */
  get isNeeded(): boolean {
    const { arena, dropped, pages } = this.#store;
    return (
      arena.victim !== -1 ||
      this.#isDirty(this.#isBusy ? DEAD_PART_END : DEAD_PART_BEGIN) ||
      dropped.some((database) => database.holders === 0) ||
      pages.isScattered ||
      arena.segments.hasExcess
    );
  }

  /** Works for about `budgetMs` milliseconds; whether there is more to do. */
  step(budgetMs: number): boolean {
    const store = this.#store;
    invariant(!store.isSetOpen, "nothing is cleaned within a working set");
    store.settle();
    this.#budget = budgetMs * COST_PER_MS;
    let hasWorked = true;
    while (this.#budget > 0 && hasWorked) {
      hasWorked = this.#takeApart() || this.#empty() || this.#gatherPages();
    }
    const { segments } = store.arena;
    segments.trim();
    return segments.hasExcess || (hasWorked && this.isNeeded);
  }

  #isDirty(part: number): boolean {
    const { liveUnits, deadUnits } = this.#store.arena;
    return deadUnits > Math.max((liveUnits + deadUnits) * part, DEAD_UNITS_MIN);
  }

  /** Frees the records and pages of a flushed database; false when there is none to free. */
  #takeApart(): boolean {
    const { dropped, byId } = this.#store;
    this.#takenApart ??= dropped.find((database) => database.holders === 0);
    const database = this.#takenApart;
    if (database === undefined) return false;
    for (; this.#slot < SLOT_COUNT; this.#slot++) {
      if (this.#budget <= 0) return true;
      this.#budget -= COST_EMPTY_SLOT;
      const root = database.roots[this.#slot]!;
      if (root === 0) continue;
      if (!this.#freeRecords(root)) return true;
      this.#store.tableGrowth.free(root);
      database.roots[this.#slot] = 0;
    }
    this.#slot = 0;
    this.#takenApart = undefined;
    dropped.splice(dropped.indexOf(database), 1);
    byId[database.id] = undefined;
    return true;
  }

  /** Frees a slot's records from `#hash` on; false when the budget ended first. */
  #freeRecords(root: number): boolean {
    const { arena, cursor, expiry } = this.#store;
    let ref = cursor.seek(root, this.#hash);
    while (ref !== 0) {
      this.#hash = cursor.hash;
      if (this.#budget <= 0) return false;
      // Whole hashes at a time: the table still refers to records that are freed.
      for (; ref !== 0 && cursor.hash === this.#hash; ref = cursor.next()) {
        this.#budget -= COST_FREE;
        if (arena.expireAt(ref) !== NO_EXPIRY) expiry.unlink(ref);
        arena.retire(ref);
      }
    }
    this.#hash = 0;
    return true;
  }

  /** Works on emptying a segment; false when none is worth it. */
  #empty(): boolean {
    const { arena } = this.#store;
    if (arena.victim === -1) {
      this.#isBusy = this.#isDirty(this.#isBusy ? DEAD_PART_END : DEAD_PART_BEGIN);
      if (!this.#isBusy || !this.#chooseVictim()) return false;
    }
    const end = arena.victim * STRIPE_UNITS + arena.segments.units[arena.victim]!;
    while (this.#at < end) {
      if (this.#budget <= 0) return true;
      this.#at += this.#isListed ? this.#unlist(this.#at) : this.#move(this.#at);
    }
    if (this.#isListed) {
      this.#isListed = false;
      this.#at = this.#start(arena.victim);
      return true;
    }
    const { victim } = arena;
    arena.victim = -1;
    // Records kept for snapshots may be left in it: then it goes with the last of them.
    arena.maybeRelease(victim);
    return true;
  }

  /** Picks the segment of which the greatest part is dead. */
  #chooseVictim(): boolean {
    const { arena } = this.#store;
    const { kinds, units } = arena.segments;
    let victim = -1;
    let part = DEAD_PART_END;
    for (let first = 0; first < arena.deadUnitsOf.length; first++) {
      if (kinds[first] !== SegmentKind.records) continue;
      if (arena.isCurrent(first) || arena.drains[first] === 1) continue;
      const dead = arena.deadUnitsOf[first]! / units[first]!;
      if (dead <= part) continue;
      victim = first;
      part = dead;
    }
    if (victim === -1) {
      // What is dead is in the current segment, or in those that wait for a snapshot.
      victim = arena.closeCurrent();
      if (victim === -1) return false;
    }
    arena.victim = victim;
    arena.drain(victim);
    this.#isListed = true;
    this.#at = this.#start(victim);
    return true;
  }

  #start(first: number): number {
    return first * STRIPE_UNITS + this.#store.arena.startOf(first);
  }

  /** Takes one dead record out of its free list; returns the units of the record, dead or not. */
  #unlist(ref: number): number {
    const { arena } = this.#store;
    this.#budget -= COST_SCAN;
    const units = arena.unitsOf(ref);
    const head = arena.words[ref >>> 16]![(ref & 0xffff) << 2]!;
    if ((head & TYPE_MASK) === 0 && (head & FLAG_LISTED) !== 0) {
      this.#budget -= COST_FREE;
      arena.unlist(ref, units);
    }
    return units;
  }

  /** Moves one record elsewhere, if it is live; returns its units. */
  #move(ref: number): number {
    const { arena, byId, expiry, pins, table } = this.#store;
    this.#budget -= COST_SCAN;
    const words = arena.words[ref >>> 16]!;
    const head = words[(ref & 0xffff) << 2]!;
    if ((head & TYPE_MASK) === 0) return words[((ref & 0xffff) << 2) + WORD_DEAD_UNITS]!;
    const units = arena.unitsOf(ref);
    if ((head & FLAG_IMAGE) !== 0) return units;
    this.#budget -= COST_MOVE + units * COST_MOVE_UNIT;
    const database = byId[arena.databaseOf(ref)]!;
    const bytes = arena.bytes[ref >>> 16]!;
    const keyAt = arena.keyOffset(ref);
    const keyLength = arena.keyLength(ref);
    const view = arena.views[ref >>> 16]!;
    const root = database.roots[slotOf(view, keyAt, keyLength)]!;
    const hash = this.#store.hashOf(view, keyAt, keyLength);
    invariant(table.locateRef(root, hash, ref), "every live record stands in its table");
    const made = arena.allocate(units);
    const from = (ref & 0xffff) << 4;
    const target = arena.bytes[made >>> 16]!;
    target.set(bytes.subarray(from, from + units * UNIT_BYTES), (made & 0xffff) << 4);
    table.replace(made);
    if ((head & FLAG_TIME) !== 0) expiry.moved(made);
    pins.moved(ref, made);
    arena.retire(ref);
    return units;
  }

  /** Empties a chunk of pages; false when there is little to gain. */
  #gatherPages(): boolean {
    const { pages, tableGrowth, byId } = this.#store;
    if (!pages.isScattered) return false;
    this.#budget -= COST_CHUNK;
    return pages.emptyOne((page) => tableGrowth.movePage(page, byId));
  }
}
