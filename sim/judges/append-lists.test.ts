// Named histories of transactions on lists, small random ones against the definition, long ones.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { judgeAppendLists } from "./append-lists.ts";
import type { Transaction } from "./list-transactions.ts";
import {
  isSerializableByTrying,
  parseTransactions,
  randomTransactions,
} from "./testing/list-histories.ts";

interface Case {
  readonly name: string;
  readonly history: readonly string[];
}

const FINE: Case[] = [
  { name: "nothing", history: [] },
  {
    name: "appends in order, seen later",
    history: [
      "1 0..1 append x 1",
      "2 2..3 append x 2, append y 3",
      "3 4..5 read x [1 2], read y [3]",
    ],
  },
  {
    name: "a concurrent reader sees the list before or after",
    history: ["1 0..9 append x 1, append x 2", "2 1..2 read x []", "3 3..4 read x [1 2]"],
  },
  {
    name: "a transaction sees its own appends",
    history: ["1 0..1 append x 1, read x [1], append x 2, read x [1 2]"],
  },
  {
    name: "an unknown transaction that nobody saw",
    history: ["1 0..1 append x 1 unknown", "2 2..3 read x []"],
  },
  {
    name: "an unknown transaction that is seen late",
    history: ["1 0..1 append x 1 unknown", "2 2..3 read x []", "2 4..5 read x [1]"],
  },
  { name: "an append that nobody read", history: ["1 0..1 read x []", "1 2..3 append x 1"] },
  {
    name: "one writer who read the list before its own unseen append",
    history: ["1 0..1 read x [], append x 1"],
  },
];

const WRONG: (Case & { readonly rules: readonly string[] })[] = [
  {
    name: "two reads that do not fit together",
    history: ["1 0..9 append x 1", "2 0..9 append x 2", "3 0..9 read x [1]", "4 0..9 read x [2 1]"],
    rules: ["incompatible order"],
  },
  {
    name: "an element twice",
    history: ["1 0..1 append x 1", "2 2..3 read x [1 1]"],
    rules: ["duplicate element"],
  },
  {
    name: "an element nobody appended",
    history: ["2 2..3 read x [1]"],
    rules: ["element from nowhere"],
  },
  {
    name: "an aborted read",
    history: ["1 0..1 append x 1 failed", "2 2..3 read x [1]"],
    rules: ["G1a"],
  },
  {
    name: "an intermediate read",
    history: ["1 0..9 append x 1, append x 2", "2 0..9 read x [1]"],
    rules: ["G1b", "G-single"],
  },
  {
    name: "a transaction seen without its beginning",
    history: ["1 0..9 append x 1, append x 2", "2 0..9 read x [2]"],
    rules: ["torn transaction"],
  },
  {
    name: "an own append that is not seen",
    history: ["1 0..9 append x 1, read x []"],
    rules: ["internal"],
  },
  {
    name: "an own append that is seen before it is made",
    history: ["1 0..9 read x [1], append x 1"],
    rules: ["internal"],
  },
  {
    name: "two reads of one transaction that differ",
    history: ["1 0..9 read x [], read x [1]", "2 0..9 append x 1"],
    rules: ["internal"],
  },
  {
    name: "an acknowledged element lost",
    history: ["1 0..1 append x 1", "2 2..3 append x 2", "3 4..5 read x [2]"],
    rules: ["lost element", "G0-realtime"],
  },
  {
    name: "G0: writes of two transactions interleaved",
    history: [
      "1 0..9 append x 1, append y 2",
      "2 0..9 append x 3, append y 4",
      "3 10..11 read x [1 3], read y [4 2]",
    ],
    rules: ["G0"],
  },
  {
    name: "G1c: each saw the other",
    history: ["1 0..9 append x 1, read y [2]", "2 0..9 append y 2, read x [1]"],
    rules: ["G1c"],
  },
  {
    name: "G-single: a reader saw half of a transaction",
    history: ["1 0..9 append x 1, append y 2", "2 0..9 read x [1], read y []"],
    rules: ["G-single"],
  },
  {
    name: "a lost update, seen",
    history: [
      "1 0..9 read x [], append x 1",
      "2 0..9 read x [], append x 2",
      "3 10..11 read x [1 2]",
    ],
    rules: ["G-single"],
  },
  {
    name: "a lost update that nobody saw",
    history: ["1 0..9 read x [], append x 1", "2 0..9 read x [], append x 2"],
    rules: ["G2"],
  },
  {
    name: "G2: write skew",
    history: ["1 0..9 read y [], append x 1", "2 0..9 read x [], append y 2"],
    rules: ["G2"],
  },
  {
    name: "a stale read",
    history: ["1 0..1 append x 1", "2 2..3 read x []", "2 4..5 read x [1]"],
    rules: ["G-single-realtime"],
  },
  {
    name: "an append that came before it was invoked",
    history: ["1 0..1 read x [1]", "2 2..3 append x 1"],
    rules: ["G1c-realtime"],
  },
  {
    name: "writes in the order opposite to time",
    history: ["1 0..1 append x 1", "2 2..3 append x 2", "3 0..9 read x [2 1]"],
    rules: ["G0-realtime"],
  },
];

