// Reads that could not run at once: under a lease when their turn comes, or after a quorum's word.
import { invariant } from "../base/invariant.ts";
import type { Raft } from "../raft/types.ts";
import type { Batch } from "./batch.ts";

/** What waiting reads need of their replica. */
export interface ReadsOwner {
  readonly raft: Raft;
  readonly isLeader: boolean;
  /** Index of the last applied entry. */
  readonly appliedIndex: number;
  readable(): boolean;
  /** Runs the reads now. */
  runReads(batch: Batch): void;
  /** They cannot be answered here any more. */
  retryReads(batches: Iterable<Batch>): void;
}

/** Batches of reads by the context they asked the core with. */
export class Reads {
  readonly #owner: ReadsOwner;
  readonly #waiting = new Map<number, Batch>();
  #nextContext: number;

  /** @param firstContext Unlike the contexts of this node's earlier lives. */
  constructor(owner: ReadsOwner, firstContext: number) {
    this.#owner = owner;
    this.#nextContext = firstContext;
  }

  /** Takes reads behind whose writes everything is applied. */
  take(batch: Batch): void {
    const owner = this.#owner;
    if (owner.readable()) {
      owner.runReads(batch);
      return;
    }
    const context = this.#nextContext++;
    if (owner.isLeader && owner.raft.readIndex(context)) this.#waiting.set(context, batch);
    else owner.retryReads([batch]);
  }

  /** A quorum has confirmed the reads of this context as of an index. */
  onReadState(context: number, index: number): void {
    const batch = this.#waiting.get(context);
    if (batch === undefined) return;
    this.#waiting.delete(context);
    invariant(index <= this.#owner.appliedIndex, "a leader has applied what a read waits for");
    this.#owner.runReads(batch);
  }

  /** Role or term has changed: earlier questions get no answer. */
  onRoleChanged(): void {
    if (this.#waiting.size === 0) return;
    this.#owner.retryReads(this.#waiting.values());
    this.#waiting.clear();
  }
}
