// Long reads in a session: alone, in order, answered in pieces; and what ends them early.
import { expect, test } from "vitest";
import { ServerTester, type TestClient } from "./testing/server-tester.ts";

const MIB = 1024 * 1024;

async function start(): Promise<{
  tester: ServerTester;
  client: TestClient;
  open: () => string[];
}> {
  const tester = await ServerTester.start();
  const open = (): string[] => tester.backend.open.map(({ name, words }) => `${name} ${words[1]}`);
  return { tester, client: tester.connect(), open };
}

const THRICE = (text: string): string => `*3 ${`$${text.length} ${text} `.repeat(3)}`.trimEnd();

test("what comes behind it waits, also what needs no database", async () => {
  const { tester, client, open } = await start();
  client.send("see a\r\nmuse b\r\nPING\r\nput c\r\nsee d\r\n");
  expect(client.replies()).toBe("$1 a");
  expect(open()).toEqual(["long muse b"]);
  expect(tester.connect().ask("PING")).toBe("+PONG");
  tester.answer();
  expect(client.replies()).toBe(`${THRICE("b")} +PONG`);
  expect(open()).toEqual(["put c", "see d"]);
});

test("it waits itself for what came before it", async () => {
  const { tester, client, open } = await start();
  client.send("put a\r\nmuse b\r\nmuse c\r\nPING\r\n");
  expect(open()).toEqual(["put a"]);
  tester.answer();
  expect(open()).toEqual(["long muse b"]);
  tester.answer();
  expect(open()).toEqual(["long muse c"]);
  tester.answer();
  expect(client.replies()).toBe(`$1 a ${THRICE("b")} ${THRICE("c")} +PONG`);
  expect(tester.server.commandsProcessed()).toBe(4);
});

test("one that is short runs at once", async () => {
  const { client, open } = await start();
  expect(client.ask("muse short")).toBe("$5 short");
  expect(open()).toEqual([]);
});

test("a reply of many bytes goes out whole and in order", async () => {
  const { tester, client } = await start();
  const value = "x".repeat(MIB);
  client.send("PING\r\n");
  client.command("muse", value);
  client.send("PING\r\n");
  tester.answer();
  const element = `$${MIB}\r\n${value}\r\n`;
  const expected = `+PONG\r\n*3\r\n${element.repeat(3)}+PONG\r\n`;
  expect(client.connection.takeOutput().toString() === expected).toBe(true);
});

test("a client that does not read it is paused, or closed when it is too long", async () => {
  const { tester, client } = await start();
  client.connection.readsReplies = false;
  client.command("muse", "x".repeat(MIB));
  client.send("PING\r\n");
  tester.answer();
  expect(client.connection.paused).toBe(true);
  client.connection.readAll();
  tester.settle();
  expect(client.connection.takeOutput().toString().endsWith("+PONG\r\n")).toBe(true);

  tester.options.outputBufferBytesMax = 2 * MIB;
  client.connection.readsReplies = false;
  client.command("muse", "x".repeat(MIB));
  tester.answer();
  expect(client.closed).toBe(true);
});

test.each([
  ["CLIENT REPLY SKIP\r\nmuse a\r\nPING\r\n", "+PONG"],
  ["CLIENT REPLY OFF\r\nmuse a\r\nCLIENT REPLY ON\r\n", "+OK"],
  ["HELLO 3\r\nmuse a\r\n", THRICE("a")],
  ["muse a\r\nQUIT\r\n", `${THRICE("a")} +OK`],
])("%j", async (input, replies) => {
  const { tester, client } = await start();
  client.send(input);
  tester.answer();
  const all = client.replies();
  expect(all.endsWith(replies)).toBe(true);
  expect(all.includes(THRICE("a"))).toBe(replies.includes(THRICE("a")));
});

test("an error in its place takes its turn", async () => {
  const { tester, client } = await start();
  client.send("muse a\r\nPING\r\n");
  tester.backend.open.shift()!.fail("CLUSTERDOWN no leader");
  tester.settle();
  expect(client.replies()).toBe("-CLUSTERDOWN no leader +PONG");
});

test("a client that is killed meanwhile is forgotten, and nothing goes to others", async () => {
  const { tester, client } = await start();
  const other = tester.connect();
  client.send("CLIENT ID\r\nmuse a\r\nPING\r\n");
  const id = client.replies().slice(1);
  const { target } = tester.backend.open[0]!;
  expect(target.closed).toBe(false);
  expect(other.ask(`CLIENT KILL ID ${id}`)).toBe(":1");
  expect(target.closed).toBe(true);
  tester.answer();
  expect(other.ask("PING")).toBe("+PONG");
  expect(tester.server.sessions.size).toBe(1);
});

test("while clients are paused its reply comes, and what is behind it waits", async () => {
  const { tester, client } = await start();
  client.send("muse a\r\nsee b\r\n");
  expect(tester.connect().ask("CLIENT PAUSE 100")).toBe("+OK");
  tester.answer();
  expect(client.replies()).toBe(THRICE("a"));
  tester.advance(101);
  expect(client.replies()).toBe("$1 b");
});

test("in a transaction it is queued as any other command", async () => {
  const { tester, client, open } = await start();
  client.send("MULTI\r\nmuse a\r\nput b\r\nEXEC\r\n");
  expect(client.replies()).toBe("+OK +QUEUED +QUEUED");
  expect(tester.backend.open.map(({ name }) => name)).toEqual(["exec"]);
  expect(open()).toHaveLength(1);
});

test("an idle limit does not end a client that waits for one", async () => {
  const { tester, client } = await start();
  tester.options.idleMsMax = 500;
  client.send("muse a\r\n");
  tester.advance(5_000);
  tester.answer();
  expect(client.replies()).toBe(THRICE("a"));
});
