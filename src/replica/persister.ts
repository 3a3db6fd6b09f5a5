// Puts what the core wants on disk into the log, and tells the core when it is durable.
import type { HardState, Raft, Ready } from "../raft/types.ts";
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
    if (snapshot !== null) log.appendSnapshotMark(shard, snapshot.index, snapshot.term);
    if (hard !== null) log.appendHardState(shard, hard.term, hard.vote, hard.commit);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      log.appendEntry(shard, entry.term, entry.index, entry.type, entry.data);
    }
    const early = this.#relaxed && !ready.mustSync && this.#queue.empty && !log.behind;
    if (early) this.#raft.persisted(ready.write);
    else {
      this.#queue.push(log.nextSequence, ready.write);
      log.urgent = true;
    }
  }

  /** The log is durable up to this frame. */
  onDurable(frame: number): void {
    const write = this.#queue.take(frame);
    if (write !== 0) this.#raft.persisted(write);
  }
}
