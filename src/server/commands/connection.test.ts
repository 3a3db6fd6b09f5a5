// PING to QUIT, HELLO and AUTH: replies, protocols, failed logins, secrets.
import { describe, expect, test } from "vitest";
import { ServerTester } from "../testing/server-tester.ts";

const PASSWORD = "s3cret";
const NOAUTH = "-NOAUTH Authentication required.";
const WRONGPASS = "-WRONGPASS invalid username-password pair or user is disabled.";

describe("commands on the connection", () => {
  test.each([
    { line: "PING", reply: "+PONG" },
    { line: "ping hello", reply: "$5 hello" },
    { line: 'PING "a b"', reply: "$3 a b" },
    { line: "PING a b", reply: "-ERR wrong number of arguments for 'ping' command" },
    { line: "ECHO x", reply: "$1 x" },
    { line: 'ECHO ""', reply: "$0" },
    { line: "ECHO", reply: "-ERR wrong number of arguments for 'echo' command" },
    { line: "SELECT 15", reply: "+OK" },
    { line: "SELECT 16", reply: "-ERR DB index is out of range" },
    { line: "SELECT -1", reply: "-ERR DB index is out of range" },
    { line: "SELECT abc", reply: "-ERR value is not an integer or out of range" },
    {
      line: "SELECT 99999999999999999999",
      reply: "-ERR value is not an integer or out of range",
    },
    { line: "RESET", reply: "+RESET" },
    { line: "READONLY", reply: "+OK" },
    { line: "READWRITE", reply: "+OK" },
    { line: "ASKING", reply: "+OK" },
    {
      line: "NOSUCH a b",
      reply: "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b'",
    },
    {
      line: 'NOSUCH "a\\r\\n-ERR b"',
      reply: "-ERR unknown command 'NOSUCH', with args beginning with: 'a  -ERR b'",
    },
    {
      line: "SUBSCRIBE x",
      reply: "-ERR unknown command 'SUBSCRIBE', with args beginning with: 'x'",
    },
    { line: "client|list", reply: "-ERR unknown command 'client|list', with args beginning with:" },
  ])("$line", async ({ line, reply }) => {
    const tester = await ServerTester.start();
    expect(tester.connect().ask(line)).toBe(reply);
  });

  test("names with bytes beyond ASCII come back in errors as they were", async () => {
    const client = (await ServerTester.start()).connect();
    const reply = client.call("caf\xc3\xa9");
    expect(reply).toBe("-ERR unknown command 'caf\xc3\xa9', with args beginning with:");
  });

  test("QUIT answers what came before it, then closes", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("PING\r\nput a\r\nQUIT\r\nPING\r\n");
    expect(client.replies()).toBe("+PONG");
    expect(client.closed).toBe(false);
    tester.answer();
    expect(client.replies()).toBe("$1 a +OK");
    expect(client.closed).toBe(true);
  });

  test("SELECT decides the database of what follows it", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("put a\r\nSELECT 3\r\nput b\r\n");
    expect(tester.backend.open.map(({ database }) => database)).toEqual([0, 3]);
    tester.backend.answerAll();
    tester.settle();
    expect(client.replies()).toBe("$1 a +OK $1 b");
  });

  test("a browser is turned away and the log says so", async () => {
    const tester = await ServerTester.start();
    for (const line of ["POST / HTTP/1.1", "Host: localhost:6379"]) {
      const client = tester.connect();
      client.send(`${line}\r\nSET a b\r\n`);
      expect(client.replies()).toBe("");
      expect(client.closed).toBe(true);
    }
    expect(tester.reports.join()).toContain("cross-protocol request");
    expect(tester.backend.open).toEqual([]);
  });
});

