// Pieces that read what other programs print or send: redis-benchmark's CSV, etcd's messages, RESP.
import { describe, expect, test } from "vitest";
import { putRequest, rangedKeys, keysRequest, memberStatus } from "./etcd-messages.ts";
import { parseCsv } from "./redis-benchmark.ts";
import { parseReply, RespError } from "./resp-client.ts";

describe("parseCsv", () => {
  const head =
    '"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms",' +
    '"p99_latency_ms","max_latency_ms"\n';

  test("reads speed and latencies by the names in the head", () => {
    const text = `${head}"SET","98039.22","0.259","0.104","0.255","0.351","0.431","1.2"\n`;
    const expected = { opsPerSecond: 98039.22, p50Ms: 0.255, p99Ms: 0.431, maxMs: 1.2 };
    expect(parseCsv(text)).toEqual(expected);
  });

  test.each(["", head, '"SET","1"\n', `${head}"SET","1","2"\n`])("refuses %j", (text) => {
    expect(() => parseCsv(text)).toThrow(RangeError);
  });
});

describe("etcd messages, byte by byte", () => {
  test("a put is a gRPC frame around key = 1, value = 2", () => {
    expect(putRequest("ab", "c").toString("hex")).toBe("00000000070a026162120163");
  });

  test("a long value has its length in two bytes", () => {
    const value = "v".repeat(300);
    expect(putRequest("k", value).subarray(5, 11).toString("hex")).toBe("0a016b12ac02");
  });

  test("a range of keys asks for no values", () => {
    expect(keysRequest("a", "b", 1000).toString("hex")).toBe("000000000b0a016112016218e8074001");
  });

  test("keys are found in a range response", () => {
    const message = Buffer.from("0a02100112030a016112060a01622a01632002", "hex");
    const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
    expect(rangedKeys(framed)).toEqual(["a", "b"]);
  });

  test("64-bit ids are read without loss", () => {
    const id = "ffffffffffffffffff01";
    const message = Buffer.from(`0a0b10${id}1205332e342e3220${id}3864`, "hex");
    const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
    expect(memberStatus(framed)).toEqual({
      memberId: 2n ** 64n - 1n,
      leaderId: 2n ** 64n - 1n,
      version: "3.4.2",
      appliedIndex: 100n,
    });
  });

  test("half a frame is refused", () => {
    expect(() => rangedKeys(Buffer.from([0, 0, 0, 0, 9, 1]))).toThrow(RangeError);
  });
});

describe("parseReply", () => {
  test.each([
    { text: "+OK\r\n", reply: "OK" },
    { text: ":-3\r\n", reply: -3 },
    { text: "$3\r\na\nb\r\n", reply: "a\nb" },
    { text: "$-1\r\n", reply: null },
    { text: "*2\r\n$1\r\na\r\n*1\r\n:1\r\n", reply: ["a", [1]] },
    { text: "*-1\r\n", reply: null },
  ])("$text", ({ text, reply }) => {
    expect(parseReply(Buffer.from(text), 0)).toEqual({ reply, end: text.length });
    for (let cut = 0; cut < text.length; cut++) {
      expect(parseReply(Buffer.from(text.slice(0, cut)), 0)).toBeNull();
    }
  });

  test("an error reply is a value, not an exception", () => {
    const parsed = parseReply(Buffer.from("-LOADING wait\r\n"), 0);
    expect(parsed?.reply).toEqual(new RespError("LOADING wait"));
  });

  test("what is no reply is refused", () => {
    expect(() => parseReply(Buffer.from("hello\r\n"), 0)).toThrow(RangeError);
  });
});
