// Promise callbacks between events: they take no virtual time, however many follow each other.
import { describe, expect, test } from "vitest";
import { SimWorld } from "./sim-world.ts";

/** A chain of promises, each made when the one before has settled. */
async function chain(length: number): Promise<number> {
  let done = 0;
  for (; done < length; done++) await Promise.resolve(done);
  return done;
}

describe("running a world", () => {
  test.each([1, 2, 10, 1_000])(
    "lets %i promises in a row settle within one event",
    async (count) => {
      const world = new SimWorld(1);
      const doneMs: number[] = [];
      for (const atMs of [1, 2, 3]) {
        world.schedule(atMs, () => void chain(count).then(() => doneMs.push(world.nowMs)));
      }
      await world.runUntilIdle();
      expect(doneMs).toEqual([1, 2, 3]);
    },
  );

  test.each([
    { name: "made before the run", make: (): Promise<number> => chain(20) },
    {
      name: "settled by a callback that makes none itself",
      make: (world: SimWorld) =>
        new Promise<number>((resolve) => void world.schedule(1, () => resolve(20))).then(chain),
    },
    { name: "of a promise of a promise", make: async () => chain((await chain(20)) && 20) },
    {
      name: "that were rejected",
      make: () => Promise.reject(new Error("no")).catch(() => chain(20)),
    },
  ])("runs callbacks of promises $name", async ({ make }) => {
    const world = new SimWorld(1);
    let done = 0;
    let doneMs = 0;
    void make(world).then((count) => {
      done = count;
      doneMs = world.nowMs;
      return null;
    });
    world.schedule(1, () => {});
    world.schedule(2, () => {});
    await world.runUntilIdle();
    expect(done).toBe(20);
    expect(doneMs).toBeLessThan(2);
  });

  test("stops where it is told to, between two events", async () => {
    const world = new SimWorld(1);
    const ran: number[] = [];
    for (const atMs of [1, 2, 3]) world.schedule(atMs, () => ran.push(atMs));
    expect(await world.runUntil(() => ran.length === 2)).toBe(true);
    expect([ran, world.nowMs]).toEqual([[1, 2], 2]);
    expect(await world.runUntil(() => false, 0.5)).toBe(false);
    expect(await world.runUntil(() => false)).toBe(false);
    expect(ran).toEqual([1, 2, 3]);
  });

  test("throws what an event throws", async () => {
    const world = new SimWorld(1);
    world.schedule(1, () => {
      throw new Error("a bug");
    });
    await expect(world.advance(2)).rejects.toThrow("a bug");
    world.schedule(0, () => {});
    await world.advance(2);
    expect(world.nowMs).toBe(3);
  });

  test("gives the real loop a turn now and then", async () => {
    const world = new SimWorld(1);
    let turns = 0;
    const turn = (): void => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    for (let at = 0; at < 10_000; at++) world.schedule(at, () => {});
    await world.runUntilIdle();
    clearImmediate(next);
    expect(turns).toBeGreaterThan(2);
  });
});
