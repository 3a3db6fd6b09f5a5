// SET with every option, keys and values of any bytes; replies as redis-server gives them.
import { beforeEach, describe, expect, test } from "vitest";
import { RecordType } from "../keyspace/keyspace.ts";
import { CommandTester } from "./testing/command-tester.ts";
import { type Line, play } from "./testing/play.ts";

const SYNTAX = "-ERR syntax error";
const NOT_INTEGER = "-ERR value is not an integer or out of range";
const WRONG_TYPE = "-WRONGTYPE Operation against a key holding the wrong kind of value";

let tester: CommandTester;
beforeEach(() => {
  tester = new CommandTester();
});

describe("SET", () => {
  const invalid = "-ERR invalid expire time in 'set' command";
  const cases: Record<string, Line[]> = {
    "replaces value and expiry": [
      ["SET k v EX 10", "+OK"],
      ["SET k w", "+OK"],
      ["GET k", "w"],
      ["TTL k", -1],
    ],
    "NX sets only what is missing": [
      ["SET k v nx", "+OK"],
      ["SET k w NX", null],
      ["GET k", "v"],
    ],
    "XX sets only what is there": [
      ["SET k v XX", null],
      ["EXISTS k", 0],
      ["SET k v", "+OK"],
      ["SET k w xx", "+OK"],
      ["GET k", "w"],
    ],
    "GET gives the old value": [
      ["SET k v GET", null],
      ["SET k w get", "v"],
      ["SET k x XX GET", "w"],
      ["GET k", "x"],
    ],
    "NX and GET together": [
      ["SET k v NX GET", null],
      ["SET k w NX GET", "v"],
      ["GET k", "v"],
    ],
    "XX and GET on a missing key": [
      ["SET k v XX GET", null],
      ["EXISTS k", 0],
    ],
    "EX, PX, EXAT, PXAT": [
      ["SET k v EX 10", "+OK"],
      ["PTTL k", 10_000],
      ["SET k v PX 1500", "+OK"],
      ["PTTL k", 1500],
      ["SET k v EXAT 1700000100", "+OK"],
      ["PTTL k", 100_000],
      ["SET k v PXAT 1700000000001", "+OK"],
      ["PTTL k", 1],
    ],
    "a time that has passed": [
      ["SET k v PXAT 1700000000000", "+OK"],
      ["GET k", null],
      ["SET k v EXAT 1", "+OK"],
      ["GET k", null],
    ],
    "KEEPTTL keeps the expiry": [
      ["SET k v EX 10", "+OK"],
      ["SET k longer-value KEEPTTL", "+OK"],
      ["TTL k", 10],
      ["SET other v KEEPTTL", "+OK"],
      ["TTL other", -1],
    ],
    "the same option twice: the last counts": [
      ["SET k v EX 10 EX 20", "+OK"],
      ["TTL k", 20],
      ["SET k v XX XX GET GET", "v"],
    ],
    "options that do not go together": [
      ["SET k v NX XX", SYNTAX],
      ["SET k v XX NX", SYNTAX],
      ["SET k v EX 10 PX 20", SYNTAX],
      ["SET k v EX 10 KEEPTTL", SYNTAX],
      ["SET k v KEEPTTL EX 10", SYNTAX],
      ["SET k v PERSIST", SYNTAX],
      ["SET k v EX", SYNTAX],
      ["SET k v PXAT", SYNTAX],
      ["SET k v __proto__", SYNTAX],
      ["SET k v toString 1", SYNTAX],
      ['SET k v ""', SYNTAX],
      ["EXISTS k", 0],
    ],
    "times that are none": [
      ["SET k v EX 0", invalid],
      ["SET k v EX -1", invalid],
      ["SET k v PX 0", invalid],
      ["SET k v EXAT 0", invalid],
      ["SET k v PXAT -1", invalid],
      ["SET k v PXAT -9223372036854775808", invalid],
      ["SET k v EX abc", NOT_INTEGER],
      ["SET k v EX 1.5", NOT_INTEGER],
      ['SET k v EX ""', NOT_INTEGER],
      ["SET k v EX 9223372036854775808", NOT_INTEGER],
      ["SET k v EX 9223372036854775807", invalid],
      ["SET k v EX 9223372036854776", invalid],
      ["SET k v EX 9223372036854775", invalid],
      ["SET k v PX 9223372036854775807", invalid],
      ["SET k v EX 10000000000000000", invalid],
      ["EXISTS k", 0],
    ],
    "times as far as they go": [
      ["SET k v PXAT 9223372036854775807", "+OK"],
      ["GET k", "v"],
      ["SET k v EX 9223370336854775", "+OK"],
      ["GET k", "v"],
      ["SET k v PX 9007199254740991", "+OK"],
      ["PTTL k", 9_005_499_254_740_991],
      ["SET k v PX 7000000000000000", "+OK"],
      ["PTTL k", 7_000_000_000_000_000],
      ["SET k v EX 4294967296", "+OK"],
      ["PTTL k", 4_294_967_296_000],
    ],
    "an error leaves the old value alone": [
      ["SET k v", "+OK"],
      ["SET k w EX 0", invalid],
      ["SET k w GET EX 0", invalid],
      ["GET k", "v"],
    ],
    arity: [
      ["SET k", "-ERR wrong number of arguments for 'set' command"],
      ["SET", "-ERR wrong number of arguments for 'set' command"],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("takes the place of any type, but GET refuses", () => {
    tester.putRecord("list", RecordType.list);
    expect(
      play(tester, [
        ["SET list v GET", WRONG_TYPE],
        ["SET list v NX GET", WRONG_TYPE],
        ["TYPE list", "+list"],
        ["SET list v", "+OK"],
        ["TYPE list", "+string"],
      ]),
    ).toEqual([]);
  });
});

describe("keys and values of any bytes", () => {
  const words = [
    "__proto__",
    "constructor",
    "",
    "\0",
    "a\r\nb",
    "\xff\xfe",
    "{",
    "{}",
    "k".repeat(70_000),
  ];
  test.each(words.map((word) => [word.slice(0, 20), word]))("%j", (_shown, word) => {
    expect(
      play(tester, [
        [["GET", word], null],
        [["SET", word, word], "+OK"],
        [["GET", word], word],
        [["STRLEN", word], word.length],
        [["KEYS", "*"], [word]],
        [
          ["SCAN", "0"],
          ["0", [word]],
        ],
        [["DEL", word], 1],
        [["EXISTS", word], 0],
      ]),
    ).toEqual([]);
  });

  test("keys that differ in one byte are different keys", () => {
    expect(
      play(tester, [
        ["SET \x80 1", "+OK"],
        ["SET \x81 2", "+OK"],
        ["SET K 3", "+OK"],
        ["SET k 4", "+OK"],
        ["MGET \x80 \x81 K k", ["1", "2", "3", "4"]],
      ]),
    ).toEqual([]);
  });
});
