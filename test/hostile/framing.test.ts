// Bytes that are no commands: counts, lengths, inline lines, other protocols. Anchors, section 6,
// items 1 to 5.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { show } from "../support/reply.ts";
import { encode } from "../support/resp-connection.ts";
import { survives } from "./arena.ts";

let lab: Lab;
let server: KvorumServer;

beforeAll(async () => {
  lab = new Lab();
  server = await KvorumServer.start(lab);
});

afterAll(async () => {
  await lab.close();
});

const NUMBERS = ["+1", " 1", "1 ", "abc", "1a", "0x1", "", "1.5", "١", "\u0000", "--1", "-"];
const HUGE = ["2147483648", "4294967297", "9223372036854775808", "9".repeat(40)];

describe("a count or a length that is none", () => {
  const cases = [
    ...[...NUMBERS, ...HUGE].map((text) => `*${text}\r\n`),
    ...[...NUMBERS, ...HUGE, "-1", "-2", "67108865"].map((text) => `*1\r\n$${text}\r\n`),
    "*1\n$4\nPING\n".repeat(10),
    "*1\r$4\rPING\r",
    `*${"1".repeat(100_000)}`,
    `*1\r\n$${"1".repeat(100_000)}`,
    "*2\r\n$4\r\nECHO\r\n$3\r\nabcd\r\n",
    "*1\r\n$2\r\nPING\r\n",
    "*1\r\n!4\r\nPING\r\n",
    "*1\r\n*1\r\n$4\r\nPING\r\n",
    "*1\r\nPING\r\n",
    "*1\r\n\r\n$4\r\nPING\r\n",
    "*1048577\r\n",
    "*1\r\n".repeat(100_000),
  ];
  test.each(cases.map((input) => [JSON.stringify(input.slice(0, 40)), input] as const))(
    "%s: an error, and the connection ends",
    async (_, input) => {
      const connection = await server.connect();
      connection.write(Buffer.from(input, "utf8"));
      expect(show(await connection.read())).toMatch(/^-ERR Protocol error: [ -~]+$/);
      await connection.closed();
      expect(connection.unread).toEqual([]);
    },
  );

  test("leaves the server and others as they were", async () => {
    const outcome = survives(server, async () => {
      for (const input of cases) {
        const connection = await server.connect();
        connection.write(Buffer.from(input, "utf8"));
        await connection.closed();
      }
    });
    expect(await outcome).toBe("unharmed");
  });
});

describe("requests without a command", () => {
  test.each([
    ["nothing but a line end", "\r\n"],
    ["a bare LF", "\n"],
    ["spaces", "   \r\n"],
    ["*0", "*0\r\n"],
    ["*-1", "*-1\r\n"],
    ["*-2147483648", "*-2147483648\r\n"],
    ["leading zeros", "*0000\r\n"],
    ["many of them", "*0\r\n\r\n*-1\r\n".repeat(20_000)],
  ])("%s: is passed over, and what follows is answered", async (_, input) => {
    await server.with(async (connection) => {
      connection.write(`${input}*1\r\n$4\r\nPING\r\n${input}PING\r\n`);
      expect((await connection.readMany(2)).map(show)).toEqual(["+PONG", "+PONG"]);
      expect(await connection.ask("ECHO", "still in step")).toBe('"still in step"');
    });
  });

  test("state of one command is not carried into the next, wherever packets are cut", async () => {
    const stream = Buffer.concat([
      Buffer.from("*0\r\n"),
      encode(["SET", "cut", "\r\n$1\r\n*1\r\n"]),
      Buffer.from("*-1\r\n\r\n"),
      encode(["GET", "cut"]),
      Buffer.from('GET "cut"\r\n'),
    ]);
    const value = '"\\r\\n$1\\r\\n*1\\r\\n"';
    for (let cut = 1; cut < stream.length; cut++) {
      await server.with(async (connection) => {
        connection.write(stream.subarray(0, cut));
        await new Promise(setImmediate);
        connection.write(stream.subarray(cut));
        expect((await connection.readMany(3)).map(show)).toEqual(["+OK", value, value]);
      });
    }
  });
});

