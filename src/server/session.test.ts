// Sessions under pressure: order of replies, pauses, slow readers, odd pieces of input, limits.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeCommand, ServerTester, type TestClient } from "./testing/server-tester.ts";

const MIB = 1024 * 1024;

describe("order of replies", () => {
  test("replies come in the order of commands, whatever is ready first", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("PING 1\r\nput 2\r\nPING 3\r\nNOSUCH\r\nsee 5\r\nput 6\r\nPING 7\r\n");
    expect(client.replies()).toBe("$1 1");
    tester.answer(2);
    tester.answer(1);
    expect(client.replies()).toBe("");
    tester.answer(0);
    expect(client.replies()).toBe(
      "$1 2 $1 3 -ERR unknown command 'NOSUCH', with args beginning with:  $1 5 $1 6 $1 7",
    );
  });

  test("any order of answers gives the same replies", async () => {
    const anyLine = fc.constantFrom("put", "see", "slowsee", "PING", "ECHO");
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyLine, { minLength: 1, maxLength: 20 }),
        fc.infiniteStream(fc.nat()),
        fc.boolean(),
        async (names, chance, leads) => {
          const tester = await ServerTester.start();
          tester.backend.leads = leads;
          const client = tester.connect();
          client.send(names.map((name, place) => `${name} ${100 + place}\r\n`).join(""));
          while (tester.backend.open.length > 0) {
            tester.answer(chance.next().value % tester.backend.open.length);
          }
          expect(client.replies()).toBe(names.map((_, place) => `$3 ${100 + place}`).join(" "));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a read behind a write of its own session waits for it; alone it runs at once", async () => {
    const tester = await ServerTester.start();
    const [writer, reader] = [tester.connect(), tester.connect()];
    writer.send("put a\r\nsee b\r\n");
    reader.send("see c\r\n");
    expect(reader.replies()).toBe("$1 c");
    expect(tester.backend.open.map(({ name }) => name)).toEqual(["put", "see"]);
  });

  test("answers to several sessions in one turn go to the right one, a write each", async () => {
    const tester = await ServerTester.start();
    const clients = Array.from({ length: 5 }, () => tester.connect());
    for (let round = 0; round < 4; round++) {
      clients.forEach((client, place) => client.send(`put ${place}${round}\r\n`));
    }
    for (const client of clients) client.connection.writes = 0;
    tester.backend.answerAll();
    tester.settle();
    clients.forEach((client, place) => {
      const expected = [0, 1, 2, 3].map((round) => `$2 ${place}${round}`).join(" ");
      expect(client.replies()).toBe(expected);
      expect(client.connection.writes).toBe(1);
    });
  });

  test("errors of the database take their turn", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("put a\r\nput b\r\n");
    tester.backend.open[1]!.fail("UNCERTAIN who knows");
    tester.backend.open[0]!.answer();
    tester.settle();
    expect(client.replies()).toBe("$1 a -UNCERTAIN who knows");
  });

  test("writes that are refused say so in their turn, reads go on", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("put a\r\n");
    tester.backend.refusal = "OOM command not allowed when used memory > 'maxmemory'.";
    client.send("put b\r\nsee c\r\n");
    tester.backend.answerAll();
    tester.settle();
    expect(client.replies()).toBe(
      "$1 a -OOM command not allowed when used memory > 'maxmemory'. $1 c",
    );
  });
});

