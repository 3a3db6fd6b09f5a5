// What a keyspace should hold, kept in the plainest way: maps of strings. For the conformance
// suite.
import { Buffer } from "node:buffer";
import { viewOf } from "../../base/bytes.ts";
import { SLOT_COUNT, slotOf } from "../../base/slot.ts";
import { DATABASE_COUNT } from "../keyspace.ts";

/** A record that never changes; keys and values are Latin-1 strings, a character per byte. */
export interface ModelRecord {
  readonly type: number;
  readonly value: string;
  readonly expireAt: number;
  readonly index: number;
  readonly position: number;
}

/** A database of the model. */
export type ModelDatabase = Map<string, ModelRecord>;

/** State of the model: databases by number, and by slot the index of the last removal. */
export interface ModelState {
  databases: ModelDatabase[];
  removals: Float64Array;
}

/** An empty state. */
export function emptyState(): ModelState {
  return {
    databases: Array.from({ length: DATABASE_COUNT }, () => new Map<string, ModelRecord>()),
    removals: new Float64Array(SLOT_COUNT),
  };
}

/** A copy that later changes do not reach. */
export function copyState(state: ModelState): ModelState {
  return {
    databases: state.databases.map((database) => new Map(database)),
    removals: state.removals.slice(),
  };
}

/** Slot of a key given as Latin-1 string. */
export function slotOfText(key: string): number {
  const bytes = Buffer.from(key, "latin1");
  return slotOf(viewOf(bytes), 0, bytes.length);
}

/** Whether a record exists for commands at a time. */
export function isLive(record: ModelRecord | undefined, nowMs: number): record is ModelRecord {
  return record !== undefined && (record.expireAt === 0 || record.expireAt > nowMs);
}
