// The simulated machine against the promises of the platform interfaces.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { describeDisk, sync, write } from "./disk-conformance.ts";
import { connectPair, describeNetwork, RecordingHandler } from "./network-conformance.ts";
import { SimRandom } from "./sim-random.ts";
import { SimWorld } from "./sim-world.ts";

describeDisk("SimDisk", async () => {
  const world = new SimWorld(1);
  const disk = world.host("a").start().disk;
  await world.settle(disk.makeDirectory("/data"));
  return { disk, directory: "/data", settle: (promise) => world.settle(promise) };
});

function networkOf(seed: number) {
  const world = new SimWorld(seed);
  return {
    world,
    server: world.network("b"),
    client: world.network("a"),
    host: "b",
    settle: <T>(promise: Promise<T>): Promise<T> => world.settle(promise),
  };
}

describe.each([1, 2, 3, 4, 5])("seed %i", (seed) => {
  describeNetwork("SimNetwork", async () => networkOf(seed));
});

describe("SimWorld", () => {
  test("runs events by time, then by order of asking", async () => {
    const world = new SimWorld(1);
    const order: string[] = [];
    world.schedule(5, () => order.push("c"));
    world.schedule(1, () => order.push("a"));
    world.schedule(5, () => order.push("d"));
    world.schedule(1, () => order.push("b"));
    world.schedule(2, () => order.push("never")).cancel();
    await world.runUntilIdle();
    expect(order.join("")).toBe("abcd");
    expect(world.nowMs).toBe(5);
  });

  test("one seed gives one run, another seed another", async () => {
    const run = async (seed: number): Promise<string> => {
      const world = new SimWorld(seed);
      const { disk } = world.host("a").start();
      await world.settle(disk.makeDirectory("/d"));
      const file = await world.settle(disk.open("/d/f", { mode: "create", dsync: true }));
      for (let at = 0; at < 20; at++) await world.settle(write(file, Buffer.alloc(9), 0, 9, at));
      return `${world.nowMs} ${world.eventsRun} ${world.random.uint32()}`;
    };
    expect(await run(7)).toBe(await run(7));
    expect(await run(7)).not.toBe(await run(8));
  });

  test("a killed process hears nothing any more", async () => {
    const world = new SimWorld(1);
    const process = world.host("a").start();
    const calls: string[] = [];
    process.scheduler.after(1, () => calls.push("timer"));
    process.scheduler.soon(() => calls.push("soon"));
    void process.disk.makeDirectory("/d").then(() => calls.push("disk"));
    process.kill();
    await world.runUntilIdle();
    expect(calls).toEqual([]);
  });

  test("a paused process hears everything later, in order", async () => {
    const world = new SimWorld(1);
    const process = world.host("a").start();
    const calls: string[] = [];
    process.scheduler.after(1, () => calls.push("one"));
    process.scheduler.after(2, () => calls.push("two"));
    process.pause();
    await world.advance(1_000);
    expect(calls).toEqual([]);
    expect(process.clock.monotonicMs()).toBe(1_000);
    process.resume();
    await world.advance(0);
    expect(calls).toEqual(["one", "two"]);
  });

  test("clocks of a host can be wrong", async () => {
    const world = new SimWorld(1);
    const host = world.host("a");
    host.clockRate = 2;
    host.wallSkewMs = -500;
    const { clock, scheduler } = host.start();
    const startMs = clock.wallMs();
    let fired = 0;
    scheduler.after(100, () => {
      fired = world.nowMs;
    });
    await world.advance(1_000);
    expect(fired).toBe(50);
    expect(clock.monotonicMs()).toBe(2_000);
    expect(clock.wallMs() - startMs).toBe(2_000);
    expect(startMs).toBe(world.clock.wallMs() - 1_000 - 500);
  });
});

describe("SimRandom", () => {
  test("is even enough, and the same for one seed", () => {
    const random = new SimRandom(42);
    const counts = new Array<number>(10).fill(0);
    for (let at = 0; at < 10_000; at++) counts[random.between(0, 9)]!++;
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    expect(new SimRandom(42).uint32()).toBe(new SimRandom(42).uint32());
    expect(new SimRandom(1).uint32()).not.toBe(new SimRandom(2).uint32());
  });
});

