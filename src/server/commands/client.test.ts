// CLIENT and its subcommands over fake connections.
import { describe, expect, test } from "vitest";
import { ServerTester, type TestClient } from "../testing/server-tester.ts";

const BAD_NAME = "-ERR Client names cannot contain spaces, newlines or special characters.";

async function startWith(count: number): Promise<{ tester: ServerTester; clients: TestClient[] }> {
  const tester = await ServerTester.start();
  return { tester, clients: Array.from({ length: count }, () => tester.connect()) };
}

/** The ids that CLIENT LIST shows. */
function listedIds(client: TestClient, options = ""): number[] {
  return [...client.ask(`CLIENT LIST${options}`).matchAll(/\bid=(\d+) /g)].map((m) => Number(m[1]));
}

describe("CLIENT", () => {
  test.each([
    { line: "CLIENT", reply: "-ERR wrong number of arguments for 'client' command" },
    { line: "CLIENT foo", reply: "-ERR unknown subcommand 'foo'. Try CLIENT HELP." },
    { line: "CLIENT ID", reply: ":1" },
    { line: "client id", reply: ":1" },
    { line: "CLIENT ID x", reply: "-ERR wrong number of arguments for 'client|id' command" },
    { line: "CLIENT INFO x", reply: "-ERR wrong number of arguments for 'client|info' command" },
    { line: "CLIENT GETNAME", reply: "$-1" },
    {
      line: "CLIENT SETNAME",
      reply: "-ERR wrong number of arguments for 'client|setname' command",
    },
    { line: "CLIENT SETNAME bob", reply: "+OK" },
    { line: 'CLIENT SETNAME ""', reply: "+OK" },
    { line: 'CLIENT SETNAME "a b"', reply: BAD_NAME },
    { line: 'CLIENT SETNAME "a\\nb"', reply: BAD_NAME },
    { line: 'CLIENT SETNAME "\\xff"', reply: BAD_NAME },
    {
      line: `CLIENT SETNAME ${"x".repeat(1025)}`,
      reply: "-ERR names of clients are limited to 1024 bytes",
    },
    { line: "CLIENT SETINFO lib-name node-redis", reply: "+OK" },
    { line: "CLIENT SETINFO LIB-VER 1.2.3", reply: "+OK" },
    { line: "CLIENT SETINFO foo bar", reply: "-ERR Unrecognized option 'foo'" },
    {
      line: 'CLIENT SETINFO lib-name "a b"',
      reply: "-ERR lib-name cannot contain spaces, newlines or special characters.",
    },
    { line: "CLIENT NO-EVICT on", reply: "+OK" },
    { line: "CLIENT NO-EVICT foo", reply: "-ERR syntax error" },
    { line: "CLIENT NO-TOUCH OFF", reply: "+OK" },
    { line: "CLIENT NO-TOUCH foo", reply: "-ERR syntax error" },
    { line: "CLIENT REPLY foo", reply: "-ERR syntax error" },
    { line: "CLIENT REPLY ON", reply: "+OK" },
    { line: "CLIENT LIST TYPE foo", reply: "-ERR Unknown client type 'foo'" },
    { line: "CLIENT LIST TYPE pubsub", reply: "$0" },
    { line: "CLIENT LIST ID", reply: "-ERR syntax error" },
    { line: "CLIENT LIST ID abc", reply: "-ERR Invalid client ID" },
    { line: "CLIENT LIST ID 0", reply: "$0" },
    { line: "CLIENT LIST foo bar", reply: "-ERR syntax error" },
    { line: "CLIENT KILL", reply: "-ERR wrong number of arguments for 'client|kill' command" },
    { line: "CLIENT KILL 1.2.3.4:55", reply: "-ERR No such client" },
    { line: "CLIENT KILL ID 0", reply: "-ERR client-id should be greater than 0" },
    { line: "CLIENT KILL ID abc", reply: "-ERR client-id should be greater than 0" },
    { line: "CLIENT KILL ID 9999", reply: ":0" },
    { line: "CLIENT KILL foo bar", reply: "-ERR syntax error" },
    { line: "CLIENT KILL ID 1 foo", reply: "-ERR syntax error" },
    { line: "CLIENT KILL TYPE foo", reply: "-ERR Unknown client type 'foo'" },
    { line: "CLIENT KILL TYPE normal SKIPME yes", reply: ":0" },
    { line: "CLIENT KILL USER bob", reply: "-ERR No such user 'bob'" },
    { line: "CLIENT KILL SKIPME maybe", reply: "-ERR syntax error" },
    { line: "CLIENT KILL ADDR 1.2.3.4:5 LADDR 1.2.3.4:5", reply: ":0" },
    { line: "CLIENT PAUSE abc", reply: "-ERR timeout is not an integer or out of range" },
    { line: "CLIENT PAUSE 0 foo", reply: "-ERR CLIENT PAUSE mode must be WRITE or ALL" },
    { line: "CLIENT PAUSE -1", reply: "-ERR timeout is negative" },
    { line: "CLIENT UNPAUSE", reply: "+OK" },
  ])("$line", async ({ line, reply }) => {
    const { clients } = await startWith(1);
    expect(clients[0]!.ask(line)).toBe(reply);
  });

  test("HELP names every subcommand", async () => {
    const { tester, clients } = await startWith(1);
    const help = clients[0]!.ask("CLIENT HELP");
    expect(help).toMatch(/^\*\d+ \+CLIENT <subcommand> \[<arg> \[value\] \[opt\] \.\.\.\]\./);
    const rows = tester.server.commands.all.filter(({ name }) => name.startsWith("client|"));
    for (const { name } of rows) expect(help).toContain(`+${name.slice(7).toUpperCase()}`);
  });

  test("INFO is the line of LIST on this client, with the fields of Redis 7.2", async () => {
    const { tester, clients } = await startWith(1);
    const client = clients[0]!;
    client.ask("HELLO 3 SETNAME bob");
    client.ask("CLIENT SETINFO lib-name ioredis");
    client.ask("CLIENT SETINFO lib-ver 5.0.0");
    client.ask("SELECT 3");
    client.ask("CLIENT NO-EVICT on");
    client.ask("CLIENT NO-TOUCH on");
    tester.advance(2_500);
    const line = client.ask("CLIENT INFO").replace(/^=\d+ txt:/, "");
    expect(line.trimEnd()).toBe(
      "id=1 addr=127.0.0.1:50001 laddr=127.0.0.1:6379 fd=-1 name=bob age=2 idle=0 flags=eT db=3 " +
        "sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 " +
        "obl=0 oll=0 omem=0 tot-mem=2048 events=r cmd=client|info user=default redir=-1 resp=3 " +
        "lib-name=ioredis lib-ver=5.0.0",
    );
  });

  test("LIST shows what clients are at", async () => {
    const { clients } = await startWith(3);
    const [first, second, third] = clients as [TestClient, TestClient, TestClient];
    second.ask("MULTI");
    second.ask("PING");
    third.send("*1\r\n$100\r\nhalf");
    const lines = first.ask("CLIENT LIST").split("\n");
    expect(lines[0]).toContain("cmd=client|list");
    expect(lines[1]).toMatch(/flags=x .* multi=1 .* cmd=ping /);
    expect(lines[2]).toMatch(/ qbuf=14 .* cmd=NULL /);
    expect(listedIds(first, " TYPE normal")).toEqual([1, 2, 3]);
    expect(listedIds(first, " ID 3 1 77")).toEqual([3, 1]);
  });

  test("a name that was taken away is null again", async () => {
    const { clients } = await startWith(1);
    clients[0]!.ask("CLIENT SETNAME bob");
    expect(clients[0]!.ask("CLIENT GETNAME")).toBe("$3 bob");
    clients[0]!.ask('CLIENT SETNAME ""');
    expect(clients[0]!.ask("CLIENT GETNAME")).toBe("$-1");
  });
});

