// The log on a disk that fails, fills up, or is slow; and what keeps the log short.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { type OpenWal, patternBytes, WalMachine } from "./testing/sim-log.ts";

/** Appends entries of 1,000 bytes until `isDone()`, making each durable; returns the last index. */
async function appendUntil(
  machine: WalMachine,
  open: OpenWal,
  isDone: () => boolean,
  shard = 1,
): Promise<number> {
  let index = open.wal.lastIndex(shard);
  for (let left = 2_000; left > 0 && !isDone(); left--) {
    open.wal.appendEntry(shard, 1, ++index, 0, patternBytes(1_000, index));
    await machine.persist(open);
  }
  expect(isDone()).toBe(true);
  return index;
}

describe("a disk that fails", () => {
  test.each([
    { operation: "write" as const, sync: "always" as const },
    { operation: "write" as const, sync: "no" as const },
    { operation: "sync" as const, sync: "no" as const },
    { operation: "sync" as const, sync: "everysec" as const },
  ])("a failed $operation stops the log for good, sync $sync", async ({ operation, sync }) => {
    const machine = new WalMachine(1, { sync });
    const open = await machine.open();
    await machine.world.advance(500);
    machine.host.storage.failNext(operation, "EIO");
    open.wal.appendHardState(1, 5, 1, 0);
    const before = open.events.durable;
    open.wal.flush();
    await machine.world.advance(5_000);
    expect(open.events.failures.map(({ code }) => code)).toEqual(["WAL_FAILED"]);
    expect(open.events.failures[0]!.facts).toMatchObject({ what: operation });
    expect(open.events.failures[0]!.cause).toMatchObject({ code: "EIO" });
    expect(open.events.durable).toBe(before);
    // Nothing is tried again.
    open.wal.appendHardState(1, 6, 1, 0);
    open.wal.flush();
    await machine.world.advance(5_000);
    expect(open.events.durable).toBe(before);
    await machine.world.settle(open.wal.close());
  });

  test("a failure while files are made stops the log", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    await machine.world.advance(1_000);
    machine.host.storage.failNext("open", "EACCES");
    for (let index = 1; index <= 100; index++) {
      open.wal.appendEntry(1, 1, index, 0, patternBytes(1_000, index));
      open.wal.flush();
      await machine.world.advance(5);
    }
    expect(open.events.failures.map(({ facts }) => facts["what"])).toEqual(["make"]);
  });

  test("an open that fails says why", async () => {
    const machine = new WalMachine(1);
    machine.host.storage.failNext("open", "EACCES");
    await expect(machine.open()).rejects.toMatchObject({ code: "WAL_FAILED" });
    machine.host.storage.failNext("write", "EIO", 1, "wal-");
    await expect(machine.open()).rejects.toMatchObject({ code: "WAL_FAILED" });
  });

  test("a short write is completed before the frame counts", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    await machine.world.advance(1_000);
    machine.host.storage.shortenNextWrite(700);
    open.wal.appendEntry(1, 1, 1, 0, patternBytes(3_000, 1));
    await machine.persist(open);
    machine.host.powerCut();
    const { told } = await machine.open();
    expect(told.shard(1).entries.get(1)?.bytes.equals(patternBytes(3_000, 1))).toBe(true);
  });
});