describe("HELLO", () => {
  const facts = (protocol: number, mode = "standalone", role = "master"): string =>
    `$6 server $6 kvorum $7 version $5 7.2.4 $5 proto :${protocol} $2 id :1 ` +
    `$4 mode $${mode.length} ${mode} $4 role $${role.length} ${role} $7 modules *0 ` +
    "$14 kvorum_version $5 0.1.0";

  test.each([
    { line: "HELLO", reply: `*16 ${facts(2)}` },
    { line: "HELLO 2", reply: `*16 ${facts(2)}` },
    { line: "HELLO 3", reply: `%8 ${facts(3)}` },
    { line: "HELLO 3 SETNAME bob", reply: `%8 ${facts(3)}` },
    { line: "HELLO 3 AUTH default any", reply: `%8 ${facts(3)}` },
    { line: "HELLO 4", reply: "-NOPROTO unsupported protocol version" },
    { line: "HELLO 1", reply: "-NOPROTO unsupported protocol version" },
    { line: "HELLO abc", reply: "-ERR Protocol version is not an integer or out of range" },
    { line: "HELLO 3 foo", reply: "-ERR Syntax error in HELLO option 'foo'" },
    { line: "HELLO 2 auth a", reply: "-ERR Syntax error in HELLO option 'auth'" },
    { line: "HELLO 2 setname", reply: "-ERR Syntax error in HELLO option 'setname'" },
    {
      line: 'HELLO 3 SETNAME "a b"',
      reply: "-ERR Client names cannot contain spaces, newlines or special characters.",
    },
  ])("$line", async ({ line, reply }) => {
    const tester = await ServerTester.start();
    expect(tester.connect().ask(line)).toBe(reply);
  });

  test("says cluster and replica when that is so", async () => {
    const tester = await ServerTester.start();
    tester.node.identity = { ...tester.node.identity, announcesCluster: true };
    tester.node.roleNow = "follower";
    expect(tester.connect().ask("HELLO")).toBe(`*16 ${facts(2, "cluster", "replica")}`);
  });

  test("changes the protocol behind the replies that are still open", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("CLIENT GETNAME\r\nput a\r\nCLIENT GETNAME\r\nHELLO 3\r\nCLIENT GETNAME\r\n");
    expect(client.replies()).toBe("$-1");
    tester.answer();
    expect(client.replies()).toBe(`$1 a $-1 %8 ${facts(3)} _`);
    expect(client.ask("HELLO 2")).toBe(`*16 ${facts(2)}`);
    expect(client.ask("CLIENT GETNAME")).toBe("$-1");
  });

  test("changes nothing when it fails", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.ask("HELLO 3 SETNAME bob nonsense");
    expect(client.ask("CLIENT GETNAME")).toBe("$-1");
  });

  test("is refused inside a transaction, and repeated at will outside", async () => {
    const client = (await ServerTester.start()).connect();
    client.ask("MULTI");
    expect(client.ask("HELLO 3")).toBe("-ERR Command not allowed inside a transaction");
    expect(client.ask("EXEC")).toBe("-EXECABORT Transaction discarded because of previous errors.");
    for (let round = 0; round < 3; round++) expect(client.ask("HELLO 3")).toContain("proto :3");
  });
});

