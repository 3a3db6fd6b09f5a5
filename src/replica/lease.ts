// When a leader may read without asking: send times of heartbeat rounds, judged by a monotonic
// clock.
import { failpoints } from "../base/failpoints.ts";
import { plantedBugs } from "../base/planted-bugs.ts";

/**
 * Share of the shortest election timeout that a lease lasts, for clocks that run at different
 * speeds.
 */
export const LEASE_SHARE = 0.8;
/** Rounds whose send time is remembered; older ones can no longer hold up a lease. */
const ROUNDS_KEPT = 256;

/**
 * The lease of one leader in one term.
 *
 * A round is stamped when it is sent, not when it is answered: while a quorum heard of us after
 * that instant, none of them votes for another before the election timeout has passed.
 */
export class Lease {
  readonly #durationMs: number;
  readonly #sentAtMs = new Float64Array(ROUNDS_KEPT);
  readonly #roundOf = new Float64Array(ROUNDS_KEPT).fill(-1);
  #untilMs = Number.NEGATIVE_INFINITY;
  #forbidden = false;

  /** @param electionTimeoutMs The shortest time after which a voter may vote for another. */
  constructor(electionTimeoutMs: number) {
    this.#durationMs = electionTimeoutMs * LEASE_SHARE;
  }

  /** Monotonic time until which the lease holds. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /**
   * A new term, or the end of leadership: no lease until a round of the new term is acknowledged.
   */
  reset(): void {
    this.#roundOf.fill(-1);
    this.#untilMs = Number.NEGATIVE_INFINITY;
    this.#forbidden = false;
  }

  /** TimeoutNow was sent: another may lead at once, so no lease for the rest of the term. */
  forbid(): void {
    if (plantedBugs.leaseKeptAfterTransfer) return;
    if (!this.#forbidden) failpoints.reached?.("lease.forbidden");
    this.#forbidden = true;
    this.#untilMs = Number.NEGATIVE_INFINITY;
  }

  /** A round is about to be sent. */
  sent(round: number, nowMs: number): void {
    const place = round % ROUNDS_KEPT;
    if (this.#roundOf[place] === round) return;
    this.#roundOf[place] = round;
    this.#sentAtMs[place] = nowMs;
  }

  /** A quorum has acknowledged this round (or a later one). */
  acknowledged(round: number): void {
    const place = round % ROUNDS_KEPT;
    if (this.#forbidden || this.#roundOf[place] !== round) return;
    const sentMs = this.#sentAtMs[place]!;
    const fromMs = plantedBugs.leaseFromAcknowledgement ? Math.max(...this.#sentAtMs) : sentMs;
    const untilMs = fromMs + this.#durationMs;
    if (untilMs <= this.#untilMs) return;
    this.#untilMs = untilMs;
    failpoints.reached?.("lease.renewed");
  }

  holds(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }
}
