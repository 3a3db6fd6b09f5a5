// Shard time over changes of leaders: never back, and never far ahead.
import { beforeEach, describe, expect, test } from "vitest";
import type { EntryHeader } from "./entry-header.ts";
import { CEILING_AHEAD_MS, ShardClock } from "./shard-clock.ts";

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

  test("many leaders in a row are no further ahead than one", () => {
    for (let count = 0; count < 20; count++) {
      apply(leader());
      trueMs += 10;
    }
    expect(leader().readMs()).toBeLessThanOrEqual(trueMs + CEILING_AHEAD_MS);
  });

  test("its time stands still until its clock is there, and asks for few entries meanwhile", () => {
    apply(leader());
    const clock = leader();
    const aheadMs = clock.readMs();
    let ticks = 0;
    for (; trueMs < aheadMs; trueMs += 10) {
      expect(clock.readMs()).toBe(aheadMs);
      if (!clock.wantsTick) continue;
      ticks++;
      apply(clock);
    }
    expect(ticks).toBeLessThan(12);
    trueMs += 50;
    expect(clock.readMs()).toBe(aheadMs + 50);
  });
});
