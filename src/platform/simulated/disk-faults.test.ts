// Disks that fail by chance, and processes that die in the middle of what they do.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import type { DiskFile } from "../disk.ts";
import { sync, write } from "./disk-conformance.ts";
import type { DiskFaults } from "./disk-faults.ts";
import type { SimHost } from "./sim-host.ts";
import { SimWorld } from "./sim-world.ts";

const SECTOR = 512;

/** A machine with an open file, and its world. */
class Bench {
  readonly world: SimWorld;
  readonly host: SimHost;
  readonly file: DiskFile;

  private constructor(world: SimWorld, host: SimHost, file: DiskFile) {
    this.world = world;
    this.host = host;
    this.file = file;
  }

  static async open(seed: number, dsync = true): Promise<Bench> {
    const world = new SimWorld(seed);
    const host = world.host("a");
    host.storage.writesNow = true;
    const { disk } = host.start();
    await world.settle(disk.makeDirectory("/d"));
    const file = await world.settle(disk.open("/d/a.log", { mode: "create", dsync }));
    await world.settle(disk.syncDirectory("/d"));
    return new Bench(world, host, file);
  }

  set faults(faults: DiskFaults | null) {
    this.host.storage.faults = faults;
  }

  write(letter: string, position: number, length = SECTOR): Promise<number> {
    const writing = write(this.file, Buffer.alloc(length, letter), 0, length, position);
    return this.world.settle(writing);
  }

  sync(): Promise<void> {
    return this.world.settle(sync(this.file));
  }

  /** First letter of each sector. */
  get sectors(): string {
    const bytes = this.host.storage.contents("/d/a.log");
    const starts = Array.from({ length: Math.ceil(bytes.length / SECTOR) }, (_, at) => at * SECTOR);
    return starts.map((at) => String.fromCharCode(bytes[at]!)).join("");
  }
}

/** What `play` gives for many seeds. */
async function outcomes(play: (bench: Bench) => Promise<string>, dsync = true): Promise<string[]> {
  const seen = new Set<string>();
  for (let seed = 0; seed < 80; seed++) seen.add(await play(await Bench.open(seed, dsync)));
  return [...seen].sort();
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "none";
}

describe("disk faults by chance", () => {
  test.each([
    { name: "reads", faults: { readError: 1 }, call: (bench: Bench) => readOne(bench) },
    { name: "writes", faults: { writeError: 1 }, call: (bench: Bench) => bench.write("b", 0) },
    { name: "syncs", faults: { syncError: 1 }, call: (bench: Bench) => bench.sync() },
  ])("$name fail with EIO, and not on other paths", async ({ faults, call }) => {
    const bench = await Bench.open(1);
    await bench.write("a", 0);
    bench.faults = { ...faults, paths: (path) => path.endsWith(".snap") };
    await call(bench);
    bench.faults = faults;
    await expect(call(bench)).rejects.toMatchObject({ code: "EIO" });
    bench.faults = null;
    await call(bench);
  });

  test("a rate between never and always does both", async () => {
    const bench = await Bench.open(1);
    bench.faults = { writeError: 0.3 };
    const codes: string[] = [];
    for (let at = 0; at < 200; at++) {
      await bench.write("a", 0).catch((error: unknown) => codes.push(codeOf(error)));
    }
    expect(new Set(codes)).toEqual(new Set(["EIO"]));
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.length).toBeLessThan(90);
    expect(bench.world.faultCounts.get("writeError")).toBe(codes.length);
  });

  test("faults that are off, or elsewhere, change nothing", async () => {
    const run = async (faults: DiskFaults | null): Promise<string> => {
      const bench = await Bench.open(3);
      bench.faults = faults;
      for (let at = 0; at < 20; at++) await bench.write("a", at * SECTOR);
      return `${bench.world.nowMs} ${bench.sectors} ${bench.world.random.uint32()}`;
    };
    const plain = await run(null);
    expect(await run({})).toBe(plain);
    expect(await run({ writeError: 1, slowChance: 1, paths: () => false })).toBe(plain);
    // Others' delays stay the same beside a fault: the story can be shortened fault by fault.
    expect(await run({ shortWrite: 1e-9, readError: 1 })).toBe(plain);
  });

  test("a failed write may have happened in part", async () => {
    const seen = await outcomes(async (bench) => {
      await bench.write("a", 0, 2 * SECTOR);
      bench.faults = { writeError: 1 };
      await expect(bench.write("b", 0, 2 * SECTOR)).rejects.toThrow("EIO");
      return bench.sectors;
    });
    expect(seen).toEqual(["aa", "ab", "ba", "bb"]);
  });

  test("a short write takes at least one byte and says so", async () => {
    const bench = await Bench.open(1);
    bench.faults = { shortWrite: 1 };
    const lengths = new Set<number>();
    for (let at = 0; at < 100; at++) lengths.add(await bench.write("a", 0, 4));
    expect(lengths).toEqual(new Set([1, 2, 3]));
    expect(bench.file.writeNow!(Buffer.alloc(2), 0, 2, 0)).toBe(1);
    expect(await bench.write("a", 0, 1)).toBe(1);
  });

  test("a misdirected write leaves its place as it was and hits another one", async () => {
    const seen = await outcomes(async (bench) => {
      bench.host.storage.place("/d/b.log", Buffer.alloc(2 * SECTOR, "x"));
      bench.host.storage.place("/d/c.snap", Buffer.alloc(2 * SECTOR, "y"));
      await bench.write("a", 0, 3 * SECTOR);
      bench.faults = { misdirectedWrite: 1 };
      expect(await bench.write("b", SECTOR)).toBe(SECTOR);
      const other = bench.host.storage.contents("/d/b.log").toString();
      const untouched = bench.host.storage.contents("/d/c.snap").toString();
      expect(untouched).toBe("y".repeat(2 * SECTOR));
      return `${bench.sectors} ${other[0]}${other[SECTOR]}`;
    });
    expect(seen).toEqual(["aaa bx", "aaa xb", "aaa xx", "aab xx", "baa xx"]);
  });
});

