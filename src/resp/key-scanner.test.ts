// First arguments, found without parsing; and that odd input never leads astray.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { Args } from "./args.ts";
import { KeyScanner } from "./key-scanner.ts";
import { CommandParser, defaultLimits } from "./parser.ts";

function encode(words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join("")}`;
}

function scan(input: Uint8Array): string[] {
  const scanner = new KeyScanner();
  const keys: string[] = [];
  for (let at = 0; (at = scanner.next(input, at, input.length)) > 0;) {
    const { keyAt, keyLength } = scanner;
    keys.push(Buffer.from(input.subarray(keyAt, keyAt + keyLength)).toString("latin1"));
  }
  return keys;
}

describe("KeyScanner", () => {
  test("finds the first argument of each command", () => {
    const commands = [
      ["GET", "a"],
      ["SET", "key:2", "value"],
      ["GETEX", "", "EX", "10"],
    ];
    expect(scan(Buffer.from(commands.map(encode).join("")))).toEqual(["a", "key:2", ""]);
  });

  test.each([
    { name: "a command without arguments", input: encode(["PING"]) },
    { name: "many arguments", input: encode(new Array<string>(9).fill("x")) },
    { name: "an inline command", input: "GET a\r\n" },
    { name: "an empty request", input: "*0\r\n" },
    { name: "a cut command", input: encode(["GET", "abc"]).slice(0, -3) },
    { name: "a cut header", input: "*2\r" },
    { name: "a length of many digits", input: "*2\r\n$3\r\nGET\r\n$00000000001\r\na\r\n" },
    { name: "a negative length", input: "*2\r\n$3\r\nGET\r\n$-1\r\n" },
  ])("ends at $name", ({ input }) => {
    expect(scan(Buffer.from(encode(["GET", "before"]) + input))).toEqual(["before"]);
  });

  test("stays inside its input and agrees with the parser on whole commands", () => {
    const word = fc.string({ maxLength: 6 });
    const commands = fc.array(fc.array(word, { minLength: 2, maxLength: 6 }), { maxLength: 6 });
    const tail = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(commands, tail, fc.nat(80), (words, rest, cut) => {
        const whole = Buffer.from(words.map(encode).join("") + rest);
        const input = whole.subarray(0, Math.max(0, whole.length - cut));
        const parser = new CommandParser(defaultLimits);
        const args = new Args();
        let at = 0;
        for (const key of scan(input)) {
          args.setMemory(input, viewOf(input));
          at = parser.parse(input, at, input.length, args);
          expect(at).toBeGreaterThan(0);
          expect(args.text(1)).toBe(key);
        }
      }),
    );
  });
});
