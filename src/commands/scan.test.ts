// SCAN finds every key, KEYS matches as Redis does, bad cursors and options are refused.
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { CommandTester, type Word } from "./testing/command-tester.ts";
import { type Line, play } from "./testing/play.ts";

const SYNTAX = "-ERR syntax error";
const NOT_INTEGER = "-ERR value is not an integer or out of range";
const BAD_CURSOR = "-ERR invalid cursor";

let tester: CommandTester;
beforeEach(() => {
  tester = new CommandTester();
});

/** Walks with SCAN to the end: keys in order, and how many calls it took. */
function scanAll(...options: Word[]): { keys: string[]; calls: number } {
  const keys: string[] = [];
  let cursor = "0";
  let calls = 0;
  do {
    const [next, found] = tester.run("scan", cursor, ...options) as [string, string[]];
    expect(next).toMatch(/^(0|[1-9][0-9]*)$/);
    expect(Number(next)).toBeLessThan(2 ** 46);
    keys.push(...found);
    cursor = next;
    calls++;
    expect(calls).toBeLessThan(10_000);
  } while (cursor !== "0");
  return { keys, calls };
}

function fill(count: number, prefix = "key:"): string[] {
  const keys = Array.from({ length: count }, (_, place) => `${prefix}${place}`);
  for (const key of keys) tester.run("set", key, "v");
  return keys;
}

