// The fingerprint of a run: equal for equal runs, another one for any difference.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { sync, write } from "./disk-conformance.ts";
import { connectPair } from "./network-conformance.ts";
import { SimWorld } from "./sim-world.ts";
import { Trace, TraceKind } from "./trace.ts";

/** A short story with bytes on disk and wire, a fault and a crash. */
async function play(
  seed: number,
  trace: Trace | null,
  change: Partial<Record<"disk" | "wire", string>> = {},
): Promise<SimWorld> {
  const world = new SimWorld(seed);
  world.trace = trace;
  const { disk } = world.host("a").start();
  const file = await world.settle(disk.open("/f", { mode: "create" }));
  const onDisk = Buffer.from(change.disk ?? "disk");
  await world.settle(write(file, onDisk, 0, onDisk.length, 0));
  await world.settle(sync(file));
  const pair = await connectPair({
    server: world.network("b"),
    client: world.network("a"),
    host: "b",
    settle: (promise) => world.settle(promise),
  });
  pair.near.write(Buffer.from(change.wire ?? "wire"));
  await world.advance(100);
  world.fabric.cut("a", "b");
  world.host("b").powerCut();
  await world.advance(100);
  return world;
}

async function digestOf(seed: number, change = {}): Promise<string> {
  const trace = new Trace();
  await play(seed, trace, change);
  return trace.digest();
}

describe("a trace", () => {
  test("is the same for one seed, and 16 digits", async () => {
    const digest = await digestOf(1);
    expect(digest).toMatch(/^[0-9a-f]{16}$/);
    expect(await digestOf(1)).toBe(digest);
  });

  test.each([
    { name: "another seed", seed: 2, change: {} },
    { name: "another byte on disk", seed: 1, change: { disk: "dizk" } },
    { name: "another byte on the wire", seed: 1, change: { wire: "wise" } },
  ])("differs for $name", async ({ seed, change }) => {
    expect(await digestOf(seed, change)).not.toBe(await digestOf(1));
  });

  test("changes nothing by being there", async () => {
    const without = await play(1, null);
    const world = await play(1, new Trace());
    expect([world.nowMs, world.eventsRun]).toEqual([without.nowMs, without.eventsRun]);
    expect(world.random.uint32()).toBe(without.random.uint32());
  });

  test("tells the story to those who want to read it", async () => {
    const lines: string[] = [];
    const trace = new Trace((line) => lines.push(line));
    await play(1, trace);
    expect(trace.digest()).toBe(await digestOf(1));
    const story = lines.map((line) => line.replace(/^[\d.]+ /, "")).join("\n");
    for (const part of [
      "a write /f 0 4 bytes",
      "a sync /f",
      "fault cut: a to b",
      "fault cut: b to a",
      "b power cut",
    ]) {
      expect(story).toContain(part);
    }
    expect(story).toMatch(/a:\d+ to b:\d+ data \d bytes/);
    expect(lines.every((line) => /^\d+\.\d{3} /.test(line))).toBe(true);
  });

  test("depends on each number and on their order", () => {
    const digests = new Set<string>();
    for (let a = 0; a < 20; a++) {
      for (let b = 0; b < 20; b++) {
        for (const kind of Object.values(TraceKind)) {
          const trace = new Trace();
          trace.mix(kind, a, b);
          trace.mix(kind, 1, 2);
          digests.add(trace.digest());
        }
      }
    }
    expect(digests.size).toBe(20 * 20 * Object.keys(TraceKind).length);
    const [one, other] = [new Trace(), new Trace()];
    one.mix(1, 1, 1);
    one.mix(1, 2, 2);
    other.mix(1, 2, 2);
    other.mix(1, 1, 1);
    expect(one.digest()).not.toBe(other.digest());
  });
});
