// String commands but SET; replies and errors as redis-server gives them.
import { beforeEach, describe, expect, test } from "vitest";
import { RecordType } from "../keyspace/keyspace.ts";
import { STRING_BYTES_MAX } from "./access.ts";
import { CommandTester } from "./testing/command-tester.ts";
import { type Line, play } from "./testing/play.ts";

const SYNTAX = "-ERR syntax error";
const NOT_INTEGER = "-ERR value is not an integer or out of range";
const WRONG_TYPE = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const TOO_LONG = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";

let tester: CommandTester;
beforeEach(() => {
  tester = new CommandTester();
});

describe("older forms of SET", () => {
  const cases: Record<string, Line[]> = {
    SETNX: [
      ["SETNX k v", 1],
      ["SETNX k w", 0],
      ["GET k", "v"],
    ],
    SETEX: [
      ["SETEX k 10 v", "+OK"],
      ["PTTL k", 10_000],
      ["GET k", "v"],
      ["SETEX k 0 v", "-ERR invalid expire time in 'setex' command"],
      ["SETEX k -1 v", "-ERR invalid expire time in 'setex' command"],
      ["SETEX k x v", NOT_INTEGER],
      ["SETEX k 9223372036854775807 v", "-ERR invalid expire time in 'setex' command"],
    ],
    PSETEX: [
      ["PSETEX k 10 v", "+OK"],
      ["PTTL k", 10],
      ["PSETEX k 0 v", "-ERR invalid expire time in 'psetex' command"],
      ["PSETEX k 9223372036854775807 v", "-ERR invalid expire time in 'psetex' command"],
    ],
    GETSET: [
      ["GETSET k v", null],
      ["EXPIRE k 10", 1],
      ["GETSET k w", "v"],
      ["TTL k", -1],
    ],
    GETDEL: [
      ["GETDEL k", null],
      ["SET k v", "+OK"],
      ["GETDEL k", "v"],
      ["EXISTS k", 0],
    ],
    "MSET and MGET": [
      ["MSET a 1 b 2 a 3", "+OK"],
      ["MGET a b c a", ["3", "2", null, "3"]],
      ["MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"],
      ["MSET a", "-ERR wrong number of arguments for 'mset' command"],
      ["MGET a", ["3"]],
    ],
    MSETNX: [
      ["MSETNX a 1 b 2", 1],
      ["MSETNX c 1 b 3", 0],
      ["MGET a b c", ["1", "2", null]],
      ["MSETNX c 1 d", "-ERR wrong number of arguments for 'msetnx' command"],
      ["MSETNX c 1 c 2", 1],
      ["GET c", "2"],
    ],
    "MSET takes away expiries": [
      ["SET a 1 EX 10", "+OK"],
      ["MSET a 2", "+OK"],
      ["TTL a", -1],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("refuse other types where they read", () => {
    tester.putRecord("list", RecordType.list);
    expect(
      play(tester, [
        ["GET list", WRONG_TYPE],
        ["GETSET list v", WRONG_TYPE],
        ["GETDEL list", WRONG_TYPE],
        ["GETEX list", WRONG_TYPE],
        ["STRLEN list", WRONG_TYPE],
        ["APPEND list v", WRONG_TYPE],
        ["SETRANGE list 0 v", WRONG_TYPE],
        ['SETRANGE list 0 ""', WRONG_TYPE],
        ["GETRANGE list 0 -1", WRONG_TYPE],
        ["SETNX list v", 0],
        ["MSETNX list v other w", 0],
        ["MGET list other", [null, null]],
        ["TYPE list", "+list"],
      ]),
    ).toEqual([]);
  });
});

describe("GETEX", () => {
  const invalid = "-ERR invalid expire time in 'getex' command";
  const cases: Record<string, Line[]> = {
    "without options changes nothing": [
      ["SET k v EX 10", "+OK"],
      ["GETEX k", "v"],
      ["TTL k", 10],
    ],
    "on a missing key": [
      ["GETEX k", null],
      ["GETEX k EX 0", null],
      ["GETEX k EX abc", null],
      ["GETEX k FOO", SYNTAX],
    ],
    "sets an expiry": [
      ["SET k v", "+OK"],
      ["GETEX k EX 10", "v"],
      ["PTTL k", 10_000],
      ["GETEX k PX 15", "v"],
      ["PTTL k", 15],
      ["GETEX k EXAT 1700000001", "v"],
      ["PTTL k", 1000],
      ["GETEX k PXAT 1700000000002", "v"],
      ["PTTL k", 2],
      ["GETEX k PERSIST", "v"],
      ["PTTL k", -1],
      ["GETEX k persist", "v"],
    ],
    "a time that has passed deletes the key": [
      ["SET k v", "+OK"],
      ["GETEX k PXAT 1700000000000", "v"],
      ["EXISTS k", 0],
      ["DBSIZE", 0],
    ],
    errors: [
      ["SET k v", "+OK"],
      ["GETEX k EX 0", invalid],
      ["GETEX k PX -1", invalid],
      ["GETEX k EX x", NOT_INTEGER],
      ["GETEX k EX", SYNTAX],
      ["GETEX k EX 1 PX 1", SYNTAX],
      ["GETEX k PERSIST EX 1", SYNTAX],
      ["GETEX k EX 1 PERSIST", SYNTAX],
      ["GETEX k KEEPTTL", SYNTAX],
      ["GETEX k NX", SYNTAX],
      ["TTL k", -1],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));
});

describe("APPEND and STRLEN", () => {
  test("grow a string and keep its expiry", () => {
    expect(
      play(tester, [
        ["STRLEN k", 0],
        ["APPEND k abc", 3],
        ["EXPIRE k 10", 1],
        ["APPEND k def", 6],
        ['APPEND k ""', 6],
        ["GET k", "abcdef"],
        ["STRLEN k", 6],
        ["TTL k", 10],
        ['APPEND e ""', 0],
        ["EXISTS e", 1],
      ]),
    ).toEqual([]);
  });

  test("a value that grows a thousand times holds every byte", () => {
    let expected = "";
    for (let step = 0; step < 1000; step++) {
      expected += `${step},`;
      expect(tester.run("append", "k", `${step},`)).toBe(expected.length);
    }
    expect(tester.run("get", "k")).toBe(expected);
  });
});

describe("GETRANGE and SUBSTR", () => {
  test.each<[string, string, string]>([
    ["0", "3", "This"],
    ["0", "-1", "This is a string"],
    ["-3", "-1", "ing"],
    ["10", "100", "string"],
    ["-100", "3", "This"],
    ["5", "3", ""],
    ["-1", "-3", ""],
    ["-100", "-101", ""],
    ["-101", "-100", "T"],
    ["16", "20", ""],
    ["15", "15", "g"],
    ["0", "-100", "T"],
    ["-9223372036854775808", "9223372036854775807", "This is a string"],
    ["9223372036854775807", "-9223372036854775808", ""],
    ["9007199254740993", "9007199254740994", ""],
    ["4294967296", "4294967297", ""],
    ["-4294967296", "4294967296", "This is a string"],
  ])("%s %s: %j", (start, end, expected) => {
    expect(
      play(tester, [
        [["SET", "k", "This is a string"], "+OK"],
        [`GETRANGE k ${start} ${end}`, expected],
        [`SUBSTR k ${start} ${end}`, expected],
        [`GETRANGE missing ${start} ${end}`, ""],
      ]),
    ).toEqual([]);
  });

  test("empty values and bad offsets", () => {
    expect(
      play(tester, [
        ['SET e ""', "+OK"],
        ["GETRANGE e 0 -1", ""],
        ["GETRANGE e 0 0", ""],
        ["GETRANGE e a 0", NOT_INTEGER],
        ["GETRANGE e 0 1.5", NOT_INTEGER],
        ["GETRANGE missing 0 b", NOT_INTEGER],
        ["GETRANGE e 9223372036854775808 0", NOT_INTEGER],
        ["GETRANGE e 0", "-ERR wrong number of arguments for 'getrange' command"],
      ]),
    ).toEqual([]);
  });
});

describe("SETRANGE", () => {
  const cases: Record<string, Line[]> = {
    "overwrites, extends, fills with zero bytes": [
      [["SET", "k", "Hello World"], "+OK"],
      ["SETRANGE k 6 Redis", 11],
      ["GET k", "Hello Redis"],
      ["SETRANGE k 11 !", 12],
      ["SETRANGE k 14 x", 15],
      ["GET k", "Hello Redis!\0\0x"],
      ["SETRANGE missing 3 ab", 5],
      ["GET missing", "\0\0\0ab"],
    ],
    "keeps the expiry": [
      ["SET k v EX 10", "+OK"],
      ["SETRANGE k 3 x", 4],
      ["TTL k", 10],
    ],
    "nothing to write": [
      ['SETRANGE k 0 ""', 0],
      ['SETRANGE k 9223372036854775807 ""', 0],
      ["EXISTS k", 0],
      ["SET k abc", "+OK"],
      ['SETRANGE k 10 ""', 3],
      ["GET k", "abc"],
    ],
    "offsets out of range": [
      ["SETRANGE k -1 x", "-ERR offset is out of range"],
      ["SETRANGE k -9223372036854775808 x", "-ERR offset is out of range"],
      ['SETRANGE k -1 ""', "-ERR offset is out of range"],
      ["SETRANGE k abc x", NOT_INTEGER],
      ["SETRANGE k 9223372036854775808 x", NOT_INTEGER],
      ["SETRANGE k 9223372036854775807 x", TOO_LONG],
      ["SETRANGE k 9007199254740992 x", TOO_LONG],
      ["SETRANGE k 4294967295 x", TOO_LONG],
      ["SETRANGE k 4294967296 x", TOO_LONG],
      [`SETRANGE k ${STRING_BYTES_MAX} x`, TOO_LONG],
      [`SETRANGE k ${STRING_BYTES_MAX - 1} xx`, TOO_LONG],
      ["EXISTS k", 0],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("memory that held something else is zeroed", () => {
    for (let round = 0; round < 50; round++) {
      tester.run("set", `dirty${round}`, "x".repeat(500));
      tester.run("del", `dirty${round}`);
      tester.run("setrange", `k${round}`, 400, "y");
      expect(tester.run("get", `k${round}`)).toBe(`${"\0".repeat(400)}y`);
    }
  });
});
