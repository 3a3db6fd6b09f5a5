// Makes entries of a leader's batches, with its time and chance in them, and proposes them.
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import type { Random } from "../platform/random.ts";
import type { Raft } from "../raft/types.ts";
import { Batch } from "./batch.ts";
import { ENTRY_HEADER_BYTES, type EntryHeader } from "./entry-header.ts";
import type { ShardClock } from "./shard-clock.ts";

/** The proposals of one replica, in its times as leader. */
export class Proposer {
  readonly #raft: Raft;
  readonly #clock: ShardClock;
  readonly #random: Random;
  readonly #header: EntryHeader = { operations: 0, timeMs: 0, ceilingMs: 0, seed1: 0, seed2: 0 };
  readonly #nothing = new Batch();

  constructor(raft: Raft, clock: ShardClock, random: Random) {
    this.#raft = raft;
    this.#clock = clock;
    this.#random = random;
  }

  /** Proposes the operations of a batch, which the core is known to take; returns the index. */
  propose(batch: Batch): number {
    const header = this.#header;
    this.#clock.stamp(header);
    header.seed1 = this.#random.uint32();
    header.seed2 = this.#random.uint32();
    const index = this.#raft.propose(batch.seal(header));
    invariant(index !== 0, "a proposal is taken when the core says it would be");
    this.#clock.proposed(index);
    return index;
  }

  /**
   * Proposes an entry without operations, which moves shard time on: reads never use a clock beyond
   * the ceiling. False when the core takes nothing now.
   */
  proposeTick(): boolean {
    if (this.#raft.refusal(ENTRY_HEADER_BYTES) !== null) return false;
    this.propose(this.#nothing);
    this.#nothing.clear();
    failpoints.reached?.("tick.proposed");
    return true;
  }
}
