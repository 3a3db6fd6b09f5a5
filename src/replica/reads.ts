// Reads that could not run at once: under a lease when their turn comes, or else confirmed by a
// quorum before anybody sees their replies.
import { failpoints } from "../base/failpoints.ts";
import type { Raft } from "../raft/types.ts";
import type { Batch } from "./batch.ts";

/** What waiting reads need of their replica. */
export interface ReadsOwner {
  readonly raft: Raft;
  readonly serving: boolean;
  readable(): boolean;
  /** Runs the reads now. */
  runReads(batch: Batch): void;
  /** Runs the reads now, but keeps their replies. */
  captureReads(batch: Batch): readonly Uint8Array[];
  /** Hands replies out. */
  answerReads(batch: Batch, replies: readonly Uint8Array[]): void;
  /** They cannot be answered here any more. */
  retryReads(batches: readonly Batch[]): void;
}

interface WaitingReads {
  readonly batch: Batch;
  readonly replies: readonly Uint8Array[];
}

/** Batches of reads by the context they asked the core with. */
export class Reads {
  readonly #owner: ReadsOwner;
  readonly #waiting = new Map<number, WaitingReads>();
  #nextContext: number;

  /** @param firstContext Unlike the contexts of this node's earlier lives. */
  constructor(owner: ReadsOwner, firstContext: number) {
    this.#owner = owner;
    this.#nextContext = firstContext;
  }

  /**
   * Takes reads behind whose writes everything is applied.
   *
   * Without a lease they run now all the same, at their place among the writes of their sessions.
   * A quorum that follows this leader afterwards proves that the state they saw was the latest.
   */
  take(batch: Batch): void {
    const owner = this.#owner;
    if (owner.readable()) {
      owner.runReads(batch);
      return;
    }
    const context = this.#nextContext;
    if (!owner.serving || !owner.raft.readIndex(context)) {
      owner.retryReads([batch]);
      return;
    }
    this.#nextContext++;
    this.#waiting.set(context, { batch, replies: owner.captureReads(batch) });
    failpoints.reached?.("reads.captured");
  }

  /** A quorum has confirmed the reads of this context. */
  onReadState(context: number): void {
    const waiting = this.#waiting.get(context);
    if (waiting === undefined) return;
    failpoints.reached?.("reads.confirmed");
    this.#waiting.delete(context);
    this.#owner.answerReads(waiting.batch, waiting.replies);
  }

  /** Role or term has changed: earlier questions get no answer. */
  onRoleChanged(): void {
    if (this.#waiting.size === 0) return;
    const batches = [...this.#waiting.values()].map(({ batch }) => batch);
    this.#waiting.clear();
    this.#owner.retryReads(batches);
  }
}
