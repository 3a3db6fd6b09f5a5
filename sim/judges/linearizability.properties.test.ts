// The search against its definition on small histories, and against runs of a real (small) server.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { forgetOutcome } from "./history.ts";
import { judgeLinearizability } from "./linearizability.ts";
import { explain } from "./minimise.ts";
import { search } from "./search.ts";
import {
  setAction,
  type StringAction,
  type StringOperation,
  type StringReply,
} from "./string-actions.ts";
import { stringModel } from "./string-model.ts";
import { isLinearizableByTrying } from "./testing/brute-force.ts";
import { randomHistory, USUAL_NAMES, type RunShape } from "./testing/random-strings.ts";

const model = stringModel({ shardClockErrorMs: 2, skewMs: 0 });

interface Drawn {
  readonly action: StringAction;
  readonly reply: StringReply;
}

const value = fc.constantFrom("1", "2");
const READ = fc.record({
  action: fc.constant({ name: "GET" } as const),
  reply: fc.option(fc.constantFrom("1", "2", "3", "4")),
});
const REGISTER: fc.Arbitrary<Drawn> = fc.oneof(
  READ,
  value.map((text) => ({ action: setAction(text), reply: "OK" })),
);
const COUNTER: fc.Arbitrary<Drawn> = fc.oneof(
  READ,
  fc
    .integer({ min: 1, max: 4 })
    .map((reply) => ({ action: { name: "INCRBY", delta: 1 } as const, reply })),
);
const COMPARE_AND_SET: fc.Arbitrary<Drawn> = fc.oneof(
  READ,
  fc.record({
    action: fc.record({
      name: fc.constant("compare-and-set" as const),
      expected: fc.option(value),
      value,
    }),
    reply: fc.constantFrom(1, null),
  }),
);
const EXPIRING: fc.Arbitrary<Drawn> = fc.oneof(
  READ,
  fc.record({
    action: fc
      .tuple(value, fc.integer({ min: 0, max: 12 }))
      .map(([text, ms]) => setAction(text, { expiry: { kind: "after", ms } })),
    reply: fc.constant("OK"),
  }),
  fc.record({
    action: fc.constant(setAction("3", { onlyIf: "absent" })),
    reply: fc.constantFrom("OK", null),
  }),
);

/** Up to six operations at small whole times, each by a client of its own. */
function historyOf(drawn: fc.Arbitrary<Drawn>): fc.Arbitrary<StringOperation[]> {
  const operation = fc
    .record({
      one: drawn,
      invokedAt: fc.integer({ min: 0, max: 12 }),
      lasts: fc.integer({ min: 0, max: 6 }),
      outcome: fc.constantFrom("ok", "ok", "ok", "unknown", "failed"),
    })
    .map(({ one, invokedAt, lasts, outcome }) => ({
      client: 0,
      invokedAt,
      returnedAt: outcome === "ok" ? invokedAt + lasts : Infinity,
      keys: ["k"],
      action: one.action,
      outcome,
      reply: outcome === "ok" ? one.reply : null,
    }));
  return fc.array(operation, { minLength: 1, maxLength: 6 });
}

describe("the search finds an order exactly when there is one", () => {
  test.each([
    { name: "register", drawn: REGISTER },
    { name: "counter", drawn: COUNTER },
    { name: "compare-and-set", drawn: COMPARE_AND_SET },
    { name: "expiry", drawn: EXPIRING },
    { name: "all together", drawn: fc.oneof(REGISTER, COUNTER, COMPARE_AND_SET, EXPIRING) },
  ])("$name", ({ drawn }) => {
    const seen = { true: 0, false: 0 };
    fc.assert(
      fc.property(historyOf(drawn), (history) => {
        const expected = isLinearizableByTrying(history, model);
        seen[`${expected}`]++;
        const { verdict } = search(history, model, 1e6);
        expect(verdict).toBe(expected ? "linearizable" : "violation");
        if (!expected) checkExplanation(history);
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(100);
  });
});

/** Up to the culprit's return all is well, and no more. */
function checkExplanation(history: readonly StringOperation[]): void {
  const { core, culprit } = explain(history, model, 1e6);
  expect(core).toContain(culprit);
  const { returnedAt } = culprit;
  const begun = history.filter(({ invokedAt }) => invokedAt <= returnedAt);
  const cut = (isKept: (one: StringOperation) => boolean): StringOperation[] =>
    begun.map((one) => (one.outcome !== "ok" || isKept(one) ? one : forgetOutcome(one)));
  const before = cut((one) => one.returnedAt < returnedAt);
  const until = cut((one) => one.returnedAt <= returnedAt);
  expect([before, until].map((part) => isLinearizableByTrying(part, model))).toEqual([true, false]);
}

const CLOCK_ERROR_MS = 20;

function shapeOf(names: RunShape["names"], unknownShare: number): RunShape {
  const [operationCount, clientCount, expiryShare] = [1_000, 6, 0.3];
  const clockErrorMs = CLOCK_ERROR_MS;
  return { names, unknownShare, operationCount, clientCount, clockErrorMs, expiryShare };
}

const SHAPES: { readonly name: string; readonly shape: RunShape }[] = [
  { name: "usual commands", shape: shapeOf(USUAL_NAMES, 0.02) },
  { name: "a counter", shape: shapeOf(["INCRBY", "INCRBY", "GET"], 0.02) },
  { name: "a register", shape: shapeOf(["SET", "GET"], 0.02) },
  { name: "compare-and-set", shape: shapeOf(["compare-and-set", "GET"], 0.1) },
];
const serverModel = stringModel({ shardClockErrorMs: CLOCK_ERROR_MS });

describe("runs of a server", () => {
  test.each(SHAPES)("are linearizable: $name", ({ shape }) => {
    for (let seed = 0; seed < 20; seed++) {
      const history = randomHistory(new SimRandom(seed), shape);
      const { findings, undecided } = judgeLinearizability(history, serverModel);
      expect({ seed, findings, undecided }).toEqual({ seed, findings: [], undecided: [] });
    }
  });

  test.each(SHAPES)("with one stale read are mostly found out: $name", ({ shape }) => {
    const seen = { madeStale: 0, found: 0 };
    for (let seed = 0; seed < 20; seed++) {
      const random = new SimRandom(seed);
      const history = makeStale(random, randomHistory(random, { ...shape, operationCount: 400 }));
      if (history === null) continue;
      seen.madeStale++;
      const { findings } = judgeLinearizability(history, serverModel, { explainedKeysMax: 0 });
      seen.found += findings.length;
    }
    expect(seen.madeStale).toBeGreaterThanOrEqual(8);
    expect(seen.found).toBeGreaterThan(0.8 * seen.madeStale);
  });
});

/** Changes the reply of one late read to that of one long before it; null when there is none. */
function makeStale(random: SimRandom, history: StringOperation[]): StringOperation[] | null {
  const reads = history.filter(({ action, outcome }) => action.name === "GET" && outcome === "ok");
  const late = reads[random.between(reads.length >> 1, reads.length - 1)]!;
  const replies = reads
    .filter(({ returnedAt, reply }) => returnedAt < late.invokedAt - 100 && reply !== null)
    .map(({ reply }) => reply)
    .filter((reply) => reply !== late.reply);
  const reply = replies[random.between(0, replies.length - 1)];
  if (reply === undefined) return null;
  return history.map((one) => (one === late ? { ...one, reply } : one));
}
