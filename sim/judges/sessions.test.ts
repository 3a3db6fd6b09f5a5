// Named histories of connections that write stamps and read them.
import { describe, expect, test } from "vitest";
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { judgeSessions, parseStamp, printStamp, type SessionOperation } from "./sessions.ts";

/**
 * Reads lines such as `1 0..5 write x 7` and `2 0..5 read x 1:7` or `nil`, `unknown` or `failed`.
 */
function parse(lines: readonly string[]): SessionOperation[] {
  return lines.map((line) => {
    const [client, times = "", kind, key = "", value = "", end = "ok"] = line.split(" ");
    const [invokedAt = 0, returnedAt = 0] = times.split("..").map(Number);
    const outcome = end as SessionOperation["outcome"];
    return {
      client: Number(client),
      invokedAt,
      returnedAt: outcome === "ok" ? returnedAt : Infinity,
      keys: [key],
      action: kind === "write" ? { kind, count: Number(value) } : { kind: "read" },
      outcome,
      reply: kind === "read" ? parseStamp(value) : null,
    };
  });
}

const CASES: { name: string; history: readonly string[]; rules: readonly string[] }[] = [
  { name: "nothing", history: [], rules: [] },
  {
    name: "own writes are seen, one behind the other",
    history: ["1 0..9 write x 1", "1 0..9 read x 1:1", "1 0..9 write x 2", "1 0..9 read x 1:2"],
    rules: [],
  },
  {
    name: "another's write over one's own",
    history: ["2 0..9 write x 1", "1 0..1 write x 1", "1 2..3 read x 2:1"],
    rules: [],
  },
  {
    name: "a read under way shows a write sent after it",
    history: ["1 0..9 write x 1", "1 0..9 read x 1:2", "1 0..9 write x 2", "1 10..11 read x 1:2"],
    rules: [],
  },
  {
    name: "a read under way shows what came over a write sent after it",
    history: ["2 0..9 write x 1", "1 0..9 read x 2:1", "1 0..9 write x 1", "1 10..11 read x 2:1"],
    rules: [],
  },
  {
    name: "of two reads under way together the first may be the later",
    history: [
      "2 0..9 write x 1",
      "3 0..9 write x 1",
      "1 0..8 read x 2:1",
      "1 0..9 read x 3:1",
      "1 10..11 read x 2:1",
    ],
    rules: [],
  },
  {
    name: "an unknown write may not be seen, and be seen late",
    history: [
      "1 0..1 write x 1",
      "1 2..3 write x 2 unknown",
      "3 4..5 read x 1:1",
      "3 6..7 read x 1:2",
    ],
    rules: [],
  },
  {
    name: "own write not seen",
    history: ["1 0..1 write x 1", "1 2..3 write x 2", "1 4..5 read x 1:1"],
    rules: ["own write not seen"],
  },
  {
    name: "own write not seen by a read right behind it",
    history: ["1 0..1 write x 1", "1 2..9 write x 2", "1 2..9 read x 1:1"],
    rules: ["own write not seen"],
  },
  {
    name: "own write not seen, but what was there before",
    history: ["2 0..1 write x 1", "1 2..3 read x 2:1", "1 4..5 write x 1", "1 6..7 read x 2:1"],
    rules: ["own write not seen"],
  },
  {
    name: "a read goes back",
    history: ["1 0..9 write x 1", "1 0..9 write x 2", "2 1..2 read x 1:2", "2 3..4 read x 1:1"],
    rules: ["read went back"],
  },
  {
    name: "a read goes back to another's value",
    history: [
      "1 0..9 write x 1",
      "2 0..9 write x 1",
      "3 1..2 read x 1:1",
      "3 3..4 read x 2:1",
      "3 5..6 read x 1:1",
    ],
    rules: ["read went back"],
  },
  {
    name: "a later write to another key is seen, an earlier one is not",
    history: [
      "1 0..1 write x 1",
      "1 2..9 write x 2",
      "1 2..9 write y 3",
      "2 3..4 read y 1:3",
      "2 5..6 read x 1:1",
    ],
    rules: ["writes out of order"],
  },
  {
    name: "a value goes",
    history: ["1 0..1 write x 1", "1 2..3 read x nil"],
    rules: ["value gone"],
  },
  {
    name: "a failed write is seen",
    history: ["1 0..1 write x 1 failed", "2 2..3 read x 1:1"],
    rules: ["value from nowhere"],
  },
  {
    name: "a write is seen before it is sent, in the wrong key, or was never sent",
    history: ["2 0..1 read x 1:1", "1 2..3 write x 1", "2 4..5 read y 1:1", "2 6..7 read x 1:2"],
    rules: ["value from nowhere", "value from nowhere", "value from nowhere"],
  },
];

describe("judgeSessions", () => {
  test.each(CASES)("$name", ({ history, rules }) => {
    const { findings, checkedCount } = judgeSessions(parse(history));
    expect(findings.map(({ rule }) => rule)).toEqual(rules);
    expect(checkedCount).toBe(history.length);
  });

  test("stamps are read as they were written", () => {
    expect(parseStamp(printStamp({ client: 12, count: 345 }))).toEqual({ client: 12, count: 345 });
    expect(parseStamp("12:x")).toBeNull();
  });

  test("long runs of pipelined connections are fine", () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(judgeSessions(randomRun(new SimRandom(seed), 2_000)).findings).toEqual([]);
    }
  });

  test("a connection whose reads are one write behind is found out", () => {
    const history = randomRun(new SimRandom(1), 500).map((one) => {
      const stamp = one.reply;
      if (stamp === null || stamp.count < 2) return one;
      return Object.assign({}, one, { reply: { client: stamp.client, count: stamp.count - 1 } });
    });
    expect(judgeSessions(history).findings).not.toEqual([]);
  });
});

/** Operations run in the order sent, each within its time; connections have several under way. */
function randomRun(random: SimRandom, operationCount: number): SessionOperation[] {
  const values = new Map<string, SessionOperation["reply"]>();
  const counts = new Map<number, number>();
  return Array.from({ length: operationCount }, (_, runsAt): SessionOperation => {
    const client = random.between(1, 4);
    const key = `k${random.between(1, 3)}`;
    const isRead = random.chance(0.5);
    const isUnknown = !isRead && random.chance(0.05);
    const count = (counts.get(client) ?? 0) + 1;
    const reply = isRead ? (values.get(key) ?? null) : null;
    if (!isRead) counts.set(client, count);
    if (!isRead && !(isUnknown && random.chance(0.5))) values.set(key, { client, count });
    return {
      client,
      // Rising with the place in the history: the order in which each connection sends.
      invokedAt: runsAt - 10,
      returnedAt: isUnknown ? Infinity : runsAt + random.fraction(),
      keys: [key],
      action: isRead ? { kind: "read" } : { kind: "write", count },
      outcome: isUnknown ? "unknown" : "ok",
      reply,
    };
  });
}
