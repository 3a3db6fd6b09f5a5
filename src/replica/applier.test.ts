// What an entry does is a function of the entry alone, with or without local reads in its batch.
import { describe, expect, test } from "vitest";
import type { DataCommand } from "../commands/command.ts";
import { appliedCommands } from "../commands/applied-commands.ts";
import { MemoryKeyspace } from "../keyspace/memory/memory-keyspace.ts";
import { viewOf } from "../base/bytes.ts";
import { Args } from "../resp/args.ts";
import { RespWriter } from "../resp/writer.ts";
import { Applier } from "./applier.ts";
import { Batch, LOCAL, LOGGED } from "./batch.ts";
import type { ReplyTarget } from "./reply-target.ts";

class Target implements ReplyTarget {
  readonly protocol = 2;
  readonly sessionId = 1;
  readonly acknowledged = 0;
  readonly writer = new RespWriter(256);
  openReply(): RespWriter {
    return this.writer;
  }
  closeReply(): void {}
  failReply(): void {}
  rawReply(): void {}
  readonly times: string[] = [];
  ran(command: DataCommand, usec: number, args: Args): void {
    this.times.push(`${command.name} ${args.count} ${usec}`);
  }
}

function argsOf(words: readonly string[]): Args {
  const args = new Args(words.length);
  const bytes = Buffer.from(words.join(""));
  args.setMemory(bytes, viewOf(bytes));
  args.count = words.length;
  let at = 0;
  for (const [index, word] of words.entries()) {
    args.offsets[index] = at;
    args.lengths[index] = word.length;
    at += word.length;
  }
  return args;
}

function newApplier(): Applier {
  return new Applier(new MemoryKeyspace({ seed0: 1, seed1: 2 }), appliedCommands);
}

describe("Applier", () => {
  test("gives records the same version on the leader, with reads between, as on a follower", () => {
    const target = new Target();
    const batch = new Batch();
    const commands: [number, string[]][] = [
      [LOGGED, ["set", "a", "1"]],
      [LOCAL, ["get", "a"]],
      [LOCAL, ["randomkey"]],
      [LOGGED, ["set", "b", "2"]],
    ];
    for (const [kind, words] of commands) {
      const args = argsOf(words);
      const command = appliedCommands.byName(words[0]!)!;
      batch.add(kind, command.id, 0, args, target, 0);
    }
    const header = { operations: 0, timeMs: 5, ceilingMs: 0, seed1: 7, seed2: 9 };
    const entry = batch.seal(header);
    const leader = newApplier();
    const follower = newApplier();
    leader.apply(1, 1, entry, batch);
    follower.apply(1, 1, entry, null);
    expect(target.writer.take().toString()).toMatch(/^\+OK\r\n\$1\r\n1\r\n\$1\r\na\r\n\+OK\r\n$/);
    const positions = [leader, follower].map(({ keyspace }) => {
      const key = Buffer.from("b");
      return keyspace.versionPositionOf(keyspace.find(0, viewOf(key), 0, 1));
    });
    expect(positions).toEqual([1, 1]);
    expect(leader.context.random32()).toBe(follower.context.random32());
  });

  test("times what may be slow: long operations, and those that cost by their values", () => {
    const target = new Target();
    const batch = new Batch();
    const keys = Array.from({ length: 700 }, (_, key) => `key${key}`);
    const commands: [number, string[]][] = [
      [LOGGED, ["set", "a", "1"]],
      [LOGGED, ["del", ...keys]],
      [LOCAL, ["get", "a"]],
      [LOGGED, ["rename", "a", "b"]],
      [LOCAL, ["mget", ...keys]],
      [LOGGED, ["del", "b"]],
    ];
    for (const [kind, words] of commands) {
      const command = appliedCommands.byName(words[0]!)!;
      batch.add(kind, command.id, 0, argsOf(words), target, 0);
    }
    const entry = batch.seal({ operations: 0, timeMs: 5, ceilingMs: 0, seed1: 7, seed2: 9 });
    const applier = newApplier();
    let nowMs = 0;
    applier.clock = { monotonicMs: () => (nowMs += 3), wallMs: () => 0 };
    applier.apply(1, 1, entry, batch);
    expect(target.times).toEqual(["del 701 3000", "rename 3 3000", "mget 701 3000"]);
    // Where nobody asks, nothing is timed.
    const asked = nowMs;
    applier.apply(2, 1, entry, null);
    expect(nowMs).toBe(asked);
  });

  test("refuses an operation with too few arguments for its command", () => {
    const batch = new Batch();
    batch.add(LOGGED, appliedCommands.byName("set")!.id, 0, argsOf(["set", "a"]), new Target(), 0);
    const entry = batch.seal({ operations: 0, timeMs: 5, ceilingMs: 0, seed1: 7, seed2: 9 });
    expect(() => newApplier().apply(1, 1, entry, null)).toThrow("does not know");
  });
});