describe("a full disk", () => {
  test("is told, leaves room for hard states, and is over by itself", async () => {
    const machine = new WalMachine(1, { segmentBytes: 64 * 1024 });
    const open = await machine.open();
    await machine.world.advance(1_000);
    machine.host.storage.limitBytes = machine.host.storage.usedBytes;
    const last = await appendUntil(machine, open, () => open.events.full.length > 0);
    expect(open.events.full).toEqual([true]);
    // Votes and terms still become durable, many of them: half of a segment is kept for them.
    for (let term = 1; term <= 50; term++) {
      open.wal.appendHardState(1, term, 1, 0);
      await machine.persist(open);
    }
    expect(open.events.full).toEqual([true]);
    machine.host.storage.limitBytes = Number.POSITIVE_INFINITY;
    await machine.world.advance(3_000);
    expect(open.events.full).toEqual([true, false]);
    await appendUntil(machine, open, () => open.wal.lastIndex(1) >= last + 100);
    expect(open.events.failures).toEqual([]);
    machine.host.powerCut();
    const { told } = await machine.open();
    expect(told.shard(1).last).toBe(last + 100);
    expect(told.shard(1).hardState).toEqual([50, 1, 0]);
  });

  test("a snapshot makes room as well", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    await machine.world.advance(1_000);
    machine.host.storage.limitBytes = machine.host.storage.usedBytes;
    const last = await appendUntil(machine, open, () => open.events.full.length > 0);
    open.wal.setFloor(1, last);
    await machine.world.advance(3_000);
    expect(open.events.full).toEqual([true, false]);
  });

  test("is over with one spare file and room in the present one", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    await machine.world.advance(1_000);
    machine.host.storage.limitBytes = machine.host.storage.usedBytes;
    const last = await appendUntil(machine, open, () => open.wal.segmentCount === 2);
    machine.host.storage.failNext("write", "ENOSPC");
    open.wal.appendEntry(1, 1, last + 1, 0, Buffer.from("a"));
    await machine.persist(open);
    await machine.world.advance(3_000);
    expect(open.wal.segmentCount).toBe(3);
    expect(open.events.full).toEqual([true]);
    // One file comes back, and the disk has no room for another.
    open.wal.setFloor(1, last - 1);
    await machine.world.advance(3_000);
    expect(open.wal.segmentCount).toBe(2);
    expect(open.events.full).toEqual([true, false]);
  });

  test("is over when room for one file comes, with the present one all but full", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    await machine.world.advance(1_000);
    const { storage } = machine.host;
    storage.limitBytes = storage.usedBytes;
    const third = await appendUntil(machine, open, () => open.wal.segmentCount === 3);
    const last = await appendUntil(machine, open, () => open.wal.lastIndex(1) >= third + 19);
    expect(open.wal.segmentCount).toBe(3);
    expect(open.events.full).toEqual([true]);
    storage.limitBytes += machine.options.segmentBytes!;
    await machine.world.advance(3_000);
    expect(open.events.full).toEqual([true, false]);
    await appendUntil(machine, open, () => open.wal.lastIndex(1) >= last + 5);
  });

  test("what is appended all the same waits, and a close does not wait for it", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    await machine.world.advance(1_000);
    machine.host.storage.limitBytes = machine.host.storage.usedBytes;
    for (let index = 1; index <= 300; index++) {
      open.wal.appendEntry(1, 1, index, 0, patternBytes(1_000, index));
    }
    open.wal.flush();
    await machine.world.advance(5_000);
    expect(open.events.full).toEqual([true]);
    expect(open.wal.pendingBytes).toBeGreaterThan(0);
    const durable = open.events.durable;
    await machine.world.settle(open.wal.close());
    machine.host.kill();
    const again = await machine.open({ segmentBytes: 16 * 1024 }).catch((error: unknown) => error);
    // With no byte left a log may not open; with some it does, and has what was durable.
    expect(again).toBeDefined();
    machine.host.kill();
    machine.host.storage.limitBytes = Number.POSITIVE_INFINITY;
    const { report } = await machine.open();
    expect(report.lastSequence).toBeGreaterThanOrEqual(durable);
  });

  test("a write that meets it is done again in a spare file", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    await machine.world.advance(1_000);
    machine.host.storage.failNext("write", "ENOSPC");
    open.wal.appendEntry(1, 1, 1, 0, Buffer.from("a"));
    await machine.persist(open);
    expect(open.wal.segmentCount).toBe(2);
    await machine.world.advance(3_000);
    expect(open.events.full.at(-1)).not.toBe(true);
    machine.host.powerCut();
    const { told, report } = await machine.open();
    expect(report.cut).toBeNull();
    expect(told.shard(1).last).toBe(1);
  });
});