describe("pieces of input", () => {
  const conversation = [
    encodeCommand(["PING"]),
    encodeCommand(["ECHO", "a\r\nb"]),
    Buffer.from("PING inline\r\n\r\n*0\r\n*-1\r\n"),
    encodeCommand(["CLIENT", "SETNAME", "bob"]),
    encodeCommand(["CLIENT", "GETNAME"]),
    encodeCommand(["ECHO", "x".repeat(5_000)]),
    encodeCommand(["HELLO", "3"]),
    encodeCommand(["CLIENT", "GETNAME"]),
    encodeCommand(["RESET"]),
    encodeCommand(["CLIENT", "GETNAME"]),
    Buffer.from("QUIT\r\n"),
  ];
  const input = Buffer.concat(conversation);
  const whole = async (): Promise<string> => {
    const client = (await ServerTester.start()).connect();
    client.send(input);
    return client.replies();
  };

  test("replies do not depend on how the input is cut", async () => {
    const expected = await whole();
    expect(expected).toContain("$3 bob");
    const anyCuts = fc.array(fc.nat({ max: input.length }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(anyCuts, async (cuts) => {
        const client = (await ServerTester.start()).connect();
        const ends = [...new Set(cuts), input.length].sort((a, b) => a - b);
        let at = 0;
        for (const end of ends) {
          client.send(input.subarray(at, end));
          at = end;
        }
        expect(client.replies()).toBe(expected);
        expect(client.closed).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test("any commands and any garbage give the same replies however they are cut", async () => {
    const anyWord = fc.string({ unit: "binary-ascii", maxLength: 30 });
    const anyRequest = fc.oneof(
      { weight: 4, arbitrary: anyWord.map((text) => encodeCommand(["ECHO", text]).toString()) },
      fc.constantFrom("PING\r\n", "put x\r\n", "see y\r\n", "*0\r\n", "\r\n", "CLIENT ID\r\n"),
      fc.constantFrom("CLIENT REPLY OFF\r\n", "CLIENT REPLY ON\r\n", "CLIENT REPLY SKIP\r\n"),
      {
        weight: 1,
        arbitrary: fc.constantFrom("*1\r\n$x\r\n", "QUIT\r\n", '"\r\n', "*2\r\n$4\r\n"),
      },
    );
    const anyInput = fc.array(anyRequest, { maxLength: 12 }).map((all) => all.join(""));
    await fc.assert(
      fc.asyncProperty(anyInput, fc.array(fc.nat({ max: 300 })), async (text, cuts) => {
        const tester = await ServerTester.start();
        const outcomes = [[], cuts].map((places) => {
          const client = tester.connect();
          const ends = places.filter((cut) => cut < text.length).sort((a, b) => a - b);
          let at = 0;
          for (const end of [...ends, text.length]) {
            client.send(text.slice(at, end));
            at = end;
            // Barriers wait for answers, and answers lead to more commands.
            for (; tester.backend.open.length > 0; tester.settle()) tester.backend.answerAll();
          }
          return { replies: client.replies().replaceAll(/:\d+/g, ":ID"), closed: client.closed };
        });
        expect(outcomes[1]).toEqual(outcomes[0]);
      }),
      { numRuns: 1_000 },
    );
  });

  test("byte by byte gives the same, while others are served", async () => {
    const tester = await ServerTester.start();
    const [slow, other] = [tester.connect(), tester.connect()];
    const answers: string[] = [];
    for (const [place, byte] of input.entries()) {
      slow.send(Uint8Array.of(byte));
      if (place % 500 === 0) answers.push(other.ask("PING"));
    }
    expect(new Set(answers)).toEqual(new Set(["+PONG"]));
    expect(slow.replies()).toBe(await whole());
  });

  test("a big value in pieces takes memory as it comes, not as it was announced", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("*2\r\n$4\r\nECHO\r\n$67108000\r\n");
    client.send("x".repeat(10));
    const session = tester.server.sessions.get(1)!;
    expect(session.queryBufferBytes).toBeLessThan(100);
    client.connection.hangUp();
    const value = "v".repeat(3 * MIB);
    const sender = tester.connect();
    const command = encodeCommand(["ECHO", value]);
    for (let at = 0; at < command.length; at += 60_000)
      sender.send(command.subarray(at, at + 60_000));
    expect(sender.connection.takeOutput().toString()).toBe(`$${value.length}\r\n${value}\r\n`);
    expect(tester.server.sessions.get(2)!.queryBufferBytes).toBe(0);
  });

  test("four thousand PINGs in one read are answered in one write", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("PING\r\n".repeat(4_000));
    expect(client.connection.writes).toBe(1);
    expect(client.connection.takeOutput().toString()).toBe("+PONG\r\n".repeat(4_000));
  });

  test.each(["PING\r\n", "see a\r\n", "put a\r\n", "MULTI\r\nDISCARD\r\n"])(
    "a million of %j in one piece leave others their turn",
    async (line) => {
      const tester = await ServerTester.start();
      const [greedy, other] = [tester.connect(), tester.connect()];
      greedy.connection.receive(line.repeat(1_000_000));
      expect(greedy.connection.paused).toBe(true);
      expect(tester.server.commandsProcessed()).toBeLessThan(4_200);
      other.connection.receive("PING\r\n");
      expect(other.replies()).toBe("+PONG");
    },
  );

  test("what remains of long pieces is run in turns, one session after the other", async () => {
    const tester = await ServerTester.start();
    const clients = [tester.connect(), tester.connect()];
    const turns: string[] = [];
    for (const [place, { connection }] of clients.entries()) {
      const write = connection.write.bind(connection);
      connection.write = (bytes) => {
        turns.push(`${place}: ${bytes.length / 7}`);
        return write(bytes);
      };
      connection.receive("PING\r\n".repeat(10_000));
    }
    tester.settle();
    const [burst, rest] = [4097, 10_000 - 2 * 4097];
    expect(turns).toEqual([
      ...[`0: ${burst}`, `1: ${burst}`, `0: ${burst}`, `1: ${burst}`],
      ...[`0: ${rest}`, `1: ${rest}`],
    ]);
  });

  test("one whole burst and nothing more: the socket is read again in a later turn", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.connection.receive("PING\r\n".repeat(4_097));
    expect(client.connection.paused).toBe(true);
    tester.settle();
    expect(client.connection.paused).toBe(false);
    expect(client.connection.takeOutput().length).toBe(7 * 4_097);
    expect(client.ask("PING")).toBe("+PONG");
  });

  test("a client that goes away while its burst is cut is forgotten", async () => {
    const tester = await ServerTester.start();
    const [greedy, other] = [tester.connect(), tester.connect()];
    greedy.connection.receive("PING\r\n".repeat(20_000));
    other.connection.receive("PING\r\n".repeat(20_000));
    greedy.connection.hangUp();
    tester.settle();
    expect(other.connection.takeOutput().length).toBe(7 * 20_000);
  });

  test("a command that comes in many megabytes leaves others their turn", async () => {
    const tester = await ServerTester.start();
    const [greedy, other] = [tester.connect(), tester.connect()];
    const value = "x".repeat(5 * MIB);
    const session = tester.server.sessions.get(1)!;
    greedy.connection.receive(encodeCommand(["ECHO", value]));
    expect([greedy.connection.paused, session.queryBufferBytes < 1.5 * MIB]).toEqual([true, true]);
    other.connection.receive("PING\r\n");
    expect(other.replies()).toBe("+PONG");
    tester.settle();
    const reply = greedy.connection.takeOutput().toString();
    expect(reply === `$${5 * MIB}\r\n${value}\r\n`).toBe(true);
  });

  test("input that was in flight when the session paused waits its turn", async () => {
    const tester = await ServerTester.start({ password: "x" });
    const client = tester.connect();
    client.send("AUTH wrong\r\n");
    expect(client.connection.paused).toBe(true);
    client.connection.receiveInFlight("AUTH x\r\nPING\r\n");
    expect(client.replies()).toBe("");
    tester.advance(100);
    expect(client.replies()).toBe(
      "-WRONGPASS invalid username-password pair or user is disabled. +OK +PONG",
    );
  });

  test.each(["*x\r\n", "*1\r\n:1\r\n", "*1\r\n$-5\r\n", '"unbalanced\r\n', "*1048577\r\n"])(
    "%j is answered behind what came before, then the connection closes",
    async (bad) => {
      const tester = await ServerTester.start();
      const [client, other] = [tester.connect(), tester.connect()];
      client.send(`put a\r\n${bad}PING\r\n`);
      expect(client.closed).toBe(false);
      tester.answer();
      expect(client.replies()).toMatch(/^\$1 a -ERR Protocol error: [^+]+$/);
      expect(client.closed).toBe(true);
      expect(other.ask("PING")).toBe("+PONG");
      expect(tester.server.sessions.size).toBe(1);
      expect(tester.reports.join()).toContain("protocol error from client");
    },
  );

  test("random bytes harm nobody else", async () => {
    const tester = await ServerTester.start();
    const witness = tester.connect();
    const likely = fc.constantFrom(...Array.from("*$-0123\r\n \"'aPING\0\xff"));
    fc.assert(
      fc.property(fc.array(fc.string({ unit: likely, maxLength: 40 }), { maxLength: 5 }), (all) => {
        const client = tester.connect();
        for (const piece of all) client.send(Buffer.from(piece, "latin1"));
        client.connection.hangUp();
        tester.backend.answerAll();
        tester.settle();
      }),
      { numRuns: 2_000 },
    );
    expect(witness.ask("PING")).toBe("+PONG");
    expect(tester.server.sessions.size).toBe(1);
  });
});

describe("flow control", () => {
  /** A client that asks for much and reads nothing. */
  async function greedy(tester: ServerTester, rounds: number): Promise<TestClient> {
    const client = tester.connect();
    client.connection.readsReplies = false;
    const command = encodeCommand(["ECHO", "x".repeat(100_000)]);
    for (let round = 0; round < rounds; round++) client.send(command);
    return client;
  }

  test("a client that does not read is not listened to, and goes on when it reads", async () => {
    const tester = await ServerTester.start();
    const client = await greedy(tester, 100);
    expect(client.connection.paused).toBe(true);
    expect(client.connection.bufferedBytes).toBeLessThan(2 * MIB);
    expect(tester.connect().ask("PING")).toBe("+PONG");
    client.connection.readAll();
    tester.settle();
    expect(client.closed).toBe(false);
    expect(client.connection.takeOutput().length).toBe(100 * (100_000 + 11));
  });

  test("a client whose answers pile up beyond the limit is closed", async () => {
    const tester = await ServerTester.start({ outputBufferBytesMax: 2 * MIB });
    const client = tester.connect();
    client.connection.readsReplies = false;
    const value = "x".repeat(100_000);
    for (let round = 0; round < 50; round++) client.command("put", value);
    for (let round = 0; round < 50 && tester.backend.open.length > 0; round++) tester.answer();
    expect(client.closed).toBe(true);
    expect(client.connection.bufferedBytes).toBeLessThan(3 * MIB);
    expect(tester.reports.join()).toContain("output buffer limit");
  });

  test("a client with many open operations waits for answers", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("put a\r\n".repeat(20_000));
    expect(tester.backend.open.length).toBe(16_384);
    for (let count = 0; count < 9_000; count++) tester.backend.answer();
    tester.settle();
    expect(tester.backend.open.length).toBe(20_000 - 9_000);
    tester.backend.answerAll();
    tester.settle();
    expect(client.connection.takeOutput().toString()).toBe("$1\r\na\r\n".repeat(20_000));
  });

  test("reads of many keys behind a write are few at a time", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("put a\r\n" + `EXISTS ${"k ".repeat(999)}\r\n`.repeat(50) + "put b\r\n");
    expect(tester.backend.open.map(({ name }) => name)).toEqual(["put", ...reads(17)]);
    tester.backend.leads = false;
    tester.backend.open.shift()!.answer();
    for (const read of tester.backend.open.splice(0)) read.fail("ERR");
    tester.settle();
    expect(tester.backend.open.map(({ name }) => name)).toEqual(reads(17));
    for (const read of tester.backend.open.splice(0)) read.fail("ERR");
    tester.settle();
    expect(tester.backend.open.map(({ name }) => name)).toEqual([...reads(16), "put"]);
    function reads(count: number): string[] {
      return Array.from({ length: count }, () => "exists");
    }
  });

  test("a client waits earlier while much is on its way to another node", async () => {
    const tester = await ServerTester.start();
    tester.backend.openMax = 16;
    const client = tester.connect();
    client.send("put a\r\n".repeat(100));
    expect(tester.backend.open.length).toBe(16);
    for (let count = 0; count < 7; count++) tester.backend.answer();
    tester.settle();
    expect(tester.backend.open.length).toBe(9);
    tester.backend.answer();
    tester.settle();
    expect(tester.backend.open.length).toBe(16);
    tester.backend.openMax = 1;
    for (let left = 92; left > 0; left--) {
      tester.backend.answer();
      tester.settle();
    }
    expect(client.connection.takeOutput().toString()).toBe("$1\r\na\r\n".repeat(100));
  });

  test("all clients wait while the database has too much to do", async () => {
    const tester = await ServerTester.start({ pendingBytesMax: 1000 });
    tester.backend.pendingBytes = 1001;
    const client = tester.connect();
    client.send("put a\r\nput b\r\n");
    expect(tester.backend.open.length).toBe(1);
    tester.backend.pendingBytes = 0;
    tester.answer();
    expect(tester.backend.open.length).toBe(1);
    tester.answer();
    expect(client.replies()).toBe("$1 a $1 b");
  });

  test("input beyond the query buffer closes the client", async () => {
    const tester = await ServerTester.start({ queryBufferBytesMax: 100_000 });
    const client = tester.connect();
    client.send(`*2\r\n$4\r\nECHO\r\n$200000\r\n${"x".repeat(99_000)}`);
    expect(client.closed).toBe(false);
    client.send("x".repeat(2_000));
    expect(client.closed).toBe(true);
    expect(tester.reports.join()).toContain("query buffer limit");
  });

  test("ten thousand idle connections cost little, and one more is told to go", async () => {
    const tester = await ServerTester.start();
    const clients = Array.from({ length: 10_000 }, () => tester.connect());
    expect(clients.at(-1)!.ask("PING")).toBe("+PONG");
    expect([...tester.server.sessions.values()].every((s) => s.queryBufferBytes === 0)).toBe(true);
    const extra = tester.connect();
    expect(extra.replies()).toBe("-ERR max number of clients reached");
    for (const client of clients.slice(0, 10)) client.connection.hangUp();
    expect(tester.connect().ask("PING")).toBe("+PONG");
  });

  test("a client that goes away in the middle of anything leaves no session", async () => {
    const tester = await ServerTester.start({ password: "x" });
    const states = ["PIN", "AUTH wrong\r\n", "AUTH x\r\nput a\r\n", "AUTH x\r\nMULTI\r\nput a\r\n"];
    const clients = states.map((state) => {
      const client = tester.connect();
      client.send(state);
      return client;
    });
    for (const client of clients) client.connection.hangUp();
    tester.backend.answerAll();
    tester.advance(10_000);
    expect(tester.server.sessions.size).toBe(0);
  });
});

describe("transactions and the server's own commands", () => {
  test("subcommands are known when they are queued", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.ask("MULTI");
    expect(client.ask("CLIENT NOSUCH")).toBe("-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.");
    expect(client.ask("EXEC")).toBe("-EXECABORT Transaction discarded because of previous errors.");
    client.ask("MULTI");
    expect(client.ask("CLIENT SETNAME")).toContain("wrong number of arguments");
    expect(client.ask("EXEC")).toBe("-EXECABORT Transaction discarded because of previous errors.");
  });

  test.each([
    "AUTH x",
    "HELLO 3",
    "CLIENT REPLY OFF",
    "CLIENT PAUSE 10",
    "SAVE",
    "BGSAVE",
    "SHUTDOWN",
    "WAIT 0 0",
  ])("%s cannot be part of one", async (line) => {
    const client = (await ServerTester.start()).connect();
    client.ask("MULTI");
    expect(client.ask(line)).toBe("-ERR Command not allowed inside a transaction");
  });

  test("QUIT and RESET end one", async () => {
    const tester = await ServerTester.start();
    const [first, second] = [tester.connect(), tester.connect()];
    first.ask("MULTI");
    expect(first.ask("RESET")).toBe("+RESET");
    expect(first.ask("EXEC")).toBe("-ERR EXEC without MULTI");
    second.ask("MULTI");
    second.send("QUIT\r\n");
    expect(second.replies()).toBe("+OK");
    expect(second.closed).toBe(true);
  });
});
