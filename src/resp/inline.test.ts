// Words of inline commands: quoting and escapes as a table, any bytes as a property.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitWords } from "./inline.ts";

/** Words of a line as text, one character per byte; null when quotes do not balance. */
function split(line: string): string[] | null {
  const bytes = Buffer.from(line, "latin1");
  const words = splitWords(bytes, 0, bytes.length);
  return words?.map((word) => Buffer.from(word).toString("latin1")) ?? null;
}

describe("inline commands", () => {
  test.each([
    { line: "", words: [] },
    { line: "  \t ", words: [] },
    { line: "PING", words: ["PING"] },
    { line: "  SET  a\tb \r", words: ["SET", "a", "b"] },
    { line: 'SET a "b c"', words: ["SET", "a", "b c"] },
    { line: 'SET a ""', words: ["SET", "a", ""] },
    { line: "SET a ''", words: ["SET", "a", ""] },
    { line: '"a\\n\\r\\t\\b\\a"', words: ["a\n\r\t\b\x07"] },
    { line: '"\\x41\\x00\\xff"', words: ["A\0\xff"] },
    { line: '"\\xZZ\\x4"', words: ["xZZx4"] },
    { line: '"a\\"b\\\\c\\q"', words: ['a"b\\cq'] },
    { line: "'a\\'b\\n\\\\ '", words: ["a'b\\n\\\\ "] },
    { line: `a"b c"`, words: ["ab c"] },
    { line: "caf\xc3\xa9 \xff", words: ["caf\xc3\xa9", "\xff"] },
    { line: "a\0b", words: ["a", "b"] },
    { line: "__proto__ constructor", words: ["__proto__", "constructor"] },
  ])("reads $line", ({ line, words }) => {
    expect(split(line)).toEqual(words);
  });

  test.each(['"', "'", '"abc', "'abc", '"a"b', "'a'b", 'a"b"c', '"abc\\', '"abc\\"', "'abc\\'"])(
    "refuses %s",
    (line) => {
      expect(split(line)).toBeNull();
    },
  );

  test("a long line is split in time proportional to its length", () => {
    const words = Array.from({ length: 30_000 }, () => "x");
    expect(split(words.join(" "))).toEqual(words);
    expect(split(`"${"\\x41".repeat(15_000)}"`)).toEqual(["A".repeat(15_000)]);
  });

  test("any words come back when they are quoted", () => {
    const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;
    const quote = (text: string): string =>
      `"${Array.from(Buffer.from(text, "latin1"), hex).join("")}"`;
    const anyWord = fc.uint8Array({ maxLength: 20 }).map((b) => Buffer.from(b).toString("latin1"));
    fc.assert(
      fc.property(fc.array(anyWord, { maxLength: 6 }), (words) => {
        expect(split(words.map(quote).join(" "))).toEqual(words);
      }),
    );
  });

  test("no bytes make it fail", () => {
    const likely = fc.constantFrom(...Array.from("\"'\\x4 ab\0\xff"));
    fc.assert(
      fc.property(fc.string({ unit: likely, maxLength: 30 }), (line) => {
        expect(split(line)?.join("").length ?? 0).toBeLessThanOrEqual(line.length);
      }),
      { numRuns: 5_000 },
    );
  });
});
