// Lines and the words they stand for.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { quoted } from "./reply-format.ts";
import { splitWords } from "./command-words.ts";

test.each([
  { line: "", words: [] },
  { line: "  get   a ", words: ["get", "a"] },
  { line: 'set a "b c"', words: ["set", "a", "b c"] },
  { line: "set a 'b \"c'", words: ["set", "a", 'b "c'] },
  { line: "set a 'it\\'s'", words: ["set", "a", "it's"] },
  { line: 'set a "\\n\\t\\x41\\"\\q"', words: ["set", "a", '\n\tA"q'] },
  { line: 'set a ""', words: ["set", "a", ""] },
  { line: "set key d\u00e9j\u00e0", words: ["set", "key", "d\u00e9j\u00e0"] },
  { line: 'pre"fix"', words: ["prefix"] },
  { line: 'set "a', words: null },
  { line: "set 'a", words: null },
  { line: 'set "a"b', words: null },
  { line: 'set "a\\', words: null },
])("$line", ({ line, words }) => {
  expect(splitWords(line)?.map((word) => word.toString()) ?? null).toEqual(words);
});

test("what is shown in quotes can be typed again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(splitWords(quoted(bytes))).toEqual([Buffer.from(bytes)]);
    }),
  );
});
