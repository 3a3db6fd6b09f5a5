// Links that are slow, clogged, cut in patterns, or reset connections in the middle of a write.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { allWays, bridge, cutAll, isolate, ring, swizzle, type Way } from "./link-patterns.ts";
import { connectPair, RecordingHandler } from "./network-conformance.ts";
import type { LinkFaults } from "./sim-link.ts";
import { SimRandom } from "./sim-random.ts";
import { SimWorld } from "./sim-world.ts";

async function connected(seed: number) {
  const world = new SimWorld(seed);
  const under = {
    server: world.network("b"),
    client: world.network("a"),
    host: "b",
    settle: <T>(promise: Promise<T>): Promise<T> => world.settle(promise),
  };
  return { world, fabric: world.fabric, pair: await connectPair(under) };
}

/** When `count` small writes, one a millisecond, arrive at the other end. */
async function arrivals(seed: number, count: number, faults: LinkFaults | null): Promise<number[]> {
  const { world, fabric, pair } = await connected(seed);
  fabric.faults = faults;
  const arrivedMs: number[] = [];
  for (let at = 0; at < count; at++) {
    world.schedule(at, () => pair.near.write(Buffer.alloc(100, at)));
    void pair.farEvents
      .until((it) => it.received.length >= 100 * (at + 1))
      .then(() => arrivedMs.push(world.nowMs));
  }
  await world.advance(60_000);
  const wanted = Buffer.concat(Array.from({ length: count }, (_, at) => Buffer.alloc(100, at)));
  expect(pair.farEvents.received.equals(wanted)).toBe(true);
  return arrivedMs;
}

describe("a link", () => {
  test("without faults is as it was", async () => {
    const plain = await arrivals(1, 50, null);
    expect(await arrivals(1, 50, {})).toEqual(plain);
    expect(await arrivals(1, 50, { spikeChance: 0, resetChance: 0 })).toEqual(plain);
  });

  test("can have spikes: what is behind waits, nothing is lost", async () => {
    const plain = await arrivals(1, 200, null);
    const spiked = await arrivals(1, 200, { spikeChance: 0.1, spikeMs: { min: 50, max: 60 } });
    const late = spiked.filter((ms, at) => ms - plain[at]! > 5);
    expect(late.length).toBeGreaterThan(50);
    // Delays are drawn in another order when packets arrive later: a millisecond either way.
    expect(Math.max(...spiked.map((ms, at) => ms - plain[at]!))).toBeLessThanOrEqual(61);
  });

  test("can carry only so much", async () => {
    const arrivedMs = await arrivals(1, 50, { bytesPerMs: 10 });
    // 5,000 bytes at 10 a millisecond.
    expect(arrivedMs.at(-1)! - arrivedMs[0]!).toBeGreaterThan(480);
    expect(arrivedMs.at(-1)! - arrivedMs[0]!).toBeLessThan(500);
  });

  test("can have faults of its own, and the fabric's again", async () => {
    const { world, fabric, pair } = await connected(1);
    fabric.setFaults("a", "b", { spikeChance: 1, spikeMs: { min: 100, max: 100 } });
    const beganMs = world.nowMs;
    pair.far.write(Buffer.from("quick"));
    await world.settle(pair.nearEvents.until((it) => it.received.length === 5));
    expect(world.nowMs - beganMs).toBeLessThan(2);
    pair.near.write(Buffer.from("slow"));
    await world.settle(pair.farEvents.until((it) => it.received.length === 4));
    expect(world.nowMs - beganMs).toBeGreaterThan(100);
    fabric.setFaults("a", "b", null);
    const againMs = world.nowMs;
    pair.near.write(Buffer.from("quick"));
    await world.settle(pair.farEvents.until((it) => it.received.length === 9));
    expect(world.nowMs - againMs).toBeLessThan(2);
  });

  test("that is clogged holds everything, then floods", async () => {
    const { world, fabric, pair } = await connected(1);
    pair.near.write(Buffer.from("under way"));
    fabric.clog("a", "b", 500);
    fabric.clog("a", "b", 200);
    pair.far.write(Buffer.from("back"));
    for (let at = 0; at < 40; at++) {
      await world.advance(10);
      pair.near.write(Buffer.from("."));
    }
    expect(pair.farEvents.received.length).toBe(0);
    expect(pair.nearEvents.received.toString()).toBe("back");
    await world.advance(99);
    expect(pair.farEvents.received.length).toBe(0);
    await world.advance(3);
    expect(pair.farEvents.received.toString()).toBe(`under way${".".repeat(40)}`);
  });

  test("that is cut keeps the order of what was under way and what came later", async () => {
    const { world, fabric, pair } = await connected(1);
    fabric.setFaults("a", "b", { spikeChance: 1, spikeMs: { min: 5, max: 5 } });
    pair.near.write(Buffer.from("under way, "));
    await world.advance(1);
    pair.near.write(Buffer.from("behind it, "));
    await world.advance(1);
    fabric.cutOneWay("a", "b");
    pair.near.write(Buffer.from("after the cut"));
    await world.advance(50);
    expect(pair.farEvents.received.length).toBe(0);
    fabric.healAll();
    await world.advance(50);
    expect(pair.farEvents.received.toString()).toBe("under way, behind it, after the cut");
  });

  test("that is healed is not clogged any more, and stays so", async () => {
    const { world, fabric, pair } = await connected(1);
    fabric.clog("a", "b", 500);
    pair.near.write(Buffer.from("early"));
    await world.advance(10);
    fabric.healAll();
    await world.advance(10);
    expect(pair.farEvents.received.toString()).toBe("early");
    fabric.cutOneWay("a", "b");
    pair.near.write(Buffer.from("late"));
    await world.advance(1_000);
    expect(pair.farEvents.received.toString()).toBe("early");
  });

  test("resets a connection in the middle of a write: a first part of it arrives", async () => {
    const lengths = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const { world, fabric, pair } = await connected(seed);
      pair.near.write(Buffer.from("whole"));
      fabric.faults = { resetChance: 1 };
      pair.near.write(Buffer.from("abc"));
      pair.near.write(Buffer.from("never"));
      fabric.faults = null;
      await world.runUntilIdle();
      expect("wholeabc".startsWith(pair.farEvents.received.toString())).toBe(true);
      lengths.add(pair.farEvents.received.length - 5);
      for (const events of [pair.nearEvents, pair.farEvents]) {
        expect(events.closes).toHaveLength(1);
        expect(events.closes[0]).toMatchObject({ code: "ECONNRESET" });
      }
      expect(fabric.endpointCount).toBe(0);
    }
    expect(lengths).toEqual(new Set([0, 1, 2]));
  });

  test("to the host itself has no faults", async () => {
    const world = new SimWorld(1);
    const network = world.network("a");
    world.fabric.faults = { resetChance: 1, spikeChance: 1, bytesPerMs: 0.001 };
    world.fabric.cut("a", "a");
    world.fabric.clog("a", "a", 1_000);
    const far = new RecordingHandler();
    const listener = await network.listen("", 0, () => far);
    const dial = network.connect("localhost", listener.port, 500, () => new RecordingHandler());
    (await world.settle(dial)).write(Buffer.from("here"));
    await world.settle(far.until((it) => it.received.length === 4));
    expect(world.nowMs).toBeLessThan(1);
  });
});

