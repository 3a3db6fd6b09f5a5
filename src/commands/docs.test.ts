// COMMAND and its subcommands, compared with what redis-server 7.0.15 says of the same commands.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { Args } from "../resp/args.ts";
import { categoriesOf } from "./categories.ts";
import type { CommandDescription } from "./command.ts";
import { CommandDocs } from "./docs.ts";
import { lastKeyIndex } from "./key-positions.ts";
import { dataCommands } from "./table.ts";
import { failure } from "./testing/play.ts";
import {
  type Recorded,
  RecordedMap,
  RecordedSet,
  ReplyRecorder,
  SimpleText,
} from "./testing/reply-recorder.ts";

/** Name, arity, flags, keys, categories, tips, key access: as redis-server 7.0.15 replied. */
const REDIS = readFileSync(new URL("testing/redis-7.0.15-commands.txt", import.meta.url), "utf8");

/** A few commands besides those on data, with a container. */
const others: CommandDescription[] = [
  describeOther("client", -2, "connection", []),
  describeOther("client|list", -2, "connection", ["admin", "noscript"]),
  describeOther("client|id", 2, "connection", ["noscript"]),
  describeOther("ping", -1, "connection", ["fast"]),
];

function describeOther(
  name: string,
  arity: number,
  group: string,
  flags: CommandDescription["flags"],
): CommandDescription {
  const keys = { first: 0, last: 0, step: 0 };
  return { name, arity, flags, keys, group, summary: "S.", since: "1.0.0", complexity: "O(1)" };
}

const docs = new CommandDocs([...dataCommands, ...others]);

function command(...words: string[]): Recorded {
  const bytes = Buffer.from(["COMMAND", ...words].join(""), "latin1");
  const args = new Args();
  args.setMemory(bytes, viewOf(bytes));
  args.count = words.length + 1;
  let at = 0;
  ["COMMAND", ...words].forEach((word, index) => {
    args.offsets[index] = at;
    args.lengths[index] = word.length;
    at += word.length;
  });
  const reply = new ReplyRecorder();
  docs.run(args, reply);
  return reply.take();
}

/** Plain objects and arrays of a reply. */
function plain(value: Recorded): unknown {
  if (value instanceof RecordedMap) {
    return Object.fromEntries(value.pairs.map(([key, item]) => [plain(key), plain(item)]));
  }
  if (value instanceof RecordedSet) return value.members.map(plain);
  if (value instanceof SimpleText) return value.simple;
  return Array.isArray(value) ? value.map(plain) : value;
}

