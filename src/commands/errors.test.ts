// Errors that repeat a client's words, cut as redis-server cuts them.
import { describe, expect, test } from "vitest";
import { unknownCommand, unknownSubcommand, unsupportedOption, wrongArity } from "./errors.ts";
import { argsOf, type Word } from "./testing/command-tester.ts";

/** Arguments whose name is the first word. */
function lineOf(...words: Word[]): ReturnType<typeof argsOf> {
  const args = argsOf(words);
  args.count--;
  args.offsets = args.offsets.slice(1);
  args.lengths = args.lengths.slice(1);
  return args;
}

describe("unknownCommand", () => {
  const prefix = "ERR unknown command";
  test.each<[Word[], string]>([
    [["foo", "a", "b"], `${prefix} 'foo', with args beginning with: 'a' 'b' `],
    [["foo"], `${prefix} 'foo', with args beginning with: `],
    [["", ""], `${prefix} '', with args beginning with: '' `],
    [["f\0oo", "a\0b"], `${prefix} 'f', with args beginning with: 'a' `],
    [
      ["f".repeat(200), "a".repeat(100), "b".repeat(100), "c"],
      `${prefix} '${"f".repeat(128)}', with args beginning with: ` +
        `'${"a".repeat(100)}' '${"b".repeat(25)}' `,
    ],
    [
      ["foo", "a".repeat(120), "x", "y", "z"],
      `${prefix} 'foo', with args beginning with: '${"a".repeat(120)}' 'x' 'y' `,
    ],
  ])("%j", (words, expected) => {
    expect(unknownCommand(lineOf(...words))).toBe(expected);
  });
});

test("other errors that repeat words", () => {
  expect(unknownSubcommand("client", lineOf("client", "f".repeat(200)))).toBe(
    `ERR unknown subcommand '${"f".repeat(128)}'. Try CLIENT HELP.`,
  );
  expect(unsupportedOption(lineOf("expire", "k", "1", "x".repeat(5000)), 3)).toBe(
    `ERR Unsupported option ${"x".repeat(1024)}`,
  );
  expect(wrongArity("client|list")).toBe("ERR wrong number of arguments for 'client|list' command");
});
