// A voter's side of leases: by the clock, no vote for another while a lease may run.
import { failpoints } from "../base/failpoints.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { Clock } from "../platform/clock.ts";
import { type Message, MessageType, VOTE_BY_TRANSFER } from "../raft/types.ts";

/** What one voter remembers of its leader's signs of life. */
export class LeaseGuard {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #heardMs: number;

  /**
   * @param timeoutMs The shortest election timeout.
   * @param restarted The voter has run before: it may have promised a lease, so it waits once.
   */
  constructor(clock: Clock, timeoutMs: number, restarted: boolean) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    const waits = restarted && !plantedBugs.voteInsideLease;
    this.#heardMs = waits ? clock.monotonicMs() : Number.NEGATIVE_INFINITY;
  }

  /** Some leader may still read under a lease that this voter helped to hold. */
  refuses({ type, context }: Message): boolean {
    const isVote = type === MessageType.vote || type === MessageType.preVote;
    if (!isVote || context === VOTE_BY_TRANSFER) return false;
    const isEarly = this.#clock.monotonicMs() - this.#heardMs < this.#timeoutMs;
    if (isEarly) failpoints.reached?.("lease.vote.refused");
    return isEarly;
  }

  /** A message was taken, in this term. */
  heard({ type, term }: Message, ownTerm: number): void {
    const isLeaders = type === MessageType.append || type === MessageType.heartbeat;
    if (isLeaders && term === ownTerm) this.#heardMs = this.#clock.monotonicMs();
  }
}