describe("a log that stays short", () => {
  test("segments below the floors are used again; few files stay", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    for (let round = 0; round < 40; round++) {
      const target = open.wal.lastIndex(1) + 25;
      await appendUntil(machine, open, () => open.wal.lastIndex(1) >= target);
      open.wal.setFloor(1, target);
      await machine.world.advance(50);
    }
    expect(open.wal.segmentCount).toBeLessThanOrEqual(2);
    expect(machine.files().length).toBeLessThanOrEqual(5);
    expect(machine.host.storage.usedBytes).toBeLessThan(6 * 32 * 1024);
  });

  test("hard states and small tails of quiet shards are copied forward", async () => {
    const machine = new WalMachine(1, { segmentsKept: 2 });
    const open = await machine.open();
    open.wal.appendHardState(7, 3, 2, 9);
    open.wal.appendSnapshotMark(7, 9, 3);
    for (let index = 10; index <= 14; index++) {
      open.wal.appendEntry(7, 3, index, 1, Buffer.from(`quiet ${index}`));
    }
    await machine.persist(open);
    for (let round = 0; round < 30; round++) {
      const target = open.wal.lastIndex(1) + 25;
      await appendUntil(machine, open, () => open.wal.lastIndex(1) >= target);
      open.wal.setFloor(1, target);
      await machine.world.advance(50);
      if (round === 15) {
        open.wal.appendEntry(7, 3, 15, 1, Buffer.from("quiet 15"));
        await machine.persist(open);
      }
    }
    expect(open.wal.segmentCount).toBeLessThanOrEqual(3);
    expect(open.events.snapshotsWanted).toEqual([]);
    machine.host.powerCut();
    const { told } = await machine.open();
    const quiet = told.shard(7);
    expect(quiet.hardState).toEqual([3, 2, 9]);
    expect(quiet.mark).toEqual({ index: 9, term: 3, replacesLog: true });
    const texts = [...quiet.entries].map(([index, { bytes }]) => `${index} ${bytes.toString()}`);
    expect(texts).toEqual([10, 11, 12, 13, 14, 15].map((index) => `${index} quiet ${index}`));
  });

  test("a big tail is not copied: a snapshot is asked for, once per segment", async () => {
    const machine = new WalMachine(1, { segmentsKept: 2 });
    const open = await machine.open();
    await appendUntil(machine, open, () => open.wal.segmentCount === 5);
    expect(open.events.snapshotsWanted).toEqual([1, 1, 1]);
    const sizeBefore = open.wal.segmentCount;
    open.wal.setFloor(1, open.wal.lastIndex(1));
    await machine.world.advance(100);
    expect(open.wal.segmentCount).toBeLessThan(sizeBefore);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])(
    "a replacement that waits behind %i full frames frees nothing before it is written",
    async (written) => {
      const machine = new WalMachine(1, { segmentsKept: 99 });
      const open = await machine.open();
      await appendUntil(machine, open, () => open.wal.segmentCount === 4);
      const last = open.wal.lastIndex(1);
      // Eight frames of another shard wait, then the entry that makes all of shard 1 void.
      for (let index = 1; index <= 8; index++) {
        open.wal.appendEntry(2, 1, index, 0, patternBytes(7_000, index));
      }
      const firstWaiting = open.wal.nextSequence - 7;
      open.wal.appendDrop(1);
      open.wal.flush();
      await machine.world.runUntil(() => open.events.durable >= firstWaiting + written - 1);
      const isDropped = open.events.durable >= firstWaiting + 7;
      machine.host.powerCut();
      const { told, report } = await machine.open();
      const dropFound = report.lastSequence >= firstWaiting + 7;
      expect(dropFound || !isDropped).toBe(true);
      expect(told.shard(1).last).toBe(dropFound ? 0 : last);
      expect(told.shard(1).entries.size).toBe(dropFound ? 0 : last);
    },
  );

  test("a long entry is kept when a later long one in the same segment is replaced", async () => {
    const machine = new WalMachine(1, { segmentsKept: 2 });
    const open = await machine.open();
    open.wal.appendEntry(7, 1, 1, 0, patternBytes(9_000, 1));
    open.wal.appendEntry(7, 1, 2, 0, Buffer.from("old"));
    open.wal.appendEntry(7, 1, 3, 0, patternBytes(9_000, 3));
    open.wal.appendEntry(7, 2, 2, 0, Buffer.from("short"));
    await machine.persist(open);
    for (let round = 0; round < 10; round++) {
      const target = open.wal.lastIndex(1) + 25;
      await appendUntil(machine, open, () => open.wal.lastIndex(1) >= target);
      open.wal.setFloor(1, target);
      await machine.world.advance(50);
    }
    expect(open.events.snapshotsWanted).toContain(7);
    machine.host.powerCut();
    const { told } = await machine.open();
    const entries = [...told.shard(7).entries].map(([index, { term, bytes }]) => [
      index,
      term,
      bytes.length,
    ]);
    expect(entries).toEqual([
      [1, 1, 9_000],
      [2, 2, 5],
    ]);
  });

  test("a dropped shard holds no segment", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    await appendUntil(machine, open, () => open.wal.segmentCount === 5);
    open.wal.appendDrop(1);
    await machine.persist(open);
    await machine.world.advance(100);
    expect(open.wal.segmentCount).toBe(1);
  });

  test("damage found while copying stops the log and is named", async () => {
    const machine = new WalMachine(1, { segmentsKept: 2 });
    const open = await machine.open();
    open.wal.appendEntry(7, 1, 1, 0, Buffer.from("quiet"));
    await machine.persist(open);
    const quietFile = machine.files()[0]!;
    machine.host.storage.flipBit(quietFile, 2 * 512 + 100);
    for (let round = 0; round < 10 && open.events.failures.length === 0; round++) {
      const target = open.wal.lastIndex(1) + 25;
      for (let index = target - 24; index <= target; index++) {
        open.wal.appendEntry(1, 1, index, 0, patternBytes(1_000, index));
      }
      open.wal.flush();
      await machine.world.advance(50);
      open.wal.setFloor(1, target);
      await machine.world.advance(50);
    }
    expect(open.events.failures[0]).toMatchObject({
      code: "WAL_CORRUPT",
      facts: { file: quietFile, offset: 2 * 512 },
    });
  });
});
