// Ready-made request bytes: exactly what a client would send, with keys redis-benchmark also uses.
import { describe, expect, test } from "vitest";
import { commandsOf } from "./fill.ts";
import { KEY_BYTES, keyOf, makeBursts, respCommand, valueOf } from "./keys.ts";

test("keys have the form and length of redis-benchmark's", () => {
  expect(keyOf(42)).toBe("key:000000000042");
  expect(keyOf(999_999)).toHaveLength(KEY_BYTES);
});

test("values have the length asked for, whatever the salt", () => {
  for (const length of [1, 8, 50, 100, 200])
    expect(valueOf(length, 123_456_789)).toHaveLength(length);
});

test("a command is an array of bulk strings", () => {
  expect(respCommand("GET", "a")).toBe("*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
});

describe("makeBursts", () => {
  const shape = { keys: 1000, valueBytes: 100, pipeline: 4, wait: false, mix: "mixed" } as const;
  const names = (text: string): string[] =>
    [...text.matchAll(/\*\d\r\n\$\d\r\n([A-Z]+)/g)].map((match) => match[1]!);

  test("mixed alternates GET and SET in every burst", () => {
    const { bytes, ends } = makeBursts(shape, 3, 1);
    const middle = bytes.subarray(ends[0], ends[1]).toString();
    expect(names(middle)).toEqual(["GET", "SET", "GET", "SET"]);
    expect(ends.at(-1)).toBe(bytes.length);
  });

  test("WAIT stands behind the writes of a burst, once", () => {
    const { bytes } = makeBursts({ ...shape, mix: "set", pipeline: 2, wait: true }, 1, 1);
    expect(names(bytes.toString())).toEqual(["SET", "SET", "WAIT"]);
    expect(bytes.toString()).toContain("$1\r\n1\r\n");
  });

  test("the same seed gives the same bytes, another seed others", () => {
    const bytes = (seed: number): string => makeBursts(shape, 20, seed).bytes.toString();
    expect(bytes(5)).toBe(bytes(5));
    expect(bytes(5)).not.toBe(bytes(6));
  });

  test("keys are drawn from the whole keyspace and from nothing else", () => {
    const { bytes } = makeBursts({ ...shape, keys: 10, mix: "get" }, 500, 3);
    const keys = new Set(
      [...bytes.toString().matchAll(/key:(\d{12})/g)].map((match) => +match[1]!),
    );
    expect([...keys].toSorted((left, right) => left - right)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });
});

describe("commandsOf", () => {
  const spec = { port: 0, keys: 1000, valueBytes: [50, 200], seed: 9 } as const;

  test("sets every key once, in a scattered order, with lengths over the whole range", () => {
    const all = [...commandsOf({ ...spec, command: "set", every: 1 })];
    const keys = all.map((text) => Number(/key:(\d+)/.exec(text)![1]));
    const lengths = all.map((text) => text.split("\r\n")[6]!.length);
    expect(keys.toSorted((left, right) => left - right)).toEqual(keys.map((_, at) => at));
    expect(keys.slice(0, 3)).not.toEqual([0, 1, 2]);
    expect(Math.min(...lengths)).toBe(50);
    expect(Math.max(...lengths)).toBe(200);
  });

  test("deletes every fifth key", () => {
    const all = [...commandsOf({ ...spec, command: "del", every: 5 })];
    expect(all).toHaveLength(200);
    expect(all.every((text) => /DEL.*key:0{9}\d\d[05]/s.test(text))).toBe(true);
  });
});
