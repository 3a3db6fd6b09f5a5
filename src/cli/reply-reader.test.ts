// Replies from bytes, whole and in pieces.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatReply } from "./reply-format.ts";
import { ReplyReader, type ReplyValue } from "./reply-reader.ts";

function readAll(text: string | Buffer): ReplyValue[] {
  const reader = new ReplyReader();
  reader.push(Buffer.from(text));
  return drain(reader);
}

function drain(reader: ReplyReader): ReplyValue[] {
  const replies: ReplyValue[] = [];
  for (let reply = reader.next(); reply !== null; reply = reader.next()) replies.push(reply);
  return replies;
}

function bulk(text: string): ReplyValue {
  return { kind: "bulk", bytes: Buffer.from(text) };
}

describe("ReplyReader", () => {
  test.each<{ bytes: string; value: ReplyValue }>([
    { bytes: "+OK\r\n", value: { kind: "simple", text: "OK" } },
    { bytes: "-ERR no\r\n", value: { kind: "error", text: "ERR no" } },
    { bytes: ":-12\r\n", value: { kind: "integer", text: "-12" } },
    { bytes: "$3\r\na\r\n\r\n", value: bulk("a\r\n") },
    { bytes: "$0\r\n\r\n", value: bulk("") },
    { bytes: "$-1\r\n", value: { kind: "nil" } },
    { bytes: "*-1\r\n", value: { kind: "nil" } },
    { bytes: "_\r\n", value: { kind: "nil" } },
    { bytes: "*0\r\n", value: { kind: "array", items: [] } },
    {
      bytes: "*2\r\n:1\r\n*1\r\n+a\r\n",
      value: {
        kind: "array",
        items: [
          { kind: "integer", text: "1" },
          { kind: "array", items: [{ kind: "simple", text: "a" }] },
        ],
      },
    },
    {
      bytes: "%1\r\n+k\r\n:1\r\n",
      value: {
        kind: "map",
        items: [
          { kind: "simple", text: "k" },
          { kind: "integer", text: "1" },
        ],
      },
    },
    { bytes: "~1\r\n#t\r\n", value: { kind: "set", items: [{ kind: "boolean", value: true }] } },
    { bytes: ",1.5\r\n", value: { kind: "double", text: "1.5" } },
    { bytes: "(12345678901234567890\r\n", value: { kind: "number", text: "12345678901234567890" } },
    { bytes: "=8\r\ntxt:some\r\n", value: { kind: "verbatim", bytes: Buffer.from("some") } },
    { bytes: "!6\r\nERR no\r\n", value: { kind: "error", text: "ERR no" } },
    { bytes: "|1\r\n+ttl\r\n:3\r\n+OK\r\n", value: { kind: "simple", text: "OK" } },
  ])("reads $bytes", ({ bytes, value }) => {
    expect(readAll(bytes)).toEqual([value]);
  });

  test.each(["?x\r\n", "$x\r\n", "*-2\r\n", "$1\r\nabc", "*99999999999\r\n"])(
    "refuses %j",
    (bytes) => {
      expect(() => readAll(bytes)).toThrow("is it a Redis-compatible server?");
    },
  );

  test("pieces make no difference", () => {
    const bytes = Buffer.from(
      "*3\r\n$5\r\nhello\r\n%1\r\n+a\r\n*2\r\n:1\r\n_\r\n-ERR x\r\n+next\r\n",
    );
    const whole = readAll(bytes);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const reader = new ReplyReader();
        const replies: ReplyValue[] = [];
        const places = [0, ...cuts.toSorted((left, right) => left - right), bytes.length];
        for (let at = 1; at < places.length; at++) {
          reader.push(bytes.subarray(places[at - 1], places[at]));
          replies.push(...drain(reader));
        }
        expect(replies).toEqual(whole);
      }),
    );
  });
});

describe("formatReply, as redis-cli shows it", () => {
  test.each([
    { bytes: "+OK\r\n", shown: "OK" },
    { bytes: "-ERR no\r\n", shown: "(error) ERR no" },
    { bytes: ":12\r\n", shown: "(integer) 12" },
    { bytes: "$-1\r\n", shown: "(nil)" },
    { bytes: '$6\r\na"\\\n\x07z\r\n', shown: '"a\\"\\\\\\n\\az"' },
    { bytes: "$2\r\n\u00e9\r\n", shown: '"\\xc3\\xa9"' },
    { bytes: ",3.25\r\n", shown: "(double) 3.25" },
    { bytes: "#t\r\n", shown: "(true)" },
    { bytes: '=8\r\ntxt:a"b\n\r\n', shown: 'a"b\n' },
    { bytes: "*0\r\n", shown: "(empty array)" },
    { bytes: "~0\r\n", shown: "(empty set)" },
    { bytes: "%0\r\n", shown: "(empty hash)" },
    { bytes: "*2\r\n:1\r\n$1\r\na\r\n", shown: '1) (integer) 1\n2) "a"' },
    {
      bytes: "*2\r\n*2\r\n+a\r\n*1\r\n+b\r\n:3\r\n",
      shown: "1) 1) a\n   2) 1) b\n2) (integer) 3",
    },
    {
      bytes: "%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:2\r\n:3\r\n",
      shown: "1# a => (integer) 1\n2# b => \n   1) (integer) 2\n   2) (integer) 3",
    },
    { bytes: "~1\r\n+a\r\n", shown: "1~ a" },
    {
      bytes: `*10\r\n${"+x\r\n".repeat(10)}`,
      shown: " 1) x\n 2) x\n 3) x\n 4) x\n 5) x\n 6) x\n 7) x\n 8) x\n 9) x\n10) x",
    },
  ])("$shown", ({ bytes, shown }) => {
    expect(formatReply(readAll(bytes)[0]!)).toBe(shown);
  });
});
