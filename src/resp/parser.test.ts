// The request parser: good and bad input as tables, limits, and independence from how input is cut.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { invariant } from "../base/invariant.ts";
import { Args } from "./args.ts";
import {
  CommandParser,
  defaultLimits,
  INCOMPLETE,
  MALFORMED,
  type RequestLimits,
  unauthenticatedLimits,
} from "./parser.ts";

/** Room around the input, filled with what must never be read. */
const MARGIN = 7;
const KIB = 1024;

interface Parsed {
  readonly commands: string[][];
  /** The protocol error, or how many bytes of an unfinished command are left. */
  readonly end: string | number;
}

function wordsOf(args: Args): string[] {
  return Array.from({ length: args.count }, (_, index) => args.text(index));
}

/** Parses all of an input that is there from the start. */
function parseAll(input: string | Uint8Array, limits: RequestLimits = defaultLimits): Parsed {
  const bytes = Buffer.alloc(input.length + 2 * MARGIN, "$");
  bytes.set(Buffer.from(input as string, "latin1"), MARGIN);
  const end = MARGIN + input.length;
  const parser = new CommandParser(limits);
  const args = new Args(1);
  const commands: string[][] = [];
  let at = MARGIN;
  for (;;) {
    args.setMemory(bytes, viewOf(bytes));
    const next = parser.parse(bytes, at, end, args);
    if (next === INCOMPLETE) {
      invariant(at === end || parser.neededBytes > end - at, "more bytes are asked for");
      return { commands, end: end - at };
    }
    if (next === MALFORMED) return { commands, end: parser.error };
    invariant(next > at && next <= end, "a command ends behind its start and within the input");
    commands.push(wordsOf(args));
    at = next;
  }
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const encode = (...words: string[]): string => `*${words.length}\r\n${words.map(bulk).join("")}`;
const protocolError = (text: string): string => `Protocol error: ${text}`;

const BAD_COUNT = protocolError("invalid multibulk length");
const LONG_COUNT = protocolError("too big mbulk count string");
const BAD_LENGTH = protocolError("invalid bulk length");

describe("CommandParser on whole inputs", () => {
  test.each([
    { name: "one command", input: encode("GET", "a"), commands: [["GET", "a"]] },
    { name: "empty arguments", input: encode("SET", "", ""), commands: [["SET", "", ""]] },
    {
      name: "arguments with CR LF inside",
      input: encode("SET", "a\r\nb", "$3\r\n"),
      commands: [["SET", "a\r\nb", "$3\r\n"]],
    },
    {
      name: "pipelined commands",
      input: encode("A") + encode("B", "1") + "C 2\r\n",
      commands: [["A"], ["B", "1"], ["C", "2"]],
    },
    { name: "leading zeros in counts", input: "*01\r\n$0004\r\nPING\r\n", commands: [["PING"]] },
    { name: "an inline command", input: "PING x\r\n", commands: [["PING", "x"]] },
    { name: "an inline command ended by LF alone", input: "PING\n", commands: [["PING"]] },
  ])("reads $name", ({ input, commands }) => {
    expect(parseAll(input)).toEqual({ commands, end: 0 });
  });

  test.each(["\r\n", "\n", "   \r\n", "*0\r\n", "*-1\r\n", "*-10\r\n", "*00\r\n"])(
    "%j is an empty request, and the next command is read as if it were the first",
    (empty) => {
      const commands = [[], [], ["SET", "a", "b"], [], ["PING"]];
      const input = empty + empty + encode("SET", "a", "b") + empty + "PING\r\n";
      expect(parseAll(input)).toEqual({ commands, end: 0 });
    },
  );

  test.each([
    { count: "+1", end: BAD_COUNT },
    { count: " 1", end: BAD_COUNT },
    { count: "1 ", end: BAD_COUNT },
    { count: "", end: BAD_COUNT },
    { count: "-", end: BAD_COUNT },
    { count: "--1", end: BAD_COUNT },
    { count: "abc", end: BAD_COUNT },
    { count: "1.5", end: BAD_COUNT },
    { count: "0x1", end: BAD_COUNT },
    { count: "1048577", end: BAD_COUNT },
    { count: String(2 ** 31), end: BAD_COUNT },
    { count: String(2 ** 32 + 1), end: BAD_COUNT },
    { count: "9223372036854775808", end: BAD_COUNT },
    { count: "18446744073709551617", end: BAD_COUNT },
    { count: "1".repeat(40), end: LONG_COUNT },
    { count: "-".repeat(40), end: LONG_COUNT },
  ])("refuses the count $count", ({ count, end }) => {
    const parsed = parseAll(`*${count}\r\n$4\r\nPING\r\n`);
    expect(parsed.commands).toEqual([]);
    expect([end, BAD_COUNT]).toContain(parsed.end);
  });

  test.each(["*1\n$4\r\nPING\r\n", "*1\rX$4\r\nPING\r\n", "*1\r\r\n$4\r\nPING\r\n", "*\r\n"])(
    "refuses the line end in %j",
    (input) => {
      expect(parseAll(input)).toEqual({ commands: [], end: BAD_COUNT });
    },
  );

  test.each([
    "-1",
    "+4",
    " 4",
    "4 ",
    "",
    "-0",
    "abc",
    "4.0",
    String(64 * KIB * KIB + 1),
    String(2 ** 31),
    String(2 ** 32 + 4),
    "9223372036854775808",
    "18446744073709551620",
    "4".repeat(40),
  ])("refuses the length %s", (length) => {
    const parsed = parseAll(`*1\r\n$${length}\r\nPING\r\n`);
    expect(parsed).toEqual({ commands: [], end: BAD_LENGTH });
  });

  test.each(["*1\r\n$4\nPING\r\n", "*1\r\n$4\rPING\r\n", "*1\r\n$\r\n"])(
    "refuses the line end in %j",
    (input) => {
      expect(parseAll(input)).toEqual({ commands: [], end: BAD_LENGTH });
    },
  );

  test.each([
    { type: ":", shown: ":" },
    { type: "*", shown: "*" },
    { type: "%", shown: "%" },
    { type: " ", shown: " " },
    { type: "\r", shown: "\\xd" },
    { type: "\0", shown: "\\x0" },
    { type: "\xff", shown: "\\xff" },
  ])("refuses an argument that starts with $shown", ({ type, shown }) => {
    const end = protocolError(`expected '$', got '${shown}'`);
    expect(parseAll(`*2\r\n$3\r\nGET\r\n${type}1\r\na\r\n`)).toEqual({ commands: [], end });
  });

  test.each(["*1\r\n$4\r\nPINGX\r\n", "*1\r\n$4\r\nPING\n\n", "*1\r\n$4\r\nPING\r\r"])(
    "refuses data that does not end where its length says: %j",
    (input) => {
      const end = protocolError("expected CRLF after bulk data");
      expect(parseAll(input)).toEqual({ commands: [], end });
    },
  );

  test.each(["*1\r\n$5\r\nPING\r\n", "*2\r\n$4\r\nPING\r\n", "*1\r\n$4\r\nPI", "*1", "*", "PING"])(
    "waits for the rest of %j",
    (input) => {
      expect(parseAll(input)).toEqual({ commands: [], end: input.length });
    },
  );

  test("aggregates and other types of RESP3 from a client are no commands", () => {
    for (const input of ["%1\r\n", "~1\r\n", ">1\r\n", "|1\r\n", ",inf\r\n", "#t\r\n", "_\r\n"]) {
      const { commands, end } = parseAll(input + "PING\r\n");
      expect(end).toBe(0);
      expect(commands).toEqual([[input.trimEnd()], ["PING"]]);
    }
    const nested = parseAll("*1\r\n".repeat(100_000));
    expect(nested).toEqual({ commands: [], end: protocolError("expected '$', got '*'") });
  });
});

describe("limits", () => {
  test.each([
    { limits: defaultLimits, text: "invalid multibulk length" },
    { limits: unauthenticatedLimits, text: "unauthenticated multibulk length" },
  ])("of the number of arguments: $text", ({ limits, text }) => {
    const most = limits.argumentsMax;
    expect(parseAll(`*${most}\r\n`, limits).end).toBe(`*${most}\r\n`.length);
    expect(parseAll(`*${most + 1}\r\n`, limits).end).toBe(protocolError(text));
  });

  test.each([
    { limits: defaultLimits, text: "invalid bulk length" },
    { limits: unauthenticatedLimits, text: "unauthenticated bulk length" },
  ])("of one argument: $text", ({ limits, text }) => {
    const most = limits.argumentBytesMax;
    const input = `*1\r\n$${most}\r\n`;
    expect(parseAll(input, limits).end).toBe(input.length);
    expect(parseAll(`*1\r\n$${most + 1}\r\n`, limits).end).toBe(protocolError(text));
  });

  test("of the whole request, refused before its last argument is there", () => {
    const limits = { ...defaultLimits, argumentBytesMax: 100, requestBytesMax: 250 };
    const value = bulk("x".repeat(100));
    expect(parseAll(`*2\r\n${value}${value}`, limits).commands.length).toBe(1);
    expect(parseAll(`*3\r\n${value}${value}$100\r\n`, limits).end).toBe(
      protocolError("request too big"),
    );
  });

  test("of an inline line", () => {
    const most = "x".repeat(defaultLimits.inlineBytesMax - 1);
    expect(parseAll(`${most}\n`).commands).toEqual([[most]]);
    const tooBig = protocolError("too big inline request");
    expect(parseAll(`${most}xx\n`).end).toBe(tooBig);
    expect(parseAll(`${most}xx`).end).toBe(tooBig);
  });
});

/** Feeds an input in pieces, as a session does: the parser goes on where it stopped. */
function parseInPieces(input: Uint8Array, cuts: readonly number[]): Parsed {
  const bytes = Buffer.alloc(input.length, 0xdd);
  const parser = new CommandParser(defaultLimits);
  const args = new Args(1);
  const commands: string[][] = [];
  let at = 0;
  for (const end of [...cuts, input.length]) {
    bytes.set(input.subarray(0, end));
    for (;;) {
      args.setMemory(bytes, viewOf(bytes));
      const next = parser.parse(bytes, at, end, args);
      if (next === MALFORMED) return { commands, end: parser.error };
      if (next === INCOMPLETE) break;
      commands.push(wordsOf(args));
      at = next;
      if (at === end) break;
    }
  }
  return { commands, end: input.length - at };
}

const anyWord = fc.string({ unit: "binary-ascii", maxLength: 40 });
const anyCommand = fc.array(anyWord, { minLength: 1, maxLength: 5 });
const anyRequest = fc.oneof(
  { weight: 4, arbitrary: anyCommand.map((words) => encode(...words)) },
  fc.constantFrom("PING\r\n", "SET 'a b' \"c\\n\"\n", "\r\n", "*0\r\n", "*-1\r\n"),
);
/** Requests, some with a byte changed, cut or glued together. */
const anyInput = fc
  .tuple(
    fc.array(anyRequest, { maxLength: 6 }).map((requests) => requests.join("")),
    fc.nat(),
    fc.option(fc.constantFrom("\r", "\n", "$", "*", "-", "9", "\0", "")),
  )
  .map(([text, place, change]) => {
    if (change === null || text === "") return Buffer.from(text, "latin1");
    const at = place % text.length;
    return Buffer.from(text.slice(0, at) + change + text.slice(at + 1), "latin1");
  });

describe("any input", () => {
  test("what was encoded is read back", () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 8 }), (commands) => {
        const input = commands.map((words) => encode(...words)).join("");
        expect(parseAll(input)).toEqual({ commands, end: 0 });
      }),
    );
  });

  test("is read the same however it is cut into pieces", () => {
    const anyCuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 });
    fc.assert(
      fc.property(anyInput, anyCuts, (input, cuts) => {
        const ordered = cuts.filter((cut) => cut < input.length).sort((a, b) => a - b);
        expect(parseInPieces(input, ordered)).toEqual(parseAll(input));
      }),
      { numRuns: 2_000 },
    );
  });

  test("is read the same byte by byte", () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const cuts = Array.from({ length: input.length }, (_, index) => index);
        expect(parseInPieces(input, cuts)).toEqual(parseAll(input));
      }),
      { numRuns: 500 },
    );
  });

  test("that is garbage ends in commands, a wait or an error, never in an exception", () => {
    const likely = fc.constantFrom(...Array.from("*$-+0123456789\r\n \"'\\x\0\xff"));
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: likely, maxLength: 60 })),
        (garbage) => {
          const { end } = parseAll(garbage);
          expect(String(end)).toMatch(/^(Protocol error: \S.*|\d+)$/s);
        },
      ),
      { numRuns: 20_000 },
    );
  }, 30_000);

  test("that comes byte by byte costs time in proportion to its length", () => {
    const words = Array.from({ length: 2_000 }, (_, index) => `value-${index}`);
    const input = Buffer.from(encode(...words), "latin1");
    const bytes = Buffer.alloc(input.length);
    const parser = new CommandParser(defaultLimits);
    const args = new Args();
    let looks = 0;
    let next = INCOMPLETE;
    for (let end = 1; end <= input.length && next === INCOMPLETE; end++) {
      bytes[end - 1] = input[end - 1]!;
      // As a session does: nothing is looked at before enough is there.
      if (end < parser.neededBytes) continue;
      looks++;
      next = parser.parse(bytes, 0, end, args);
    }
    expect(next).toBe(input.length);
    expect(args.count).toBe(2_000);
    expect(looks).toBeLessThan(2_000 * 6);
  });
});
