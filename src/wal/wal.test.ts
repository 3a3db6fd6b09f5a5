// The log as its owner sees it: append, durable, reopen.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { patternBytes, WalMachine } from "./testing/sim-log.ts";

describe("a log that is opened again", () => {
  test("gives back entries, hard states and marks, each shard in order", async () => {
    const machine = new WalMachine(1);
    const first = await machine.open();
    expect(first.report).toMatchObject({ created: true, cleanShutdown: true, cut: null });
    for (let index = 1; index <= 50; index++) {
      first.wal.appendEntry(1, 1, index, 0, patternBytes(index * 3, index));
      first.wal.appendEntry(2 ** 40, 2, index, 1, Buffer.from(`b${index}`));
      if (index % 7 === 0) await machine.persist(first);
    }
    first.wal.appendHardState(1, 1, 2, 40);
    first.wal.appendHardState(1, 2 ** 45, 3, 50);
    first.wal.appendSnapshotMark(2 ** 40, 10, 2);
    await machine.persist(first);
    machine.host.kill();

    const again = await machine.open();
    expect(again.report).toMatchObject({ created: false, cleanShutdown: false, cut: null });
    const one = again.told.shard(1);
    expect(one.hardState).toEqual([2 ** 45, 3, 50]);
    expect([...one.entries.keys()]).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
    expect(one.entries.get(50)).toEqual({ term: 1, type: 0, bytes: patternBytes(150, 50) });
    const two = again.told.shard(2 ** 40);
    expect(two.entries.size).toBe(50);
    expect(two.entries.get(7)).toEqual({ term: 2, type: 1, bytes: Buffer.from("b7") });
    expect(two.mark).toEqual({ index: 10, term: 2, replacesLog: false });
    expect(again.wal.lastIndex(1)).toBe(50);
  });

  test("tells a clean shutdown from a kill, and forgets it at the next start", async () => {
    const machine = new WalMachine(1);
    await machine.close(await machine.open());
    const second = await machine.open();
    expect(second.report.cleanShutdown).toBe(true);
    machine.host.kill();
    const third = await machine.open();
    expect(third.report.cleanShutdown).toBe(false);
  });

  test("an entry with an index that is held replaces it and all behind it", async () => {
    const machine = new WalMachine(1);
    const first = await machine.open();
    for (let index = 1; index <= 10; index++)
      first.wal.appendEntry(1, 1, index, 0, Buffer.from("a"));
    await machine.persist(first);
    first.wal.appendEntry(1, 2, 6, 0, Buffer.from("b"));
    first.wal.appendEntry(1, 2, 7, 0, Buffer.from("b"));
    await machine.persist(first);
    machine.host.kill();
    const { told } = await machine.open();
    const terms = [...told.shard(1).entries.values()].map((entry) => entry.term);
    expect(terms).toEqual([1, 1, 1, 1, 1, 2, 2]);
  });

  test("a snapshot of another log voids it; one that agrees keeps what follows", async () => {
    const machine = new WalMachine(1);
    const first = await machine.open();
    for (let index = 1; index <= 10; index++) {
      first.wal.appendEntry(1, 1, index, 0, Buffer.from("a"));
      first.wal.appendEntry(2, 1, index, 0, Buffer.from("a"));
    }
    first.wal.appendSnapshotMark(1, 5, 1);
    first.wal.appendSnapshotMark(2, 5, 3);
    first.wal.appendEntry(2, 3, 6, 0, Buffer.from("c"));
    await machine.persist(first);
    machine.host.kill();
    const { told } = await machine.open();
    expect(told.shard(1).last).toBe(10);
    expect(told.shard(1).entries.has(6)).toBe(true);
    expect([...told.shard(2).entries.keys()]).toEqual([6]);
    expect(told.shard(2).mark).toEqual({ index: 5, term: 3, replacesLog: true });
  });

  test("entries without data are copied forward, too, when their segment is given up", async () => {
    const machine = new WalMachine(1, { segmentBytes: 16 * 1024, segmentsKept: 2 });
    const first = await machine.open();
    for (let index = 1; index <= 20; index++)
      first.wal.appendEntry(1, 1, index, 2, Buffer.alloc(0));
    await machine.persist(first);
    for (let index = 1; index <= 100; index++) {
      first.wal.appendEntry(2, 1, index, 0, patternBytes(1_000, index));
      await machine.persist(first);
      first.wal.setFloor(2, index);
    }
    machine.host.kill();
    const { report, told } = await machine.open();
    expect(report.segments).toBeLessThan(6);
    expect([...told.shard(1).entries.keys()]).toEqual(
      Array.from({ length: 20 }, (_, at) => at + 1),
    );
  });

  test("one that must be there, and is gone, is not begun anew, however often", async () => {
    const machine = new WalMachine(1);
    await machine.persist(await machine.open());
    machine.host.kill();
    await machine.open({ mustExist: true });
    machine.host.kill();
    machine.host.wipe();
    for (let attempt = 0; attempt < 2; attempt++) {
      const open = machine.open({ mustExist: true });
      await expect(open).rejects.toMatchObject({ code: "LOG_LOST" });
      machine.host.kill();
    }
  });

  test("a dropped shard is gone, and may come back as another one", async () => {
    const machine = new WalMachine(1);
    const first = await machine.open();
    first.wal.appendEntry(1, 1, 1, 0, Buffer.from("old"));
    first.wal.appendHardState(1, 1, 1, 1);
    first.wal.appendDrop(1);
    first.wal.appendEntry(1, 9, 40, 0, Buffer.from("new"));
    first.wal.appendEntry(2, 1, 1, 0, Buffer.from("x"));
    first.wal.appendDrop(2);
    await machine.persist(first);
    machine.host.kill();
    const { told } = await machine.open();
    expect(told.drops).toEqual([1, 2]);
    expect([...told.shard(1).entries.keys()]).toEqual([40]);
    expect(told.shard(1).hardState).toBeNull();
    expect(told.shards.has(2)).toBe(false);
  });

  test("entries longer than a frame come back whole, and their memory is bounded", async () => {
    const machine = new WalMachine(1);
    const first = await machine.open();
    const long = patternBytes(200_000, 3);
    first.wal.appendEntry(1, 1, 1, 0, Buffer.from("before"));
    first.wal.appendEntry(1, 1, 2, 7, long);
    const frame = first.wal.nextSequence;
    expect(frame).toBeGreaterThan(20);
    first.wal.appendEntry(1, 1, 3, 0, Buffer.from("after"));
    await machine.persist(first);
    expect(first.wal.pendingBytes).toBe(0);
    machine.host.kill();
    const { told } = await machine.open();
    expect(told.shard(1).entries.get(2)).toEqual({ term: 1, type: 7, bytes: long });
    expect(told.shard(1).last).toBe(3);
  });

  test("frames that lie across what is read at a time come back whole", async () => {
    const machine = new WalMachine(1, { segmentBytes: 6 * 1024 * 1024 });
    const first = await machine.open();
    const lengths = Array.from({ length: 40 }, (_, at) => 1 + ((at * 372_911) % 1_200_000));
    for (const [at, length] of lengths.entries()) {
      first.wal.appendEntry(1, 1, at + 1, 0, patternBytes(length, at));
      await machine.persist(first);
    }
    machine.host.kill();
    const { told, report } = await machine.open();
    expect(report.segments).toBeGreaterThan(2);
    for (const [at, length] of lengths.entries()) {
      expect(
        told
          .shard(1)
          .entries.get(at + 1)!
          .bytes.equals(patternBytes(length, at)),
      ).toBe(true);
    }
  });

  test("files that wait to be used are used, and no others are made", async () => {
    const machine = new WalMachine(1);
    await machine.open();
    await machine.world.advance(1_000);
    const files = machine.files();
    expect(files).toHaveLength(3);
    machine.host.kill();
    await machine.open();
    await machine.world.advance(1_000);
    expect(machine.files()).toEqual(files);
  });

  test("a long entry of which pieces are missing was never appended", async () => {
    const machine = new WalMachine(1);
    const first = await machine.open();
    first.wal.appendEntry(1, 1, 1, 0, Buffer.from("a"));
    first.wal.appendEntry(1, 1, 2, 0, Buffer.from("b"));
    await machine.persist(first);
    first.wal.appendEntry(1, 2, 2, 0, patternBytes(60_000, 1));
    const last = first.wal.nextSequence;
    first.wal.flush();
    await machine.world.runUntil(() => first.events.durable >= last - 2);
    machine.host.powerCut();
    const again = await machine.open();
    expect(again.told.shard(1).entries.get(2)?.bytes.toString()).toBe("b");
    again.wal.appendEntry(1, 3, 2, 0, Buffer.from("c"));
    await machine.persist(again);
    machine.host.kill();
    const { told } = await machine.open();
    expect(told.shard(1).entries.get(2)?.bytes.toString()).toBe("c");
  });
});