const FIVE = ["a", "b", "c", "d", "e"];
const text = (ways: readonly Way[]): string => ways.map((way) => way.join("")).join(" ");

describe("patterns of cuts", () => {
  test.each([
    { name: "ring of three", ways: ring(["a", "b", "c"]), cut: "" },
    { name: "ring of four", ways: ring(["a", "b", "c", "d"]), cut: "ac bd ca db" },
    { name: "ring of five", ways: ring(FIVE), cut: "ac ad bd be ca ce da db eb ec" },
    { name: "bridge of three", ways: bridge(["a", "b", "c"], "b"), cut: "ac ca" },
    { name: "bridge of five", ways: bridge(FIVE, "e"), cut: "ac ad bc bd ca cb da db" },
    { name: "one alone", ways: isolate(["a", "b", "c"], "b"), cut: "ab ba bc cb" },
    { name: "one deaf", ways: isolate(["a", "b", "c"], "b", "in"), cut: "ab cb" },
    { name: "one mute", ways: isolate(["a", "b", "c"], "b", "out"), cut: "ba bc" },
  ])("$name", ({ ways, cut }) => {
    expect(text(ways)).toBe(cut);
    const { fabric } = new SimWorld(1);
    cutAll(fabric, ways);
    const found = allWays(FIVE).filter(([from, to]) => fabric.isCut(from, to));
    expect(text(found)).toBe(cut);
  });

  test("a swizzle cuts one by one, heals in another order, and leaves nothing cut", async () => {
    const orders = new Set<string>();
    for (let seed = 1; seed < 20; seed++) {
      const world = new SimWorld(seed);
      const { fabric } = world;
      const ways = allWays(FIVE);
      const count = swizzle(fabric, ways, new SimRandom(seed), 1_000);
      const cut = (): string => text(ways.filter(([from, to]) => fabric.isCut(from, to)));
      let most = 0;
      for (let ms = 0; ms <= 1_000; ms += 50) {
        await world.advance(50);
        most = Math.max(most, cut().split(" ").length);
        orders.add(cut());
      }
      expect(most).toBe(count);
      expect(cut()).toBe("");
    }
    expect(orders.size).toBeGreaterThan(100);
  });
});

describe("a host that is not there", () => {
  test("when suspended, what is sent to it arrives when it goes on", async () => {
    const { world, pair } = await connected(1);
    const host = world.host("b");
    pair.near.write(Buffer.from("one "));
    host.suspend();
    await world.advance(5_000);
    pair.near.write(Buffer.from("two"));
    const dial = world.network("a").connect("b", 1, 500, () => new RecordingHandler());
    await expect(world.settle(dial)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(pair.farEvents.received.length).toBe(0);
    host.resume();
    await world.advance(10);
    expect(pair.farEvents.received.toString()).toBe("one two");
    expect(pair.nearEvents.closes).toEqual([]);
  });

  test("a process that was killed under its own feet sends nothing more", async () => {
    const { world, pair } = await connected(1);
    const process = world.host("a").process!;
    process.kill();
    pair.near.write(Buffer.from("ghost"));
    pair.near.end();
    pair.near.destroy();
    let listens = 0;
    const { network } = process;
    void network.listen("", 17_000, () => null).then(() => listens++);
    void network.connect("b", 1, 500, () => new RecordingHandler()).catch(() => listens++);
    await world.runUntilIdle();
    expect(pair.farEvents.received.length).toBe(0);
    expect(pair.farEvents.closes).toHaveLength(1);
    expect([listens, world.fabric.listenerAt("a", 17_000)]).toEqual([0, null]);
  });

  test("a busy process sends when it is done", async () => {
    const { world, pair } = await connected(1);
    const beganMs = world.nowMs;
    world.host("a").process!.stall(100);
    pair.near.write(Buffer.from("one "));
    pair.near.write(Buffer.from("two"));
    await world.settle(pair.farEvents.until((it) => it.received.length === 7));
    expect(world.nowMs - beganMs).toBeGreaterThan(100);
    expect(pair.farEvents.received.toString()).toBe("one two");
  });
});
