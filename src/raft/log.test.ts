// The ring of entries against a plain array.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { entryBytes, RaftLog } from "./log.ts";
import { EntryType } from "./types.ts";
import type { Entry } from "./types.ts";

function entry(index: number, term: number, bytes = 1): Entry {
  return { index, term, type: EntryType.normal, data: new Uint8Array(bytes) };
}

function logOf(...terms: number[]): RaftLog {
  const log = new RaftLog(0, 0);
  terms.forEach((term, at) => log.push(entry(at + 1, term)));
  return log;
}

describe("RaftLog", () => {
  test("knows terms inside, at the snapshot mark, and nowhere else", () => {
    const log = new RaftLog(10, 3);
    log.push(entry(11, 4));
    expect([9, 10, 11, 12].map((index) => log.termAt(index))).toEqual([-1, 3, 4, -1]);
    expect([9, 10, 11, 12].map((index) => log.at(index)?.index)).toEqual([
      undefined,
      undefined,
      11,
      undefined,
    ]);
  });

  test("refuses gaps, repetitions and falling terms", () => {
    const log = logOf(1, 2);
    expect(() => log.push(entry(4, 2))).toThrow("no gaps");
    expect(() => log.push(entry(2, 2))).toThrow("no gaps");
    expect(() => log.push(entry(3, 1))).toThrow("never fall");
  });

  test("cuts its end and remembers the term before", () => {
    const log = logOf(1, 2, 2, 3);
    log.truncateFrom(3);
    expect([log.lastIndex, log.lastTerm]).toEqual([2, 2]);
    log.truncateFrom(1);
    expect([log.lastIndex, log.lastTerm, log.bytes]).toEqual([0, 0, 0]);
  });

  test("never cuts into its snapshot, nor compacts beyond its end", () => {
    const log = logOf(1, 1, 1);
    log.compact(2);
    expect(() => log.truncateFrom(2)).toThrow("behind the snapshot");
    expect(() => log.compact(4)).toThrow("inside the log");
  });

  test.each([
    { name: "the same term", index: 5, term: 2, found: 5 },
    { name: "skips a whole later term", index: 5, term: 1, found: 3 },
    { name: "starts at its own end", index: 90, term: 9, found: 5 },
    { name: "falls to the mark", index: 5, term: 0, found: 0 },
  ])("finds where logs may agree: $name", ({ index, term, found }) => {
    expect(logOf(1, 1, 1, 2, 2).lastIndexWithTermUpTo(index, term)).toBe(found);
  });

  test.each([
    { term: 2, index: 9, newer: false },
    { term: 3, index: 2, newer: false },
    { term: 3, index: 3, newer: true },
    { term: 4, index: 1, newer: true },
  ])("compares ends by term, then by index: $term/$index", ({ term, index, newer }) => {
    const log = logOf(1, 1, 3);
    expect(log.isUpToDate(term, index)).toBe(newer);
  });

  test("slices by bytes, but at least one entry", () => {
    const log = new RaftLog(0, 0);
    for (let index = 1; index <= 5; index++) log.push(entry(index, 1, 100));
    const one = entryBytes(entry(1, 1, 100));
    expect(log.slice(2, 1).map((each) => each.index)).toEqual([2]);
    expect(log.slice(2, 2 * one).map((each) => each.index)).toEqual([2, 3]);
    expect(log.slice(4, 9 * one).map((each) => each.index)).toEqual([4, 5]);
    expect(log.slice(6, one)).toEqual([]);
  });

  test("behaves as a plain array does, over growth, wrapping and shrinking", () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant("push"), by: fc.integer({ min: 1, max: 400 }) }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("compact"), by: fc.nat(500) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("truncate"), by: fc.nat(60) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const log = new RaftLog(0, 0);
        let model: Entry[] = [];
        for (const { do: what, by } of steps) {
          const first = log.firstIndex;
          if (what === "push") {
            for (let at = 0; at < by; at++) {
              const next = entry(log.lastIndex + 1, 1 + Math.floor(log.lastIndex / 50), at % 7);
              log.push(next);
              model.push(next);
            }
          } else if (what === "compact") {
            const count = Math.min(by, model.length);
            log.compact(first + count - 1);
            model = model.slice(count);
          } else {
            const count = Math.min(by, model.length);
            if (count > 0) log.truncateFrom(log.lastIndex - count + 1);
            model = model.slice(0, model.length - count);
          }
          expect(log.lastIndex - log.firstIndex + 1).toBe(model.length);
          expect(log.bytes).toBe(model.reduce((sum, each) => sum + entryBytes(each), 0));
          expect(log.lastTerm).toBe(model.at(-1)?.term ?? log.snapshotTerm);
        }
        for (const each of model) expect(log.at(each.index)).toBe(each);
      }),
      { numRuns: 60 },
    );
  });
});
