// Damage to the files of a machine that is down: each kind does what it says, and says where.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { DAMAGE_KINDS } from "./disk-damage.ts";
import { SimRandom } from "./sim-random.ts";
import { SimWorld } from "./sim-world.ts";

const SECTOR = 512;
/** A data directory as a node leaves it: 16 sectors of log of which three are used. */
const FILES: Readonly<Record<string, Buffer>> = {
  "/data/kvorum.json": Buffer.from(`{"format":1}`),
  "/data/run.json": Buffer.from(`{"run":1}`),
  "/data/addresses.json": Buffer.from("{}"),
  "/data/log/wal-00000001.log": Buffer.concat([
    ...["a", "b", "c"].map((letter) => Buffer.alloc(SECTOR, letter)),
    Buffer.alloc(13 * SECTOR),
  ]),
  "/data/snapshots/shard-1/1-1.snap": Buffer.from(
    Array.from({ length: 3000 }, (_, at) => at ^ (at >> 8)),
  ),
};

function machine(seed: number) {
  const world = new SimWorld(seed);
  const host = world.host("a");
  for (const [path, bytes] of Object.entries(FILES)) {
    host.storage.names.makeDirectory(path.slice(0, path.lastIndexOf("/")));
    host.storage.place(path, bytes);
  }
  return { world, host, storage: host.storage };
}

/** First and last byte that differ; null when none does. */
function difference(before: Buffer, after: Buffer): [number, number] | null {
  const places = Array.from({ length: Math.max(before.length, after.length) }, (_, at) => at);
  const differing = places.filter((at) => before[at] !== after[at]);
  return differing.length === 0 ? null : [differing[0]!, differing.at(-1)!];
}

describe("damage", () => {
  const cases = DAMAGE_KINDS.flatMap((kind) => Object.keys(FILES).map((path) => ({ kind, path })));
  test.each(cases)("$kind of $path is where it says, and nowhere else", ({ kind, path }) => {
    let done = 0;
    for (let seed = 0; seed < 30; seed++) {
      const { storage, world } = machine(seed);
      storage.remember();
      const before = Buffer.concat([FILES[path]!, Buffer.from("x")]);
      storage.place(path, before);
      const damage = storage.damage(new SimRandom(seed), kind, (each) => each === path);
      if (damage === null) continue;
      done++;
      expect([damage.kind, damage.path]).toEqual([kind, path]);
      expect(world.faultCounts.get(kind)).toBe(1);
      storage.crash();
      for (const [other, bytes] of Object.entries(FILES).filter(([each]) => each !== path)) {
        expect(storage.contents(other).equals(bytes)).toBe(true);
      }
      const after = storage.names.has(path) ? storage.contents(path) : Buffer.alloc(0);
      const [first, last] = difference(before, after)!;
      expect(first).toBeGreaterThanOrEqual(damage.position);
      expect(last).toBeLessThan(damage.position + damage.length);
    }
    const isTooSmall = kind === "swappedSectors" && FILES[path]!.length < 2 * SECTOR;
    expect(done > 0).toBe(!isTooSmall);
  });

  test("hits bytes that mean something, mostly", () => {
    let used = 0;
    for (let seed = 0; seed < 200; seed++) {
      const { storage } = machine(seed);
      const damage = storage.damage(new SimRandom(seed), "bitFlip", (path) =>
        path.endsWith("log"),
      )!;
      if (damage.position < 3 * SECTOR) used++;
    }
    expect(used).toBeGreaterThan(130);
    expect(used).toBeLessThan(190);
  });

  test("one seed damages one place", () => {
    const texts = [7, 7, 8].map((seed) => {
      const { storage } = machine(1);
      return storage.damage(new SimRandom(seed), "bitFlip")!.text;
    });
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).not.toBe(texts[2]);
  });

  test("nothing is done where nothing fits", () => {
    const { storage } = machine(1);
    const random = new SimRandom(1);
    expect(storage.damage(random, "bitFlip", () => false)).toBeNull();
    expect(storage.damage(random, "staleCopy")).toBeNull();
    storage.remember();
    expect(storage.damage(random, "staleCopy")).toBeNull();
    storage.place("/data/run.json", Buffer.from("new"));
    expect(storage.damage(random, "staleCopy")?.path).toBe("/data/run.json");
    expect(storage.contents("/data/run.json").equals(FILES["/data/run.json"]!)).toBe(true);
  });
});
