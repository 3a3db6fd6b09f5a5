// Medians, quantiles and paired ratios against tables.
import { describe, expect, test } from "vitest";
import { median, pairedRatio, pairedRatios, quantile } from "./stats.ts";

describe("median", () => {
  test.each([
    { values: [3], is: 3 },
    { values: [9, 1, 5], is: 5 },
    { values: [4, 1, 2, 3], is: 2.5 },
    { values: [10, 9, 100], is: 10 },
  ])("of $values is $is", ({ values, is }) => expect(median(values)).toBe(is));

  test("of nothing is refused", () => expect(() => median([])).toThrow(RangeError));

  test("leaves its argument alone", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe("quantile takes the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
  test.each([
    { q: 0, is: 1 },
    { q: 0.5, is: 50 },
    { q: 0.99, is: 99 },
    { q: 1, is: 100 },
  ])("at $q", ({ q, is }) => expect(quantile(hundred, q)).toBe(is));

  test("of few values, p99 is the largest", () => expect(quantile([1, 7, 2], 0.99)).toBe(7));
  test("of nothing is refused", () => expect(() => quantile([], 0.5)).toThrow(RangeError));
});

describe("pairedRatio", () => {
  test("does not see a machine that slows both sides down", () => {
    expect(pairedRatio([200, 20, 2], [100, 10, 1])).toBe(2);
  });

  test("one bad round does not decide", () => {
    expect(pairedRatio([100, 100, 1], [100, 100, 100])).toBe(1);
  });

  test("a round that one side lacks is left out", () => {
    expect(pairedRatios([2, 4, 6], [1, 1])).toEqual([2, 4]);
  });

  test("no common round is refused", () => expect(() => pairedRatio([1], [])).toThrow(RangeError));
});