describe("SCAN", () => {
  test("finds every key once", () => {
    const keys = fill(1000);
    for (const count of [1, 7, 10, 100, 5000]) {
      const walk = scanAll("COUNT", count);
      expect(walk.keys.toSorted()).toEqual(keys.toSorted());
      expect(walk.calls).toBeLessThanOrEqual(Math.ceil(1000 / count) + 1);
      expect(walk.calls).toBeGreaterThanOrEqual(Math.ceil(1000 / count));
    }
  });

  test("walks keys of one slot in steps too", () => {
    const keys = fill(500, "{tag}");
    const walk = scanAll("COUNT", 10);
    expect(walk.keys.toSorted()).toEqual(keys.toSorted());
    expect(walk.calls).toBeGreaterThanOrEqual(50);
  });

  test("finds what stays while other keys come and go", () => {
    const keys = fill(500);
    const found = new Set<string>();
    let cursor = "0";
    let round = 0;
    do {
      const [next, some] = tester.run("scan", cursor, "COUNT", 20) as [string, string[]];
      for (const key of some) found.add(key);
      cursor = next;
      for (let extra = 0; extra < 30; extra++) tester.run("set", `extra:${round}:${extra}`, 1);
      if (round > 0) tester.run("del", `extra:${round - 1}:1`, `extra:${round - 1}:2`);
      round++;
    } while (cursor !== "0" && round < 1000);
    expect(cursor).toBe("0");
    expect(keys.filter((key) => !found.has(key))).toEqual([]);
  });

  test("MATCH filters, COUNT counts what is looked at", () => {
    fill(300);
    tester.run("set", "other", 1);
    expect(scanAll("MATCH", "key:1?").keys.toSorted()).toEqual(
      Array.from({ length: 10 }, (_, digit) => `key:1${digit}`),
    );
    const walk = scanAll("match", "other", "count", "100");
    expect(walk.keys).toEqual(["other"]);
    expect(walk.calls).toBeGreaterThanOrEqual(3);
    expect(scanAll("MATCH", "*").keys.length).toBe(301);
    expect(scanAll("MATCH", "nothing").keys).toEqual([]);
  });

  const cases: Record<string, Line[]> = {
    "an empty database": [
      ["SCAN 0", ["0", []]],
      ['SCAN ""', ["0", []]],
    ],
    "cursors that no walk gave": [
      ["SET k v", "+OK"],
      ["SCAN 18446744073709551615", ["0", []]],
      ["SCAN 9223372036854775807", ["0", []]],
      ["SCAN 9007199254740993", ["0", []]],
      ["SCAN 70368744177664", ["0", []]],
      ["SCAN 000000000000000000000000000000", ["0", ["k"]]],
    ],
    "bad cursors": [
      ["SCAN abc", BAD_CURSOR],
      ["SCAN 1a", BAD_CURSOR],
      [["SCAN", " 1"], BAD_CURSOR],
      [["SCAN", "1 "], BAD_CURSOR],
      ["SCAN 1.0", BAD_CURSOR],
      ["SCAN 18446744073709551616", BAD_CURSOR],
      ["SCAN 99999999999999999999999999", BAD_CURSOR],
      [["SCAN", "9".repeat(1000)], BAD_CURSOR],
      ["SCAN abc FOO", BAD_CURSOR],
    ],
    "bad options": [
      ["SCAN 0 COUNT", SYNTAX],
      ["SCAN 0 FOO 1", SYNTAX],
      ["SCAN 0 MATCH a FOO", SYNTAX],
      ["SCAN 0 COUNT 0", SYNTAX],
      ["SCAN 0 COUNT -9223372036854775808", SYNTAX],
      ["SCAN 0 COUNT a", NOT_INTEGER],
      ["SCAN 0 COUNT 9223372036854775808", NOT_INTEGER],
      ["SCAN", "-ERR wrong number of arguments for 'scan' command"],
    ],
    "COUNT at the ends of 64 bits": [
      ["SET k v", "+OK"],
      ["SCAN 0 COUNT 9223372036854775807", ["0", ["k"]]],
      ["SCAN 0 COUNT 4294967296", ["0", ["k"]]],
    ],
    TYPE: [
      ["SET k v", "+OK"],
      ["SCAN 0 TYPE string", ["0", ["k"]]],
      ["SCAN 0 type STRING", ["0", ["k"]]],
      ["SCAN 0 TYPE hash", ["0", []]],
      ["SCAN 0 TYPE none", ["0", []]],
      ["SCAN 0 TYPE bogus", ["0", []]],
      ["SCAN 0 TYPE __proto__", ["0", []]],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("one call never looks at more than 8192 keys", () => {
    for (let place = 0; place < 20_000; place++) tester.run("setnx", `k${place}`, "");
    const [cursor, keys] = tester.run("scan", "0", "COUNT", "1000000") as [string, string[]];
    expect(cursor).not.toBe("0");
    expect(keys.length).toBeGreaterThanOrEqual(8192);
    expect(keys.length).toBeLessThan(8300);
  });

  test("walks the present database alone", () => {
    tester.run("set", "zero", 1);
    tester.select(1);
    tester.run("set", "one", 1);
    expect(scanAll().keys).toEqual(["one"]);
  });
});

describe("KEYS", () => {
  const cases: Record<string, Line[]> = {
    patterns: [
      ['MSET hello 1 hallo 2 hxllo 3 "" 4', "+OK"],
      ["KEYS h[^a]*x", []],
      ["KEYS hello", ["hello"]],
      ['KEYS ""', [""]],
      ["KEYS ??", []],
      ["KEYS", "-ERR wrong number of arguments for 'keys' command"],
    ] as Line[],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("give all that match", () => {
    tester.run("mset", "hello", 1, "hallo", 2, "hxllo", 3);
    expect((tester.run("keys", "h[xe]llo") as string[]).toSorted()).toEqual(["hello", "hxllo"]);
  });

  test("a lone star gives the empty key too, two stars do not, as in Redis", () => {
    expect(
      play(tester, [
        ['MSET a 1 "" 2', "+OK"],
        ["KEYS **", ["a"]],
      ]),
    ).toEqual([]);
    expect(tester.run("keys", "*")).toHaveLength(2);
  });

  test("any set of keys comes back whole", () => {
    const key = fc
      .uint8Array({ maxLength: 6 })
      .map((bytes) => Buffer.from(bytes).toString("latin1"));
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 40 }), (keys) => {
        tester.run("flushall");
        for (const name of keys) tester.run("set", name, "v");
        expect((tester.run("keys", "*") as string[]).toSorted()).toEqual(keys.toSorted());
        expect(scanAll("COUNT", 3).keys.toSorted()).toEqual(keys.toSorted());
      }),
    );
  });
});
