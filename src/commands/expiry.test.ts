// EXPIRE and its kin, TTL and its kin, and what an expired key is to every other command.
import { beforeEach, describe, expect, test } from "vitest";
import { CommandTester } from "./testing/command-tester.ts";
import { type Line, play } from "./testing/play.ts";

const NOT_INTEGER = "-ERR value is not an integer or out of range";
const MIXED = "-ERR NX and XX, GT or LT options at the same time are not compatible";

let tester: CommandTester;
beforeEach(() => {
  tester = new CommandTester();
});

describe("EXPIRE and its kin", () => {
  const cases: Record<string, Line[]> = {
    "all four forms and their readers": [
      ["SET k v", "+OK"],
      ["EXPIRE k 100", 1],
      ["TTL k", 100],
      ["PTTL k", 100_000],
      ["EXPIRETIME k", 1_700_000_100],
      ["PEXPIRETIME k", 1_700_000_100_000],
      ["PEXPIRE k 1499", 1],
      ["TTL k", 1],
      ["PEXPIRE k 1500", 1],
      ["TTL k", 2],
      ["EXPIREAT k 1700000007", 1],
      ["PTTL k", 7000],
      ["PEXPIREAT k 1700000000003", 1],
      ["PTTL k", 3],
      ["TTL k", 0],
      ["EXPIRETIME k", 1_700_000_000],
      ["GET k", "v"],
    ],
    "missing keys and keys without expiry": [
      ["EXPIRE k 10", 0],
      ["TTL k", -2],
      ["PTTL k", -2],
      ["EXPIRETIME k", -2],
      ["PEXPIRETIME k", -2],
      ["PERSIST k", 0],
      ["SET k v", "+OK"],
      ["TTL k", -1],
      ["PTTL k", -1],
      ["EXPIRETIME k", -1],
      ["PEXPIRETIME k", -1],
      ["PERSIST k", 0],
    ],
    PERSIST: [
      ["SET k v EX 10", "+OK"],
      ["PERSIST k", 1],
      ["TTL k", -1],
      ["PERSIST k", 0],
    ],
    "a time that has passed deletes the key": [
      ["MSET a 1 b 2 c 3 d 4 e 5", "+OK"],
      ["EXPIRE a 0", 1],
      ["EXPIRE b -1", 1],
      ["PEXPIREAT c 1700000000000", 1],
      ["EXPIREAT d 0", 1],
      ["PEXPIREAT e -9223372036854775808", 1],
      ["DBSIZE", 0],
    ],
    NX: [
      ["SET k v", "+OK"],
      ["EXPIRE k 100 nx", 1],
      ["EXPIRE k 200 NX", 0],
      ["TTL k", 100],
    ],
    XX: [
      ["SET k v", "+OK"],
      ["EXPIRE k 100 XX", 0],
      ["EXPIRE k 100", 1],
      ["EXPIRE k 200 xx", 1],
      ["TTL k", 200],
    ],
    GT: [
      ["SET k v", "+OK"],
      ["EXPIRE k 100 GT", 0],
      ["EXPIRE k 100", 1],
      ["EXPIRE k 100 GT", 0],
      ["EXPIRE k 99 GT", 0],
      ["EXPIRE k 101 gt", 1],
      ["EXPIRE k 102 XX GT", 1],
      ["EXPIRE k -1 GT", 0],
      ["TTL k", 102],
    ],
    LT: [
      ["SET k v", "+OK"],
      ["EXPIRE k 100 XX LT", 0],
      ["EXPIRE k 100 LT", 1],
      ["EXPIRE k 100 LT", 0],
      ["EXPIRE k 101 LT", 0],
      ["EXPIRE k 99 lt", 1],
      ["TTL k", 99],
      ["EXPIRE k -1 LT", 1],
      ["EXISTS k", 0],
    ],
    "conditions that do not go together": [
      ["SET k v", "+OK"],
      ["EXPIRE k 10 NX XX", MIXED],
      ["EXPIRE k 10 NX GT", MIXED],
      ["EXPIRE k 10 LT NX", MIXED],
      ["EXPIRE k 10 GT LT", "-ERR GT and LT options at the same time are not compatible"],
      ["EXPIRE k 10 XX GT LT", "-ERR GT and LT options at the same time are not compatible"],
      ["EXPIRE k 10 FOO", "-ERR Unsupported option FOO"],
      ["EXPIRE k 10 nx __proto__", "-ERR Unsupported option __proto__"],
      ["EXPIRE k abc FOO", "-ERR Unsupported option FOO"],
      ["EXPIRE k abc NX XX", MIXED],
      ["TTL k", -1],
    ],
    "times that are none": [
      ["SET k v", "+OK"],
      ["EXPIRE k abc", NOT_INTEGER],
      ["EXPIRE k 1.5", NOT_INTEGER],
      ['PEXPIREAT k ""', NOT_INTEGER],
      ["EXPIRE missing abc", NOT_INTEGER],
      ["EXPIRE k 9223372036854775808", NOT_INTEGER],
      ["EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command"],
      ["EXPIRE k 9223372036854775", "-ERR invalid expire time in 'expire' command"],
      ["EXPIRE k -9223372036854776", "-ERR invalid expire time in 'expire' command"],
      ["EXPIRE k -9223372036854775808", "-ERR invalid expire time in 'expire' command"],
      ["PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"],
      ["EXPIREAT k 9223372036854776", "-ERR invalid expire time in 'expireat' command"],
      ["EXPIREAT k -9223372036854776", "-ERR invalid expire time in 'expireat' command"],
      ["TTL k", -1],
    ],
    "times as far as they go": [
      ["SET k v", "+OK"],
      ["PEXPIREAT k 9223372036854775807", 1],
      ["PEXPIRETIME k", 9_007_199_254_740_991],
      ["EXPIRE k 9223370336854775", 1],
      ["PEXPIRETIME k", 9_007_199_254_740_991],
      ["EXPIREAT k 9007199254740", 1],
      ["PEXPIRETIME k", 9_007_199_254_740_000],
      ["EXPIREAT k 8000000000001", 1],
      ["EXPIRETIME k", 8_000_000_000_001],
      ["PEXPIRE k 4294967296", 1],
      ["PTTL k", 4_294_967_296],
    ],
    arity: [
      ["EXPIRE k", "-ERR wrong number of arguments for 'expire' command"],
      ["TTL", "-ERR wrong number of arguments for 'ttl' command"],
      ["PERSIST k k", "-ERR wrong number of arguments for 'persist' command"],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));
});

