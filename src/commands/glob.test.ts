// Glob patterns against Redis's own algorithm, and their worst case.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { globMatches, isMatchAll } from "./glob.ts";

function matches(pattern: string, text: string): boolean {
  const patternBytes = Buffer.from(`*${pattern}*`, "latin1");
  const textBytes = Buffer.from(`x${text}x`, "latin1");
  const patternLength = patternBytes.length - 2;
  return globMatches(patternBytes, 1, patternLength, textBytes, 1, textBytes.length - 2);
}

/** Redis's `stringmatchlen` word for word, recursion and all: slow, but the definition. */
function reference(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  while (p < pattern.length && t < text.length) {
    switch (pattern.charAt(p)) {
      case "*":
        while (pattern[p + 1] === "*") p++;
        if (p + 1 === pattern.length) return true;
        for (; t < text.length; t++) {
          if (reference(pattern.slice(p + 1), text.slice(t))) return true;
        }
        return false;
      case "?":
        t++;
        break;
      case "[": {
        p++;
        const not = pattern[p] === "^";
        if (not) p++;
        let match = false;
        for (;;) {
          const left = pattern.length - p;
          if (left >= 2 && pattern[p] === "\\") {
            p++;
            if (pattern[p] === text[t]) match = true;
          } else if (pattern[p] === "]") {
            break;
          } else if (left === 0) {
            p--;
            break;
          } else if (left >= 3 && pattern[p + 1] === "-") {
            const [low, high] = [pattern[p]!, pattern[p + 2]!].sort();
            p += 2;
            if (text[t]! >= low! && text[t]! <= high!) match = true;
          } else if (pattern[p] === text[t]) {
            match = true;
          }
          p++;
        }
        if (match === not) return false;
        t++;
        break;
      }
      default:
        if (pattern[p] === "\\" && pattern.length - p >= 2) p++;
        if (pattern[p] !== text[t]) return false;
        t++;
    }
    p++;
    if (t === text.length) {
      while (pattern[p] === "*") p++;
      break;
    }
  }
  return p === pattern.length && t === text.length;
}

describe("globMatches", () => {
  test.each([
    ["*", "a", true],
    ["*", "", false],
    ["**", "", false],
    ["", "", true],
    ["", "a", false],
    ["?", "a", true],
    ["?", "", false],
    ["a*", "a", true],
    ["a**", "a", true],
    ["*a*", "bab", true],
    ["*a*b*c", "xaxbxc", true],
    ["*a*b*c", "xaxbxcx", false],
    ["h[ae]llo", "hello", true],
    ["h[ae]llo", "hillo", false],
    ["h[^e]llo", "hallo", true],
    ["h[^e]llo", "hello", false],
    ["h[a-b]llo", "hbllo", true],
    ["h[b-a]llo", "hallo", true],
    ["[^a-z]", "A", true],
    ["[^a-z]", "m", false],
    ["[a", "a", true],
    ["[a", "b", false],
    ["[", "[", false],
    ["[^", "x", true],
    ["[]", "]", false],
    ["[]a", "a", false],
    ["[a-]", "]", true],
    ["[a-]", "_", true],
    ["[\\]]", "]", true],
    ["[\\", "\\", true],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["\\", "\\", true],
    ["a\\", "a\\", true],
    ["[\x80-\xff]", "\xf0", true],
    ["a?c", "abc", true],
    ["a\0c", "a\0c", true],
    ["A", "a", false],
  ])("%j on %j: %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
    expect(reference(pattern, text)).toBe(expected);
  });

  test("agrees with Redis's own algorithm", () => {
    const unit = fc.constantFrom(...Array.from("ab*?[]^-\\c"));
    const strings = fc.string({ unit, maxLength: 12 });
    const texts = fc.string({ unit: fc.constantFrom(...Array.from("abc-]\\^")), maxLength: 10 });
    fc.assert(
      fc.property(strings, texts, (pattern, text) => {
        expect(matches(pattern, text)).toBe(reference(pattern, text));
      }),
      { numRuns: 20_000 },
    );
  });

  test("takes no more than pattern x text steps on patterns made to be slow", () => {
    const text = "a".repeat(20_000);
    expect(matches("a*".repeat(200) + "b", text)).toBe(false);
    expect(matches("*" + "[b".repeat(500), text)).toBe(false);
  });
});

test("a lone star means everything", () => {
  const bytes = Buffer.from("**");
  expect(isMatchAll(bytes, 0, 1)).toBe(true);
  expect(isMatchAll(bytes, 0, 2)).toBe(false);
  expect(isMatchAll(bytes, 0, 0)).toBe(false);
});
