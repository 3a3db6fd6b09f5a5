// Shard time over changes of leaders: never back, and never far ahead.
import { beforeEach, describe, expect, test } from "vitest";
import type { EntryHeader } from "./entry-header.ts";
import { CEILING_AHEAD_MS, CEILING_AHEAD_MS_MIN, ShardClock } from "./shard-clock.ts";

const START_MS = 1_000_000;

describe("ShardClock", () => {
  let trueMs: number;
  const applied = { appliedIndex: 0, timeMs: 0, ceilingMs: 0, holdsExpiries: true };
  let lastIndex: number;

  beforeEach(() => {
    trueMs = START_MS;
    lastIndex = 0;
    Object.assign(applied, { appliedIndex: 0, timeMs: 0, ceilingMs: 0 });
  });

  /** The clock of a node that is off by so much, and leads from now on. */
  function leader(errorMs = 0): ShardClock {
    const nowMs = (): number => trueMs + errorMs;
    const clock = new ShardClock({ monotonicMs: nowMs, wallMs: nowMs }, () => applied);
    clock.lead();
    return clock;
  }

  /** An entry is proposed. */
  function propose(clock: ShardClock): EntryHeader {
    const header: EntryHeader = { operations: 0, timeMs: 0, ceilingMs: 0, seed1: 0, seed2: 0 };
    clock.stamp(header);
    clock.proposed(++lastIndex);
    return header;
  }

  function onApplied(header: EntryHeader): void {
    applied.appliedIndex++;
    applied.timeMs = Math.max(applied.timeMs, header.timeMs);
    applied.ceilingMs = Math.max(applied.ceilingMs, header.ceilingMs);
  }

  /** An entry is proposed and applied. */
  function apply(clock: ShardClock): void {
    onApplied(propose(clock));
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

  describe("a read beside entries that are under way", () => {
    test("sees no later time than the oldest of them, and goes on when all are applied", () => {
      const clock = leader();
      apply(clock);
      trueMs += 10;
      const first = propose(clock);
      trueMs += 10;
      const second = propose(clock);
      trueMs += 10;
      expect(clock.readMs()).toBe(START_MS + 10);
      onApplied(first);
      expect(clock.readMs()).toBe(START_MS + 10);
      onApplied(second);
      expect(clock.readMs()).toBe(START_MS + 30);
    });

    test("sees time go on with those that are applied, though the log is never idle", () => {
      const clock = leader();
      apply(clock);
      let under = propose(clock);
      for (let step = 0; step < 100; step++) {
        trueMs += 5;
        const next = propose(clock);
        onApplied(under);
        expect(clock.readMs()).toBe(under.timeMs);
        under = next;
      }
      expect(clock.nowMs() - clock.readMs()).toBe(5);
    });

    test("of an earlier time as leader is not held back by what was lost then", () => {
      const clock = leader();
      apply(clock);
      propose(clock);
      trueMs += 2_000;
      clock.lead();
      lastIndex = applied.appliedIndex;
      apply(clock);
      expect(clock.readMs()).toBe(clock.nowMs());
    });
  });

  test("without expiries nobody starts ahead", () => {
    applied.holdsExpiries = false;
    apply(leader(700));
    trueMs += 1_000;
    expect(leader().nowMs()).toBe(trueMs);
  });
});