async function readOne(bench: Bench): Promise<number> {
  return bench.world.settle(bench.file.read(Buffer.alloc(1), 0, 1, 0));
}

describe("a sync that fails", () => {
  test("gives up what was not synced; later syncs succeed and do not bring it back", async () => {
    const seen = await outcomes(async (bench) => {
      await bench.write("a", 0, 2 * SECTOR);
      await bench.sync();
      await bench.write("b", 0, 2 * SECTOR);
      bench.faults = { syncError: 1 };
      await expect(bench.sync()).rejects.toMatchObject({ code: "EIO" });
      bench.faults = null;
      const afterwards = bench.sectors;
      await bench.sync();
      bench.host.powerCut();
      return `${afterwards} ${bench.sectors}`;
    }, false);
    // It may be read until the power goes, and it may be there for good.
    expect(seen).toEqual(expect.arrayContaining(["aa aa", "bb aa", "bb bb"]));
    expect(seen.every((each) => !/^a. b|^.a .b/.test(each))).toBe(true);
  });

  test("what is written again afterwards is synced as ever", async () => {
    const seen = await outcomes(async (bench) => {
      await bench.write("a", 0, 2 * SECTOR);
      bench.faults = { syncError: 1 };
      await expect(bench.sync()).rejects.toThrow("EIO");
      bench.faults = null;
      await bench.write("c", 0, 2 * SECTOR);
      await bench.sync();
      bench.host.powerCut();
      return bench.sectors;
    }, false);
    expect(seen).toEqual(["cc"]);
  });
});

describe("a slow disk", () => {
  test("takes its time for calls with a callback", async () => {
    const bench = await Bench.open(1);
    bench.faults = { slowChance: 1, slowMs: { min: 300, max: 400 } };
    const beganMs = bench.world.nowMs;
    await bench.write("a", 0);
    expect(bench.world.nowMs - beganMs).toBeGreaterThanOrEqual(300);
    expect(bench.world.nowMs - beganMs).toBeLessThan(401);
  });

  test("holds up a process that waits for it", async () => {
    const bench = await Bench.open(1);
    const { clock, scheduler } = bench.host.process!;
    bench.faults = { slowChance: 1, slowMs: { min: 300, max: 300 } };
    const heard: number[] = [];
    scheduler.after(1, () => heard.push(clock.monotonicMs()));
    const beganMs = clock.monotonicMs();
    bench.file.writeNow!(Buffer.from("a"), 0, 1, 0);
    expect(clock.monotonicMs() - beganMs).toBeCloseTo(300, 6);
    scheduler.after(5, () => heard.push(clock.monotonicMs()));
    await bench.world.runUntilIdle();
    expect(heard.map((ms) => Math.round(ms - beganMs))).toEqual([300, 305]);
  });
});

describe("a full disk", () => {
  test("refuses growth by writeNow and by truncate, and not what needs no room", async () => {
    const bench = await Bench.open(1);
    await bench.write("a", 0, 10);
    bench.host.storage.limitBytes = 10;
    const { file, world } = bench;
    expect(() => file.writeNow!(Buffer.alloc(2), 0, 2, 9)).toThrow("ENOSPC");
    expect(file.writeNow!(Buffer.alloc(2), 0, 2, 8)).toBe(2);
    await expect(world.settle(file.truncate(11))).rejects.toMatchObject({ code: "ENOSPC" });
    await world.settle(file.truncate(4));
    await world.settle(file.truncate(10));
    expect(await world.settle(bench.host.process!.disk.freeBytes("/d"))).toBe(0);
  });

  test("has room again when a file is removed", async () => {
    const bench = await Bench.open(1);
    bench.host.storage.place("/d/b", Buffer.alloc(100));
    bench.host.storage.limitBytes = 100;
    await expect(bench.write("a", 0, 1)).rejects.toMatchObject({ code: "ENOSPC" });
    const { disk } = bench.host.process!;
    await bench.world.settle(disk.remove("/d/b"));
    await bench.world.settle(disk.syncDirectory("/d"));
    expect(await bench.write("a", 0, 100)).toBe(100);
  });
});