describe("inline lines", () => {
  test.each([
    ["64 KiB and a byte, without an end", "x".repeat(65_537), /too big inline request/],
    ["64 KiB and a byte, with an end", `PING ${"x".repeat(65_536)}\r\n`, /too big inline request/],
    ["an open quote", 'GET "a\r\n', /unbalanced quotes/],
    ["an open single quote", "GET 'a\r\n", /unbalanced quotes/],
    ["a letter behind a quote", 'GET "a"b\r\n', /unbalanced quotes/],
  ])("%s: an error, and the connection ends", async (_, input, error) => {
    const connection = await server.connect();
    connection.write(input);
    expect(show(await connection.read())).toMatch(error);
    await connection.closed();
  });

  test.each([
    ["NUL", "\u0000\u0000PING\r\n", "+PONG"],
    ["invalid UTF-8", 'ECHO "\xff\xfe\xc3"\r\n', '"ÿþÃ"'],
    ["a map of RESP3", "%1\r\n", "-ERR unknown command '%1', with args beginning with: "],
    ["an attribute", "|1\r\n", "-ERR unknown command '|1', with args beginning with: "],
    ["a push", ">3\r\n", "-ERR unknown command '>3', with args beginning with: "],
    ["a streamed string", "$?\r\n", "-ERR unknown command '$?', with args beginning with: "],
    ["a double", ",1e999\r\n", "-ERR unknown command ',1e999', with args beginning with: "],
    ["an open bracket", "(".repeat(60_000) + "\r\n", /^-ERR unknown command '\({1,128}'/],
  ])("%s: is one command, and the connection goes on", async (_, input, reply) => {
    await server.with(async (connection) => {
      connection.write(input);
      expect(show(await connection.read())).toMatch(reply);
      expect(await connection.ask("PING")).toBe("+PONG");
    });
  });

  test.each([
    ["POST", "POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\nSET hacked 1\r\n"],
    ["GET with Host", "GET / HTTP/1.1\r\nHost: localhost:6379\r\n\r\nSET hacked 1\r\n"],
    ["host in small letters", "GET / HTTP/1.1\r\nhost: localhost:6379\r\n\r\nSET hacked 1\r\n"],
  ])(
    "a browser's %s ends the connection before anything is run, and is logged",
    async (_, input) => {
      const connection = await server.connect();
      connection.write(input);
      await connection.closed();
      expect(await server.with((other) => other.ask("EXISTS", "hacked"))).toBe(":0");
      await server.program.seen(/cross-protocol/);
    },
  );
});

describe("HELLO", () => {
  test.each([
    [["HELLO", "1"], "-NOPROTO unsupported protocol version"],
    [["HELLO", "4"], "-NOPROTO unsupported protocol version"],
    [["HELLO", "abc"], "-ERR Protocol version is not an integer or out of range"],
    [["HELLO", "9223372036854775808"], "-ERR Protocol version is not an integer or out of range"],
    [["HELLO", "3", "AUTH", "x"], /^-ERR Syntax error in HELLO/],
    [["HELLO", "3", "SETNAME"], /^-ERR Syntax error in HELLO/],
    [["HELLO", "3", "SETNAME", "a\nb"], /^-ERR Client names cannot contain/],
    [["HELLO", "3", "__proto__", "x"], /^-ERR Syntax error in HELLO/],
  ])("%j is refused and changes nothing", async (args, error) => {
    await server.with(async (connection) => {
      expect(await connection.ask(...args)).toMatch(error);
      expect(await connection.ask("GET", "missing")).toBe("nil$");
      expect(await connection.ask("CLIENT", "GETNAME")).toBe("nil$");
    });
  });

  test("switches back and forth, and each reply is in the protocol of its command", async () => {
    await server.with(async (connection) => {
      const commands = [["HELLO", "3"], ["GET", "no"], ["HELLO", "2"], ["GET", "no"], ["HELLO"]];
      for (let round = 0; round < 50; round++) {
        const replies = await connection.pipeline(commands);
        expect(replies.map(({ kind, text }) => kind + text)).toEqual([
          "map",
          "null_",
          "array",
          "null$",
          "array",
        ]);
      }
    });
  });

  test("inside a transaction is refused, and the transaction is void", async () => {
    await server.with(async (connection) => {
      const replies = await connection.pipeline([
        ["MULTI"],
        ["HELLO", "3"],
        ["EXEC"],
        ["GET", "no"],
      ]);
      expect(replies.map(show)).toEqual([
        "+OK",
        "-ERR Command not allowed inside a transaction",
        "-EXECABORT Transaction discarded because of previous errors.",
        "nil$",
      ]);
    });
  });
});
