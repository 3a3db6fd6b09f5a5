// SLOWLOG, LATENCY and DEBUG.
import { describe, expect, test } from "vitest";
import { execCommand } from "../../commands/transaction.ts";
import type { NodeView } from "../node-view.ts";
import { argsOf, fakeDataCommands } from "../testing/fake-backend.ts";
import { ServerTester } from "../testing/server-tester.ts";

const REFUSED = /^-ERR DEBUG command not allowed\./;

describe("SLOWLOG, LATENCY", () => {
  test.each([
    { line: "SLOWLOG", reply: "-ERR wrong number of arguments for 'slowlog' command" },
    { line: "SLOWLOG foo", reply: "-ERR unknown subcommand 'foo'. Try SLOWLOG HELP." },
    { line: "SLOWLOG GET", reply: "*0" },
    { line: "SLOWLOG GET -1", reply: "*0" },
    { line: "SLOWLOG GET -2", reply: "-ERR count should be greater than or equal to -1" },
    { line: "SLOWLOG GET abc", reply: "-ERR count should be greater than or equal to -1" },
    { line: "SLOWLOG LEN", reply: ":0" },
    { line: "SLOWLOG LEN x", reply: "-ERR wrong number of arguments for 'slowlog|len' command" },
    { line: "SLOWLOG RESET", reply: "+OK" },
    { line: "LATENCY foo", reply: "-ERR unknown subcommand 'foo'. Try LATENCY HELP." },
    { line: "LATENCY LATEST", reply: "*0" },
    { line: "LATENCY HISTORY x", reply: "*0" },
    { line: "LATENCY RESET", reply: ":0" },
  ])("$line", async ({ line, reply }) => {
    expect((await ServerTester.start()).connect().ask(line)).toBe(reply);
  });

  test("LATENCY DOCTOR tells the longest stall", async () => {
    const client = (await ServerTester.start()).connect();
    expect(client.ask("LATENCY DOCTOR")).toContain("4.2 ms");
  });

  test("slow commands are kept newest first, shortened, their bytes as they came", async () => {
    const tester = await ServerTester.start();
    tester.server.slowLog.thresholdUsec = 0;
    const client = tester.connect("10.0.0.9");
    client.ask("CLIENT SETNAME bob");
    client.call("slowsee", "caf\xc3\xa9");
    client.call("slowsee", "x".repeat(200));
    tester.server.slowLog.thresholdUsec = -1;
    const long = `${"x".repeat(128)}... (72 more bytes)`;
    const at = Math.floor(tester.server.nowMs() / 1000);
    const tail = "$14 10.0.0.9:50001 $3 bob";
    expect(client.ask("SLOWLOG GET 2")).toBe(
      `*2 *6 :2 :${at} :0 *2 $7 slowsee $${long.length} ${long} ${tail} ` +
        `*6 :1 :${at} :0 *2 $7 slowsee $5 caf\xc3\xa9 ${tail}`,
    );
    expect(client.ask("SLOWLOG GET")).toMatch(/^\*3 /);
    expect(client.ask("SLOWLOG LEN")).toBe(":3");
    client.ask("CONFIG SET slowlog-max-len 1");
    expect(client.ask("SLOWLOG LEN")).toBe(":1");
    client.ask("SLOWLOG RESET");
    expect(client.ask("SLOWLOG LEN")).toBe(":0");
  });

  test("a write that was slow to apply is kept with its name", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("PUT a\r\n");
    tester.answer();
    const session = tester.server.sessions.get(1)!;
    const put = fakeDataCommands[0]!;
    const fromLog = argsOf(["", "a", "b"]);
    session.ran(put, 9_999, fromLog);
    session.ran(put, 12_345, fromLog);
    session.ran(execCommand, 20_000, fromLog);
    const entries = tester.server.slowLog.entries.map(({ usec, args }) => `${usec} ${args.join()}`);
    expect(entries).toEqual(["20000 exec,(2 arguments redacted)", "12345 put,a,b"]);
    expect(client.ask("INFO commandstats")).toContain("cmdstat_put:calls=1,usec=22344,");
  });

  test("a command with many arguments is shown with the first 32", async () => {
    const tester = await ServerTester.start();
    tester.server.slowLog.thresholdUsec = 0;
    const client = tester.connect();
    client.call("INFO", ...Array.from({ length: 50 }, (_, index) => `s${index}`));
    const entry = tester.server.slowLog.entries[0]!;
    expect(entry.args.length).toBe(33);
    expect(entry.args.at(-1)).toBe("... (19 more arguments)");
  });
});

describe("DEBUG", () => {
  test.each(["DEBUG SLEEP 0", "DEBUG OBJECT x", "DEBUG SEGFAULT"])(
    "%s is refused",
    async (line) => {
      const tester = await ServerTester.start();
      expect(tester.connect().ask(line)).toMatch(REFUSED);
      expect(tester.node.calls).toEqual([]);
    },
  );

  test("SLEEP alone is allowed on a server that was started for tests", async () => {
    const tester = await ServerTester.start();
    const identity: NodeView["identity"] = { ...tester.node.identity, debugAllowed: true };
    tester.node.identity = identity;
    const client = tester.connect();
    expect(client.ask("DEBUG SLEEP 0.5")).toBe("+OK");
    expect(tester.node.calls).toEqual(["sleep 500"]);
    for (const seconds of ["-1", "61", "abc", "1e9", "NaN"]) {
      expect(client.ask(`DEBUG SLEEP ${seconds}`)).toBe("-ERR DEBUG SLEEP takes 0 to 60 seconds");
    }
    expect(client.ask("DEBUG SEGFAULT")).toMatch(REFUSED);
  });
});
