// SAVE, BGSAVE, LASTSAVE and SHUTDOWN over a fake node.
import { describe, expect, test } from "vitest";
import { ServerTester } from "../testing/server-tester.ts";

/** Lets promise callbacks run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("snapshots", () => {
  test.each([
    { line: "BGSAVE foo", reply: "-ERR syntax error" },
    { line: "BGSAVE SCHEDULE x", reply: "-ERR syntax error" },
    { line: "BGSAVE", reply: "+Background saving started" },
    { line: "BGSAVE SCHEDULE", reply: "+Background saving started" },
    { line: "SAVE x", reply: "-ERR wrong number of arguments for 'save' command" },
    { line: "LASTSAVE", reply: ":1700000000" },
    { line: "LASTSAVE x", reply: "-ERR wrong number of arguments for 'lastsave' command" },
  ])("$line", async ({ line, reply }) => {
    expect((await ServerTester.start()).connect().ask(line)).toBe(reply);
  });

  test("SAVE answers when the snapshot is on disk; others are served meanwhile", async () => {
    const tester = await ServerTester.start();
    const [client, other] = [tester.connect(), tester.connect()];
    client.send("SAVE\r\nPING\r\n");
    expect(client.replies()).toBe("");
    expect(other.ask("PING")).toBe("+PONG");
    tester.node.openSnapshots[0]!.resolve();
    await turn();
    tester.settle();
    expect(client.replies()).toBe("+OK +PONG");
  });

  test("SAVE says why it failed", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("SAVE\r\n");
    tester.node.openSnapshots[0]!.reject(new Error("no space left\r\non device"));
    await turn();
    tester.settle();
    expect(client.replies()).toBe("-ERR the snapshot failed: no space left  on device");
  });

  test("a BGSAVE that fails is reported", async () => {
    const tester = await ServerTester.start();
    tester.connect().ask("BGSAVE");
    tester.node.openSnapshots[0]!.reject(new Error("no space"));
    await turn();
    expect(tester.reports.join()).toContain("no space");
  });

  test.each([
    { line: "SAVE", reply: "-ERR Background save already in progress" },
    { line: "BGSAVE", reply: "-ERR Background save already in progress" },
    { line: "BGSAVE SCHEDULE", reply: "+Background saving scheduled" },
  ])("$line while one is being written", async ({ line, reply }) => {
    const tester = await ServerTester.start();
    tester.node.snapshotNow = { ...tester.node.snapshotNow, running: true };
    expect(tester.connect().ask(line)).toBe(reply);
    expect(tester.node.calls).toEqual([]);
  });
});

describe("SHUTDOWN", () => {
  test.each([
    { line: "SHUTDOWN foo", reply: "-ERR syntax error" },
    { line: "SHUTDOWN SAVE NOSAVE", reply: "-ERR syntax error" },
    { line: "SHUTDOWN ABORT NOW", reply: "-ERR syntax error" },
    { line: "SHUTDOWN ABORT", reply: "-ERR No shutdown in progress." },
  ])("$line stops nothing", async ({ line, reply }) => {
    const tester = await ServerTester.start();
    expect(tester.connect().ask(line)).toBe(reply);
    expect(tester.node.calls).toEqual([]);
  });

  test.each([
    { line: "SHUTDOWN", call: "shutdown false" },
    { line: "SHUTDOWN NOSAVE", call: "shutdown false" },
    { line: "shutdown save now force", call: "shutdown true" },
  ])("$line stops the node after open operations, without a reply", async ({ line, call }) => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send(`put a\r\n${line}\r\nput b\r\n`);
    expect(tester.node.calls).toEqual([]);
    tester.answer();
    expect(tester.node.calls).toEqual([call]);
    expect(client.replies()).toBe("$1 a");
    expect(tester.backend.open).toEqual([]);
    await tester.server.close();
    tester.settle();
    expect(client.closed).toBe(true);
  });
});