describe("a power cut", () => {
  /** What a cut leaves of one file of four sectors, over many seeds. */
  async function outcomes(dsync: boolean, synced: boolean): Promise<Set<string>> {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const world = new SimWorld(seed);
      const host = world.host("a");
      const { disk } = host.start();
      await world.settle(disk.makeDirectory("/d"));
      const file = await world.settle(disk.open("/d/f", { mode: "create", dsync }));
      await world.settle(write(file, Buffer.alloc(2048, "a"), 0, 2048, 0));
      await world.settle(sync(file));
      await world.settle(disk.syncDirectory("/d"));
      await world.settle(write(file, Buffer.alloc(2048, "b"), 0, 2048, 0));
      if (synced) await world.settle(sync(file));
      host.powerCut();
      const left = host.storage.contents("/d/f");
      expect(left.length).toBe(2048);
      seen.add([0, 512, 1024, 1536].map((at) => String.fromCharCode(left[at]!)).join(""));
    }
    return seen;
  }

  test("loses nothing that was written with dsync", async () => {
    expect(await outcomes(true, false)).toEqual(new Set(["bbbb"]));
  });

  test("loses nothing that was synced", async () => {
    expect(await outcomes(false, true)).toEqual(new Set(["bbbb"]));
  });

  test("keeps any part of what was not synced, by sectors", async () => {
    const seen = await outcomes(false, false);
    for (const all of ["aaaa", "bbbb"]) expect(seen).toContain(all);
    expect([...seen].some((each) => each.includes("ab"))).toBe(true);
    expect([...seen].some((each) => each.includes("ba"))).toBe(true);
  });

  test("tears the write that is under way, and its callback never comes", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const world = new SimWorld(seed);
      const host = world.host("a");
      host.storage.place("/f", Buffer.alloc(1024, "a"));
      const { disk } = host.start();
      const file = await world.settle(disk.open("/f", { mode: "write", dsync: true }));
      let called = false;
      file.write(Buffer.alloc(1024, "b"), 0, 1024, 0, () => {
        called = true;
      });
      host.powerCut();
      await world.runUntilIdle();
      expect(called).toBe(false);
      const left = host.storage.contents("/f");
      seen.add(String.fromCharCode(left[0]!, left[512]!));
    }
    expect([...seen].sort()).toEqual(["aa", "ab", "ba", "bb"]);
  });

  test.each([
    { dsync: true, left: ["bb"] },
    { dsync: false, left: ["aa", "ab", "ba", "bb"] },
  ])("a killed process ends its write before it is gone, dsync $dsync", async ({ dsync, left }) => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const world = new SimWorld(seed);
      const host = world.host("a");
      host.storage.place("/f", Buffer.alloc(1024, "a"));
      host.storage.latencyMs = { min: 100, max: 100 };
      const { disk } = host.start();
      const file = await world.settle(disk.open("/f", { mode: "write", dsync }));
      file.write(Buffer.alloc(1024, "b"), 0, 1024, 0, () => {});
      host.kill();
      expect(host.storage.contents("/f").toString()).toBe("b".repeat(1024));
      host.start();
      host.powerCut();
      const bytes = host.storage.contents("/f");
      seen.add(String.fromCharCode(bytes[0]!, bytes[512]!));
    }
    expect([...seen].sort()).toEqual(left);
  });

  test("may lose names until their directory is synced, and keeps them afterwards", async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const world = new SimWorld(seed);
      const host = world.host("a");
      const { disk } = host.start();
      await world.settle(disk.makeDirectory("/d"));
      await world.settle(disk.open("/d/kept", { mode: "create" }));
      await world.settle(disk.syncDirectory("/d"));
      await world.settle(disk.open("/d/new", { mode: "create" }));
      await world.settle(disk.rename("/d/kept", "/d/moved"));
      host.powerCut();
      const again = host.start().disk;
      seen.add((await world.settle(again.list("/d"))).join(" "));
    }
    expect([...seen].sort()).toEqual(["kept", "kept new", "moved new"]);
  });

  test("frees locks; a kill does too, and leaves the page cache alone", async () => {
    const world = new SimWorld(3);
    const host = world.host("a");
    const first = host.start();
    await world.settle(first.disk.makeDirectory("/d"));
    await world.settle(first.disk.lock("/d"));
    const file = await world.settle(first.disk.open("/d/f", { mode: "create" }));
    await world.settle(write(file, Buffer.from("abc"), 0, 3, 0));
    host.kill();
    const second = host.start();
    await world.settle(second.disk.lock("/d"));
    expect(host.storage.contents("/d/f").toString()).toBe("abc");
    host.powerCut();
    await world.settle(host.start().disk.lock("/d"));
  });
});

