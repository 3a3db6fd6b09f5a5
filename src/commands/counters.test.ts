// INCR and its kin at the ends of 64 bits, and INCRBYFLOAT.
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { RecordType } from "../keyspace/keyspace.ts";
import { INT64_MAX, INT64_MIN } from "./integers.ts";
import { CommandTester } from "./testing/command-tester.ts";
import { failure, type Line, play } from "./testing/play.ts";

const NOT_INTEGER = "-ERR value is not an integer or out of range";
const OVERFLOW = "-ERR increment or decrement would overflow";
const NOT_FLOAT = "-ERR value is not a valid float";

let tester: CommandTester;
beforeEach(() => {
  tester = new CommandTester();
});

describe("INCR and its kin", () => {
  const cases: Record<string, Line[]> = {
    "a missing key counts as 0": [
      ["INCR a", 1],
      ["DECR b", -1],
      ["INCRBY c 5", 5],
      ["DECRBY d 5", -5],
      ["INCRBY e 0", 0],
      ["DECRBY e 0", 0],
      ["MGET a b c d e", ["1", "-1", "5", "-5", "0"]],
    ],
    "the expiry stays": [
      ["SET a 9 EX 10", "+OK"],
      ["INCR a", 10],
      ["TTL a", 10],
    ],
    "across 2^53": [
      ["SET a 9007199254740990", "+OK"],
      ["INCR a", 9_007_199_254_740_991],
      ["INCR a", 9_007_199_254_740_992n],
      ["INCR a", 9_007_199_254_740_993n],
      ["GET a", "9007199254740993"],
      ["DECR a", 9_007_199_254_740_992n],
      ["DECR a", 9_007_199_254_740_991],
      ["SET a -9007199254740991", "+OK"],
      ["DECR a", -9_007_199_254_740_992n],
      ["DECR a", -9_007_199_254_740_993n],
      ["INCRBY a 9007199254740993", 0],
      ["INCRBY a 9007199254740993", 9_007_199_254_740_993n],
    ],
    "across 2^32": [
      ["SET a 4294967295", "+OK"],
      ["INCR a", 4_294_967_296],
      ["INCRBY a -4294967297", -1],
    ],
    "to the ends of 64 bits": [
      ["SET a 9223372036854775806", "+OK"],
      ["INCR a", 9_223_372_036_854_775_807n],
      ["INCR a", OVERFLOW],
      ["INCRBY a 9223372036854775807", OVERFLOW],
      ["GET a", "9223372036854775807"],
      ["SET a -9223372036854775807", "+OK"],
      ["DECR a", -9_223_372_036_854_775_808n],
      ["DECR a", OVERFLOW],
      ["DECRBY a 1", OVERFLOW],
      ["INCRBY a -9223372036854775808", OVERFLOW],
      ["INCRBY a 9223372036854775807", -1],
      ["INCRBY b -9223372036854775808", -9_223_372_036_854_775_808n],
      ["DECRBY c 9223372036854775807", -9_223_372_036_854_775_807n],
      ["DECRBY c -9223372036854775808", "-ERR decrement would overflow"],
      ["DECRBY c -9223372036854775807", 0],
    ],
    "increments that are no integer": [
      ["INCRBY a x", NOT_INTEGER],
      ['INCRBY a ""', NOT_INTEGER],
      ["INCRBY a 1.0", NOT_INTEGER],
      ["INCRBY a +1", NOT_INTEGER],
      ["INCRBY a 9223372036854775808", NOT_INTEGER],
      ["DECRBY a -9223372036854775809", NOT_INTEGER],
      ["EXISTS a", 0],
      ["INCRBY a", "-ERR wrong number of arguments for 'incrby' command"],
      ["INCR", "-ERR wrong number of arguments for 'incr' command"],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test.each([" 1", "1 ", "01", "-0", "+1", "", "1.0", "9223372036854775808", "x", "1\0"])(
    "refuse the value %j",
    (value) => {
      expect(
        play(tester, [
          [["SET", "k", value], "+OK"],
          ["INCR k", NOT_INTEGER],
          ["DECRBY k 5", NOT_INTEGER],
          ["INCRBY k 9223372036854775807", NOT_INTEGER],
          [["GET", "k"], value],
        ]),
      ).toEqual([]);
    },
  );

  test("any sum within 64 bits is exact, any other refused", () => {
    const edge = fc.constantFrom(INT64_MIN, INT64_MAX, 2n ** 53n, -(2n ** 53n), 0n, 2n ** 32n);
    const near = fc.tuple(edge, fc.bigInt(-3n, 3n)).map(([base, off]) => base + off);
    const value = fc
      .oneof(near, fc.bigInt(INT64_MIN, INT64_MAX))
      .filter((number) => number >= INT64_MIN && number <= INT64_MAX);
    fc.assert(
      fc.property(value, value, (start, increment) => {
        tester.run("set", "k", start);
        const sum = start + increment;
        const fits = sum >= INT64_MIN && sum <= INT64_MAX;
        const reply = tester.run("incrby", "k", increment);
        const shown = typeof reply === "number" ? BigInt(reply) : reply;
        expect(shown).toEqual(fits ? sum : failure(OVERFLOW.slice(1)));
        expect(tester.run("get", "k")).toBe(String(fits ? sum : start));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("INCRBYFLOAT", () => {
  const cases: Record<string, Line[]> = {
    adds: [
      ["INCRBYFLOAT k 10.50", "10.5"],
      ["EXPIRE k 10", 1],
      ["INCRBYFLOAT k 0.1", "10.6"],
      ["INCRBYFLOAT k -5", "5.6"],
      ["TTL k", 10],
      ["GET k", "5.6"],
      ["SET k 3.0e3", "+OK"],
      ["INCRBYFLOAT k 200", "3200"],
      ["INCRBYFLOAT k -3200", "0"],
      ["SET k 9007199254740993", "+OK"],
      ["INCRBYFLOAT k 1", "9007199254740994"],
    ],
    refuses: [
      ["INCRBYFLOAT k abc", NOT_FLOAT],
      ["INCRBYFLOAT k nan", NOT_FLOAT],
      ['INCRBYFLOAT k ""', NOT_FLOAT],
      ["INCRBYFLOAT k 1e5000", NOT_FLOAT],
      ["INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity"],
      ["EXISTS k", 0],
      ["SET k abc", "+OK"],
      ["INCRBYFLOAT k 1", NOT_FLOAT],
      ["SET k inf", "+OK"],
      ["INCRBYFLOAT k -inf", "-ERR increment would produce NaN or Infinity"],
      ["GET k", "inf"],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("values too long for a number are refused unread", () => {
    tester.run("set", "k", "1".repeat(1_000_000));
    expect(tester.run("incrbyfloat", "k", "1")).toEqual(failure(NOT_FLOAT.slice(1)));
    expect(tester.run("incrbyfloat", "j", "1".repeat(1_000_000))).toEqual(
      failure(NOT_FLOAT.slice(1)),
    );
  });
});

test("counters refuse other types", () => {
  tester.putRecord("l", RecordType.hash);
  const wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value";
  expect(
    play(tester, [
      ["INCR l", wrongType],
      ["DECRBY l 9223372036854775807", wrongType],
      ["INCRBYFLOAT l 1", wrongType],
      ["INCRBYFLOAT l abc", wrongType],
      ["INCRBY l abc", NOT_INTEGER],
    ]),
  ).toEqual([]);
});
