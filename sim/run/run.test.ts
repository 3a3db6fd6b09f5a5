// Runs replay from their seeds.
import { describe, expect, test } from "vitest";
import { playSeed } from "./play.ts";
import { drawPlan } from "./plan.ts";

const COMMANDS = 150;

describe("a run", () => {
  test.each([1, 2, 3, 4, 5])("of seed %i gives the same digest twice", async (seed) => {
    const first = await playSeed(seed, COMMANDS);
    const second = await playSeed(seed, COMMANDS);
    expect(second.digest).toBe(first.digest);
    expect(second.schedule).toEqual(first.schedule);
    expect(first.findings).toEqual([]);
    expect(first.commands).toBeGreaterThanOrEqual(COMMANDS / 10);
  });

  test("of another seed is another run", async () => {
    const digests = await Promise.all([11, 12].map((seed) => playSeed(seed, COMMANDS)));
    expect(digests[0]!.digest).not.toBe(digests[1]!.digest);
  });

  test("is drawn from the seed alone", () => {
    expect(drawPlan(9, COMMANDS)).toEqual(drawPlan(9, COMMANDS));
  });
});
