// Which faults of a failing seed matter.
import { describe, expect, test } from "vitest";
import { minimise } from "./minimise.ts";
import type { SeedReport } from "./play.ts";

/** A run with faults 1 to `count` that fails when all of `needed` happen. */
function replayOf(count: number, needed: readonly number[]) {
  return async (without: ReadonlySet<number>): Promise<SeedReport> => {
    const happened = Array.from({ length: count }, (_, at) => at + 1).filter(
      (n) => !without.has(n),
    );
    const fails = needed.every((number) => happened.includes(number));
    const finding = { rule: "disk is bounded", atMs: 1, text: "" } as const;
    return {
      seed: 1,
      commandsWanted: 1,
      nodes: 3,
      findings: fails ? [finding] : [],
      undecided: [],
      schedule: happened.map((number) => `0..1 ms #${number} something`),
      faults: [],
      simulatedMs: 0,
      wallMs: 0,
      commands: 0,
      events: 0,
      digest: "",
      looked: [],
      failpoints: [],
    };
  };
}

describe("minimise", () => {
  test.each([
    { count: 20, needed: [7] },
    { count: 20, needed: [3, 17] },
    { count: 1, needed: [1] },
    { count: 9, needed: [] },
  ])("of $count faults, $needed are left", async ({ count, needed }) => {
    const replay = replayOf(count, needed);
    const { report } = await minimise(await replay(new Set()), replay, 200);
    expect(report.findings).toHaveLength(1);
    expect(report.schedule).toEqual(needed.map((number) => `0..1 ms #${number} something`));
  });

  test("gives up after so many plays, with what it has", async () => {
    const replay = replayOf(100, [1, 50, 99]);
    const { plays, report } = await minimise(await replay(new Set()), replay, 5);
    expect(plays).toBe(5);
    expect(report.findings).toHaveLength(1);
  });
});
