// The scanner counts the same replies however the bytes are cut, and notices wrong ones.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ReplyScanner, type Tally } from "./reply-scanner.ts";

function scan(
  chunks: readonly string[],
  bulkBytes = -1,
  integerMin = 0,
): Tally & { replies: number } {
  const tally: Tally = { errors: 0, firstError: "" };
  const scanner = new ReplyScanner(tally, { bulkBytes, integerMin });
  const counts = chunks.map((text) => scanner.feed(Buffer.from(text, "latin1"), text.length));
  return { ...tally, replies: counts.reduce((sum, count) => sum + count, 0) };
}

describe("ReplyScanner", () => {
  test.each([
    { name: "statuses", text: "+OK\r\n+QUEUED\r\n", replies: 2, errors: 0, first: "" },
    { name: "integers", text: ":0\r\n:12\r\n", replies: 2, errors: 0, first: "" },
    { name: "a value", text: "$5\r\n+a\r\nb\r\n", replies: 1, errors: 0, first: "" },
    { name: "an empty value", text: "$0\r\n\r\n", replies: 1, errors: 0, first: "" },
    { name: "a missing value", text: "$-1\r\n", replies: 1, errors: 1, first: "missing value" },
    { name: "an error", text: "-OOM no\r\n+OK\r\n", replies: 2, errors: 1, first: "-OOM no" },
    { name: "the first error", text: "-A\r\n-B\r\n", replies: 2, errors: 2, first: "-A" },
    { name: "half a reply", text: "+OK\r\n$100\r\nabc", replies: 1, errors: 0, first: "" },
  ])("$name", ({ text, replies, errors, first }) => {
    expect(scan([text])).toEqual({ replies, errors, firstError: first });
  });

  test("a value of another length is an error when the length is known", () => {
    expect(scan(["$3\r\nabc\r\n"], 3).errors).toBe(0);
    expect(scan(["$3\r\nabc\r\n"], 100)).toMatchObject({ errors: 1, replies: 1 });
  });

  test("WAIT that reached no replica is an error", () => {
    expect(scan([":1\r\n"], -1, 1).errors).toBe(0);
    expect(scan([":0\r\n"], -1, 1)).toMatchObject({ errors: 1, firstError: "integer reply 0" });
  });

  test("bytes that are no reply are refused", () => {
    expect(() => scan(["HTTP/1.1 400 Bad Request\r\n"])).toThrow(RangeError);
  });

  test("any way of cutting the bytes gives the same counts", () => {
    const reply = fc.oneof(
      fc.constantFrom("+OK\r\n", ":7\r\n", "$-1\r\n", "-ERR no\r\n"),
      fc.string({ maxLength: 40 }).map((text) => {
        const bytes = Buffer.from(text).toString("latin1");
        return `$${bytes.length}\r\n${bytes}\r\n`;
      }),
    );
    const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 20 }), cuts, (replies, sizes) => {
        const text = replies.join("");
        const chunks: string[] = [];
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          chunks.push(text.slice(at, at + size));
          at += size;
        }
        expect(scan(chunks)).toEqual(scan([text]));
        expect(scan(chunks).replies).toBe(replies.length);
      }),
    );
  });
});
