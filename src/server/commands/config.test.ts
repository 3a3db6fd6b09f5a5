// CONFIG: values, errors, all or nothing, and that what is set counts.
import { describe, expect, test } from "vitest";
import { parameters } from "../config/parameters.ts";
import { readInteger, readMemory } from "../config/values.ts";
import { ServerTester } from "../testing/server-tester.ts";

const failed = (name: string, why: string): string =>
  `-ERR CONFIG SET failed (possibly related to argument '${name}') - ${why}`;
const INTEGER = "argument couldn't be parsed into an integer";

describe("CONFIG", () => {
  test.each([
    { line: "CONFIG", reply: "-ERR wrong number of arguments for 'config' command" },
    { line: "CONFIG foo", reply: "-ERR unknown subcommand 'foo'. Try CONFIG HELP." },
    { line: "CONFIG GET", reply: "-ERR wrong number of arguments for 'config|get' command" },
    { line: "CONFIG GET nosuch", reply: "*0" },
    { line: "CONFIG GET maxclients", reply: "*2 $10 maxclients $5 10000" },
    { line: "CONFIG GET MAXCLIENTS", reply: "*2 $10 maxclients $5 10000" },
    { line: "CONFIG GET save", reply: "*2 $4 save $0" },
    {
      line: "CONFIG GET appendonly appendf*",
      reply: "*4 $10 appendonly $3 yes $11 appendfsync $6 always",
    },
    { line: "CONFIG GET port por[t] p?rt", reply: "*2 $4 port $4 6379" },
    { line: "CONFIG GET databases", reply: "*2 $9 databases $2 16" },
    { line: "CONFIG GET bind", reply: "*2 $4 bind $9 127.0.0.1" },
    { line: "CONFIG SET", reply: "-ERR wrong number of arguments for 'config|set' command" },
    {
      line: "CONFIG SET maxclients",
      reply: "-ERR wrong number of arguments for 'config|set' command",
    },
    {
      line: "CONFIG SET maxclients 1 timeout",
      reply: "-ERR wrong number of arguments for 'config|set' command",
    },
    {
      line: "CONFIG SET foo 1",
      reply: "-ERR Unknown option or number of arguments for CONFIG SET - 'foo'",
    },
    {
      line: 'CONFIG SET "a\\r\\nb" 1',
      reply: "-ERR Unknown option or number of arguments for CONFIG SET - 'a  b'",
    },
    { line: "CONFIG SET maxclients abc", reply: failed("maxclients", INTEGER) },
    {
      line: "CONFIG SET maxclients 0",
      reply: failed("maxclients", "argument must be between 1 and 1000000 inclusive"),
    },
    { line: "CONFIG SET port 1", reply: failed("port", "can't set immutable config") },
    { line: "CONFIG SET databases 3", reply: failed("databases", "can't set immutable config") },
    { line: "CONFIG SET maxmemory 10mb", reply: "+OK" },
    {
      line: "CONFIG SET maxmemory -1",
      reply: failed("maxmemory", "argument must be a memory value"),
    },
    {
      line: "CONFIG SET maxmemory abc",
      reply: failed("maxmemory", "argument must be a memory value"),
    },
    { line: "CONFIG SET maxmemory-policy noeviction", reply: "+OK" },
    {
      line: "CONFIG SET maxmemory-policy allkeys-lru",
      reply: failed("maxmemory-policy", "argument(s) must be one of the following: noeviction"),
    },
    {
      line: "CONFIG SET timeout -1",
      reply: failed("timeout", "argument must be between 0 and 2147483647 inclusive"),
    },
    { line: "CONFIG SET timeout 1 timeout 2", reply: failed("timeout", "duplicate parameter") },
    { line: "CONFIG SET appendonly yes", reply: "+OK" },
    {
      line: "CONFIG SET appendonly no",
      reply: failed("appendonly", "acknowledged writes are always logged: only 'yes' is possible"),
    },
    { line: "CONFIG SET appendfsync everysec", reply: "+OK" },
    {
      line: "CONFIG SET appendfsync maybe",
      reply: failed(
        "appendfsync",
        "argument(s) must be one of the following: always, everysec, no",
      ),
    },
    { line: 'CONFIG SET save ""', reply: "+OK" },
    {
      line: "CONFIG SET save '900 1'",
      reply: failed("save", "snapshots are written as the log grows; see BGSAVE"),
    },
    { line: 'CONFIG SET notify-keyspace-events ""', reply: "+OK" },
    {
      line: "CONFIG SET slowlog-log-slower-than abc",
      reply: failed("slowlog-log-slower-than", INTEGER),
    },
    { line: "CONFIG SET client-output-buffer-limit 'normal 64mb 0 0'", reply: "+OK" },
    { line: "CONFIG SET client-output-buffer-limit 'pubsub 32mb 0 60'", reply: "+OK" },
    {
      line: "CONFIG SET client-output-buffer-limit 'normal 0 0 0'",
      reply: failed(
        "client-output-buffer-limit",
        "the hard limit of normal clients must be 1mb or more: no client is without a limit",
      ),
    },
    {
      line: "CONFIG SET client-output-buffer-limit 'foo 0 0 0'",
      reply: failed(
        "client-output-buffer-limit",
        "Invalid client class specified in buffer limit configuration.",
      ),
    },
    {
      line: "CONFIG SET client-output-buffer-limit 'normal 1'",
      reply: failed(
        "client-output-buffer-limit",
        "Wrong number of arguments in buffer limit configuration.",
      ),
    },
    {
      line: "CONFIG SET proto-max-bulk-len 100",
      reply: failed(
        "proto-max-bulk-len",
        "argument must be between 1048576 and 536870912 inclusive",
      ),
    },
    {
      line: 'CONFIG SET requirepass "\\xff"',
      reply: failed("requirepass", "argument is too long or not UTF-8"),
    },
    {
      line: "CONFIG RESETSTAT x",
      reply: "-ERR wrong number of arguments for 'config|resetstat' command",
    },
  ])("$line", async ({ line, reply }) => {
    const tester = await ServerTester.start();
    expect(tester.connect().ask(line)).toBe(reply);
  });

  test("REWRITE says what to do instead", async () => {
    const reply = (await ServerTester.start()).connect().ask("CONFIG REWRITE");
    expect(reply).toMatch(/^-ERR CONFIG REWRITE is not supported: put the setting into the file/);
  });

  test("GET answers with a map in RESP3", async () => {
    const client = (await ServerTester.start()).connect();
    client.ask("HELLO 3");
    expect(client.ask("CONFIG GET timeout hz")).toBe("%2 $7 timeout $1 0 $2 hz $1 1");
  });

  test("GET * gives every parameter once, and SET accepts what GET gave", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.ask("HELLO 3");
    expect(client.ask("CONFIG GET * max*")).toMatch(new RegExp(`^%${parameters.length} `));
    for (const { name, get, prepare } of parameters) {
      if (prepare === null) continue;
      expect(client.call("CONFIG", "SET", name, get(tester.server))).toBe("+OK");
    }
  });

  test("SET changes all or nothing", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.ask("CONFIG SET timeout 7 maxclients 0");
    expect(tester.options.idleMsMax).toBe(0);
    tester.node.refusesChange = "the disk is full";
    expect(client.ask("CONFIG SET timeout 7 requirepass x maxmemory 1gb")).toBe(
      failed("maxmemory", "the disk is full"),
    );
    expect(tester.options).toMatchObject({ idleMsMax: 0, password: "" });
    expect(client.ask("CONFIG SET timeout 7 maxclients 5 port 1")).toBe(
      failed("port", "can't set immutable config"),
    );
    expect(tester.options.clientsMax).toBe(10_000);
  });

  test("SET hands the node's own settings to the node", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.ask("CONFIG SET maxmemory 1gb appendfsync no redirect always loglevel warning");
    expect(tester.node.settings).toEqual({
      maxMemoryBytes: 1024 ** 3,
      fsync: "no",
      redirect: "always",
      logLevel: "warn",
    });
    expect(client.ask("CONFIG GET loglevel")).toBe("*2 $8 loglevel $7 warning");
  });

  test("maxclients counts at once", async () => {
    const tester = await ServerTester.start();
    const first = tester.connect();
    first.ask("CONFIG SET maxclients 1");
    const second = tester.connect();
    expect(second.replies()).toBe("-ERR max number of clients reached");
    expect(second.closed).toBe(true);
    second.connection.receiveInFlight("PING\r\n");
    expect(second.replies()).toBe("");
    expect(first.ask("INFO stats")).toContain("rejected_connections:1\r\n".trimEnd());
  });

  test("timeout closes idle clients, not those that talk or wait for an answer", async () => {
    const tester = await ServerTester.start();
    const [talking, waiting, idle] = [tester.connect(), tester.connect(), tester.connect()];
    talking.ask("CONFIG SET timeout 10");
    waiting.send("put a\r\n");
    for (let second = 0; second < 15; second++) {
      tester.advance(1_000);
      talking.ask("PING");
    }
    expect([talking.closed, waiting.closed, idle.closed]).toEqual([false, false, true]);
    expect(tester.reports.join()).toContain("idle");
    tester.answer();
    expect(waiting.replies()).toBe("$1 a");
    tester.advance(12_000);
    expect(waiting.closed).toBe(true);
  });

  test("proto-max-bulk-len and client-query-buffer-limit count for the next request", async () => {
    const client = (await ServerTester.start()).connect();
    client.ask("CONFIG SET proto-max-bulk-len 1mb client-query-buffer-limit 2mb");
    client.send(`*2\r\n$4\r\nPING\r\n$${1024 * 1024 + 1}\r\n`);
    expect(client.replies()).toBe("-ERR Protocol error: invalid bulk length");
  });

  test("requirepass leaves who is connected logged in and asks who comes next", async () => {
    const tester = await ServerTester.start();
    const first = tester.connect();
    expect(first.call("CONFIG", "SET", "requirepass", "gr\xc3\xbcn")).toBe("+OK");
    expect(first.ask("PING")).toBe("+PONG");
    const second = tester.connect();
    expect(second.ask("PING")).toBe("-NOAUTH Authentication required.");
    expect(second.call("AUTH", "gr\xc3\xbcn")).toBe("+OK");
    const third = tester.connect();
    second.call("CONFIG", "SET", "requirepass", "");
    expect(third.ask("PING")).toBe("+PONG");
  });

  test("requirepass cannot be taken away beyond loopback", async () => {
    const tester = await ServerTester.start({ password: "x" });
    tester.node.identity = { ...tester.node.identity, loopbackOnly: false };
    const client = tester.connect();
    client.ask("AUTH x");
    expect(client.ask('CONFIG SET requirepass ""')).toBe(
      failed("requirepass", "a server that listens beyond loopback must have a password"),
    );
  });

  test("RESETSTAT sets counters to zero, here and in the node", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.ask("NOSUCH");
    client.ask("PING");
    client.ask("CONFIG RESETSTAT");
    expect(tester.node.calls).toEqual(["resetStats"]);
    const info = client.ask("INFO stats commandstats errorstats");
    expect(info).toContain("total_error_replies:0");
    expect(info).not.toContain("cmdstat_ping");
    expect(info).not.toContain("errorstat_ERR");
  });
});

describe("values", () => {
  test.each([
    { text: "0", value: 0 },
    { text: "1048576", value: 1048576 },
    { text: "10b", value: 10 },
    { text: "2k", value: 2000 },
    { text: "2KB", value: 2048 },
    { text: "3m", value: 3_000_000 },
    { text: "3mB", value: 3 * 1024 ** 2 },
    { text: "1g", value: 1e9 },
    { text: "1gb", value: 1024 ** 3 },
  ])("memory $text is $value bytes", ({ text, value }) => {
    expect(readMemory(text, 0, 2 ** 53 - 1)).toEqual({ value });
  });

  test.each(["", "-1", "1.5mb", "mb", "1tb", "1 mb", "1e3", "0x10", "9".repeat(40), "1mb "])(
    "%j is no memory value",
    (text) => {
      expect(readMemory(text, 0, 2 ** 53 - 1)).toHaveProperty("error");
    },
  );

  test.each(["", " 1", "1 ", "+1", "1.0", "0x1", "1e3", "9".repeat(40), "NaN"])(
    "%j is no integer",
    (text) => {
      expect(readInteger(text, 0, 10)).toEqual({ error: INTEGER });
    },
  );
});
