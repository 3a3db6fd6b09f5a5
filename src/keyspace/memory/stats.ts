// What an engine holds, in keys and bytes.
import type { KeyspaceStats } from "../keyspace.ts";
import type { Store } from "./store.ts";

/** Keys and memory of an engine. O(databases). */
export function statsOf(store: Store): KeyspaceStats {
  const { arena, databases, dropped, pages, removals } = store;
  let keys = 0;
  let keysWithExpiry = 0;
  let rootBytes = removals.byteLength;
  for (const database of databases) {
    keys += database.keys;
    keysWithExpiry += database.keysWithExpiry;
    rootBytes += database.rootBytes;
  }
  for (const database of dropped) rootBytes += database.rootBytes;
  arena.touch();
  const reservedBytes = arena.segments.touchedBytes + rootBytes;
  const liveBytes = arena.liveUnits * 16 + arena.largeBytes + pages.liveBytes + rootBytes;
  return {
    keys,
    keysWithExpiry,
    reservedBytes,
    untouchedBytes: arena.segments.reservedBytes - arena.segments.touchedBytes,
    liveBytes,
    deadBytes: reservedBytes - liveBytes,
  };
}
