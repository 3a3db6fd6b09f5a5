// Relaxed sync: what a power cut may take, what it must not, and histories that random runs found
// once.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { patternBytes, WalMachine } from "./testing/sim-log.ts";

const SECTOR = 512;

describe("a log that is not synced frame by frame", () => {
  test.each(["no", "everysec"] as const)(
    "%s: a new term or vote is durable at once",
    async (sync) => {
      const machine = new WalMachine(3, { sync });
      const open = await machine.open();
      open.wal.appendEntry(1, 1, 1, 0, Buffer.from("before"));
      open.wal.appendHardState(1, 4, 2, 0);
      await machine.persist(open);
      machine.host.powerCut();
      const { told } = await machine.open();
      expect(told.shard(1).hardState).toEqual([4, 2, 0]);
      expect(told.shard(1).last).toBe(1);
    },
  );

  test("what is appended while the log closes is written before its last frame", async () => {
    for (let step = 0; step < 40; step++) {
      const machine = new WalMachine(step, { sync: "no" });
      const open = await machine.open();
      open.wal.appendEntry(1, 1, 1, 0, Buffer.from("before"));
      const closing = open.wal.close();
      machine.world.schedule(step * 0.05, () => open.wal.appendSnapshotMark(1, 1, 1));
      await machine.world.settle(closing);
      machine.host.kill();
      const { report } = await machine.open();
      expect(report, `step ${step}`).toMatchObject({ cleanShutdown: true });
    }
  });

  test("everysec: a second later everything is durable", async () => {
    const machine = new WalMachine(3, { sync: "everysec" });
    const open = await machine.open();
    for (let index = 1; index <= 40; index++) {
      open.wal.appendEntry(1, 1, index, 0, patternBytes(900, index));
      await machine.persist(open);
    }
    await machine.world.advance(1_100);
    machine.host.powerCut();
    const { told, report } = await machine.open();
    expect(told.shard(1).last).toBe(40);
    expect(report).toMatchObject({ relaxed: true, cleanShutdown: false });
  });

  test("frames behind a lost one do not come back when others take its place", async () => {
    const machine = new WalMachine(1, { sync: "no" });
    const open = await machine.open();
    for (let index = 1; index <= 6; index++) {
      open.wal.appendEntry(1, 1, index, 0, patternBytes(100, index));
      await machine.persist(open);
    }
    machine.host.kill();
    // Frame 1 opens the run, frame N + 1 holds entry N: entry 3 is lost, 4 to 6 are there.
    const [file] = machine.files();
    const bytes = machine.host.storage.contents(file!);
    bytes.fill(0, 4 * SECTOR, 5 * SECTOR);
    machine.host.storage.place(file!, bytes);
    const second = await machine.open();
    expect(second.told.shard(1).last).toBe(2);
    machine.host.kill();
    const third = await machine.open();
    expect(third.told.shard(1).last).toBe(2);
  });

  test("a segment that never reached the disk is loss, not damage", async () => {
    const machine = new WalMachine(1, { sync: "no", segmentBytes: 16 * 1024 });
    const open = await machine.open();
    for (let index = 1; open.wal.segmentCount < 4; index++) {
      open.wal.appendEntry(1, 1, index, 0, patternBytes(1_000, index));
      open.wal.flush();
      await machine.world.runUntil(() => !open.wal.writing);
    }
    machine.host.kill();
    await machine.world.runUntilIdle();
    // The first header says that nothing but the run's first frame was durable; the others are made
    // to.
    const files = machine.files().filter((path) => numberOf(machine, path) > 0);
    const third = files.find((path) => numberOf(machine, path) === 3)!;
    const provable = files.some((path) => durableOf(machine, path) > 60);
    expect(provable).toBe(false);
    const kept = await lastIndexAfterLosing(machine, third);
    expect(kept).toBeGreaterThan(0);
  });

  test.each(Array.from({ length: 12 }, (_, at) => at))(
    "a close after %i ms waits for a segment that is not made yet",
    async (delayMs) => {
      const machine = new WalMachine(1, { sync: "no", segmentBytes: 16 * 1024 });
      const open = await machine.open();
      for (let index = 1; index <= 200; index++) {
        open.wal.appendEntry(1, 1, index, 0, patternBytes(1_000, index));
      }
      open.wal.flush();
      await machine.world.advance(delayMs / 2);
      await machine.world.settle(open.wal.close());
      machine.host.powerCut();
      const { told, report } = await machine.open();
      expect(report.cleanShutdown).toBe(true);
      expect(told.shard(1).last).toBe(200);
    },
  );
});

describe("entries that were copied out of several segments", () => {
  test.each(Array.from({ length: 16 }, (_, at) => at + 15))(
    "are told in order after %i rounds, before what stands earlier on disk",
    async (rounds) => {
      const machine = new WalMachine(1, { segmentBytes: 16 * 1024, segmentsKept: 3 });
      const open = await machine.open();
      let busy = 0;
      for (let index = 1; index <= rounds; index++) {
        open.wal.appendEntry(7, 1, index, 0, patternBytes(20, index));
        for (let left = 4; left > 0; left--) {
          open.wal.appendEntry(1, 1, ++busy, 0, patternBytes(900, busy));
        }
        await machine.persist(open);
        open.wal.setFloor(1, busy);
        await machine.world.advance(20);
      }
      expect(open.events.snapshotsWanted).toEqual([]);
      machine.host.powerCut();
      const { told } = await machine.open();
      const wanted = Array.from({ length: rounds }, (_, at) => at + 1);
      expect([...told.shard(7).entries.keys()]).toEqual(wanted);
    },
  );
});

function numberOf(machine: WalMachine, path: string): number {
  const bytes = machine.host.storage.contents(path);
  return bytes.length < SECTOR ? 0 : bytes.readUInt32LE(16);
}

function durableOf(machine: WalMachine, path: string): number {
  return machine.host.storage.contents(path).readUInt32LE(56);
}

/**
 * Opens after one segment's file went back to zeros, as when none of its writes reached the disk.
 */
async function lastIndexAfterLosing(machine: WalMachine, path: string): Promise<number> {
  machine.host.storage.place(path, Buffer.alloc(16 * 1024));
  const { told, report } = await machine.open();
  expect(report.cut).not.toBeNull();
  return told.shard(1).last;
}
