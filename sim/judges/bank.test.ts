// Looks at a bank of three accounts with 30 in all.
import { describe, expect, test } from "vitest";
import { judgeBank, type BankOperation } from "./bank.ts";

const RULES = { accountCount: 3, total: 30, mayOverdraw: false };

function read(reply: BankOperation["reply"], outcome: BankOperation["outcome"] = "ok") {
  const action = { kind: "read" } as const;
  return { client: 1, invokedAt: 0, returnedAt: 1, keys: ["a", "b", "c"], action, outcome, reply };
}

const transfer: BankOperation = {
  client: 2,
  invokedAt: 0,
  returnedAt: Infinity,
  keys: ["a", "b"],
  action: { kind: "transfer", amount: 5 },
  outcome: "unknown",
  reply: null,
};

describe("judgeBank", () => {
  test.each([
    { name: "the sum at the start", reply: [10, 10, 10], rules: [] },
    { name: "the sum after transfers", reply: [0, 25, 5], rules: [] },
    { name: "money lost", reply: [10, 5, 10], rules: ["sum is not 30"] },
    { name: "money made", reply: [10, 15, 10], rules: ["sum is not 30"] },
    { name: "an account overdrawn", reply: [-5, 25, 10], rules: ["account overdrawn"] },
    { name: "an account gone", reply: [20, null, 10], rules: ["account missing"] },
    { name: "fewer accounts than there are", reply: [20, 10], rules: ["account missing"] },
  ])("$name", ({ reply, rules }) => {
    const { findings, checkedCount } = judgeBank([transfer, read(reply)], RULES);
    expect(findings.map(({ rule }) => rule)).toEqual(rules);
    expect(checkedCount).toBe(1);
  });

  test("overdrawn accounts may be allowed", () => {
    expect(judgeBank([read([-5, 25, 10])], { ...RULES, mayOverdraw: true }).findings).toEqual([]);
  });

  test("reads without a reply are not judged, and counted as such", () => {
    const { findings, checkedCount } = judgeBank([read(null, "unknown"), transfer], RULES);
    expect({ findings, checkedCount }).toEqual({ findings: [], checkedCount: 0 });
  });

  test("a finding shows the read", () => {
    expect(judgeBank([read([1, 2, 3])], RULES).findings[0]!.text).toBe(
      "c1 0..1 read a b c -> [1 2 3]",
    );
  });
});