test("keys vanish at their very millisecond", () => {
  expect(
    play(tester, [
      ["SET k v PX 100", "+OK"],
      ["SET stays v", "+OK"],
    ]),
  ).toEqual([]);
  tester.advance(99);
  expect(
    play(tester, [
      ["GET k", "v"],
      ["PTTL k", 1],
    ]),
  ).toEqual([]);
  tester.advance(1);
  expect(
    play(tester, [
      ["GET k", null],
      ["EXISTS k stays", 1],
      ["TTL k", -2],
      ["TYPE k", "+none"],
      ["STRLEN k", 0],
      ["KEYS *", ["stays"]],
      ["SCAN 0", ["0", ["stays"]]],
      ["RENAME k other", "-ERR no such key"],
      ["COPY k other", 0],
      ["MOVE k 1", 0],
      ["EXPIRE k 10", 0],
      ["PERSIST k", 0],
      ["DEL k", 0],
      ["INCR k", 1],
      ["TTL k", -1],
    ]),
  ).toEqual([]);
});

test("an expired key counts as missing for what would keep its expiry", () => {
  for (const command of ["SET k v KEEPTTL", "APPEND k v", "SETRANGE k 0 v", "SETNX k v"]) {
    tester.run("set", "k", "old", "PX", 10);
    tester.advance(10);
    expect(
      tester.run(...(command.toLowerCase().split(" ") as [string, ...string[]])),
    ).not.toBeNull();
    expect(
      play(tester, [
        ["GET k", "v"],
        ["TTL k", -1],
        ["DEL k", 1],
      ]),
    ).toEqual([]);
  }
});

test("active expiry removes what has expired, and nothing else", () => {
  expect(
    play(tester, [
      ["SET gone 1 PX 10", "+OK"],
      ["SET renewed 1 PX 10", "+OK"],
      ["SET stays 1", "+OK"],
    ]),
  ).toEqual([]);
  tester.advance(10);
  expect(
    play(tester, [
      ["SET renewed 2", "+OK"],
      ["DBSIZE", 3],
      ["KVORUM.EXPIRE-KEYS gone renewed stays missing", 4],
      ["DBSIZE", 2],
      ["MGET gone renewed stays", [null, "2", "1"]],
    ]),
  ).toEqual([]);
});
