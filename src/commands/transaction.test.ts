// EXEC, WATCH against every kind of change, golden bytes, damaged transactions.
import { beforeEach, describe, expect, test } from "vitest";
import { DbError } from "../base/errors.ts";
import { appliedCommands } from "./applied-commands.ts";
import { CommandTester, encodeStep, encodeWatchList, type Word } from "./testing/command-tester.ts";
import { failure } from "./testing/play.ts";
import { NIL_ARRAY, OK } from "./testing/reply-recorder.ts";
import { execCommand, rawReplyCommand } from "./transaction.ts";

let tester: CommandTester;
beforeEach(() => {
  tester = new CommandTester();
});

describe("EXEC", () => {
  test("applies commands in order and replies with all replies", () => {
    const reply = tester.exec([], ["SET", "a", "1"], ["INCR", "a"], ["GET", "a"], ["GET", "b"]);
    expect(reply).toEqual([OK, 2, "2", null]);
    expect(tester.exec([])).toEqual([]);
  });

  test("an error of one command does not undo the others", () => {
    const reply = tester.exec(
      [],
      ["SET", "a", "x"],
      ["INCR", "a"],
      ["SET", "b", "1", "EX", "0"],
      ["SET", "c", "3"],
    );
    expect(reply).toEqual([
      OK,
      failure("ERR value is not an integer or out of range"),
      failure("ERR invalid expire time in 'set' command"),
      OK,
    ]);
    expect(tester.run("mget", "a", "b", "c")).toEqual(["x", null, "3"]);
  });

  test("each command runs in the database it was queued in", () => {
    const reply = tester.exec([], [1, "SET", "a", "one"], [0, "GET", "a"], [1, "GET", "a"]);
    expect(reply).toEqual([OK, null, "one"]);
    expect(tester.context.database).toBe(0);
  });

  test("replies made before take their place", () => {
    const step = encodeStep(["kvorum.raw-reply", "+PONG"]);
    const reply = tester.apply(execCommand, [
      encodeWatchList([]),
      encodeStep(["SET", "a", "1"]),
      step,
    ]);
    expect(reply).toEqual([OK, "+PONG"]);
    expect(appliedCommands.byId(rawReplyCommand.id)).toBe(rawReplyCommand);
  });
});

describe("WATCH", () => {
  /** Watches `k`, lets `between` happen, and says whether EXEC went through. */
  function survives(between: () => void): boolean {
    const watched = tester.watch("k");
    between();
    const reply = tester.exec(watched, ["SET", "done", "1"]);
    const done = tester.run("getdel", "done") === "1";
    expect(reply).toEqual(done ? [OK] : NIL_ARRAY);
    return done;
  }
  const run = (...command: [string, ...Word[]]): void => void tester.run(...command);

  test.each<[string, [string, ...Word[]], boolean]>([
    ["nothing", ["get", "k"], true],
    ["another key", ["set", "other", "1"], true],
    ["a deleted key of another slot", ["del", "gone"], true],
    ["SET", ["set", "k", "2"], false],
    ["SET of the same value", ["set", "k", "1"], false],
    ["a SET that failed", ["set", "k", "2", "NX"], true],
    ["APPEND", ["append", "k", "2"], false],
    ["INCR", ["incr", "k"], false],
    ["an INCR that failed", ["incrby", "k", "x"], true],
    ["DEL", ["del", "k"], false],
    ["EXPIRE", ["expire", "k", "100"], false],
    ["an EXPIRE that did nothing", ["expire", "k", "100", "XX"], true],
    ["RENAME away", ["rename", "k", "other"], false],
    ["RENAME onto", ["rename", "gone", "k"], false],
    ["MOVE", ["move", "k", "1"], false],
    ["SWAPDB", ["swapdb", "0", "1"], false],
    ["FLUSHDB", ["flushdb"], false],
    ["FLUSHALL", ["flushall"], false],
    ["GETEX without options", ["getex", "k"], true],
    ["GETEX with an expiry", ["getex", "k", "EX", "9"], false],
    ["TOUCH", ["touch", "k"], true],
  ])("of a key that exists, then %s", (_name, command, expected) => {
    run("mset", "k", "1", "gone", "1");
    expect(survives(() => run(...command))).toBe(expected);
  });

  test.each<[string, [string, ...Word[]], boolean]>([
    ["nothing", ["get", "k"], true],
    ["SET", ["set", "k", "1"], false],
    ["SET that is in the past", ["set", "k", "1", "PXAT", "1"], true],
    ["DEL of nothing", ["del", "k"], true],
    ["COPY onto it", ["copy", "gone", "k"], false],
  ])("of a missing key, then %s", (_name, command, expected) => {
    run("set", "gone", "1");
    expect(survives(() => run(...command))).toBe(expected);
  });

  test("of a missing key that was removed just before", () => {
    run("set", "k", "1");
    run("del", "k");
    expect(survives(() => undefined)).toBe(true);
    run("flushall");
    expect(survives(() => undefined)).toBe(true);
  });

  test("of a missing key that came and went", () => {
    const appears = (): void => {
      run("set", "k", "1");
      run("del", "k");
    };
    expect(survives(appears)).toBe(false);
  });

  test("of a key deleted and made again with the same value", () => {
    run("set", "k", "1");
    const again = (): void => {
      run("del", "k");
      run("set", "k", "1");
    };
    expect(survives(again)).toBe(false);
  });

  test("of a key that expires before EXEC: aborted", () => {
    run("set", "k", "1", "PX", "100");
    expect(survives(() => tester.advance(99))).toBe(true);
    expect(survives(() => tester.advance(1))).toBe(false);
  });

  test("of a key that had expired before: goes through", () => {
    run("set", "k", "1", "PX", "100");
    tester.advance(100);
    expect(survives(() => tester.advance(1))).toBe(true);
  });

  test("sees two writes in one log entry apart", () => {
    tester.nextEntry();
    const set = appliedCommands.byName("set")!;
    tester.applyHere(set, ["k", "1"]);
    const watched = tester.watch("k");
    tester.applyHere(set, ["k", "2"]);
    expect(tester.exec(watched, ["SET", "k", "3"])).toBe(NIL_ARRAY);
    expect(tester.run("get", "k")).toBe("2");
  });

  test("of many keys and databases: one change is enough", () => {
    run("mset", "a", "1", "b", "2");
    const first = tester.watch("a", "b", "missing");
    tester.select(1);
    const second = tester.watch("a");
    tester.select(0);
    expect(tester.exec([...first, ...second], ["SET", "x", "1"])).toEqual([OK]);
    tester.select(1);
    run("set", "a", "1");
    tester.select(0);
    expect(tester.exec([...first, ...second], ["SET", "x", "2"])).toBe(NIL_ARRAY);
    expect(tester.run("get", "x")).toBe("1");
  });

  test("a transaction that lost changes nothing", () => {
    run("set", "k", "1");
    const watched = tester.watch("k");
    run("set", "k", "2");
    tester.exec(watched, ["SET", "k", "3"], ["FLUSHALL"]);
    expect(tester.run("get", "k")).toBe("2");
  });
});

