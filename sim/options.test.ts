// The command line of the simulator.
import { describe, expect, test } from "vitest";
import { parseOptions } from "./options.ts";

describe("parseOptions", () => {
  test.each([
    { argv: [], expected: { from: 1, seeds: 200, minutes: 0, planted: "" } },
    { argv: ["--seed", "7"], expected: { from: 7, seeds: 1, jobs: 1 } },
    { argv: ["--seed", "7", "--trace"], expected: { from: 7, trace: true } },
    { argv: ["--from", "100", "--seeds", "50"], expected: { from: 100, seeds: 50 } },
    { argv: ["--minutes", "30"], expected: { minutes: 30, seeds: Number.MAX_SAFE_INTEGER } },
    { argv: ["--planted"], expected: { planted: "all", seeds: 5_000 } },
    { argv: ["--planted", "--jobs", "1"], expected: { planted: "all", jobs: 1 } },
    { argv: ["--planted", "voteInsideLease"], expected: { planted: "voteInsideLease" } },
    { argv: ["--no-minimise"], expected: { minimise: false } },
  ])("$argv", ({ argv, expected }) => {
    expect(parseOptions(argv)).toMatchObject(expected);
  });

  test.each([
    { argv: ["--seeds", "many"], message: '--seeds takes a number from 0 on, not "many"' },
    { argv: ["--minutes", "-1"], message: "--minutes" },
    { argv: ["--trace"], message: "--trace prints one seed: say which, --seed N" },
    { argv: ["--sed", "1"], message: "--sed" },
  ])("refuses $argv", ({ argv, message }) => {
    expect(() => parseOptions(argv)).toThrow(message);
  });
});
