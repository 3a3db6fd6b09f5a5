// When long reads begin, take their turns, fall back to one piece, and are given up.
import { expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { appliedCommands } from "../commands/applied-commands.ts";
import type { CommandContext, DataCommand } from "../commands/command.ts";
import { encodeOperation, OperationBuffer } from "../commands/operation.ts";
import { argsOf, CommandTester } from "../commands/testing/command-tester.ts";
import type { Args } from "../resp/args.ts";
import { NullReply } from "../resp/null-reply.ts";
import { LongReads, type LongReadsHost } from "./long-reads.ts";
import type { ReplyTarget } from "./reply-target.ts";

const KEYS = 20_000;
const MGET = appliedCommands.byName("mget")!;
const EXISTS = appliedCommands.byName("exists")!;

class Target implements ReplyTarget {
  readonly protocol: number;
  readonly sessionId = 1;
  readonly acknowledged = 0;
  closed = false;
  readonly replies: string[] = [];
  readonly times: string[] = [];

  constructor(protocol = 2) {
    this.protocol = protocol;
  }

  openReply(): NullReply {
    return new NullReply();
  }
  closeReply(): void {}
  failReply(): void {}
  ran(command: DataCommand, usec: number, args: Args): void {
    this.times.push(`${command.name} ${args.count} ${usec}`);
  }
  rawReply(sequence: number, bytes: Uint8Array): void {
    this.replies.push(`${sequence} ${Buffer.from(bytes).toString("latin1")}`);
  }
}

/** A leader with data, whose loop turns when the test says so. */
class Bench implements LongReadsHost {
  readonly applier: CommandTester = new CommandTester();
  readonly submitted: string[] = [];
  isLeader = true;
  hasLease = true;
  answered = 0;
  #nowMs = 0;
  readonly #soon: (() => void)[] = [];
  readonly reads: LongReads;

  constructor() {
    for (let key = 0; key < KEYS; key++) this.applier.run("set", `k${key}`, "v");
    const scheduler = {
      soon: (run: () => void) => void this.#soon.push(run),
      after: () => ({ cancel: () => undefined }),
    };
    // Every look at the clock takes a millisecond.
    const clock = { monotonicMs: () => this.#nowMs++, wallMs: () => 0 };
    this.reads = new LongReads(this, { clock, scheduler }, appliedCommands);
  }

  readable(): boolean {
    return this.hasLease;
  }

  readContext(database: number): CommandContext {
    return Object.assign(this.applier.context, { database });
  }

  submit(command: DataCommand, _isWrite: boolean, database: number, args: Args): void {
    this.submitted.push(`${command.name} ${args.count} in ${database}`);
  }

  onAnswered(): void {
    this.answered++;
  }

  take(command: DataCommand, target: ReplyTarget, sequence = 7): boolean {
    return this.reads.take(command, 0, manyKeys(), target, sequence);
  }

  /** One turn of the loop; false when nothing is to be done. */
  turn(): boolean {
    const run = this.#soon.shift();
    run?.();
    return run !== undefined;
  }

  finish(): number {
    let turns = 0;
    while (this.turn()) turns++;
    return turns;
  }

  get pins(): number {
    return this.applier.keyspace.store.pins.count;
  }
}

function manyKeys(): Args {
  return argsOf(Array.from({ length: KEYS }, (_, key) => `k${key}`));
}

test("a read is answered after several turns, from the state at its beginning", () => {
  const bench = new Bench();
  const target = new Target();
  expect(bench.take(EXISTS, target)).toBe(true);
  bench.turn();
  bench.applier.run("flushall");
  expect([target.replies, bench.pins]).toEqual([[], 1]);
  expect(bench.finish()).toBeGreaterThanOrEqual(4);
  expect(target.replies).toEqual([`7 :${KEYS}\r\n`]);
  expect([bench.answered, bench.pins, bench.reads.pendingBytes]).toEqual([1, 0, 0]);
  // Five steps, each of a millisecond by this clock.
  expect(target.times).toEqual([`exists ${KEYS + 1} 5000`]);
});

test("replies are in the protocol of the client", () => {
  const bench = new Bench();
  bench.applier.run("flushall");
  const targets = [new Target(2), new Target(3)];
  for (const target of targets) bench.take(MGET, target);
  bench.finish();
  expect(targets[0]!.replies).toEqual([`7 *${KEYS}\r\n${"$-1\r\n".repeat(KEYS)}`]);
  expect(targets[1]!.replies).toEqual([`7 *${KEYS}\r\n${"_\r\n".repeat(KEYS)}`]);
});

test("two run by turns, a third waits and sees what was written before it began", () => {
  const bench = new Bench();
  const targets = [new Target(), new Target(), new Target()];
  for (const target of targets) bench.take(EXISTS, target);
  bench.turn();
  expect(bench.pins).toBe(2);
  bench.applier.run("del", "k1", "k2", "k3");
  bench.finish();
  const counts = targets.map(({ replies }) => Number(replies[0]!.slice(3)));
  expect(counts).toEqual([KEYS, KEYS, KEYS - 3]);
});

test("without a lease none is taken; one that lost it before it began goes the usual way", () => {
  const bench = new Bench();
  const target = new Target();
  expect(bench.take(EXISTS, target)).toBe(true);
  bench.hasLease = false;
  expect(bench.take(EXISTS, target)).toBe(false);
  bench.finish();
  expect(bench.submitted).toEqual([`exists ${KEYS + 1} in 0`]);
  expect([target.replies, bench.pins, bench.reads.pendingBytes]).toEqual([[], 0, 0]);
});

test("one that has begun goes on without a lease: it saw what was true then", () => {
  const bench = new Bench();
  const target = new Target();
  bench.take(EXISTS, target);
  bench.turn();
  bench.hasLease = false;
  bench.isLeader = false;
  bench.finish();
  expect(target.replies).toEqual([`7 :${KEYS}\r\n`]);
});

test("nothing is done for a client that has gone", () => {
  const bench = new Bench();
  const targets = [new Target(), new Target(), new Target()];
  for (const target of targets) bench.take(MGET, target);
  bench.turn();
  for (const target of targets) target.closed = true;
  expect(bench.finish()).toBeLessThan(4);
  expect(targets.flatMap(({ replies }) => replies)).toEqual([]);
  expect([bench.pins, bench.reads.pendingBytes]).toEqual([0, 0]);
});

test("of other nodes' operations only long reads are taken", () => {
  const bench = new Bench();
  const encoded = (name: string, args: Args): Uint8Array => {
    const buffer = new OperationBuffer();
    encodeOperation(buffer, appliedCommands.byName(name)!.id, 0, 0, args);
    return Uint8Array.from(buffer.bytes.subarray(0, buffer.length));
  };
  const target = new Target();
  expect(bench.reads.takeEncoded(encoded("get", argsOf(["k1"])), target, 1)).toBe(false);
  expect(bench.reads.takeEncoded(encoded("mget", argsOf(["k1"])), target, 2)).toBe(false);
  expect(bench.reads.takeEncoded(encoded("exists", manyKeys()), target, 3)).toBe(true);
  expect(bench.reads.takeEncoded(encoded("keys", argsOf(["k1999?"])), target, 4)).toBe(true);
  bench.finish();
  expect(target.replies.map((reply) => reply.slice(0, 8))).toEqual([`3 :${KEYS}`, "4 *10\r\n$"]);
});

test("away from the leader, KEYS counts as long whatever it will find", () => {
  const bench = new Bench();
  bench.applier.run("flushall");
  const isLong = (): boolean =>
    bench.reads.isLong(appliedCommands.byName("keys")!, 0, argsOf(["*"]));
  expect(isLong()).toBe(false);
  bench.isLeader = false;
  expect(isLong()).toBe(true);
  expect(bench.reads.isLong(appliedCommands.byName("get")!, 0, argsOf(["k"]))).toBe(false);
});

test("arguments are copied: those of the parser move on", () => {
  const args = manyKeys();
  const bytes = Buffer.from(args.bytes);
  args.setMemory(bytes, viewOf(bytes));
  const copy = args.copy();
  args.bytes.fill(0);
  args.offsets.fill(9);
  expect([copy.text(1), copy.text(KEYS), copy.count]).toEqual(["k0", `k${KEYS - 1}`, KEYS + 1]);
  expect(viewOf(copy.bytes).getUint8(copy.offset(2))).toBe("k".charCodeAt(0));
});