describe("AUTH", () => {
  const start = (): Promise<ServerTester> => ServerTester.start({ password: PASSWORD });

  test.each([
    { line: "AUTH", reply: "-ERR wrong number of arguments for 'auth' command" },
    {
      line: "AUTH a",
      reply:
        "-ERR AUTH <password> called without any password configured for the default user. " +
        "Are you sure your configuration is correct?",
    },
    { line: "AUTH default any", reply: "+OK" },
    { line: "AUTH a b c", reply: "-ERR syntax error" },
  ])("without a password: $line", async ({ line, reply }) => {
    expect((await ServerTester.start()).connect().ask(line)).toBe(reply);
  });

  test.each(["PING", "GET a", "CLIENT LIST", "CONFIG GET *", "INFO", "MULTI", "COMMAND"])(
    "%s needs a login where there is a password",
    async (line) => {
      expect((await start()).connect().ask(line)).toBe(NOAUTH);
    },
  );

  test.each([`AUTH ${PASSWORD}`, `AUTH default ${PASSWORD}`, `HELLO 2 AUTH default ${PASSWORD}`])(
    "%s logs in",
    async (line) => {
      const client = (await start()).connect();
      client.ask(line);
      expect(client.ask("PING")).toBe("+PONG");
    },
  );

  test.each(["AUTH wrong", "AUTH default wrong", `AUTH bob ${PASSWORD}`, "HELLO 3 AUTH default x"])(
    "%s does not, and says so a little later",
    async (line) => {
      const tester = await start();
      const client = tester.connect();
      client.send(`${line}\r\nPING\r\n`);
      expect(client.replies()).toBe("");
      tester.advance(60);
      expect(client.replies()).toBe(`${WRONGPASS} ${NOAUTH}`);
    },
  );

  test("each failure of an address makes the next answer later, up to a limit", async () => {
    const tester = await start();
    const waits: number[] = [];
    for (let round = 0; round < 9; round++) {
      const client = tester.connect("10.1.1.1");
      client.send("AUTH wrong\r\n");
      let waited = 0;
      for (; client.replies() === ""; waited += 10) tester.advance(10);
      waits.push(waited);
    }
    expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000, 2000]);
    const other = tester.connect("10.1.1.2");
    other.send("AUTH wrong\r\n");
    tester.advance(50);
    expect(other.replies()).toBe(WRONGPASS);
  });

  test("the right password is answered at once, also after failures", async () => {
    const tester = await start();
    tester.connect("10.1.1.1").send("AUTH wrong\r\n");
    expect(tester.connect("10.1.1.1").ask(`AUTH ${PASSWORD}`)).toBe("+OK");
  });

  test("an address is forgiven after a minute without failures", async () => {
    const tester = await start();
    for (let round = 0; round < 5; round++) tester.connect().send("AUTH wrong\r\n");
    tester.advance(61_000);
    const client = tester.connect();
    client.send("AUTH wrong\r\n");
    tester.advance(50);
    expect(client.replies()).toBe(WRONGPASS);
  });

  test("an address with many open failures is turned away", async () => {
    const tester = await start();
    const clients = Array.from({ length: 70 }, () => tester.connect("10.9.9.9"));
    for (const client of clients) client.send("AUTH wrong\r\n");
    const refused = clients.filter((client) => client.closed);
    expect(refused.length).toBe(6);
    expect(refused[0]!.replies()).toContain("-ERR too many failed logins");
    tester.advance(3_000);
    expect(tester.connect("10.9.9.9").ask(`AUTH ${PASSWORD}`)).toBe("+OK");
  });

  test("a client that goes away while its answer waits leaves nothing behind", async () => {
    const tester = await start();
    const client = tester.connect();
    client.send("AUTH wrong\r\n");
    client.connection.hangUp();
    tester.advance(5_000);
    expect(tester.server.sessions.size).toBe(0);
  });

  test("HELLO without a login says how to log in with it", async () => {
    expect((await start()).connect().ask("HELLO 3")).toBe(
      "-NOAUTH HELLO must be called with the client already authenticated, otherwise the " +
        "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and " +
        "select the RESP protocol version at the same time",
    );
  });

  test("RESET logs out, forgets name, database, protocol and transaction", async () => {
    const tester = await start();
    const client = tester.connect();
    client.ask(`HELLO 3 AUTH default ${PASSWORD} SETNAME bob`);
    client.ask("SELECT 4");
    client.ask("MULTI");
    expect(client.ask("RESET")).toBe("+RESET");
    expect(client.ask("PING")).toBe(NOAUTH);
    client.ask(`AUTH ${PASSWORD}`);
    expect(client.ask("CLIENT GETNAME")).toBe("$-1");
    expect(client.ask("EXEC")).toBe("-ERR EXEC without MULTI");
    client.send("put a\r\n");
    expect(tester.backend.open[0]!.database).toBe(0);
  });

  test("limits are small before the login and the usual ones right behind it", async () => {
    const client = (await start()).connect();
    const many = `*12\r\n${"$4\r\nPING\r\n".repeat(12)}`;
    client.send(`AUTH ${PASSWORD}\r\n${many}`);
    expect(client.replies()).toBe("+OK -ERR wrong number of arguments for 'ping' command");
  });

  test.each([
    { input: "*11\r\n", error: "unauthenticated multibulk length" },
    { input: "*2\r\n$16385\r\n", error: "unauthenticated bulk length" },
  ])("before the login $error closes", async ({ input, error }) => {
    const client = (await start()).connect();
    client.send(input);
    expect(client.replies()).toBe(`-ERR Protocol error: ${error}`);
    expect(client.closed).toBe(true);
  });

  test("who does not read refusals is closed before they take memory", async () => {
    const tester = await start();
    const client = tester.connect();
    client.connection.readsReplies = false;
    for (let round = 0; round < 100 && !client.closed; round++) client.send("x\r\n".repeat(1000));
    expect(client.closed).toBe(true);
    expect(client.connection.bufferedBytes).toBeLessThan(512 * 1024);
    expect(tester.reports.join()).toContain("output buffer limit before login");
    expect(tester.server.sessions.size).toBe(0);
  });

  test("passwords appear in no slow log, no client list and no report", async () => {
    const tester = await start();
    tester.server.slowLog.thresholdUsec = 0;
    const client = tester.connect();
    client.ask("AUTH wr0ng");
    tester.advance(100);
    client.ask(`HELLO 2 AUTH default ${PASSWORD}`);
    client.ask(`AUTH ${PASSWORD}`);
    client.ask("CONFIG SET requirepass n3w");
    const seen = [client.ask("SLOWLOG GET 100"), client.ask("CLIENT LIST"), ...tester.reports];
    expect(seen.join()).toContain("$6 CONFIG $3 SET $22 (2 arguments redacted)");
    for (const secret of [PASSWORD, "wr0ng", "n3w"]) expect(seen.join()).not.toContain(secret);
  });
});
