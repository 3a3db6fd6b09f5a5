// Shard time at the leader: never behind the log, never beyond what followers know of.
import { failpoints } from "../base/failpoints.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { Clock } from "../platform/clock.ts";
import type { EntryHeader } from "./entry-header.ts";

/** How far ahead of its own time a leader may read expiries before it commits a new ceiling. */
export const CEILING_AHEAD_MS = 1_000;
/** Of that, what a leader whose shard time is itself far ahead of its clock has at least. */
export const CEILING_AHEAD_MS_MIN = 200;
/** A read this close to the ceiling, as a part of an entry's room below it, asks for a new one. */
const CEILING_MARGIN = 0.4;
/** How much slower than its clock a leader's time goes that started ahead of it. */
const SLEW = 0.1;

/** What applied entries say. */
interface AppliedState {
  readonly appliedIndex: number;
  readonly timeMs: number;
  readonly ceilingMs: number;
  /** Whether any key has an expiry. */
  readonly holdsExpiries: boolean;
}

/**
 * Wall time at start plus monotonic time, kept at or above the log's times.
 *
 * While entries are under way, reads do not go beyond the time of the oldest of them: the state
 * that they see is from before that entry, and what expires later is still there for it.
 *
 * A key that a read saw expired stays expired: the leader reads with min(clock, ceiling), and the
 * next leader starts at the ceiling. Its time then goes a tenth slower until its clock is there;
 * and the further ahead it is, the nearer its ceiling, or each change of leaders would add a
 * second.
 */
export class ShardClock {
  readonly #clock: Clock;
  readonly #state: () => AppliedState;
  readonly #offsetMs: number;
  #floorMs = 0;
  #ceilingMs = 0;
  /** The entry that was proposed last, and the oldest under way since the log was last idle. */
  #lastIndex = 0;
  #underWayMs = 0;
  /** How far shard time was ahead of the own clock, and what that showed, when it began to lead. */
  #aheadMs = 0;
  #ledSinceMs = 0;
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
    const mayBeSeen = applied.holdsExpiries && !plantedBugs.expiryBySlowClock;
    const ceilingMs = mayBeSeen ? applied.ceilingMs : 0;
    this.#floorMs = Math.max(applied.timeMs, ceilingMs, this.#floorMs);
    this.#ceilingMs = 0;
    this.#lastIndex = 0;
    this.wantsTick = false;
    this.#ledSinceMs = this.#ownMs();
    this.#aheadMs = this.#floorMs - this.#ledSinceMs;
  }

  /** Shard time now, Unix ms in whole numbers. */
  nowMs(): number {
    const ownMs = this.#ownMs();
    const slewMs = Math.ceil((ownMs - this.#ledSinceMs) * SLEW);
    return Math.max(ownMs, ownMs + this.#aheadMs - slewMs, this.#floorMs, this.#state().timeMs);
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
    const applied = this.#state();
    if (!applied.holdsExpiries) return this.nowMs();
    const isIdle = this.#lastIndex <= applied.appliedIndex;
    const nowMs = isIdle ? this.nowMs() : Math.max(this.#underWayMs, applied.timeMs);
    const ceilingMs = Math.max(applied.ceilingMs, applied.timeMs);
    // Nobody has more room: most reads need not ask the clock again.
    if (nowMs <= ceilingMs - CEILING_AHEAD_MS * CEILING_MARGIN) return nowMs;
    const isNear = nowMs > ceilingMs - this.#roomMs(nowMs) * CEILING_MARGIN;
    if (isNear && this.#ceilingMs <= applied.ceilingMs) this.wantsTick = true;
    return Math.min(nowMs, ceilingMs);
  }

  /** Writes time and ceiling of an entry that is being proposed; then comes `proposed`. */
  stamp(header: EntryHeader): void {
    const nowMs = this.nowMs();
    if (this.#lastIndex <= this.#state().appliedIndex) this.#underWayMs = nowMs;
    this.#floorMs = nowMs;
    header.timeMs = nowMs;
    header.ceilingMs = nowMs + this.#roomMs(nowMs);
    this.#ceilingMs = header.ceilingMs;
    this.wantsTick = false;
  }

  /** The entry that was stamped last has its place in the log. */
  proposed(index: number): void {
    this.#lastIndex = index;
  }

  /** From shard time to the ceiling of an entry that is made now. */
  #roomMs(nowMs: number): number {
    const aheadMs = nowMs - this.#ownMs();
    return Math.max(CEILING_AHEAD_MS - aheadMs, CEILING_AHEAD_MS_MIN);
  }
}
