// Collects, per shard, what the log holds when a node starts.
import type { Entry } from "../raft/types.ts";
import type { EntryType, HardState } from "../raft/types.ts";
import type { WalVisitor } from "../wal/wal-types.ts";

/** What the log says of one shard. */
export class RecoveredShard {
  hardState: HardState = { term: 0, vote: 0, commit: 0 };
  /** Newest snapshot the log knows to be durable. */
  snapshotIndex = 0;
  snapshotTerm = 0;
  /** Entries without gaps, the newest writing of each index. */
  readonly entries: Entry[] = [];

  /** Entries behind an index. */
  tailAfter(index: number): Entry[] {
    const first = this.entries[0];
    if (first === undefined) return [];
    return this.entries.slice(Math.max(0, index + 1 - first.index));
  }
}

/** Sorts the log's records by shard. */
export class Recovery implements WalVisitor {
  readonly shards: Map<number, RecoveredShard> = new Map();

  onEntry(shard: number, term: number, index: number, type: number, bytes: Uint8Array): void {
    const recovered = this.#shard(shard);
    const entries = recovered.entries;
    const first = entries[0];
    if (first !== undefined) {
      const place = index - first.index;
      if (place < 0 || place > entries.length) entries.length = 0;
      else entries.length = place;
    }
    entries.push({ term, index, type: type as EntryType, data: bytes });
  }

  onHardState(shard: number, term: number, vote: number, commit: number): void {
    this.#shard(shard).hardState = { term, vote, commit };
  }

  onSnapshotMark(shard: number, index: number, term: number, replacesLog: boolean): void {
    const recovered = this.#shard(shard);
    if (replacesLog) recovered.entries.length = 0;
    recovered.snapshotIndex = index;
    recovered.snapshotTerm = term;
  }

  onDrop(shard: number): void {
    this.shards.delete(shard);
  }

  #shard(shard: number): RecoveredShard {
    let recovered = this.shards.get(shard);
    if (recovered === undefined) {
      recovered = new RecoveredShard();
      this.shards.set(shard, recovered);
    }
    return recovered;
  }
}