describe("judgeAppendLists", () => {
  test.each(FINE)("fine: $name", ({ history }) => {
    const transactions = parseTransactions(history);
    expect(judgeAppendLists(transactions).findings).toEqual([]);
    expect(isSerializableByTrying(transactions)).toBe(true);
  });

  test.each(WRONG)("wrong: $name", ({ history, rules }) => {
    const transactions = parseTransactions(history);
    expect(judgeAppendLists(transactions).findings.map(({ rule }) => rule)).toEqual(rules);
    expect(isSerializableByTrying(transactions)).toBe(false);
  });

  test("tells a cycle by its transactions and their reasons", () => {
    const history = parseTransactions([
      "1 0..4 append x 1, append y 2",
      "2 0..5 read x [1], read y []",
      "3 6..7 read y [2]",
    ]);
    expect(judgeAppendLists(history).findings[0]!.text.split("\n")).toEqual([
      "a cycle:",
      "  T1: c2 0..5 read x [1], read y [] -> ok",
      "  T2: c1 0..4 append x 1, append y 2 -> ok",
      "  T1 is before T2: T1 did not see T2's 2 in y (rw)",
      "  T2 is before T1: T1 saw T2's 1 in x (wr)",
    ]);
  });

  test("an element appended twice is a fault of the load", () => {
    const history = parseTransactions(["1 0..1 append x 1", "2 0..1 append x 1"]);
    expect(() => judgeAppendLists(history)).toThrow("once in a run");
  });
});

/** Up to five transactions over two lists, replies drawn from what appends could give. */
const SMALL_HISTORY = fc.infiniteStream(fc.nat()).map((chance) => {
  const draw = (count: number): number => chance.next().value % count;
  const shape = {
    transactionCount: 2 + draw(4),
    clientCount: 1 + draw(5),
    keyCount: 2,
    stepsMax: 3,
    unknownShare: 0.3,
  };
  const history = randomTransactions(new SimRandom(draw(2 ** 31)), shape);
  return history.map((one) => mutate(one, draw));
});

/** Changes times, outcome or a reply of some transactions. */
function mutate(one: Transaction, draw: (count: number) => number): Transaction {
  const kind = draw(8);
  const [invokedAt, outcome] = [one.invokedAt, one.outcome];
  if (outcome !== "ok") return one;
  if (kind === 0) return Object.assign({}, one, { returnedAt: invokedAt + 0.01 });
  if (kind === 1) return Object.assign({}, one, { outcome: "failed", reply: null });
  if (kind > 3) return one;
  const reply = one.reply!.map((list) => {
    if (list === null || list.length === 0) return list;
    return kind === 2 ? list.slice(0, draw(list.length)) : list.toReversed();
  });
  return Object.assign({}, one, { reply });
}

test("finds something exactly when no order explains a small history", () => {
  const seen = { true: 0, false: 0 };
  fc.assert(
    fc.property(SMALL_HISTORY, (history) => {
      const expected = isSerializableByTrying(history);
      seen[`${expected}`]++;
      expect(judgeAppendLists(history).findings.length === 0).toBe(expected);
    }),
    { numRuns: 8_000 },
  );
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(1_000);
});

const LONG = {
  transactionCount: 2_000,
  clientCount: 8,
  keyCount: 5,
  stepsMax: 4,
  unknownShare: 0.05,
};

test("finds nothing in long runs, and something when one reply is cut short", () => {
  let foundCount = 0;
  for (let seed = 0; seed < 10; seed++) {
    const random = new SimRandom(seed);
    const history = randomTransactions(random, LONG);
    expect({ seed, findings: judgeAppendLists(history).findings }).toEqual({ seed, findings: [] });
    const victims = history.filter(({ reply }) => reply?.some((list) => (list?.length ?? 0) > 3));
    const victim = victims[random.between(0, victims.length - 1)]!;
    const reply = victim.reply!.map((list) => list?.slice(0, -3) ?? null);
    const cut = history.map((one) => (one === victim ? Object.assign({}, one, { reply }) : one));
    if (judgeAppendLists(cut).findings.length > 0) foundCount++;
  }
  expect(foundCount).toBeGreaterThanOrEqual(9);
});