describe("faults of a simulated disk", () => {
  async function openFile(seed: number) {
    const world = new SimWorld(seed);
    const host = world.host("a");
    const { disk } = host.start();
    const file = await world.settle(disk.open("/f", { mode: "create", dsync: true }));
    return { world, host, disk, file };
  }

  test("failNext fails the next call of its kind, once", async () => {
    const { world, host, file } = await openFile(1);
    host.storage.failNext("write", "EIO");
    const failing = world.settle(write(file, Buffer.from("a"), 0, 1, 0));
    await expect(failing).rejects.toMatchObject({ code: "EIO" });
    expect(await world.settle(write(file, Buffer.from("a"), 0, 1, 0))).toBe(1);
    host.storage.failNext("sync", "EIO", 1, "other");
    await world.settle(sync(file));
  });

  test("a full disk refuses growth but not overwriting", async () => {
    const { world, host, disk, file } = await openFile(1);
    host.storage.limitBytes = 10;
    await world.settle(write(file, Buffer.alloc(10), 0, 10, 0));
    const growing = world.settle(write(file, Buffer.alloc(2), 0, 2, 9));
    await expect(growing).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await world.settle(write(file, Buffer.alloc(2), 0, 2, 8))).toBe(2);
    expect(await world.settle(disk.freeBytes("/"))).toBe(0);
  });

  test("a write can be short", async () => {
    const { world, host, file } = await openFile(1);
    host.storage.shortenNextWrite(3);
    expect(await world.settle(write(file, Buffer.from("abcdef"), 0, 6, 0))).toBe(3);
    expect(host.storage.contents("/f").toString()).toBe("abc");
  });

  test("a buffer that changes under a write is caught", async () => {
    const { world, file } = await openFile(1);
    const bytes = Buffer.from("abc");
    file.write(bytes, 0, 3, 0, () => {});
    bytes[0] = 0;
    expect(() => world.runUntilIdleSync()).toThrow("do not change");
  });
});

describe("faults of a simulated network", () => {
  test("what is sent over a cut link arrives after healing", async () => {
    const under = networkOf(5);
    const pair = await connectPair(under);
    under.world.fabric.cutOneWay("a", "b");
    pair.near.write(Buffer.from("there"));
    pair.far.write(Buffer.from("back"));
    await under.world.advance(10_000);
    expect(pair.farEvents.received.length).toBe(0);
    expect(pair.nearEvents.received.toString()).toBe("back");
    under.world.fabric.heal("a", "b");
    await under.settle(pair.farEvents.until((it) => it.received.length === 5));
  });

  test("connecting over a cut link times out", async () => {
    const under = networkOf(5);
    const listener = await under.server.listen("", 0, () => new RecordingHandler());
    under.world.fabric.partition(["a"], ["b", "c"]);
    const dial = under.client.connect("b", listener.port, 700, () => new RecordingHandler());
    await expect(under.settle(dial)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(under.world.nowMs).toBeGreaterThanOrEqual(700);
  });

  test("a reset reaches both ends, once", async () => {
    const under = networkOf(5);
    const pair = await connectPair(under);
    under.world.fabric.resetConnections("a", "b");
    await under.world.runUntilIdle();
    for (const events of [pair.nearEvents, pair.farEvents]) {
      expect(events.closes).toHaveLength(1);
      expect(events.closes[0]).toMatchObject({ code: "ECONNRESET" });
    }
    expect(under.world.fabric.endpointCount).toBe(0);
  });

  test("a kill closes the streams of a process at the other end", async () => {
    const under = networkOf(5);
    const pair = await connectPair(under);
    under.world.host("b").kill();
    await under.settle(pair.nearEvents.until((it) => it.closes.length === 1));
    const dial = under.client.connect("b", 1, 500, () => new RecordingHandler());
    await expect(under.settle(dial)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("after a power cut the other end hears nothing until the machine is back", async () => {
    const under = networkOf(5);
    const pair = await connectPair(under);
    under.world.host("b").powerCut();
    pair.near.write(Buffer.from("anybody?"));
    await under.world.advance(5_000);
    expect(pair.nearEvents.closes).toEqual([]);
    under.world.host("b").start();
    await under.settle(pair.nearEvents.until((it) => it.closes.length === 1));
    expect(pair.nearEvents.closes[0]).toMatchObject({ code: "ECONNRESET" });
  });

  test("a read buffer that is kept after the call holds other bytes", async () => {
    const under = networkOf(5);
    let kept: Uint8Array = new Uint8Array(0);
    const listener = await under.server.listen("", 0, () => ({
      onData(bytes: Uint8Array, _view: DataView, length: number) {
        kept = bytes.subarray(0, length);
      },
      onDrain() {},
      onClose() {},
    }));
    const dial = under.client.connect("b", listener.port, 500, () => new RecordingHandler());
    (await under.settle(dial)).write(Buffer.from("secret"));
    await under.world.advance(100);
    expect(Buffer.from(kept).includes("s")).toBe(false);
    expect(kept.length).toBeGreaterThan(0);
  });
});
