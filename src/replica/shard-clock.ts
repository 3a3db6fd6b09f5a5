// Shard time at the leader: never behind the log, never beyond what followers know of.
import { failpoints } from "../base/failpoints.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { Clock } from "../platform/clock.ts";
import type { EntryHeader } from "./entry-header.ts";

/** How far ahead of the last entry the leader may read expiries before it commits a new ceiling. */
export const CEILING_AHEAD_MS = 1_000;
/** A read this close to the ceiling asks for a new one, when that is higher by so much. */
const CEILING_MARGIN_MS = 400;
const CEILING_STEP_MS = 100;

/** What applied entries say. */
interface AppliedState {
  readonly timeMs: number;
  readonly ceilingMs: number;
  /** Whether any key has an expiry. */
  readonly holdsExpiries: boolean;
}

/**
 * Wall time at start plus monotonic time, kept at or above the log's times.
 *
 * A key that a read saw expired stays expired: the leader reads with min(clock, ceiling), and the
 * next leader starts at the ceiling. Its time then stands still until its clock is there: a ceiling
 * is ahead of a clock, not of the time before, or each change of leaders would add a second.
 */
export class ShardClock {
  readonly #clock: Clock;
  readonly #state: () => AppliedState;
  readonly #offsetMs: number;
  #floorMs = 0;
  #ceilingMs = 0;
  /** A read came close to the ceiling: an entry should move it. */
  wantsTick = false;

  /** @param state What is applied now: asked each time, since a snapshot may replace it. */
  constructor(clock: Clock, state: () => AppliedState) {
    this.#clock = clock;
    this.#state = state;
    this.#offsetMs = clock.wallMs() - clock.monotonicMs();
  }

  /** This node starts to lead: time goes on from where the last leader may have read. */
  lead(): void {
    failpoints.reached?.("serve.clockSet");
    const applied = this.#state();
    const ceilingMs = plantedBugs.expiryBySlowClock ? 0 : applied.ceilingMs;
    this.#floorMs = Math.max(applied.timeMs, ceilingMs, this.#floorMs);
    this.#ceilingMs = 0;
    this.wantsTick = false;
  }

  /** Shard time now, Unix ms in whole numbers. */
  nowMs(): number {
    return Math.max(this.#ownMs(), this.#floorMs, this.#state().timeMs);
  }

  #ownMs(): number {
    return Math.floor(this.#clock.monotonicMs() + this.#offsetMs);
  }

  /** Whether reads would see an earlier time than the present; then an entry is asked for. */
  lags(): boolean {
    const { holdsExpiries, ceilingMs, timeMs } = this.#state();
    const lags = holdsExpiries && this.nowMs() > Math.max(ceilingMs, timeMs);
    if (lags) this.wantsTick = true;
    return lags;
  }

  /** The time a read at the leader uses. */
  readMs(): number {
    const nowMs = this.nowMs();
    const applied = this.#state();
    if (!applied.holdsExpiries) return nowMs;
    const ceilingMs = Math.max(applied.ceilingMs, applied.timeMs);
    if (nowMs <= ceilingMs - CEILING_MARGIN_MS) return nowMs;
    const nextMs = this.#ownMs() + CEILING_AHEAD_MS;
    if (this.#ceilingMs <= applied.ceilingMs && nextMs >= ceilingMs + CEILING_STEP_MS) {
      this.wantsTick = true;
    }
    return Math.min(nowMs, ceilingMs);
  }

  /** Writes time and ceiling of an entry that is being proposed. */
  stamp(header: EntryHeader): void {
    const nowMs = this.nowMs();
    this.#floorMs = nowMs;
    header.timeMs = nowMs;
    const aheadMs = this.#ownMs() + CEILING_AHEAD_MS;
    header.ceilingMs = this.#state().holdsExpiries ? Math.max(nowMs, aheadMs) : 0;
    this.#ceilingMs = header.ceilingMs;
    this.wantsTick = false;
  }
}
