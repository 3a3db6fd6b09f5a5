// Named histories of one string key: which are linearizable, which are not, and what is said then.
import { describe, expect, test } from "vitest";
import { judgeLinearizability } from "./linearizability.ts";
import { stringModel } from "./string-model.ts";
import { parseHistory } from "./testing/string-histories.ts";

interface Case {
  readonly name: string;
  readonly history: readonly string[];
}

const model = stringModel({ shardClockErrorMs: 100, skewMs: 0 });

function judge(history: readonly string[], stepsMax = 100_000) {
  return judgeLinearizability(parseHistory(history), model, { stepsMax });
}

const LINEARIZABLE: Case[] = [
  { name: "nothing", history: [] },
  { name: "a key never set is nil", history: ["1 0..1 GET -> nil"] },
  { name: "a write, then its value", history: ["1 0..1 SET a -> OK", "2 2..3 GET -> a"] },
  {
    name: "a concurrent read sees the value before or after",
    history: ["1 0..9 SET a -> OK", "2 1..2 GET -> nil", "3 3..4 GET -> a"],
  },
  {
    name: "operations that touch at one instant are concurrent",
    history: ["1 0..5 SET a -> OK", "2 5..6 GET -> nil"],
  },
  {
    name: "concurrent writes in either order",
    history: ["1 0..9 SET a -> OK", "2 0..9 SET b -> OK", "3 10..11 GET -> a"],
  },
  {
    name: "an unknown write may never happen",
    history: ["1 0..5 SET a unknown", "2 6..7 GET -> nil", "2 8..9 GET -> nil"],
  },
  {
    name: "an unknown write may happen late",
    history: ["1 0..5 SET a unknown", "2 6..7 GET -> nil", "2 8..9 GET -> a"],
  },
  {
    name: "an unknown write may happen between two others",
    history: [
      "1 0..1 SET a unknown",
      "2 2..3 SET b -> OK",
      "2 4..5 GET -> a",
      "2 6..7 SET c -> OK",
      "2 8..9 GET -> c",
    ],
  },
  {
    name: "of many unknown increments, three happened",
    history: [
      ...Array.from(
        { length: 30 },
        (_, place) => `${place} ${place}..${place + 1} INCRBY 1 unknown`,
      ),
      "90 100..101 GET -> 2",
      "90 102..103 INCRBY 1 -> 4",
    ],
  },
  {
    name: "of many unknown writes, two are seen",
    history: [
      ...Array.from(
        { length: 30 },
        (_, place) => `${place} ${place}..${place + 1} SET v${place} unknown`,
      ),
      "90 100..101 GET -> v20",
      "90 102..103 GET -> v3",
      "90 104..105 SET x -> OK",
      "90 106..107 GET -> x",
    ],
  },
  {
    name: "a failed write is not looked for",
    history: ["1 0..1 SET a failed", "1 2..3 GET -> nil"],
  },
  {
    name: "SET NX wins once",
    history: ["1 0..5 SET a NX -> OK", "2 0..5 SET b NX -> nil", "3 6..7 GET -> a"],
  },
  {
    name: "SET XX needs a key",
    history: ["1 0..1 SET a XX -> nil", "1 2..3 SET b -> OK", "1 4..5 SET c XX GET -> b"],
  },
  {
    name: "SET NX GET shows what is there",
    history: ["1 0..1 SET a NX GET -> nil", "1 2..3 SET b NX GET -> a", "1 4..5 GET -> a"],
  },
  {
    name: "every command in turn",
    history: [
      "1 0..1 APPEND ab -> 2",
      "1 2..3 APPEND c -> 3",
      "1 4..5 STRLEN -> 3",
      "1 6..7 GETSET 7 -> abc",
      "1 8..9 INCRBY -2 -> 5",
      "1 10..11 EXISTS -> 1",
      "1 12..13 GETDEL -> 5",
      "1 14..15 EXISTS -> 0",
      "1 16..17 DEL -> 0",
      "1 18..19 INCRBY 3 -> 3",
      "1 20..21 DEL -> 1",
      "1 22..23 STRLEN -> 0",
    ],
  },
  {
    name: "compare-and-set from absent, then from a value",
    history: ["1 0..1 CAS nil a -> 1", "2 2..3 CAS a b -> 1", "3 2..9 CAS a c -> nil"],
  },
  {
    name: "an unknown compare-and-set may have lost",
    history: ["1 0..1 SET a -> OK", "2 2..3 CAS b c unknown", "1 4..5 GET -> a"],
  },
];