describe("CLIENT KILL", () => {
  test.each([
    { filter: "ID 2", killed: [2] },
    { filter: "ADDR 127.0.0.1:50002", killed: [2] },
    { filter: "127.0.0.1:50002", killed: [2] },
    { filter: "ID 1", killed: [] },
    { filter: "ID 1 SKIPME no", killed: [1] },
    { filter: "127.0.0.1:50001", killed: [1] },
    { filter: "LADDR 127.0.0.1:6379", killed: [2, 3] },
    { filter: "TYPE normal", killed: [2, 3] },
    { filter: "USER default", killed: [2, 3] },
    { filter: "TYPE replica", killed: [] },
    { filter: "TYPE normal SKIPME no", killed: [1, 2, 3] },
    { filter: "SKIPME yes", killed: [2, 3] },
    { filter: "ID 2 ID 3", killed: [] },
    { filter: "ID 3 TYPE normal USER default", killed: [3] },
  ])("$filter ends $killed", async ({ filter, killed }) => {
    const { tester, clients } = await startWith(3);
    const reply = clients[0]!.ask(`CLIENT KILL ${filter}`);
    expect(reply).toBe(filter.includes(" ") ? `:${killed.length}` : "+OK");
    clients.forEach((client, place) => expect(client.closed).toBe(killed.includes(place + 1)));
    for (const session of tester.server.sessions.values()) expect(killed).not.toContain(session.id);
  });

  test("what follows a kill of oneself is not run", async () => {
    const { tester, clients } = await startWith(1);
    clients[0]!.send("CLIENT KILL ID 1 SKIPME no\r\nput a\r\n");
    expect(clients[0]!.replies()).toBe(":1");
    expect(tester.backend.open).toEqual([]);
    expect(clients[0]!.closed).toBe(true);
  });

  test("a killed client's open operations answer to nobody", async () => {
    const { tester, clients } = await startWith(2);
    const [first, second] = clients as [TestClient, TestClient];
    second.send("put a\r\nput b\r\nMULTI\r\n");
    first.ask("CLIENT KILL ID 2");
    first.send("put c\r\n");
    tester.answer();
    tester.answer();
    tester.answer();
    expect(first.replies()).toBe("$1 c");
    expect(second.replies()).toBe("");
    expect(tester.server.sessions.size).toBe(1);
  });

  test("a client may be ended while its login is still to be refused", async () => {
    const tester = await ServerTester.start({ password: "x" });
    const boss = tester.connect();
    boss.ask("AUTH x");
    const other = tester.connect();
    other.send("AUTH wrong\r\n");
    expect(boss.ask("CLIENT KILL ID 2")).toBe(":1");
    tester.advance(1_000);
    expect(other.replies()).toBe("");
    expect(boss.ask("PING")).toBe("+PONG");
  });
});

