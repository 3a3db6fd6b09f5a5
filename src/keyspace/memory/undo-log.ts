// What a working set changed, in order, so that it can be taken back.
import type { Database } from "./database.ts";

/** Kinds of changes. */
export const Change = {
  /** A key got record `newRef` in place of `oldRef` (0: had none). */
  put: 1,
  /** A key's record `oldRef` went; `removalIndex` was its slot's last removal before. */
  remove: 2,
  /**
   * Database number `newRef` was emptied: `database` stood there; `removalIndex` is the last flush
   * before.
   */
  flush: 3,
  /** Databases `oldRef` and `newRef` were swapped; `removalIndex` as for flush. */
  swap: 4,
} as const;

/** Parallel arrays, reused from set to set: no object per change. */
export class UndoLog {
  length = 0;
  readonly kinds: number[] = [];
  readonly databases: (Database | undefined)[] = [];
  readonly oldRefs: number[] = [];
  readonly newRefs: number[] = [];
  readonly removalIndexes: number[] = [];

  push(
    kind: number,
    database: Database | undefined,
    oldRef: number,
    newRef: number,
    removalIndex: number,
  ): void {
    const at = this.length++;
    this.kinds[at] = kind;
    this.databases[at] = database;
    this.oldRefs[at] = oldRef;
    this.newRefs[at] = newRef;
    this.removalIndexes[at] = removalIndex;
  }

  /** Forgets all changes; arrays that grew very long are given up. */
  clear(): void {
    const keep = this.length <= 65536;
    this.length = 0;
    this.databases.length = 0;
    if (keep) return;
    this.kinds.length = 0;
    this.oldRefs.length = 0;
    this.newRefs.length = 0;
    this.removalIndexes.length = 0;
  }
}
