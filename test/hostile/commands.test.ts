// Commands with arguments at the edges of numbers, bytes and JavaScript. Anchors, section 6, items
// 9, 14, 17.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { show } from "../support/reply.ts";
import type { Argument } from "../support/resp-connection.ts";
import { MIB, survives } from "./arena.ts";

let lab: Lab;
let server: KvorumServer;

beforeAll(async () => {
  lab = new Lab();
  server = await KvorumServer.start(lab, { fsync: "no" });
});

beforeEach(async () => {
  await server.with((connection) => connection.call("FLUSHALL"));
});

afterAll(async () => {
  await lab.close();
});

const ask = (...args: Argument[]): Promise<string> =>
  server.with((connection) => connection.ask(...args));

const NOT_INTEGER = "-ERR value is not an integer or out of range";
const TOO_LONG = /^-ERR string exceeds maximum allowed size/;
const OFFSETS = ["-1", "-9223372036854775808", "9223372036854775807", "9007199254740993"];
const BEYOND = ["9223372036854775808", "-9223372036854775809", "1e3", "NaN", "Infinity", "0x10"];

describe("numbers at their edges", () => {
  test.each(OFFSETS.slice(1).map((offset) => [offset]))(
    "SETRANGE at %s is refused",
    async (offset) => {
      expect(await ask("SETRANGE", "k", offset, "x")).toMatch(
        /^-ERR (string exceeds|offset is out)/,
      );
      expect(await ask("EXISTS", "k")).toBe(":0");
    },
  );

  test.each([
    [["SETRANGE", "k", "-1", "x"], "-ERR offset is out of range"],
    [["SETRANGE", "k", "536870912", "x"], TOO_LONG],
    [["SETRANGE", "k", "4294967296", "x"], TOO_LONG],
    [["SETRANGE", "k", "9007199254740992", ""], ":0"],
    [["GETRANGE", "text", "-9223372036854775808", "9223372036854775807"], '"hello"'],
    [["GETRANGE", "text", "9223372036854775807", "-9223372036854775808"], '""'],
    [["GETRANGE", "text", "-9007199254740993", "9007199254740993"], '"hello"'],
    [["GETRANGE", "text", "4294967296", "4294967300"], '""'],
    [["INCRBY", "max", "1"], "-ERR increment or decrement would overflow"],
    [["DECRBY", "min", "1"], "-ERR increment or decrement would overflow"],
    [["DECRBY", "one", "-9223372036854775808"], /^-ERR decrement would overflow/],
    [["INCRBY", "beyond53", "0"], ":9007199254740993"],
    [["INCRBY", "beyond53", "1"], ":9007199254740994"],
    [["INCRBYFLOAT", "one", "inf"], /^-ERR increment would produce NaN or Infinity/],
    [["INCRBYFLOAT", "one", "nan"], "-ERR value is not a valid float"],
    [["INCRBYFLOAT", "one", "1e400"], /^"1000000/],
    [["INCRBYFLOAT", "one", "1e5000"], /^-ERR/],
    [["EXPIRE", "one", "9223372036854775807"], /^-ERR invalid expire time in 'expire' command/],
    [["PEXPIRE", "one", "9223372036854775807"], /^-ERR invalid expire time in 'pexpire' command/],
    [["SET", "one", "1", "EX", "9223372036854775807"], /^-ERR invalid expire time in 'set'/],
    [["SET", "one", "1", "PXAT", "0"], /^-ERR invalid expire time in 'set'/],
    [["SCAN", "18446744073709551616"], "-ERR invalid cursor"],
    [["SCAN", "-1"], /^-ERR invalid cursor|^\*/],
    [["SCAN", "0", "COUNT", "9223372036854775807"], /^\*/],
    [["SCAN", "0", "COUNT", "0"], "-ERR syntax error"],
    [["SELECT", "4294967296"], /^-ERR/],
    [["COPY", "one", "x", "DB", "9223372036854775807"], /^-ERR/],
    [["CLIENT", "KILL", "ID", "9223372036854775808"], /^-ERR/],
    [["SLOWLOG", "GET", "-2"], /^-ERR/],
  ] as const)("%j", async ([...args], reply) => {
    await server.with((connection) =>
      connection.call(
        ...["MSET", "text", "hello", "one", "1", "max", "9223372036854775807"],
        ...["min", "-9223372036854775808", "beyond53", "9007199254740993"],
      ),
    );
    const answer = await ask(...args);
    const isRight = typeof reply === "string" ? answer === reply : reply.test(answer);
    expect([isRight, answer]).toEqual([true, answer]);
  });

  test.each(
    ["INCRBY", "DECRBY", "EXPIRE", "PEXPIREAT", "SETRANGE", "GETRANGE", "SELECT"].flatMap((name) =>
      BEYOND.map((number) => [name, number] as const),
    ),
  )("%s takes no %s", async (name, number) => {
    const rest = name === "SETRANGE" ? ["x"] : name === "GETRANGE" ? ["1"] : [];
    const args = name === "SELECT" ? [name, number] : [name, "k", number, ...rest];
    expect(await ask(...args)).toMatch(
      /^-ERR (value is not an integer|invalid expire|value is out)/,
    );
  });

  test("a long string is made of zeros, not of somebody's memory", async () => {
    const outcome = survives(
      server,
      async () => {
        await server.with(async (connection) => {
          await connection.call("SET", "secret", "s".repeat(MIB));
          expect(await connection.ask("SETRANGE", "far", 20 * MIB, "end")).toBe(`:${20 * MIB + 3}`);
          const value = await connection.call("GET", "far");
          expect(/^\0+end$/.test(value.text)).toBe(true);
          expect(await connection.ask("SETRANGE", "farther", 100 * MIB, "e")).toBe(
            `:${100 * MIB + 1}`,
          );
          expect(await connection.ask("GETRANGE", "farther", -3, -1)).toBe('"\\u0000\\u0000e"');
          expect(await connection.ask("DEL", "far", "farther", "secret")).toBe(":3");
        });
      },
      { growthBytes: 350 * MIB },
    );
    expect(await outcome).toBe("unharmed");
  });
});

describe("names that mean something to JavaScript", () => {
  const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype"];

  test.each(NAMES.map((name) => [name]))("%s is a key like any other", async (name) => {
    await server.with(async (connection) => {
      expect(await connection.ask("GET", name)).toBe("nil$");
      expect(await connection.ask("TYPE", name)).toBe("+none");
      expect(await connection.ask("SET", name, name)).toBe("+OK");
      expect(await connection.ask("RENAME", name, `${name}2`)).toBe("+OK");
      expect(await connection.ask("MGET", name, `${name}2`)).toBe(`*[nil$ "${name}"]`);
      await connection.pipeline([["WATCH", name], ["MULTI"], ["GET", name], ["EXEC"]]);
    });
  });

  test.each(NAMES.map((name) => [name]))("%s is no command, option or parameter", async (name) => {
    await server.with(async (connection) => {
      expect(await connection.ask(name)).toMatch(/^-ERR unknown command/);
      for (const container of ["CLIENT", "CONFIG", "COMMAND", "CLUSTER", "SLOWLOG"]) {
        expect(await connection.ask(container, name)).toMatch(/^-ERR unknown subcommand/);
      }
      expect(await connection.ask("SET", "a", "b", name)).toBe("-ERR syntax error");
      expect(await connection.ask("CONFIG", "GET", name)).toBe("*[]");
      expect(await connection.ask("CONFIG", "SET", name, "1")).toMatch(/^-ERR Unknown option/);
      expect(await connection.ask("COMMAND", "INFO", name)).toMatch(/^\*\[nil/);
      expect(await connection.ask("COMMAND", "DOCS", name)).toBe("*[]");
      expect(await connection.ask("INFO", name)).toBe('""');
      expect(await connection.ask("SCAN", "0", "TYPE", name)).toMatch(/^\*\["0" \*\[\]\]|^-ERR/);
    });
  });

  test("keys that differ in one byte, or are no UTF-8, are different keys", async () => {
    const keys = ["\u00e9", "e\u0301", "\ufffd"].map((text) => Buffer.from(text));
    keys.push(
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from([0xed, 0xb0, 0x80]),
      Buffer.from([0xff]),
    );
    keys.push(Buffer.from([0xfe]), Buffer.from([0]), Buffer.from([0, 0]), Buffer.from([]));
    await server.with(async (connection) => {
      for (const [place, key] of keys.entries()) await connection.call("SET", key, place);
      const { items } = await connection.call("MGET", ...keys);
      expect(items.map(({ text }) => Number(text))).toEqual(keys.map((_, place) => place));
      expect(await connection.ask("DBSIZE")).toBe(`:${keys.length}`);
    });
  });
});

describe("text of a client in errors, logs and lists", () => {
  const EVIL = ["a\r\n+OK\r\n", "\u001b]0;owned\u0007", "x\n".repeat(1000), "\u0000", "%s%n%d"];

  test.each(EVIL.map((text) => [JSON.stringify(text.slice(0, 20)), text] as const))(
    "%s: one reply on one line",
    async (_, text) => {
      await server.with(async (connection) => {
        const commands = [
          [text],
          ["CLIENT", text],
          ["CONFIG", "SET", text, text],
          ["SET", "a", "b", text],
          ["EXPIRE", "a", "10", text],
          ["COMMAND", "GETKEYS", text],
          ["CLIENT", "KILL", text],
          ["CLUSTER", text],
        ];
        const replies = await connection.pipeline(commands);
        expect(replies.map(({ kind }) => kind)).toEqual(commands.map(() => "error"));
        expect(replies.every((reply) => !/[\r\n]/.test(reply.text))).toBe(true);
        expect(await connection.ask("ECHO", "in step")).toBe('"in step"');
        expect(connection.unread).toEqual([]);
      });
    },
  );

  test("a wrong user's name is one line too", async () => {
    await server.with(async (connection) => {
      expect((await connection.call("AUTH", EVIL[0]!, "x")).kind).toBe("error");
      expect((await connection.call("HELLO", "3", "AUTH", EVIL[1]!, "x")).kind).toBe("error");
      expect(await connection.ask("ECHO", "in step")).toBe('"in step"');
    });
  });

  test("a client's name keeps CLIENT LIST in its form", async () => {
    await server.with(async (connection) => {
      for (const name of ["two words", "line\nend", "\r\n", "\u0001", "\u001b[31m", "\u00ff"]) {
        expect(await connection.ask("CLIENT", "SETNAME", name)).toMatch(
          /^-ERR Client names cannot/,
        );
        expect(await connection.ask("CLIENT", "SETINFO", "LIB-NAME", name)).toMatch(/^-ERR/);
      }
      const list = (await connection.call("CLIENT", "LIST")).text.trimEnd().split("\n");
      expect(list.every((line) => /^id=\d+ addr=\S+ /.test(line))).toBe(true);
    });
  });

  test.each([
    ["line ends", "\n".repeat(30 * MIB)],
    ["line ends and a letter", "\r\n".repeat(15 * MIB) + "x"],
    ["letters", "x".repeat(30 * MIB)],
    ["digits", "1".repeat(30 * MIB)],
    ["zeros", "0".repeat(30 * MIB)],
  ])("an error of a long argument is short, and quick: %s", async (_, long) => {
    const outcome = survives(
      server,
      async () => {
        await server.with(async (connection) => {
          for (const args of [[long], ["SET", "a", "b", long], ["EXPIRE", "a", "1", long]]) {
            const reply = await connection.call(...args);
            expect(reply.kind).toBe("error");
            expect(reply.text.length).toBeLessThan(2000);
          }
          for (const name of ["CLIENT", "CONFIG", "COMMAND", "CLUSTER"]) {
            expect((await connection.call(name, long)).text.length).toBeLessThan(2000);
          }
          expect(await connection.ask("INCRBY", "n", long)).toBe(NOT_INTEGER);
          expect(await connection.ask("SCAN", long)).toBe("-ERR invalid cursor");
        });
      },
      { growthBytes: 250 * MIB, slowestMs: 1000 },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("every line of the log is one record", () => {
    const lines = server.program.output.split("\n").filter((line) => line !== "");
    const odd = lines.filter((line) => !line.startsWith("{") && !/\bready\b/.test(line));
    expect(odd).toEqual([]);
    for (const line of lines.filter((text) => text.startsWith("{"))) JSON.parse(line);
    const bytes = Buffer.from(server.program.output);
    expect(bytes.filter((byte) => byte < 32 && byte !== 10)).toHaveLength(0);
  });
});

describe("patterns", () => {
  test.each([
    ["many stars", "*a".repeat(2000) + "b"],
    ["many brackets", "[a-z]".repeat(5000)],
    ["an open bracket", `[${"a".repeat(100_000)}`],
    ["escapes", "\\*".repeat(50_000)],
    ["stars alone", "*".repeat(500_000)],
  ])("%s: in time", async (_, pattern) => {
    await server.with((connection) => connection.call("SET", "a".repeat(20_000), ""));
    const outcome = survives(
      server,
      async () => {
        await server.with(async (connection) => {
          expect((await connection.call("KEYS", pattern)).kind).toBe("array");
          expect((await connection.call("SCAN", 0, "MATCH", pattern)).kind).toBe("array");
          expect((await connection.call("CONFIG", "GET", pattern)).kind).toBe("array");
        });
      },
      { slowestMs: 2000 },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("a reply that would be read as something else is none", async () => {
    await server.with(async (connection) => {
      await connection.call("SET", "x", "\r\n-ERR fake\r\n");
      expect(show(await connection.call("GET", "x"))).toBe('"\\r\\n-ERR fake\\r\\n"');
      expect(await connection.ask("PING", "\r\n:1\r\n")).toBe('"\\r\\n:1\\r\\n"');
    });
  });
});
