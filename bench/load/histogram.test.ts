// The histogram against exact quantiles.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { quantile } from "../stats.ts";
import { Histogram } from "./histogram.ts";

test("quantiles lie within 2 % (and half a microsecond) of the exact ones", () => {
  const values = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, q) => {
      const histogram = new Histogram();
      for (const value of all) histogram.record(value);
      const exact = quantile(all, q);
      expect(Math.abs(histogram.quantile(q) - exact)).toBeLessThanOrEqual(exact * 0.02 + 0.5);
      expect(histogram.maxUs).toBe(Math.max(...all));
      expect(histogram.count).toBe(all.length);
    }),
  );
});

test("small values are exact", () => {
  const histogram = new Histogram();
  for (let value = 0; value < 64; value++) histogram.record(value);
  expect([0.25, 0.5, 1].map((q) => histogram.quantile(q))).toEqual([15, 31, 63]);
});

test("a value recorded many times counts as often", () => {
  const histogram = new Histogram();
  histogram.record(10, 99);
  histogram.record(1000);
  expect(histogram.quantile(0.99)).toBe(10);
  expect(histogram.count).toBe(100);
});

test("nothing recorded reads 0, beyond the range counts as its end", () => {
  const histogram = new Histogram();
  expect(histogram.quantile(0.5)).toBe(0);
  histogram.record(-5);
  histogram.record(1e12);
  expect(histogram.quantile(0)).toBe(0);
  expect(histogram.maxUs).toBe(2 ** 31 - 1);
});