describe("the watch list", () => {
  // These bytes lie on disks. Drawn in docs/internals/entry-format.md.
  test("has these bytes", () => {
    const list = encodeWatchList([
      { database: 2, key: Buffer.from("k"), present: true, index: 0x1_0000_0005, position: 9 },
      { database: 0, key: Buffer.from("ab"), present: false, index: 7, position: 0 },
    ]);
    expect(Buffer.from(list).toString("hex")).toBe(
      "02" +
        "01" +
        "0900" +
        "05000000" +
        "0100" +
        "01000000" +
        "6b" +
        "00" +
        "00" +
        "0000" +
        "07000000" +
        "0000" +
        "02000000" +
        "6162",
    );
  });

  test("takes an index of 48 bits and a position of 16", () => {
    const version = { database: 0, key: Buffer.from("k"), present: true };
    const top = encodeWatchList([{ ...version, index: 2 ** 48 - 1, position: 65535 }]);
    expect(Buffer.from(top).toString("hex")).toBe("0001ffffffffffffffff010000006b");
    expect(() => encodeWatchList([{ ...version, index: 2 ** 48, position: 0 }])).toThrow("2^48");
    expect(() => encodeWatchList([{ ...version, index: 0, position: 65536 }])).toThrow("2^16");
  });
});

describe("damaged transactions", () => {
  const step = encodeStep(["SET", "a", "1"]);
  const watch = encodeWatchList([
    { database: 0, key: Buffer.from("key"), present: false, index: 1, position: 0 },
  ]);
  const damagedDatabase = Uint8Array.from(watch);
  damagedDatabase[0] = 16;
  const unknownCommand = Uint8Array.from(step);
  unknownCommand[4] = 0xff;
  const nested = Uint8Array.from(step);
  nested[4] = execCommand.id;
  const none = new Uint8Array(0);

  test.each<[string, Uint8Array[]]>([
    ["no watch list", []],
    ["a watch list cut in its header", [watch.slice(0, 5), step]],
    ["a watch list cut in a key", [watch.slice(0, -1), step]],
    ["a watched database beyond 15", [damagedDatabase, step]],
    ["a step that is cut", [none, step, step.slice(0, -1)]],
    ["an empty step", [none, step, none]],
    ["bytes behind a step", [none, step, Buffer.concat([step, Buffer.from([0])])]],
    ["two steps in one", [none, Buffer.concat([step, step])]],
    ["an unknown command", [none, step, unknownCommand]],
    ["a transaction inside", [none, step, nested]],
    ["a command without its arguments", [none, step, encodeStep(["SET", "b"])]],
  ])("%s: refused before anything changes", (_name, words) => {
    expect(() => tester.apply(execCommand, words)).toThrow(DbError);
    expect(tester.run("dbsize")).toBe(0);
  });
});