const VIOLATIONS: Case[] = [
  { name: "a value out of nowhere", history: ["1 0..1 GET -> a"] },
  { name: "a lost write", history: ["1 0..1 SET a -> OK", "2 2..3 GET -> nil"] },
  {
    name: "a stale read",
    history: ["1 0..1 SET a -> OK", "1 2..3 SET b -> OK", "2 4..5 GET -> a"],
  },
  {
    name: "two readers who see a concurrent write come and go",
    history: ["1 0..9 SET a -> OK", "2 1..2 GET -> a", "3 3..4 GET -> nil"],
  },
  {
    name: "a failed write that is seen",
    history: ["1 0..1 SET a failed", "1 2..3 GET -> a"],
  },
  {
    name: "an unknown write that is seen before its invocation",
    history: ["2 0..1 GET -> a", "1 2..3 SET a unknown"],
  },
  {
    name: "an unknown write that happens twice",
    history: ["1 0..1 SET a unknown", "2 2..3 GET -> a", "2 4..5 SET b -> OK", "2 6..7 GET -> a"],
  },
  {
    name: "more increments than were sent",
    history: ["1 0..1 INCRBY 1 unknown", "2 0..1 INCRBY 1 unknown", "3 2..3 INCRBY 1 -> 4"],
  },
  {
    name: "an increment lost",
    history: ["1 0..5 INCRBY 1 -> 1", "2 0..5 INCRBY 1 -> 1"],
  },
  {
    name: "two winners of SET NX",
    history: ["1 0..5 SET a NX -> OK", "2 0..5 SET b NX -> OK"],
  },
  {
    name: "two winners of one compare-and-set",
    history: ["1 0..1 SET a -> OK", "1 2..9 CAS a b -> 1", "2 2..9 CAS a c -> 1"],
  },
  {
    name: "GETDEL gives one value twice",
    history: ["1 0..1 SET a -> OK", "1 2..9 GETDEL -> a", "2 2..9 GETDEL -> a"],
  },
  {
    name: "a deleted key comes back",
    history: ["1 0..1 SET a -> OK", "1 2..3 DEL -> 1", "1 4..5 GET -> a"],
  },
  {
    name: "an append applied twice",
    history: ["1 0..1 APPEND ab -> 2", "2 2..3 STRLEN -> 4"],
  },
];

describe("judgeLinearizability", () => {
  test.each(LINEARIZABLE)("fine: $name", ({ history }) => {
    expect(judge(history)).toEqual({
      checkedCount: history.length,
      findings: [],
      undecided: [],
    });
  });

  test.each(VIOLATIONS)("not linearizable: $name", ({ history }) => {
    const { findings, undecided } = judge(history);
    expect(undecided).toEqual([]);
    expect(findings.map(({ rule }) => rule)).toEqual(["not linearizable"]);
  });

  test("judges each key by itself, and names those it cannot decide", () => {
    const fine = parseHistory(["1 0..1 SET a -> OK", "1 2..3 GET -> a"]);
    const other = parseHistory(["1 0..1 GET -> x"], "other");
    const history = [...fine, ...other];
    expect(judgeLinearizability(history, model).findings).toHaveLength(1);
    const { findings, undecided } = judgeLinearizability(history, model, { stepsMax: 0 });
    expect(findings).toEqual([]);
    expect(undecided).toEqual([
      "key k: gave up on 2 operations at 1 steps",
      "key other: gave up on 1 operations at 1 steps",
    ]);
  });

  test("gives up loudly where concurrency is beyond the bound", () => {
    const writes = Array.from({ length: 18 }, (_, place) => `${place} 0..9 SET ${place} -> OK`);
    expect(judge([...writes, "90 1..9 GET -> x"], 10_000).undecided).toHaveLength(1);
  });
});

