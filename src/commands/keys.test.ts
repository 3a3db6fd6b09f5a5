// Commands on keys of any type and on whole databases, replies as redis-server gives them.
import { beforeEach, describe, expect, test } from "vitest";
import { RecordType } from "../keyspace/keyspace.ts";
import { CommandTester } from "./testing/command-tester.ts";
import { type Line, play } from "./testing/play.ts";

const SYNTAX = "-ERR syntax error";
const NOT_INTEGER = "-ERR value is not an integer or out of range";
const NOT_INT32 = "-ERR value is out of range, value must between -2147483648 and 2147483647";
const BAD_DATABASE = "-ERR DB index is out of range";
const SAME = "-ERR source and destination objects are the same";

let tester: CommandTester;
beforeEach(() => {
  tester = new CommandTester();
});

describe("DEL, UNLINK, EXISTS, TOUCH, TYPE", () => {
  const cases: Record<string, Line[]> = {
    "count what they find": [
      ["MSET a 1 b 2 c 3", "+OK"],
      ["EXISTS a b x a", 3],
      ["TOUCH a b x a", 3],
      ["DEL a a x", 1],
      ["UNLINK b c", 2],
      ["UNLINK b", 0],
      ["DBSIZE", 0],
    ],
    TYPE: [
      ["TYPE a", "+none"],
      ["SET a 1", "+OK"],
      ["TYPE a", "+string"],
    ],
    arity: [
      ["DEL", "-ERR wrong number of arguments for 'del' command"],
      ["TYPE a b", "-ERR wrong number of arguments for 'type' command"],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test.each([
    [RecordType.list, "+list"],
    [RecordType.set, "+set"],
    [RecordType.zset, "+zset"],
    [RecordType.hash, "+hash"],
    [RecordType.stream, "+stream"],
  ])("type %d is %s", (type, name) => {
    tester.putRecord("k", type);
    expect(
      play(tester, [
        ["TYPE k", name],
        [`SCAN 0 TYPE ${name.slice(1)}`, ["0", ["k"]]],
        ["SCAN 0 TYPE string", ["0", []]],
        ["DEL k", 1],
      ]),
    ).toEqual([]);
  });
});

describe("RENAME and RENAMENX", () => {
  const cases: Record<string, Line[]> = {
    "take the value and the expiry along": [
      ["SET a 1 EX 10", "+OK"],
      ["SET b old-value", "+OK"],
      ["RENAME a b", "+OK"],
      ["GET b", "1"],
      ["TTL b", 10],
      ["EXISTS a", 0],
      ["DBSIZE", 1],
    ],
    "take away the expiry of what they replace": [
      ["SET a 1", "+OK"],
      ["SET b 2 EX 10", "+OK"],
      ["RENAME a b", "+OK"],
      ["TTL b", -1],
    ],
    "a missing key": [
      ["RENAME a b", "-ERR no such key"],
      ["RENAMENX a b", "-ERR no such key"],
      ["RENAME a a", "-ERR no such key"],
    ],
    "onto itself": [
      ["SET a 1 EX 10", "+OK"],
      ["RENAME a a", "+OK"],
      ["RENAMENX a a", 0],
      ["GET a", "1"],
      ["TTL a", 10],
    ],
    "RENAMENX only to a free name": [
      ["MSET a 1 b 2", "+OK"],
      ["RENAMENX a b", 0],
      ["RENAMENX a c", 1],
      ["MGET a b c", [null, "2", "1"]],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("values of any size move whole", () => {
    for (const size of [0, 1, 3, 15, 16, 255, 256, 257, 5000, 600_000]) {
      const value = "0123456789".repeat(size / 10 + 1).slice(0, size);
      expect(
        play(tester, [
          [["SET", "a", value], "+OK"],
          ["RENAME a b", "+OK"],
          [["GET", "b"], value],
          ["COPY b c", 1],
          [["GET", "c"], value],
          ["MOVE c 3", 1],
          ["GET c", null],
        ]),
      ).toEqual([]);
      tester.select(3);
      expect(
        play(tester, [
          [["GET", "c"], value],
          ["DEL c", 1],
        ]),
      ).toEqual([]);
      tester.select(0);
    }
  });
});

describe("COPY", () => {
  const cases: Record<string, Line[]> = {
    "value and expiry": [
      ["SET a 1 EX 10", "+OK"],
      ["COPY a b", 1],
      ["GET b", "1"],
      ["TTL b", 10],
      ["SET a changed", "+OK"],
      ["GET b", "1"],
    ],
    "only onto a free name, unless REPLACE": [
      ["SET a 1", "+OK"],
      ["SET b 2 EX 10", "+OK"],
      ["COPY a b", 0],
      ["GET b", "2"],
      ["COPY a b replace", 1],
      ["GET b", "1"],
      ["TTL b", -1],
    ],
    "a missing key": [
      ["SET b 2", "+OK"],
      ["COPY a b REPLACE", 0],
      ["GET b", "2"],
      ["COPY a a", SAME],
    ],
    "other databases": [
      ["SET a 1", "+OK"],
      ["COPY a a DB 1", 1],
      ["COPY a a DB 1", 0],
      ["COPY a a db 1 REPLACE", 1],
      ["COPY a a DB 0", SAME],
      ["COPY a a DB 1 DB 0", SAME],
      ["COPY a b DB 16", BAD_DATABASE],
      ["COPY a b DB -1", BAD_DATABASE],
      ["COPY a b DB 16 FOO", BAD_DATABASE],
      ["COPY a b DB 2147483648", NOT_INT32],
      ["COPY a b DB -2147483649", NOT_INT32],
      ["COPY a b DB 4294967296", NOT_INT32],
      ["COPY a b DB 9223372036854775808", NOT_INTEGER],
      ["COPY a b DB x", NOT_INTEGER],
      ["COPY a b DB", SYNTAX],
      ["COPY a b FOO", SYNTAX],
      ["EXISTS b", 0],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("into another database leaves the rest of it alone", () => {
    expect(
      play(tester, [
        ["SET a 1", "+OK"],
        ["COPY a b DB 15", 1],
      ]),
    ).toEqual([]);
    tester.select(15);
    expect(
      play(tester, [
        ["GET b", "1"],
        ["GET a", null],
        ["DBSIZE", 1],
      ]),
    ).toEqual([]);
  });
});

describe("MOVE and SWAPDB", () => {
  const cases: Record<string, Line[]> = {
    "MOVE errors": [
      ["SET a 1", "+OK"],
      ["MOVE a 0", SAME],
      ["MOVE a 16", BAD_DATABASE],
      ["MOVE a -1", BAD_DATABASE],
      ["MOVE a 99999999999", NOT_INT32],
      ["MOVE a x", NOT_INTEGER],
      ["MOVE missing 1", 0],
    ],
    "SWAPDB errors": [
      ["SWAPDB a 0", "-ERR invalid first DB index"],
      ["SWAPDB 0 a", "-ERR invalid second DB index"],
      ["SWAPDB 99999999999 0", "-ERR invalid first DB index"],
      ["SWAPDB 0 99999999999", "-ERR invalid second DB index"],
      ["SWAPDB 0 16", BAD_DATABASE],
      ["SWAPDB -1 0", BAD_DATABASE],
      ["SWAPDB 0 0", "+OK"],
    ],
  };
  test.each(Object.entries(cases))("%s", (_name, lines) => expect(play(tester, lines)).toEqual([]));

  test("MOVE takes value and expiry along, and spares what is there", () => {
    expect(
      play(tester, [
        ["SET a 1 EX 10", "+OK"],
        ["MOVE a 5", 1],
        ["EXISTS a", 0],
        ["SET a 2", "+OK"],
        ["MOVE a 5", 0],
        ["GET a", "2"],
      ]),
    ).toEqual([]);
    tester.select(5);
    expect(
      play(tester, [
        ["GET a", "1"],
        ["TTL a", 10],
      ]),
    ).toEqual([]);
  });

  test("SWAPDB swaps what two databases hold", () => {
    expect(play(tester, [["SET a zero", "+OK"]])).toEqual([]);
    tester.select(1);
    expect(
      play(tester, [
        ["SET a one", "+OK"],
        ["SET b one", "+OK"],
        ["SWAPDB 0 1", "+OK"],
        ["GET a", "zero"],
        ["DBSIZE", 1],
      ]),
    ).toEqual([]);
    tester.select(0);
    expect(
      play(tester, [
        ["GET a", "one"],
        ["DBSIZE", 2],
      ]),
    ).toEqual([]);
  });
});

describe("FLUSHDB, FLUSHALL, DBSIZE, RANDOMKEY", () => {
  test("a flush empties one database, or all", () => {
    for (const database of [0, 1, 15]) {
      tester.select(database);
      expect(play(tester, [["MSET a 1 b 2", "+OK"]])).toEqual([]);
    }
    tester.select(1);
    expect(
      play(tester, [
        ["FLUSHDB", "+OK"],
        ["DBSIZE", 0],
      ]),
    ).toEqual([]);
    tester.select(15);
    expect(
      play(tester, [
        ["DBSIZE", 2],
        ["FLUSHALL async", "+OK"],
        ["DBSIZE", 0],
      ]),
    ).toEqual([]);
    tester.select(0);
    expect(
      play(tester, [
        ["DBSIZE", 0],
        ["FLUSHDB SYNC", "+OK"],
        ["FLUSHDB ASYNC", "+OK"],
        ["FLUSHDB FOO", SYNTAX],
        ["FLUSHALL ASYNC SYNC", SYNTAX],
        ["FLUSHALL SYNC", "+OK"],
      ]),
    ).toEqual([]);
  });

  test("any number of flushes in a row", () => {
    for (let round = 0; round < 1000; round++) {
      tester.run("set", "a", round);
      tester.run("flushall");
    }
    expect(tester.run("dbsize")).toBe(0);
    tester.run("set", "a", "after");
    expect(tester.run("get", "a")).toBe("after");
  });

  test("DBSIZE counts expired keys until they are removed, as Redis does", () => {
    expect(play(tester, [["SET a 1 PX 5", "+OK"]])).toEqual([]);
    tester.advance(5);
    expect(
      play(tester, [
        ["DBSIZE", 1],
        ["DEL a", 0],
        ["DBSIZE", 0],
      ]),
    ).toEqual([]);
  });

  test("RANDOMKEY gives every live key its turn, and null for none", () => {
    expect(play(tester, [["RANDOMKEY", null]])).toEqual([]);
    const keys = ["a", "b", "c", "__proto__"];
    for (const key of keys) tester.run("set", key, 1);
    tester.run("set", "gone", 1, "PX", 5);
    tester.advance(5);
    const seen = new Set<string>();
    for (let draw = 0; draw < 300; draw++) seen.add(tester.run("randomkey") as string);
    expect([...seen].sort()).toEqual(keys.sort());
  });
});
