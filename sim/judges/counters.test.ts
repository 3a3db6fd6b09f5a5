// Named histories of one counter: which are fine, and what is said of the others.
import { describe, expect, test } from "vitest";
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { judgeCounters, type CounterOperation } from "./counters.ts";

/** Reads lines such as `0..5 increment 1`, `0..5 read nil`, `0..5 increment unknown`. */
function parse(lines: readonly string[]): CounterOperation[] {
  return lines.map((line, place) => {
    const [times = "", kind, end = ""] = line.split(" ");
    const [invokedAt = 0, returnedAt = 0] = times.split("..").map(Number);
    const outcome = end === "unknown" || end === "failed" ? end : "ok";
    return {
      client: place,
      invokedAt,
      returnedAt: outcome === "ok" ? returnedAt : Infinity,
      keys: ["n"],
      action: { kind: kind as "read" },
      outcome,
      reply: outcome !== "ok" || end === "nil" ? null : Number(end),
    };
  });
}

interface Case {
  readonly name: string;
  readonly history: readonly string[];
  readonly final?: number;
  readonly rules: readonly string[];
}

const CASES: Case[] = [
  { name: "nothing", history: [], rules: [] },
  {
    name: "increments and reads in order",
    history: ["0..1 read nil", "2..3 increment 1", "4..5 read 1", "6..7 increment 2"],
    final: 2,
    rules: [],
  },
  { name: "concurrent increments", history: ["0..9 increment 2", "0..9 increment 1"], rules: [] },
  {
    name: "an unknown increment that happened",
    history: ["0..1 increment unknown", "2..3 increment 2"],
    final: 2,
    rules: [],
  },
  {
    name: "an unknown increment that did not",
    history: ["0..1 increment unknown", "2..3 increment 1"],
    final: 1,
    rules: [],
  },
  {
    name: "one value twice",
    history: ["0..9 increment 1", "0..9 increment 1"],
    rules: ["two increments gave one value"],
  },
  {
    name: "a read goes back",
    history: ["0..9 increment 1", "1..2 read 1", "3..4 read nil"],
    rules: ["counter went back"],
  },
  {
    name: "an increment repeats what a read had shown",
    history: ["0..20 increment 2", "0..1 increment unknown", "2..3 read 2", "4..5 increment 2"],
    rules: ["two increments gave one value", "counter went back"],
  },
  {
    name: "an acknowledged increment is not seen",
    history: ["0..1 increment 1", "0..1 increment 1", "2..3 read 1"],
    rules: ["two increments gave one value", "increment lost"],
  },
  {
    name: "more than was sent",
    history: ["0..1 increment 1", "2..3 read 2"],
    rules: ["increment happened twice"],
  },
  {
    name: "a failed increment that counted",
    history: ["0..1 increment failed", "2..3 read 1"],
    rules: ["increment happened twice"],
  },
  {
    name: "too little in the end",
    history: ["0..1 increment 1"],
    final: 0,
    rules: ["increment lost"],
  },
  {
    name: "too much in the end",
    history: ["0..1 increment 1", "0..1 increment unknown"],
    final: 3,
    rules: ["increment happened twice"],
  },
];

describe("judgeCounters", () => {
  test.each(CASES)("$name", ({ history, final, rules }) => {
    const finals = new Map(final === undefined ? [] : [["n", final]]);
    const { findings, checkedCount } = judgeCounters(parse(history), finals);
    expect(findings.map(({ rule }) => rule)).toEqual(rules);
    expect(checkedCount).toBe(history.length);
  });

  test("long runs of a true counter are fine, and one value off is not", () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new SimRandom(seed);
      let value = 0;
      const history = Array.from({ length: 1_000 }, (_, place): CounterOperation => {
        const kind = random.chance(0.6) ? "increment" : "read";
        const isUnknown = random.chance(0.05);
        if (kind === "increment" && !(isUnknown && random.chance(0.5))) value++;
        return {
          client: 0,
          invokedAt: place - random.fraction() * 5,
          returnedAt: isUnknown ? Infinity : place + random.fraction() * 5,
          keys: ["n"],
          action: { kind },
          outcome: isUnknown ? "unknown" : "ok",
          reply: isUnknown ? null : value,
        };
      });
      const finals = new Map([["n", value]]);
      expect(judgeCounters(history, finals).findings).toEqual([]);
      const victims = history.filter(({ reply }) => reply !== null && reply > 50);
      const victim = victims[random.between(0, victims.length - 1)]!;
      const wrong = Object.assign({}, victim, { reply: victim.reply! - 20 });
      const mutated = history.map((one) => (one === victim ? wrong : one));
      expect(judgeCounters(mutated, finals).findings).not.toEqual([]);
    }
  });
});
