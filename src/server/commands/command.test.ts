// COMMAND over the whole table of the server, and that every row of it reads well.
import { describe, expect, test } from "vitest";
import { parseSyntax } from "../../commands/syntax.ts";
import { ServerTester } from "../testing/server-tester.ts";

describe("COMMAND", () => {
  test.each([
    { line: "COMMAND foo", reply: "-ERR unknown subcommand 'foo'. Try COMMAND HELP." },
    {
      line: "COMMAND COUNT x",
      reply: "-ERR wrong number of arguments for 'command|count' command",
    },
    {
      line: "COMMAND GETKEYS",
      reply: "-ERR wrong number of arguments for 'command|getkeys' command",
    },
    { line: "COMMAND GETKEYS mset a 1 b 2", reply: "*2 $1 a $1 b" },
    { line: "COMMAND GETKEYS foo a", reply: "-ERR Invalid command specified" },
    { line: "COMMAND INFO nosuch", reply: "*1 $-1" },
    { line: "COMMAND DOCS nosuch", reply: "*0" },
    { line: "COMMAND LIST foo", reply: "-ERR syntax error" },
    { line: "COMMAND LIST FILTERBY MODULE x", reply: "*0" },
    { line: "COMMAND LIST FILTERBY PATTERN client|k*", reply: "*1 $11 client|kill" },
    {
      line: "COMMAND INFO ping",
      reply:
        "*1 *10 $4 ping :-1 *1 +fast :0 :0 :0 *2 +@fast +@connection " +
        "*2 $25 request_policy:all_shards $29 response_policy:all_succeeded *0 *0",
    },
  ])("$line", async ({ line, reply }) => {
    const tester = await ServerTester.start();
    expect(tester.connect().ask(line)).toBe(reply);
  });

  test("COUNT counts commands without their subcommands", async () => {
    const tester = await ServerTester.start();
    const roots = tester.server.commands.all.filter(({ name }) => !name.includes("|"));
    expect(tester.connect().ask("COMMAND COUNT")).toBe(`:${roots.length}`);
    expect(tester.connect().ask("COMMAND")).toMatch(new RegExp(`^\\*${roots.length} \\*10 `));
  });

  test("INFO and DOCS of a container show its subcommands", async () => {
    const client = (await ServerTester.start()).connect();
    expect(client.ask("COMMAND INFO config")).toContain("$10 config|get :-3");
    client.ask("HELLO 3");
    const docs = client.ask("COMMAND DOCS config");
    expect(docs).toMatch(/^%1 \$6 config %\d /);
    expect(docs).toContain("$11 subcommands %5 $10 config|get ");
  });
});

const TYPES = [
  "string",
  "integer",
  "double",
  "key",
  "pattern",
  "unix-time",
  "pure-token",
  "oneof",
  "block",
];

test("every command describes its arguments in words that can be read", async () => {
  const { server } = await ServerTester.start();
  for (const { description } of server.commands.all) {
    const { name, arity, syntax, summary, since, complexity } = description;
    const words = name.includes("|") ? 2 : 1;
    const parts = syntax === undefined ? [] : parseSyntax(syntax);
    const needed = parts.filter((part) => !part.optional).length;
    const named = arity > 0 ? arity - words : needed;
    expect([name, needed]).toEqual([name, named]);
    for (const part of parts) expect(TYPES).toContain(part.type);
    expect(summary).toMatch(/^[A-Z].*\.$/);
    expect(since).toMatch(/^\d+\.\d+\.\d+$/);
    expect(complexity).not.toBe("");
  }
});
