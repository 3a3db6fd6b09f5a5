// Verdicts: which side of a bar a figure lies on, and what makes a figure worthless.
import { describe, expect, test } from "vitest";
import { failedFinding, makeFinding, verdictOf } from "./finding.ts";

describe("verdictOf", () => {
  const high = { must: 0.9, aim: 1.05 };
  const low = { must: 1.35, aim: 1.15 };
  test.each([
    { figure: 1.05, bar: high, better: "higher", is: "aim" },
    { figure: 1.04, bar: high, better: "higher", is: "ok" },
    { figure: 0.9, bar: high, better: "higher", is: "ok" },
    { figure: 0.899, bar: high, better: "higher", is: "MISS" },
    { figure: 1.15, bar: low, better: "lower", is: "aim" },
    { figure: 1.35, bar: low, better: "lower", is: "ok" },
    { figure: 1.36, bar: low, better: "lower", is: "MISS" },
    { figure: 0, bar: { must: 0, aim: 0 }, better: "lower", is: "aim" },
    { figure: 1, bar: { must: 0, aim: 0 }, better: "lower", is: "MISS" },
    { figure: null, bar: high, better: "higher", is: "-" },
    { figure: 1, bar: null, better: "higher", is: "-" },
  ] as const)("$figure, $better is better, must $bar.must: $is", ({ figure, bar, better, is }) => {
    expect(verdictOf(figure, bar, better)).toBe(is);
  });
});

describe("makeFinding", () => {
  const parts = {
    row: "r",
    title: "t",
    unit: "ops/s",
    better: "higher",
    judged: "ratio",
    kvorum: { name: "kvorum-relaxed", rounds: [100, 120, 90] },
    peer: { name: "redis-relaxed", rounds: [100, 100, 100] },
    bar: { must: 0.9, aim: 1.1 },
  } as const;

  test("takes the median of the rounds' ratios and shows their spread", () => {
    const { ratio, ratioSpread, verdict } = makeFinding(parts);
    expect({ ratio, ratioSpread, verdict }).toEqual({
      ratio: 1,
      ratioSpread: [0.9, 1.2],
      verdict: "ok",
    });
  });

  test("a problem fails it, however good the figure", () => {
    const finding = makeFinding({ ...parts, problems: ["7 wrong replies"] });
    expect(finding.verdict).toBe("FAILED");
    expect(finding.notes).toContain("7 wrong replies");
  });

  test.each([{ peer: null }, { kvorum: null }, { peer: { name: "p", rounds: [] } }])(
    "without both sides there is no ratio and no verdict: %j",
    (without) => {
      expect(makeFinding({ ...parts, ...without })).toMatchObject({ ratio: null, verdict: "-" });
    },
  );

  test("a bar for Kvorum's own figure does not look at the peer", () => {
    const own = { ...parts, judged: "value", better: "lower", bar: { must: 110, aim: 5 } } as const;
    expect(makeFinding(own).verdict).toBe("ok");
  });

  test("a row that failed as a whole says why", () => {
    const finding = failedFinding("r", "t", "s", "no disk");
    expect(finding).toMatchObject({ verdict: "FAILED", notes: ["no disk"] });
  });
});