describe("power cuts", () => {
  test("never tear what was durable, in one write or several", async () => {
    const seen = await outcomes(async (bench) => {
      const { file, host } = bench;
      for (const letter of "abc") {
        file.writeNow!(Buffer.alloc(3 * SECTOR, letter), 0, 3 * SECTOR, 100);
      }
      await bench.write("d", 0);
      host.powerCut();
      return host.storage
        .contents("/d/a.log")
        .toString()
        .replace(/(.)\1*/g, "$1");
    });
    expect(seen).toEqual(["dc"]);
  });

  test("keep later writes and lose earlier ones, when nothing was synced", async () => {
    const seen = await outcomes(async (bench) => {
      await bench.write("-", 0, 2 * SECTOR);
      await bench.sync();
      await bench.write("1", 0);
      await bench.write("2", SECTOR);
      bench.host.powerCut();
      return bench.sectors;
    }, false);
    expect(seen).toEqual(["--", "-2", "1-", "12"]);
  });
});

describe("a process that dies under its own feet", () => {
  test("changes nothing on its disk any more", async () => {
    const bench = await Bench.open(1);
    await bench.write("a", 0);
    const { file, host, world } = bench;
    const { disk } = host.process!;
    const calls: string[] = [];
    const note = (name: string) => (): void => void calls.push(name);
    host.process!.kill();
    const b = Buffer.from("b");
    expect(file.writeNow!(b, 0, 1, 0)).toBe(1);
    file.write(b, 0, 1, 0, note("write"));
    file.sync(note("sync"));
    const promises = [
      file.truncate(0),
      disk.remove("/d/a.log"),
      disk.rename("/d/a.log", "/d/b.log"),
      disk.makeDirectory("/e"),
      disk.open("/d/new", { mode: "create" }),
      disk.lock("/d"),
    ];
    for (const promise of promises) void promise.then(note("promise"), note("rejection"));
    await world.runUntilIdle();
    expect(calls).toEqual([]);
    expect(host.storage.names.paths()).toEqual(["/d/a.log"]);
    expect(bench.sectors).toBe("a");
    await world.settle(host.start().disk.lock("/d"));
  });

  test("a fault that was planned waits for its successor", async () => {
    const bench = await Bench.open(1);
    const { file, host } = bench;
    host.kill();
    host.storage.failNext("sync", "EIO");
    file.sync(() => {});
    const { disk } = host.start();
    const again = await bench.world.settle(disk.open("/d/a.log", { mode: "write" }));
    await expect(bench.world.settle(sync(again))).rejects.toMatchObject({ code: "EIO" });
  });
});

describe("disks that are replaced", () => {
  test("a wiped machine has no files and no locks", async () => {
    const bench = await Bench.open(1);
    await bench.world.settle(bench.host.process!.disk.lock("/d"));
    await bench.write("a", 0);
    expect(() => bench.host.wipe()).toThrow("while nothing runs");
    bench.host.powerCut();
    bench.host.wipe();
    expect(bench.host.storage.names.paths()).toEqual([]);
    const { disk } = bench.host.start();
    expect(await bench.world.settle(disk.list("/d"))).toEqual([]);
    await bench.world.settle(disk.makeDirectory("/d"));
    await bench.world.settle(disk.lock("/d"));
  });

  test("a write of a killed process does not come back after a wipe", async () => {
    const bench = await Bench.open(1);
    write(bench.file, Buffer.from("late"), 0, 4, 0).catch(() => {});
    bench.host.kill();
    bench.host.wipe();
    await bench.world.runUntilIdle();
    expect(bench.host.storage.names.paths()).toEqual([]);
  });

  test("two machines that are down swap their files, with writes that were under way", async () => {
    const bench = await Bench.open(1);
    const other = bench.world.host("b");
    other.storage.place("/only-b", Buffer.from("b"));
    bench.file.write(Buffer.from("late"), 0, 4, 0, () => {});
    expect(() => bench.world.swapDisks("a", "b")).toThrow("while down");
    bench.host.kill();
    bench.world.swapDisks("a", "b");
    await bench.world.runUntilIdle();
    expect(bench.host.storage.names.paths()).toEqual(["/only-b"]);
    expect(other.storage.contents("/d/a.log").toString()).toBe("late");
  });
});