describe("CLIENT REPLY", () => {
  test("OFF silences what follows, not what came before; ON says OK again", async () => {
    const { clients } = await startWith(1);
    clients[0]!.send("PING a\r\nCLIENT REPLY OFF\r\nPING b\r\nNOSUCH\r\n");
    expect(clients[0]!.replies()).toBe("$1 a");
    clients[0]!.send("PING c\r\nCLIENT REPLY ON\r\nPING d\r\n");
    expect(clients[0]!.replies()).toBe("+OK $1 d");
  });

  test("OFF waits for the replies that are open", async () => {
    const { tester, clients } = await startWith(1);
    clients[0]!.send("put a\r\nCLIENT REPLY OFF\r\nput b\r\n");
    tester.answer();
    expect(clients[0]!.replies()).toBe("$1 a");
    tester.answer();
    clients[0]!.send("CLIENT REPLY ON\r\nput c\r\n");
    tester.answer();
    expect(clients[0]!.replies()).toBe("+OK $1 c");
  });

  test.each([
    "PING x",
    "see x",
    "slowsee x",
    "put x",
    "NOSUCH",
    "CLIENT",
    "CLIENT foo",
    "SELECT 99",
  ])("SKIP swallows the reply to %s and no other", async (line) => {
    const { tester, clients } = await startWith(1);
    clients[0]!.send(`PING a\r\nCLIENT REPLY SKIP\r\n${line}\r\nput b\r\n`);
    tester.backend.answerAll();
    tester.settle();
    expect(clients[0]!.replies()).toBe("$1 a $1 b");
  });

  test("SKIP swallows a reply that is ready before its turn", async () => {
    const { tester, clients } = await startWith(1);
    tester.backend.leads = false;
    clients[0]!.send("CLIENT REPLY SKIP\r\nput a\r\nput b\r\nput c\r\n");
    tester.answer(2);
    tester.answer(0);
    tester.answer(0);
    expect(clients[0]!.replies()).toBe("$1 b $1 c");
  });

  test("QUIT closes a silent client too, and RESET lets it speak again", async () => {
    const { clients } = await startWith(2);
    clients[0]!.send("CLIENT REPLY OFF\r\nQUIT\r\n");
    expect(clients[0]!.replies()).toBe("");
    expect(clients[0]!.closed).toBe(true);
    clients[1]!.send("CLIENT REPLY OFF\r\nRESET\r\nPING\r\n");
    expect(clients[1]!.replies()).toBe("+RESET +PONG");
  });
});

