// Checks everything that must hold inside a memory engine. For tests: reads all records and pages.
import { compareBytes } from "../../base/bytes.ts";
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT, slotOf } from "../../base/slot.ts";
import type { Database } from "../memory/database.ts";
import { OWN_BUFFER_CLASS, PAGE_BYTES } from "../memory/pages.ts";
import {
  FLAG_IMAGE,
  RESERVED_UNITS,
  SHARED_UNITS_MAX,
  TYPE_MASK,
  WORD_DEAD_UNITS,
  WORD_NEXT,
  WORD_PREVIOUS,
} from "../memory/record.ts";
import { SegmentKind, STRIPE_UNITS } from "../memory/segments.ts";
import type { Store } from "../memory/store.ts";
import {
  CLASS_SHIFT,
  DEPTH_MASK,
  DEPTH_SHIFT,
  homeWord,
  PAGE_HEADER_WORDS,
  PageKind,
  WORD_CAPACITY,
  WORD_COUNT,
  WORD_PREFIX,
  WORD_SLOT,
} from "../memory/table-page.ts";

/** What the tables hold, to be compared with what the memory says. */
interface Totals {
  sharedUnits: number;
  pageBytes: number;
  timed: number;
}

/**
 * Throws InvariantError if anything inside the engine contradicts itself. Not within a working set.
 */
export function checkStore(store: Store): void {
  store.settle();
  const totals: Totals = { sharedUnits: 0, pageBytes: 0, timed: 0 };
  for (const database of store.byId) {
    // A database that is half taken apart refers to records that are freed.
    if (database !== undefined && !database.dropped) checkDatabase(store, database, totals);
  }
  const isWhole = !store.byId.some((database) => database?.dropped === true);
  const images = checkSegments(store);
  if (!isWhole) return;
  invariant(
    totals.sharedUnits + images === store.arena.liveUnits,
    `units in tables and images are those counted: ${totals.sharedUnits} + ${images}, ` +
      `${store.arena.liveUnits}`,
  );
  invariant(totals.pageBytes === store.pages.liveBytes, "pages of tables are those counted");
  invariant(totals.timed === store.expiry.count, "records with expiry are those in lists");
}

function checkDatabase(store: Store, database: Database, totals: Totals): void {
  let keys = 0;
  const timed = totals.timed;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const root = database.roots[slot]!;
    if (root === 0) continue;
    const inSlot = checkRoot(store, database, slot, root, totals);
    invariant(inSlot > 0, "a slot without keys has no pages");
    keys += inSlot;
  }
  invariant(keys === database.keys, "keys of a database are those counted");
  invariant(totals.timed - timed === database.keysWithExpiry, "keys with expiry are counted");
}

