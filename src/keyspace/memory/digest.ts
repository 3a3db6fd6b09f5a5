// A fingerprint of all keys and values, the same for every layout and history that lead to them.
import type { Ref } from "../keyspace.ts";
import { halfSipHash13 } from "./half-sip-hash.ts";
import { SLOT_COUNT } from "../../base/slot.ts";
import type { Store } from "./store.ts";

const LANES = 4;
const FACTS_BYTES = 32;

/**
 * Digest of the database, key, type, expiry and value of every record, expired ones that were not
 * yet removed included; with `versions`, of the records' versions and the slots' last removals too.
 *
 * @returns 32 hexadecimal digits. Not proof against somebody who looks for collisions.
 */
export function digestOf(store: Store, versions: boolean): string {
  const sums = new Uint32Array(LANES);
  const facts = new DataView(new ArrayBuffer(FACTS_BYTES));
  for (const [number, database] of store.databases.entries()) {
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      let ref = store.cursor.seek(database.roots[slot]!, 0);
      for (; ref !== 0; ref = store.cursor.next()) {
        describe(store, facts, number, ref, versions);
        addRecord(store, facts, ref, sums);
      }
    }
  }
  if (versions) addRemovals(store, facts, sums);
  return Array.from(sums, (sum) => sum.toString(16).padStart(8, "0")).join("");
}

function describe(
  store: Store,
  facts: DataView,
  number: number,
  ref: Ref,
  versions: boolean,
): void {
  const { arena } = store;
  facts.setUint8(0, number);
  facts.setUint8(1, arena.typeOf(ref));
  facts.setUint16(2, versions ? arena.versionPosition(ref) : 0);
  facts.setUint32(4, arena.keyLength(ref));
  facts.setFloat64(8, arena.expireAt(ref));
  facts.setFloat64(16, versions ? arena.versionIndex(ref) : 0);
}

/**
 * Adds a record's hashes under different seeds, each of which runs on over facts, key and value.
 */
function addRecord(store: Store, facts: DataView, ref: Ref, sums: Uint32Array): void {
  const { arena } = store;
  const view = arena.views[ref >>> 16]!;
  const bodyBytes = arena.keyLength(ref) + arena.valueLength(ref);
  for (let lane = 0; lane < LANES; lane += 2) {
    const first = halfSipHash13(facts, 0, FACTS_BYTES, lane, 0x6b76);
    const second = halfSipHash13(facts, 0, FACTS_BYTES, lane + 1, 0x6b76);
    const body = halfSipHash13(view, arena.keyOffset(ref), bodyBytes, first, second);
    facts.setInt32(24, body);
    sums[lane]! += halfSipHash13(facts, 0, FACTS_BYTES, first, second);
    sums[lane + 1]! += halfSipHash13(facts, 0, FACTS_BYTES, second, first);
    facts.setInt32(24, 0);
  }
}

function addRemovals(store: Store, facts: DataView, sums: Uint32Array): void {
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const index = Math.max(store.removals[slot]!, store.lastFlushIndex);
    if (index === 0) continue;
    facts.setUint32(0, slot);
    facts.setFloat64(8, index);
    for (let lane = 0; lane < LANES; lane++) {
      sums[lane]! += halfSipHash13(facts, 0, 16, lane, 0x7265);
    }
  }
}
