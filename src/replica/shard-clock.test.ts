// Shard time over changes of leaders: never back, and never far ahead.
import { beforeEach, describe, expect, test } from "vitest";
import type { EntryHeader } from "./entry-header.ts";
import { CEILING_AHEAD_MS, CEILING_AHEAD_MS_MIN, ShardClock } from "./shard-clock.ts";

const START_MS = 1_000_000;

describe("ShardClock", () => {
  let trueMs: number;
  const applied = { timeMs: 0, ceilingMs: 0, holdsExpiries: true };

  beforeEach(() => {
    trueMs = START_MS;
    Object.assign(applied, { timeMs: 0, ceilingMs: 0 });
  });

  /** The clock of a node that is off by so much, and leads from now on. */
  function leader(errorMs = 0): ShardClock {
    const nowMs = (): number => trueMs + errorMs;
    const clock = new ShardClock({ monotonicMs: nowMs, wallMs: nowMs }, () => applied);
    clock.lead();
    return clock;
  }

  /** An entry is proposed and applied. */
  function apply(clock: ShardClock): void {
    const header: EntryHeader = { operations: 0, timeMs: 0, ceilingMs: 0, seed1: 0, seed2: 0 };
    clock.stamp(header);
    applied.timeMs = Math.max(applied.timeMs, header.timeMs);
    applied.ceilingMs = Math.max(applied.ceilingMs, header.ceilingMs);
  }

  test("a new leader starts where the last one may have read", () => {
    apply(leader(700));
    expect(leader().readMs()).toBe(START_MS + 700 + CEILING_AHEAD_MS);
  });

  test("many leaders in a row are hardly further ahead than one", () => {
    for (let count = 0; count < 20; count++) {
      apply(leader());
      trueMs += 500;
    }
    const boundMs = CEILING_AHEAD_MS + 2 * CEILING_AHEAD_MS_MIN;
    expect(leader().readMs()).toBeLessThanOrEqual(trueMs + boundMs);
  });

  test("its time goes on at once, a tenth slower, until its clock is there", () => {
    apply(leader());
    const clock = leader();
    const startMs = clock.readMs();
    apply(clock);
    trueMs += 100;
    expect(clock.readMs()).toBe(startMs + 90);
    trueMs += CEILING_AHEAD_MS * 10;
    expect(clock.nowMs()).toBe(trueMs);
  });

  test("asks for few entries, and never reads far behind its time", () => {
    apply(leader());
    const clock = leader();
    apply(clock);
    let ticks = 0;
    for (let step = 0; step < 1_000; step++) {
      trueMs += 10;
      expect(clock.nowMs() - clock.readMs()).toBe(0);
      if (!clock.wantsTick) continue;
      ticks++;
      apply(clock);
    }
    expect(ticks).toBeLessThan(40);
  });

  test("the first key with an expiry has a ceiling above it", () => {
    applied.holdsExpiries = false;
    const clock = leader();
    apply(clock);
    applied.holdsExpiries = true;
    trueMs += 6;
    expect(clock.readMs()).toBe(trueMs);
  });

  test("without expiries nobody starts ahead", () => {
    applied.holdsExpiries = false;
    apply(leader(700));
    trueMs += 1_000;
    expect(leader().nowMs()).toBe(trueMs);
  });
});
