// Long forms of reads: in steps, with everything changing meanwhile, they reply what the command
// replied at their beginning.
import { describe, expect, test } from "vitest";
import { RespWriter } from "../resp/writer.ts";
import { appliedCommands } from "./applied-commands.ts";
import type { DataCommand, LongRead } from "./command.ts";
import { LONG_READ_KEYS } from "./long-reads.ts";
import { argsOf, CommandTester, type Word } from "./testing/command-tester.ts";

const KEYS = 20_000;

function command(name: string): DataCommand {
  return appliedCommands.byName(name)!;
}

function replyOf(tester: CommandTester, name: string, words: readonly Word[]): string[] {
  const writer = new RespWriter();
  command(name).apply(tester.context, argsOf(words), writer);
  return linesOf(writer.take());
}

function linesOf(bytes: Buffer): string[] {
  return bytes.toString("latin1").split("\r\n");
}

/** Runs a read to its end; `between` its steps. */
function finish(
  read: LongRead,
  between: (step: number) => void,
): { lines: string[]; steps: number } {
  const elements = new RespWriter();
  let steps = 1;
  while (read.step(elements)) between(steps++);
  const head = new RespWriter();
  read.head(head);
  read.release();
  return { lines: linesOf(Buffer.concat([head.take(), elements.take()])), steps };
}

/** Overwrites, removes and adds keys by thousands. */
function change(tester: CommandTester, round: number): void {
  for (let key = round; key < KEYS; key += 7) tester.run("set", `k${key}`, `changed${round}`);
  for (let key = round; key < KEYS; key += 11) tester.run("del", `k${key}`);
  for (let key = 0; key < 1000; key++) tester.run("set", `new${round}:${key}`, "x");
  for (let key = round; key < KEYS; key += 500) tester.run("pexpire", `k${key}`, 5);
  tester.advance(10);
}

function filled(): CommandTester {
  const tester = new CommandTester();
  for (let key = 0; key < KEYS; key++) tester.run("set", `k${key}`, `v${key}`);
  for (let key = 0; key < KEYS; key += 50) tester.run("pexpire", `k${key}`, 15);
  tester.run("set", "k7", "x".repeat(3_000_000));
  for (let key = 3; key < KEYS; key += 1000) tester.putRecord(`k${key}`, 2);
  return tester;
}

describe("a long read replies as if it had run at once when it began", () => {
  const many = Array.from({ length: KEYS }, (_, key) => `k${key * 3}`);
  test.each([
    { name: "mget", words: many },
    { name: "exists", words: [...many, ...many] },
    { name: "touch", words: many },
    { name: "keys", words: ["*"] },
    { name: "keys", words: ["k*1?"] },
  ])("$name", ({ name, words }) => {
    const tester = filled();
    const expected = replyOf(tester, name, words);
    const read = command(name).long!.begin(tester.context, argsOf(words));
    const { lines, steps } = finish(read, (step) => {
      change(tester, step);
      if (step === 3) tester.run("flushall");
    });
    expect(steps).toBeGreaterThanOrEqual(5);
    const ordered = (all: string[]): string[] => (name === "keys" ? all.toSorted() : all);
    expect(ordered(lines)).toEqual(ordered(expected));
  });

  test("what it looked for is counted once", () => {
    const tester = filled();
    const words = Array.from({ length: 9000 }, (_, key) => (key % 3 === 0 ? "none" : "k1"));
    finish(command("mget").long!.begin(tester.context, argsOf(words)), () => undefined);
    expect([tester.context.hits, tester.context.misses]).toEqual([6000, 3000]);
  });

  test("one that is given up leaves nothing behind", () => {
    const tester = filled();
    const before = tester.keyspace.store.arena.liveUnits;
    const read = command("exists").long!.begin(tester.context, argsOf(many));
    read.step(new RespWriter());
    for (let key = 1; key < 1000; key++) tester.run("set", `k${key}`, "y");
    read.release();
    for (let key = 1; key < 1000; key++) tester.run("set", `k${key}`, `v${key}`);
    tester.keyspace.store.settle();
    expect(tester.keyspace.store.pins.count).toBe(0);
    expect(tester.keyspace.store.arena.liveUnits).toBeLessThanOrEqual(before);
  });
});

describe("what is long", () => {
  test.each([
    ["mget", LONG_READ_KEYS - 1, false],
    ["mget", LONG_READ_KEYS, true],
    ["exists", LONG_READ_KEYS, true],
    ["touch", LONG_READ_KEYS, true],
  ])("%s of %i keys: %s", (name, keys, isLong) => {
    const args = argsOf(Array.from({ length: keys }, () => "k"));
    expect(command(name).long!.isLong(args, 0)).toBe(isLong);
  });

  test.each([
    ["*", LONG_READ_KEYS, false],
    ["*", LONG_READ_KEYS + 1, true],
    ["a".repeat(20), LONG_READ_KEYS / 2 + 1, true],
  ])("KEYS %s over %i keys: %s", (pattern, keys, isLong) => {
    expect(command("keys").long!.isLong(argsOf([pattern]), keys)).toBe(isLong);
  });
});