function checkRoot(
  store: Store,
  database: Database,
  slot: number,
  root: number,
  totals: Totals,
): number {
  const words = store.arena.words[root >>> 16]!;
  const base = (root & 0xffff) << 2;
  if ((words[base]! & 0xff) === PageKind.leaf)
    return checkLeaf(store, database, slot, root, totals);
  totals.pageBytes += pageBytes(store, root);
  const depth = (words[base]! >>> DEPTH_SHIFT) & DEPTH_MASK;
  let keys = 0;
  let full = 0;
  for (let index = 0; index < 1 << depth;) {
    const leaf = words[base + PAGE_HEADER_WORDS + index]! >>> 0;
    const leafWords = store.arena.words[leaf >>> 16]!;
    const leafBase = (leaf & 0xffff) << 2;
    const leafDepth = (leafWords[leafBase]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    const prefix = leafWords[leafBase + WORD_PREFIX]! >>> 0;
    invariant(prefix === (index * 2 ** (32 - depth)) >>> 0, "a leaf knows its prefix");
    for (let copy = 0; copy < 1 << (depth - leafDepth); copy++) {
      invariant(
        words[base + PAGE_HEADER_WORDS + index + copy]! >>> 0 === leaf,
        "leaf in its range",
      );
    }
    if (leafDepth === depth) full++;
    keys += checkLeaf(store, database, slot, leaf, totals);
    index += 1 << (depth - leafDepth);
  }
  invariant(full === words[base + WORD_COUNT], "a directory counts its deepest leaves");
  invariant(full > 0, "a directory is no deeper than its leaves");
  return keys;
}

function checkLeaf(
  store: Store,
  database: Database,
  slot: number,
  leaf: number,
  totals: Totals,
): number {
  const words = store.arena.words[leaf >>> 16]!;
  const base = (leaf & 0xffff) << 2;
  invariant((words[base]! & 0xff) === PageKind.leaf, "a leaf is a leaf");
  invariant(words[base]! >>> 16 === database.id, "a page knows its database");
  invariant((words[base + WORD_SLOT]! & 0xffff) === slot, "a page knows its slot");
  totals.pageBytes += pageBytes(store, leaf);
  const start = base + PAGE_HEADER_WORDS;
  const end = start + words[base + WORD_CAPACITY]! * 2;
  invariant(words[end - 1] === 0, "the last place is empty");
  let count = 0;
  let previous = 0;
  let lastGap = start - 2;
  for (let at = start; at < end; at += 2) {
    const ref = words[at + 1]! >>> 0;
    if (ref === 0) {
      lastGap = at;
      continue;
    }
    const home = homeWord(words, base, words[at]!);
    invariant(home <= at && home > lastGap, "no gap between an entry and its home");
    checkRecord(store, database, slot, words[at]!, ref, totals);
    if (previous !== 0) checkOrder(store, words[previous]!, words[previous + 1]!, words[at]!, ref);
    previous = at;
    count++;
  }
  invariant(count === words[base + WORD_COUNT], "a leaf counts its entries");
  return count;
}

function checkOrder(store: Store, hash: number, ref: number, nextHash: number, next: number): void {
  if (hash !== nextHash) {
    invariant(hash >>> 0 < nextHash >>> 0, "entries are in order of hash");
    return;
  }
  const { arena } = store;
  const order = compareBytes(
    arena.bytes[ref >>> 16]!,
    arena.keyOffset(ref),
    arena.keyLength(ref),
    arena.bytes[next >>> 16]!,
    arena.keyOffset(next),
    arena.keyLength(next),
  );
  invariant(order < 0, "entries of one hash are in order of their keys");
}

function checkRecord(
  store: Store,
  database: Database,
  slot: number,
  hash: number,
  ref: number,
  totals: Totals,
): void {
  const { arena } = store;
  const offset = arena.keyOffset(ref);
  const length = arena.keyLength(ref);
  invariant(arena.databaseOf(ref) === database.id, "a record knows its database");
  invariant(slotOf(arena.views[ref >>> 16]!, offset, length) === slot, "a record is in its slot");
  invariant(
    store.hashOf(arena.views[ref >>> 16]!, offset, length) === hash,
    "an entry has its hash",
  );
  const units = arena.unitsOf(ref);
  if (units <= SHARED_UNITS_MAX) totals.sharedUnits += units;
  if (arena.expireAt(ref) === 0) return;
  totals.timed++;
  const words = arena.words[ref >>> 16]!;
  const base = (ref & 0xffff) << 2;
  const next = words[base + WORD_NEXT]! >>> 0;
  const previous = words[base + WORD_PREVIOUS]! >>> 0;
  invariant(previous !== 0, "a record with expiry stands in a list");
  if (next !== 0) {
    const back = arena.words[next >>> 16]![((next & 0xffff) << 2) + WORD_PREVIOUS]! >>> 0;
    invariant(back === ref, "neighbours in a list know each other");
  }
  if (previous >= RESERVED_UNITS) {
    const forth = arena.words[previous >>> 16]![((previous & 0xffff) << 2) + WORD_NEXT]! >>> 0;
    invariant(forth === ref, "neighbours in a list know each other");
  }
}

/** Reads all segments of records; returns the units of images. */
function checkSegments(store: Store): number {
  const { arena } = store;
  let imageUnits = 0;
  let dead = 0;
  for (const [first, kind] of arena.segments.kinds.entries()) {
    if (kind !== SegmentKind.records) continue;
    let at = arena.startOf(first);
    let deadHere = 0;
    const used = arena.endOf(first);
    while (at < used) {
      const ref = first * STRIPE_UNITS + at;
      const words = arena.words[ref >>> 16]!;
      const base = (ref & 0xffff) << 2;
      const units = arena.unitsOf(ref);
      invariant(units > 0, "every record has units");
      if ((words[base]! & TYPE_MASK) === 0) deadHere += words[base + WORD_DEAD_UNITS]!;
      else if ((words[base]! & FLAG_IMAGE) !== 0) {
        imageUnits += units;
      }
      at += units;
    }
    invariant(
      at === used && used <= arena.segments.units[first]!,
      "records fill a segment without gaps",
    );
    invariant(deadHere === arena.deadUnitsOf[first], "dead units of a segment are counted");
    dead += deadHere;
  }
  invariant(dead === arena.deadUnits, "dead units are counted");
  return imageUnits;
}

function pageBytes(store: Store, page: number): number {
  const pageClass =
    store.arena.words[page >>> 16]![((page & 0xffff) << 2) + WORD_SLOT]! >>> CLASS_SHIFT;
  return pageClass === OWN_BUFFER_CLASS ? store.pages.ownBytes(page) : PAGE_BYTES[pageClass]!;
}
