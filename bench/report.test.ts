// The tables: aligned on the terminal, valid Markdown in the docs.
import { describe, expect, test } from "vitest";
import { makeFinding } from "./finding.ts";
import { figureText, listRows, markdownReport, textReport } from "./report.ts";
import { rows } from "./rows.ts";

const facts = new Map([
  ["date", "2026-11-21"],
  ["redis", "7.0.15"],
]);
const findings = [
  makeFinding({
    row: "set-durable",
    title: "SET, fsync always",
    unit: "ops/s",
    better: "higher",
    judged: "ratio",
    kvorum: { name: "kvorum-durable", rounds: [30_000], latency: { p50Ms: 1.234, p99Ms: 5 } },
    peer: { name: "redis-durable", rounds: [20_000], latency: { p50Ms: 1, p99Ms: 12.3 } },
    bar: { must: 0.9, aim: 1.05 },
  }),
  makeFinding({
    row: "stall",
    title: "snapshot",
    unit: "ms",
    better: "lower",
    judged: "value",
    kvorum: { name: "kvorum-durable", rounds: [21.5] },
    peer: null,
    bar: { must: 20, aim: 5 },
    notes: ["longest PING without a snapshot 2 ms"],
  }),
];

test("the text report has facts, aligned columns and notes", () => {
  expect(textReport(findings, facts)).toBe(
    [
      "date   2026-11-21",
      "redis  7.0.15",
      "",
      "row          unit   peer           kvorum  peer's  ratio     spread  must   aim        " +
        "p50/p99 ms  peer's",
      "set-durable  ops/s  redis-durable  30,000  20,000   1.50  1.50-1.50  0.90  1.05  aim   " +
        "1.2/5.0     1.0/12",
      "stall        ms     -                21.5       -                      20     5  MISS",
      "",
      "stall: longest PING without a snapshot 2 ms",
      "",
    ].join("\n"),
  );
});

test("the Markdown report has the same number of cells in every line of its table", () => {
  const text = markdownReport(findings, facts);
  const widths = text.split("\n").filter((line) => line.startsWith("|"));
  expect(new Set(widths.map((line) => line.split("|").length)).size).toBe(1);
  expect(widths).toHaveLength(2 + findings.length);
  expect(text).toContain("date: 2026-11-21; redis: 7.0.15.");
  expect(text).toContain("- stall: longest PING without a snapshot 2 ms");
});

describe("figureText", () => {
  test.each([
    { rounds: [123_456.7], is: "123,457" },
    { rounds: [273.4], is: "273" },
    { rounds: [21.54], is: "21.5" },
    { rounds: [0.123_4], is: "0.123" },
    { rounds: [0], is: "0" },
    { rounds: [], is: "-" },
  ])("$rounds reads $is", ({ rounds, is }) => expect(figureText({ name: "", rounds })).toBe(is));
});

test("the list names every row", () => {
  const listed = listRows();
  for (const { name } of rows) expect(listed).toContain(`\n${name} `);
});
