// How long a leader may read without asking.
import { describe, expect, test } from "vitest";
import { Lease } from "./lease.ts";

describe("Lease", () => {
  test("runs from the sending of a round, for 0.8 of the election timeout", () => {
    const lease = new Lease(1000);
    lease.sent(1, 5_000);
    expect(lease.holds(5_000)).toBe(false);
    lease.acknowledged(1);
    expect(lease.holds(5_799)).toBe(true);
    expect(lease.holds(5_800)).toBe(false);
  });

  test("counts the first sending of a round that goes out several times", () => {
    const lease = new Lease(1000);
    lease.sent(1, 5_000);
    lease.sent(1, 5_500);
    lease.acknowledged(1);
    expect(lease.untilMs).toBe(5_800);
  });

  test("never gets shorter by a late answer to an old round", () => {
    const lease = new Lease(1000);
    lease.sent(1, 5_000);
    lease.sent(2, 5_100);
    lease.acknowledged(2);
    lease.acknowledged(1);
    expect(lease.untilMs).toBe(5_900);
  });

  test("ignores answers to rounds of before a reset", () => {
    const lease = new Lease(1000);
    lease.sent(7, 5_000);
    lease.reset();
    lease.acknowledged(7);
    expect(lease.holds(5_001)).toBe(false);
  });

  test("is gone for the rest of the term once leadership was offered away", () => {
    const lease = new Lease(1000);
    lease.sent(1, 5_000);
    lease.acknowledged(1);
    lease.forbid();
    lease.sent(2, 5_100);
    lease.acknowledged(2);
    expect(lease.holds(5_101)).toBe(false);
  });
});