const EXPIRIES: (Case & { readonly isFine: boolean })[] = [
  {
    name: "there before the deadline, gone after it",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 700..701 GET -> a", "1 1300..1301 GET -> nil"],
    isFine: true,
  },
  {
    name: "either within the bound of the deadline",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 900..901 GET -> nil"],
    isFine: true,
  },
  {
    name: "still there shortly after the deadline",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 1100..1101 GET -> a"],
    isFine: true,
  },
  {
    name: "gone much too early",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 500..501 GET -> nil"],
    isFine: false,
  },
  {
    name: "there long after the deadline",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 1500..1501 GET -> a"],
    isFine: false,
  },
  {
    name: "seen expired, and back again",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 990..991 GET -> nil", "2 995..996 GET -> a"],
    isFine: false,
  },
  {
    name: "seen and not seen by concurrent readers",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 990..999 GET -> nil", "2 990..999 GET -> a"],
    isFine: true,
  },
  {
    name: "an absolute deadline has one bound",
    history: ["1 0..1 SET a PXAT 1000 -> OK", "1 1110..1111 GET -> a"],
    isFine: false,
  },
  {
    name: "KEEPTTL keeps the deadline",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 2..3 SET b KEEPTTL -> OK", "1 2000..2001 GET -> b"],
    isFine: false,
  },
  {
    name: "a plain SET takes the deadline off",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 2..3 SET b -> OK", "1 2000..2001 GET -> b"],
    isFine: true,
  },
  {
    name: "a plain SET is gone",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 2..3 SET b -> OK", "1 2000..2001 GET -> nil"],
    isFine: false,
  },
  {
    name: "INCRBY and APPEND keep the deadline",
    history: [
      "1 0..1 SET 4 PX 1000 -> OK",
      "1 2..3 INCRBY 1 -> 5",
      "1 4..5 APPEND 0 -> 2",
      "1 500..501 GET -> 50",
      "1 1300..1301 EXISTS -> 0",
      "1 1302..1303 INCRBY 1 -> 1",
    ],
    isFine: true,
  },
  {
    name: "PERSIST takes the deadline off",
    history: [
      "1 0..1 SET a PX 1000 -> OK",
      "1 2..3 PERSIST -> 1",
      "1 4..5 PERSIST -> 0",
      "1 6..7 PTTL -> -1",
      "1 2000..2001 GET -> a",
    ],
    isFine: true,
  },
  {
    name: "PEXPIRE sets a deadline",
    history: [
      "1 0..1 PEXPIRE 1000 -> 0",
      "1 2..3 SET a -> OK",
      "1 4..5 PEXPIRE 1000 -> 1",
      "1 6..7 PTTL -> 998",
      "1 2000..2001 PTTL -> -2",
    ],
    isFine: true,
  },
  {
    name: "PTTL far from the truth",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 2..3 PTTL -> 600"],
    isFine: false,
  },
  {
    name: "SET NX succeeds where the key may have expired",
    history: ["1 0..1 SET a PX 1000 -> OK", "1 950..951 SET b NX -> OK", "1 2000..2001 GET -> b"],
    isFine: true,
  },
  {
    name: "an unknown write with an expiry comes late and goes later",
    history: [
      "1 0..1 SET a PX 1000 unknown",
      "2 5000..5001 GET -> nil",
      "2 5100..5101 GET -> a",
      "2 9000..9001 GET -> nil",
    ],
    isFine: true,
  },
  {
    name: "an unknown write with an expiry is not gone at once",
    history: [
      "1 5000..5001 SET a PX 1000 unknown",
      "2 5010..5011 GET -> a",
      "2 5100..5101 GET -> nil",
    ],
    isFine: false,
  },
];

describe("expiry", () => {
  test.each(EXPIRIES)("$name", ({ history, isFine }) => {
    const { findings, undecided } = judge(history);
    expect(undecided).toEqual([]);
    expect(findings.length === 0).toBe(isFine);
  });

  test("skew widens the bound", () => {
    const history = parseHistory(["1 0..1 SET a PX 1000 -> OK", "1 500..501 GET -> nil"]);
    const skewed = stringModel({ shardClockErrorMs: 100, skewMs: 200 });
    expect(judgeLinearizability(history, skewed).findings).toEqual([]);
  });
});

describe("an explanation", () => {
  test("names the few operations that contradict each other, and the one without a place", () => {
    const noise = Array.from(
      { length: 40 },
      (_, place) =>
        `9 ${place * 10}..${place * 10 + 9} GET -> ${place < 11 ? "nil" : place < 21 ? "a" : "b"}`,
    );
    const { findings } = judge([
      ...noise,
      "1 100..105 SET a -> OK",
      "1 200..205 SET b -> OK",
      "2 300..305 GET -> a",
      "2 310..315 GET -> nil",
    ]);
    expect(findings[0]!.text.split("\n")).toEqual([
      "key k: these contradict each other, whatever the other 42 did, 31 of them before:",
      "  c9 290..299 GET k -> b",
      "  c2 300..305 GET k -> a",
      "the longest order that can be:",
      "  c9 290..299 GET k -> b",
      "and then there is no place for:",
      "  c2 300..305 GET k -> a",
      "others about a:",
      ...noise.slice(11, 21).map((line) => `  c${line.replace("GET", "GET k")}`),
      "  c1 100..105 SET k a -> OK",
    ]);
  });

  test("leaves nothing out that matters", () => {
    const { findings } = judge(["1 0..1 SET a -> OK", "1 2..3 SET b -> OK", "2 4..5 GET -> nil"]);
    expect(findings[0]!.text.split("\n")).toEqual([
      "key k: these contradict each other, whatever the other 1 did, 1 of them before:",
      "  c1 2..3 SET k b -> OK",
      "  c2 4..5 GET k -> nil",
      "the longest order that can be:",
      "  c1 2..3 SET k b -> OK",
      "and then there is no place for:",
      "  c2 4..5 GET k -> nil",
    ]);
  });

  test("only names further keys", () => {
    const history = ["a", "b"].flatMap((key) => parseHistory(["1 0..1 GET -> x"], key));
    const { findings } = judgeLinearizability(history, model, { explainedKeysMax: 1 });
    expect(findings[1]).toEqual({
      rule: "not linearizable",
      text: "key b: 1 operations, not explained",
    });
  });
});
