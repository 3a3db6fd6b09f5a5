// Puts what the core wants on disk into the log, and tells the core when it is durable.
import { failpoints } from "../base/failpoints.ts";
import { EntryType } from "../raft/types.ts";
import type { Entry, HardState, Raft, Ready } from "../raft/types.ts";
import { PersistQueue } from "./persist-queue.ts";
import type { ReplicaLog } from "./replica-host.ts";

/** The writes of one replica. */
export class Persister {
  readonly #shard: number;
  readonly #raft: Raft;
  readonly #relaxed: boolean;
  readonly #queue = new PersistQueue();
  #hardState: HardState;

  /**
   * @param relaxed Entries count as persisted once they are in the log's buffer.
   * @param hardState As recovered.
   */
  constructor(shard: number, raft: Raft, relaxed: boolean, hardState: HardState) {
    this.#shard = shard;
    this.#raft = raft;
    this.#relaxed = relaxed;
    this.#hardState = hardState;
  }

  /** Appends the write of a ready, if it has one. */
  persist(log: ReplicaLog, ready: Ready): void {
    if (ready.write === 0) return;
    const shard = this.#shard;
    const { hardState, snapshot, entries } = ready;
    // The core uses its object again.
    if (hardState !== null) this.#hardState = { ...hardState };
    const hard = snapshot === null ? hardState : this.#hardState;
    // An installed snapshot replaces the whole log: nothing of before may come back at a restart.
    if (snapshot !== null) {
      log.appendSnapshotMark(shard, snapshot.index, snapshot.term);
      failpoints.reached?.("persist.mark.appended");
    }
    if (hard !== null) this.#persistWith(log, hard, entries);
    else {
      for (let i = 0; i < entries.length; i++) {
        const { term, index, type, data } = entries[i]!;
        log.appendEntry(shard, term, index, type, data);
      }
    }
    failpoints.reached?.("persist.write.appended");
    if (ready.mustSync) log.requireSync();
    const early = this.#relaxed && !ready.mustSync && this.#queue.empty && !log.behind;
    if (early) this.#raft.persisted(ready.write);
    else {
      this.#queue.push(log.nextSequence, ready.write);
      log.urgent = true;
    }
  }

  /**
   * A crash may keep a beginning of the write, and that must be true by itself: the term before its
   * entries, the commit index never beyond the entries (those that are replaced look the same), but
   * before a change of members, which tells that the one before it was committed.
   */
  #persistWith(log: ReplicaLog, hard: HardState, entries: readonly Entry[]): void {
    const shard = this.#shard;
    const { term, vote, commit } = hard;
    let told = entries.length === 0 ? commit : Math.min(commit, entries[0]!.index - 1);
    log.appendHardState(shard, term, vote, told);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      const known = Math.min(commit, entry.index - 1);
      if (entry.type === EntryType.config && known > told) {
        told = known;
        log.appendHardState(shard, term, vote, told);
      }
      log.appendEntry(shard, entry.term, entry.index, entry.type, entry.data);
    }
    if (commit > told) log.appendHardState(shard, term, vote, commit);
  }

  /** The log is durable up to this frame. */
  onDurable(frame: number): void {
    const write = this.#queue.take(frame);
    if (write === 0) return;
    failpoints.reached?.("persist.write.durable");
    this.#raft.persisted(write);
  }
}
