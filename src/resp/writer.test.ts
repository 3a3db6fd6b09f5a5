// Replies as bytes in both protocols, growing and reusing of the buffer, counting of errors.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { NullReply } from "./null-reply.ts";
import type { Reply } from "./reply.ts";
import { RespWriter } from "./writer.ts";

/** What is written, in both protocols, one character per byte. */
function written(write: (reply: Reply) => void): { resp2: string; resp3: string } {
  const [resp2, resp3] = [2, 3].map((protocol) => {
    const writer = new RespWriter(16);
    writer.protocol = protocol;
    write(writer);
    return writer.take().toString("latin1");
  });
  return { resp2: resp2!, resp3: resp3! };
}

const bulkOf = (text: string) => (reply: Reply) => {
  const bytes = Buffer.from(`..${text}..`, "latin1");
  reply.bulk(bytes, viewOf(bytes), 2, text.length);
};

describe("RespWriter", () => {
  test.each<{ name: string; write: (reply: Reply) => void; resp2: string; resp3?: string }>([
    { name: "OK", write: (r) => r.ok(), resp2: "+OK\r\n" },
    { name: "a status", write: (r) => r.simple("PONG"), resp2: "+PONG\r\n" },
    { name: "an error", write: (r) => r.error("ERR no"), resp2: "-ERR no\r\n" },
    {
      name: "an error on one line",
      write: (r) => r.error("ERR a\r\nb\nc"),
      resp2: "-ERR a  b c\r\n",
    },
    {
      name: "an error that ends in line ends",
      write: (r) => r.error("ERR a\r\n\n"),
      resp2: "-ERR a\r\n",
    },
    {
      name: "an error with bytes of a client",
      write: (r) => r.error("ERR caf\xc3\xa9"),
      resp2: "-ERR caf\xc3\xa9\r\n",
    },
    {
      name: "an error with characters whose low byte ends a line",
      write: (r) => r.error("ERR \u010d\u010a+OK"),
      resp2: "-ERR   +OK\r\n",
    },
    { name: "nought", write: (r) => r.integer(0), resp2: ":0\r\n" },
    { name: "a negative integer", write: (r) => r.integer(-1), resp2: ":-1\r\n" },
    { name: "2^31 - 1", write: (r) => r.integer(2147483647), resp2: ":2147483647\r\n" },
    { name: "2^31", write: (r) => r.integer(2147483648), resp2: ":2147483648\r\n" },
    { name: "2^53 - 1", write: (r) => r.integer(9007199254740991), resp2: ":9007199254740991\r\n" },
    {
      name: "a 64-bit integer",
      write: (r) => r.integerText("-9223372036854775808"),
      resp2: ":-9223372036854775808\r\n",
    },
    { name: "bytes", write: bulkOf("a\r\n\xff"), resp2: "$4\r\na\r\n\xff\r\n" },
    { name: "no bytes", write: bulkOf(""), resp2: "$0\r\n\r\n" },
    { name: "text", write: (r) => r.bulkText("né"), resp2: "$3\r\nn\xc3\xa9\r\n" },
    { name: "nothing", write: (r) => r.nil(), resp2: "$-1\r\n", resp3: "_\r\n" },
    { name: "no array", write: (r) => r.nilArray(), resp2: "*-1\r\n", resp3: "_\r\n" },
    { name: "an array", write: (r) => r.array(3), resp2: "*3\r\n" },
    { name: "an empty array", write: (r) => r.array(0), resp2: "*0\r\n" },
    { name: "a map", write: (r) => r.map(2), resp2: "*4\r\n", resp3: "%2\r\n" },
    { name: "a set", write: (r) => r.set(2), resp2: "*2\r\n", resp3: "~2\r\n" },
    { name: "out-of-band data", write: (r) => r.push(2), resp2: "*2\r\n", resp3: ">2\r\n" },
    { name: "a double", write: (r) => r.double("1.5"), resp2: "$3\r\n1.5\r\n", resp3: ",1.5\r\n" },
    { name: "infinity", write: (r) => r.double("inf"), resp2: "$3\r\ninf\r\n", resp3: ",inf\r\n" },
    { name: "true", write: (r) => r.boolean(true), resp2: ":1\r\n", resp3: "#t\r\n" },
    { name: "false", write: (r) => r.boolean(false), resp2: ":0\r\n", resp3: "#f\r\n" },
    {
      name: "verbatim text",
      write: (r) => r.verbatim("txt", "hé"),
      resp2: "$3\r\nh\xc3\xa9\r\n",
      resp3: "=7\r\ntxt:h\xc3\xa9\r\n",
    },
    { name: "bytes as they are", write: (r) => r.raw(Buffer.from(":5\r\n")), resp2: ":5\r\n" },
  ])("writes $name", ({ write, resp2, resp3 }) => {
    expect(written(write)).toEqual({ resp2, resp3: resp3 ?? resp2 });
  });

  test("writes integers of any size as they are printed", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(written((reply) => reply.integer(value)).resp2).toBe(`:${value}\r\n`);
      }),
    );
    for (let value = 1; value < 2 ** 31; value *= 10) {
      for (const near of [value - 1, value, value + 1]) {
        expect(written((reply) => reply.array(near)).resp2).toBe(`*${near}\r\n`);
      }
    }
  });

  test("keeps what it has while its buffer grows", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 20 }), (values) => {
        const writer = new RespWriter(1);
        const expected: Buffer[] = [];
        for (const value of values) {
          writer.bulk(value, viewOf(value), 0, value.length);
          expected.push(
            Buffer.from(`$${value.length}\r\n`),
            Buffer.from(value),
            Buffer.from("\r\n"),
          );
        }
        expect(writer.take().equals(Buffer.concat(expected))).toBe(true);
      }),
    );
  });

  test("take from a place on leaves what lies before", () => {
    const writer = new RespWriter();
    writer.ok();
    const from = writer.length;
    writer.integer(1);
    expect(writer.take(from).toString()).toBe(":1\r\n");
    writer.integer(2);
    expect(writer.take().toString()).toBe("+OK\r\n:2\r\n");
    expect(writer.length).toBe(0);
  });

  test("what was taken does not change with what is written next", () => {
    const writer = new RespWriter();
    writer.bulkText("secret of one client");
    const taken = writer.take();
    writer.bulkText("another's, same size");
    expect(taken.toString()).toBe("$20\r\nsecret of one client\r\n");
  });

  test("gives back a buffer that one big reply made big", () => {
    const writer = new RespWriter(1024);
    const big = new Uint8Array(8 * 1024 * 1024);
    writer.bulk(big, viewOf(big), 0, big.length);
    writer.take();
    expect(writer.bytes.length).toBe(1024);
  });

  test("counts errors in all and by code, in bounded memory", () => {
    const writer = new RespWriter();
    for (const text of ["ERR a", "ERR b", "WRONGTYPE c", "LONE"]) writer.error(text);
    expect([...writer.errorsByCode]).toEqual([
      ["ERR", 2],
      ["WRONGTYPE", 1],
      ["LONE", 1],
    ]);
    for (let code = 0; code < 1000; code++) writer.error(`E${code} x`);
    expect(writer.errors).toBe(1004);
    expect(writer.errorsByCode.size).toBeLessThanOrEqual(129);
  });
});

test("NullReply takes everything and keeps nothing", () => {
  const reply: Reply = new NullReply();
  reply.array(2);
  bulkOf("x")(reply);
  reply.error("ERR x");
  expect(reply).toEqual(new NullReply());
});
