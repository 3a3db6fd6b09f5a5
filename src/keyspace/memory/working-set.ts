// Working sets: a run of changes that `commit` makes final and `rollback` takes back.
import { invariant } from "../../base/invariant.ts";
import type { Store } from "./store.ts";
import { Change } from "./undo-log.ts";

/** Opens a working set: from here on no record is overwritten in place or freed. */
export function beginSet(store: Store): void {
  invariant(!store.isSetOpen, "working sets are not nested");
  store.settle();
  store.isSetOpen = true;
}

/** Makes the open set's changes final: what they replaced goes. O(changes). */
export function commitSet(store: Store): void {
  invariant(store.isSetOpen, "commit ends an open working set");
  store.isSetOpen = false;
  const { undo } = store;
  for (let at = 0; at < undo.length; at++) {
    const kind = undo.kinds[at]!;
    if (kind === Change.flush) store.dropped.push(undo.databases[at]!);
    else if (kind !== Change.swap) letGoOld(store, at);
  }
  undo.clear();
}

/** Takes the open set's changes back, last first. O(changes). */
export function rollbackSet(store: Store): void {
  invariant(store.isSetOpen, "rollback ends an open working set");
  store.isSetOpen = false;
  const { undo } = store;
  for (let at = undo.length - 1; at >= 0; at--) takeBack(store, at);
  undo.clear();
}

function letGoOld(store: Store, at: number): void {
  const ref = store.undo.oldRefs[at]!;
  if (ref === 0) return;
  const home = store.undo.databases[at]!;
  if (store.pins.count > 0) store.locateKeyOf(home, ref);
  store.letGo(home, ref);
}

function takeBack(store: Store, at: number): void {
  const { undo } = store;
  const kind = undo.kinds[at]!;
  if (kind === Change.swap) {
    store.exchange(undo.oldRefs[at]!, undo.newRefs[at]!);
    store.lastFlushIndex = undo.removalIndexes[at]!;
  } else if (kind === Change.flush) {
    takeFlushBack(store, at);
  } else if (kind === Change.remove) {
    takeRemovalBack(store, at);
  } else {
    takePutBack(store, at);
  }
}

function takeFlushBack(store: Store, at: number): void {
  const { undo, databases } = store;
  const number = undo.newRefs[at]!;
  const old = undo.databases[at]!;
  // What was put after the flush is taken back already, so the database that came in is empty.
  store.byId[databases[number]!.id] = undefined;
  databases[number] = old;
  old.dropped = false;
  store.lastFlushIndex = undo.removalIndexes[at]!;
}

function takeRemovalBack(store: Store, at: number): void {
  const { undo } = store;
  const ref = undo.oldRefs[at]!;
  const home = undo.databases[at]!;
  store.locateKeyOf(home, ref);
  store.adopt(home, ref);
  store.removals[store.slot] = undo.removalIndexes[at]!;
}

function takePutBack(store: Store, at: number): void {
  const { undo } = store;
  const home = undo.databases[at]!;
  const oldRef = undo.oldRefs[at]!;
  const newRef = undo.newRefs[at]!;
  invariant(store.locateKeyOf(home, newRef) === newRef, "a record of the set is in its table");
  store.unlinkExpiry(home, newRef);
  if (oldRef === 0) {
    store.table.remove(home, store.slot);
    home.keys--;
  } else {
    store.table.replace(oldRef);
    store.linkExpiry(home, oldRef);
  }
  store.arena.retire(newRef);
}