describe("group commit", () => {
  test("one write is in flight; what comes meanwhile goes into the next frame", async () => {
    const machine = new WalMachine(1);
    const { wal, events } = await machine.open();
    wal.appendEntry(1, 1, 1, 0, Buffer.from("a"));
    const first = wal.nextSequence;
    wal.flush();
    expect(wal.writing).toBe(true);
    expect(wal.nextSequence).toBe(first + 1);
    wal.appendEntry(1, 1, 2, 0, Buffer.from("b"));
    wal.flush();
    wal.appendEntry(1, 1, 3, 0, Buffer.from("c"));
    wal.flush();
    expect(wal.nextSequence).toBe(first + 1);
    await machine.world.runUntil(() => events.durable === first + 1);
    expect(wal.pendingBytes).toBe(0);
  });

  test("what is appended inside onDurable leaves at once, in one frame", async () => {
    const machine = new WalMachine(1);
    const { wal, events } = await machine.open();
    const seen: string[] = [];
    events.whenDurable = (sequence) => {
      seen.push(`${sequence - first} ${wal.writing}`);
      if (sequence > first) return;
      wal.appendEntry(1, 1, 2, 0, Buffer.from("b"));
      wal.appendEntry(1, 1, 3, 0, Buffer.from("c"));
    };
    wal.appendEntry(1, 1, 1, 0, Buffer.from("a"));
    const first = wal.nextSequence;
    wal.flush();
    await machine.world.runUntil(() => events.durable > first);
    expect(seen).toEqual(["0 false", "1 false"]);
  });

  test("an idle log is sealed once, and only once", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    open.wal.appendEntry(1, 1, 1, 0, Buffer.from("a"));
    await machine.persist(open);
    const before = open.wal.nextSequence;
    await machine.world.advance(1_000);
    expect(open.wal.nextSequence).toBe(before + 1);
    expect(open.events.durable).toBe(before - 1);
  });

  test("a busy log is not sealed", async () => {
    const machine = new WalMachine(1);
    const open = await machine.open();
    const first = open.wal.nextSequence;
    for (let index = 1; index <= 100; index++) {
      open.wal.appendEntry(1, 1, index, 0, Buffer.from("a"));
      await machine.persist(open);
      await machine.world.advance(10);
    }
    expect(open.wal.nextSequence).toBe(first + 100);
  });
});