describe("CLIENT PAUSE", () => {
  test("holds everything until its time is over, in order", async () => {
    const { tester, clients } = await startWith(2);
    const [first, second] = clients as [TestClient, TestClient];
    first.send("CLIENT PAUSE 1000\r\nPING a\r\n");
    second.send("PING b\r\nput c\r\n");
    const third = tester.connect();
    third.send("PING d\r\n");
    tester.advance(990);
    expect([first, second, third].map((client) => client.replies())).toEqual(["+OK", "", ""]);
    expect(tester.backend.open).toEqual([]);
    tester.advance(20);
    expect([first, second, third].map((client) => client.replies())).toEqual([
      "$1 a",
      "$1 b",
      "$1 d",
    ]);
    expect(tester.backend.open.length).toBe(1);
  });

  test("WRITE holds writes, also in transactions; reads go on; UNPAUSE ends it", async () => {
    const { tester, clients } = await startWith(3);
    const [first, second, third] = clients as [TestClient, TestClient, TestClient];
    third.send("MULTI\r\nput x\r\n");
    third.replies();
    expect(first.ask("CLIENT PAUSE 100000 WRITE")).toBe("+OK");
    second.send("see a\r\nPING\r\nput b\r\nsee c\r\n");
    expect(second.replies()).toBe("$1 a +PONG");
    third.send("EXEC\r\n");
    expect(tester.backend.open).toEqual([]);
    expect(first.ask("CLIENT UNPAUSE")).toBe("+OK");
    expect(tester.backend.open.map(({ name }) => name).sort()).toEqual(["exec", "put", "see"]);
  });

  test("a second pause makes it longer and stricter, never shorter", async () => {
    const { tester, clients } = await startWith(2);
    const [first, second] = clients as [TestClient, TestClient];
    first.ask("CLIENT PAUSE 2000 WRITE");
    first.ask("CLIENT PAUSE 100 WRITE");
    second.send("put a\r\n");
    tester.advance(500);
    expect(tester.backend.open).toEqual([]);
    tester.advance(1_600);
    expect(tester.backend.open.length).toBe(1);
  });

  test("a client that goes away while it is held is forgotten", async () => {
    const { tester, clients } = await startWith(2);
    clients[0]!.ask("CLIENT PAUSE 1000 WRITE");
    clients[1]!.send("put a\r\n");
    clients[1]!.connection.hangUp();
    tester.advance(2_000);
    expect(tester.backend.open).toEqual([]);
    expect(clients[0]!.ask("PING")).toBe("+PONG");
  });
});