describe("COMMAND INFO", () => {
  const expected = REDIS.trim().split("\n");

  test("knows the data commands of the list, and no others", () => {
    const names = expected.map((line) => line.split(" | ")[0]!);
    expect(dataCommands.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  });

  test.each(expected.map((line) => [line.split(" | ")[0]!, line]))(
    "%s as in Redis",
    (name, line) => {
      const [info] = plain(command("INFO", name)) as [unknown[]];
      const [shown, arity, flags, first, last, step, categories, tips, specifications] = info;
      const text = (words: unknown): string => (words as string[]).join(",");
      const access = (specifications as { flags: string[] }[]).map((one) => one.flags.join(" "));
      expect(
        [
          shown,
          arity,
          text(flags),
          `${String(first)} ${String(last)} ${String(step)}`,
          text(categories).replaceAll("@", ""),
          text(tips),
          access.join(";"),
        ]
          .join(" | ")
          .trimEnd(),
      ).toBe(line);
    },
  );

  test("describes where keys stand", () => {
    const specificationsOf = (name: string): unknown =>
      (plain(command("INFO", name)) as unknown[][])[0]![8];
    const specification = (index: number, lastkey: number, keystep: number, flags: string[]) => ({
      flags,
      begin_search: { type: "index", spec: { index } },
      find_keys: { type: "range", spec: { lastkey, keystep, limit: 0 } },
    });
    expect(specificationsOf("get")).toEqual([specification(1, 0, 1, ["RO", "access"])]);
    expect(specificationsOf("mget")).toEqual([specification(1, -1, 1, ["RO", "access"])]);
    expect(specificationsOf("mset")).toEqual([specification(1, -1, 2, ["OW", "update"])]);
    expect(specificationsOf("copy")).toEqual([
      specification(1, 0, 1, ["RO", "access"]),
      specification(2, 0, 1, ["OW", "update"]),
    ]);
    expect(specificationsOf("keys")).toEqual([]);
  });

  test("nests subcommands, and says null for what is none", () => {
    const [client, nothing, list] = command("INFO", "CLIENT", "nope", "client|list") as unknown[][];
    expect(nothing).toBeNull();
    expect(list![0]).toBe("client|list");
    expect((client![9] as unknown[][]).map(([name]) => name)).toEqual(["client|list", "client|id"]);
    expect(command("INFO", "x".repeat(1000))).toEqual([null]);
    expect(command("INFO", "__proto__")).toEqual([null]);
  });

  test("COMMAND alone and COMMAND INFO alone describe all but subcommands", () => {
    const count = dataCommands.length + 2;
    expect(command("COUNT")).toBe(count);
    expect(command()).toHaveLength(count);
    expect(command("INFO")).toEqual(command());
  });
});

describe("COMMAND DOCS", () => {
  // The arguments of SET, COPY and MSET as redis-server 7.0.15 gives them, without its histories.
  test("gives arguments in the form of Redis", () => {
    const all = plain(command("DOCS", "set", "copy", "mset")) as Record<string, unknown>;
    const key = { name: "key", type: "key", key_spec_index: 0 };
    const token = (word: string) => ({
      name: word.toLowerCase(),
      type: "pure-token",
      token: word,
    });
    expect(all["set"]).toMatchObject({
      since: "1.0.0",
      group: "string",
      complexity: "O(1)",
      arguments: [
        key,
        { name: "value", type: "string" },
        {
          name: "condition",
          type: "oneof",
          flags: ["optional"],
          arguments: [token("NX"), token("XX")],
        },
        { ...token("GET"), flags: ["optional"] },
        {
          name: "expiration",
          type: "oneof",
          flags: ["optional"],
          arguments: [
            { name: "seconds", type: "integer", token: "EX" },
            { name: "milliseconds", type: "integer", token: "PX" },
            { name: "unix-time-seconds", type: "unix-time", token: "EXAT" },
            { name: "unix-time-milliseconds", type: "unix-time", token: "PXAT" },
            token("KEEPTTL"),
          ],
        },
      ],
    });
    expect(all["copy"]).toMatchObject({
      arguments: [
        { name: "source", type: "key", key_spec_index: 0 },
        { name: "destination", type: "key", key_spec_index: 1 },
        { name: "destination-db", type: "integer", token: "DB", flags: ["optional"] },
        { ...token("REPLACE"), flags: ["optional"] },
      ],
    });
    expect(all["mset"]).toMatchObject({
      arguments: [
        {
          name: "key_value",
          type: "block",
          flags: ["multiple"],
          arguments: [key, { name: "value", type: "string" }],
        },
      ],
    });
  });

  test("nests subcommands, leaves out what is none, and knows all", () => {
    const some = plain(command("DOCS", "client", "nope")) as Record<string, object>;
    expect(Object.keys(some)).toEqual(["client"]);
    expect(some["client"]).toMatchObject({ subcommands: { "client|list": { summary: "S." } } });
    const all = plain(command("DOCS")) as object;
    expect(Object.keys(all)).toHaveLength(dataCommands.length + 2);
  });
});

describe("COMMAND LIST", () => {
  test("lists all, subcommands too, or some", () => {
    expect(command("LIST")).toHaveLength(dataCommands.length + others.length);
    expect(command("LIST", "FILTERBY", "PATTERN", "GETD*")).toEqual(["getdel"]);
    expect(command("LIST", "FILTERBY", "PATTERN", "client|*")).toEqual([
      "client|list",
      "client|id",
    ]);
    expect(command("list", "filterby", "aclcat", "connection")).toEqual([
      "client|list",
      "client|id",
      "ping",
    ]);
    expect(command("LIST", "FILTERBY", "ACLCAT", "nope")).toEqual([]);
    expect(command("LIST", "FILTERBY", "ACLCAT", "__proto__")).toEqual([]);
    expect(command("LIST", "FILTERBY", "MODULE", "json")).toEqual([]);
  });

  test.each([
    ["FILTERBY"],
    ["FILTERBY", "PATTERN"],
    ["FOO", "PATTERN", "a"],
    ["FILTERBY", "FOO", "a"],
  ])("refuses %j", (...words) => {
    expect(command("LIST", ...words)).toEqual(failure("ERR syntax error"));
  });
});

describe("COMMAND GETKEYS", () => {
  test.each<[string[], string[]]>([
    [["get", "a"], ["a"]],
    [
      ["MSET", "a", "1", "b", "2"],
      ["a", "b"],
    ],
    [
      ["mset", "a", "1", "b"],
      ["a", "b"],
    ],
    [
      ["del", "a", "b", "a"],
      ["a", "b", "a"],
    ],
    [
      ["copy", "a", "b", "DB", "1"],
      ["a", "b"],
    ],
  ])("of %j: %j", (words, keys) => {
    expect(command("GETKEYS", ...words)).toEqual(keys);
  });

  test("with what happens to each", () => {
    expect(plain(command("GETKEYSANDFLAGS", "rename", "a", "b"))).toEqual([
      ["a", ["RW", "access", "delete"]],
      ["b", ["OW", "update"]],
    ]);
    expect(plain(command("GETKEYSANDFLAGS", "mget", "a", "b"))).toEqual([
      ["a", ["RO", "access"]],
      ["b", ["RO", "access"]],
    ]);
  });

  test.each([
    [["nope", "a"], "ERR Invalid command specified"],
    [["ping", "a"], "ERR The command has no key arguments"],
    [["client", "list"], "ERR The command has no key arguments"],
    [["client", "nope"], "ERR Invalid command specified"],
    [["get", "a", "b"], "ERR Invalid number of arguments specified for command"],
    [["mset", "a"], "ERR Invalid number of arguments specified for command"],
    [["get"], "ERR wrong number of arguments for 'command|getkeys' command"],
  ])("of %j: %s", (words, error) => {
    expect(command("GETKEYS", ...words)).toEqual(failure(error));
  });
});

describe("other subcommands of COMMAND", () => {
  test("HELP is a list of lines", () => {
    expect((plain(command("HELP")) as string[])[0]).toMatch(/^COMMAND <subcommand>/);
  });

  test.each([
    [["COUNT", "1"], "ERR wrong number of arguments for 'command|count' command"],
    [["HELP", "1"], "ERR wrong number of arguments for 'command|help' command"],
    [["FOO"], "ERR unknown subcommand 'FOO'. Try COMMAND HELP."],
    [["__proto__"], "ERR unknown subcommand '__proto__'. Try COMMAND HELP."],
  ])("%j: %s", (words, error) => {
    expect(command(...words)).toEqual(failure(error));
  });
});

test("categories come from flags and group, but not from a container's group", () => {
  expect(categoriesOf(others[0]!, true)).toEqual(["slow"]);
  expect(categoriesOf(others[1]!)).toEqual(["admin", "slow", "dangerous", "connection"]);
  expect(categoriesOf(others[3]!)).toEqual(["fast", "connection"]);
});

test.each([
  [{ first: 0, last: 0, step: 0 }, 3, -1],
  [{ first: 1, last: 1, step: 1 }, 2, 1],
  [{ first: 1, last: -1, step: 2 }, 6, 5],
  [{ first: 1, last: 2, step: 1 }, 2, 1],
  [{ first: 2, last: -2, step: 1 }, 2, 0],
])("the last key of %j with %d arguments is at %d", (keys, count, expected) => {
  expect(lastKeyIndex(keys, count)).toBe(expected);
});
