// What happens to operations whose entry is applied, lost or lost sight of.
import { describe, expect, test } from "vitest";
import type { DataCommand } from "../commands/command.ts";
import { Args } from "../resp/args.ts";
import { NullReply } from "../resp/null-reply.ts";
import type { Batch } from "./batch.ts";
import { Operations } from "./operations.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** A position in an entry has 16 bits. */
const POSITIONS_MAX = 65_535;

const COMMAND: DataCommand = {
  id: 7,
  name: "x",
  arity: 1,
  flags: [],
  keys: { first: 0, last: 0, step: 0 },
  group: "test",
  summary: "",
  since: "",
  complexity: "",
  apply() {},
};

class Target implements ReplyTarget {
  readonly protocol = 2;
  readonly sessionId = 1;
  readonly acknowledged = 0;
  readonly failed: [number, string][] = [];
  openReply(): NullReply {
    return new NullReply();
  }
  closeReply(): void {}
  rawReply(): void {}
  failReply(sequence: number, error: string): void {
    this.failed.push([sequence, error.split(" ")[0]!]);
  }
}

function sequencesOf(batch: Batch | null | undefined): number[] {
  return batch === null || batch === undefined ? [] : batch.sequences.slice(0, batch.count);
}

function setUp(): {
  operations: Operations;
  target: Target;
  add: (sequence: number, isWrite: boolean, canRead?: boolean) => void;
} {
  const operations = new Operations({ monotonicMs: () => 5, wallMs: () => 5 });
  const target = new Target();
  const args = new Args();
  args.count = 1;
  const add = (sequence: number, isWrite: boolean, canRead = true): void =>
    operations.add(COMMAND, isWrite, canRead, 0, args, target, sequence);
  return { operations, target, add };
}

/** Takes all open batches; their operations in order. */
function takeAll(operations: Operations): number[] {
  const sequences: number[] = [];
  while (operations.open.count > 0) {
    expect(operations.open.count).toBeLessThanOrEqual(POSITIONS_MAX);
    sequences.push(...sequencesOf(operations.takeOpen()));
  }
  return sequences;
}

describe("Operations", () => {
  test("a read behind writes joins their batch; one behind a proposed batch hangs there", () => {
    const { operations, add } = setUp();
    add(0, true);
    add(1, false);
    expect(sequencesOf(operations.open)).toEqual([0, 1]);
    expect(operations.open.loggedCount).toBe(1);
    operations.onProposed(1, 10);
    add(2, false);
    expect(operations.open.count).toBe(0);
    expect(sequencesOf(operations.proposed.last?.behind)).toEqual([2]);
  });

  test("a read before no write waits for a turn, and costs no entry", () => {
    const { operations, add } = setUp();
    add(0, false);
    expect(operations.open.count).toBe(0);
    expect(sequencesOf(operations.takeReads())).toEqual([0]);
  });

  test("lost batches go again in their old order, before later ones", () => {
    const { operations, add } = setUp();
    add(0, true);
    operations.onProposed(1, 10);
    add(1, false);
    add(2, true);
    operations.onProposed(1, 11);
    add(3, true);
    operations.retryProposed();
    expect(operations.proposed.first).toBeNull();
    expect(takeAll(operations)).toEqual([0, 1, 2, 3]);
  });

  test("reads that lost their leader go again before the writes that came after them", () => {
    const { operations, add } = setUp();
    add(0, false);
    const reads = operations.takeReads()!;
    add(1, true);
    operations.onProposed(1, 10);
    operations.retryReads([reads]);
    add(2, true);
    expect(sequencesOf(operations.open)).toEqual([2]);
    operations.retryProposed();
    expect(takeAll(operations)).toEqual([0, 1, 2]);
  });

  test("they go again all the same when those writes have happened", () => {
    const { operations, add } = setUp();
    add(0, false);
    const reads = operations.takeReads()!;
    add(1, true);
    operations.onProposed(1, 10);
    operations.retryReads([reads]);
    expect(sequencesOf(operations.takeProposed())).toEqual([1]);
    expect(sequencesOf(operations.open)).toEqual([0]);
  });

  test("more operations than an entry can hold go to several batches, in order", () => {
    const { operations, add } = setUp();
    const count = 2 * POSITIONS_MAX + 1;
    for (let sequence = 0; sequence < count; sequence++) add(sequence, sequence % 3 < 2);
    operations.onProposed(1, 10);
    expect(operations.open.count).toBeGreaterThan(0);
    operations.retryProposed();
    expect(takeAll(operations)).toEqual(Array.from({ length: count }, (_, at) => at));
  });

  test("reads alone hang behind the last proposed batch", () => {
    const { operations, add } = setUp();
    add(0, true);
    add(1, false, false);
    operations.onProposed(1, 10);
    const { last } = operations.proposed;
    add(2, false, false);
    operations.putBehind(last!);
    add(3, false, false);
    operations.putBehind(last!);
    expect(sequencesOf(last!.behind)).toEqual([2, 3]);
  });

  test("a proposed write is uncertain, one that was not proposed certainly did not happen", () => {
    const { operations, target, add } = setUp();
    add(0, true);
    operations.onProposed(1, 10);
    add(1, false);
    add(2, true);
    operations.failProposed((batch) => batch.index <= 10);
    operations.failOpen(Number.POSITIVE_INFINITY);
    expect(target.failed).toEqual([
      [0, "UNCERTAIN"],
      [1, "CLUSTERDOWN"],
      [2, "CLUSTERDOWN"],
    ]);
    expect(operations.bytes).toBe(0);
  });
});
