// Clients that ask for much and do not read, and requests at their limits. Anchors, section 6,
// items 7 and 8.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { show } from "../support/reply.ts";
import { encode, type RespConnection } from "../support/resp-connection.ts";
import { memoryOf, MIB, survives } from "./arena.ts";

/** Output that one client may have waiting is 128 MiB. */
const OUTPUT_BYTES_MAX = 128 * MIB;

let lab: Lab;
let server: KvorumServer;

beforeAll(async () => {
  lab = new Lab();
  server = await KvorumServer.start(lab, { fsync: "no" });
});

afterAll(async () => {
  await lab.close();
});

describe("a client that does not read", () => {
  test("gets its gigabytes as it reads, and the server holds little of them", async () => {
    const value = Buffer.alloc(4 * MIB, "v");
    const count = 500;
    await server.with((connection) => connection.call("SET", "big", value));
    const outcome = survives(
      server,
      async () => {
        const connection = await server.connect();
        const { socket } = connection;
        socket.pause();
        connection.write(
          Buffer.concat(Array.from({ length: count }, () => encode(["GET", "big"]))),
        );
        await asked("big", count);
        // Then it reads all of it: not a byte is missing, or the connection was closed.
        const total = await drain(connection, count * (value.length + "$4194304\r\n\r\n".length));
        expect(total.missing === 0 || total.closed).toBe(true);
      },
      { growthBytes: OUTPUT_BYTES_MAX + 150 * MIB },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("many at a time cost a bounded sum", async () => {
    await server.with((connection) => connection.call("SET", "wide", Buffer.alloc(MIB, "w")));
    const outcome = survives(
      server,
      async () => {
        const connections = await Promise.all(Array.from({ length: 40 }, () => server.connect()));
        for (const { socket } of connections) socket.pause();
        for (const connection of connections) {
          connection.write(
            Buffer.concat(Array.from({ length: 100 }, () => encode(["GET", "wide"]))),
          );
        }
        for (let round = 0; round < 20; round++) {
          await server.with((other) => other.call("STRLEN", "wide"));
        }
        for (const connection of connections) connection.reset();
      },
      { growthBytes: 150 * MIB },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("and is not logged in: gets no memory for its refusals", async () => {
    const locked = await KvorumServer.start(lab, { flags: ["--requirepass", "secret"] });
    const connection = await locked.connect();
    connection.socket.pause();
    const before = memoryOf(locked);
    const refused = encode(["GET", "a"]);
    const chunk = Buffer.concat(Array.from({ length: 50_000 }, () => refused));
    for (let sent = 0; sent < 20 && !connection.isClosed; sent++) {
      if (!connection.socket.write(chunk))
        await Promise.race([drainedOrClosed(connection), pauseMs(200)]);
    }
    expect((memoryOf(locked) - before) / MIB).toBeLessThan(60);
    expect(await locked.with((other) => other.ask("AUTH", "secret"))).toBe("+OK");
    connection.reset();
    await locked.kill();
  });
});

describe("a client that is not logged in", () => {
  let locked: KvorumServer;
  beforeAll(async () => {
    locked = await KvorumServer.start(lab, { flags: ["--requirepass", "secret"] });
  });

  test.each([
    ["too many arguments", "*11\r\n", "unauthenticated multibulk length"],
    ["a long argument", "*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length"],
  ])("%s: an error, and the connection ends", async (_, input, error) => {
    const connection = await locked.connect();
    connection.write(input);
    expect(show(await connection.read())).toContain(error);
    await connection.closed();
  });

  test("can only log in, say hello and leave", async () => {
    await locked.with(async (connection) => {
      for (const args of [["GET", "a"], ["PING"], ["MULTI"], ["CONFIG", "GET", "*"], ["NOSUCH"]]) {
        expect(await connection.ask(...args)).toMatch(/^-NOAUTH|^-ERR unknown command/);
      }
      expect(await connection.ask("AUTH", "wrong")).toMatch(/^-WRONGPASS/);
      expect(await connection.ask("HELLO", "3", "AUTH", "default", "wrong")).toMatch(/^-WRONGPASS/);
      expect(await connection.ask("AUTH", "default", "secret")).toBe("+OK");
      expect(await connection.ask("PING")).toBe("+PONG");
      expect(await connection.ask("RESET")).toBe("+RESET");
      expect(await connection.ask("PING")).toMatch(/^-NOAUTH/);
    });
    await locked.with(async (connection) => {
      expect(await connection.ask("QUIT")).toBe("+OK");
      await connection.closed();
    });
  });
});

describe("requests at the limit", () => {
  test("64 MiB are taken and given back; a byte more is refused", async () => {
    const largest = Buffer.alloc(64 * MIB, "0123456789abcdef");
    const outcome = survives(
      server,
      async () => {
        await server.with(async (connection) => {
          expect(await connection.ask("SET", "largest", largest)).toBe("+OK");
          expect(await connection.ask("STRLEN", "largest")).toBe(`:${largest.length}`);
          const back = await connection.call("GET", "largest");
          expect(back.text === largest.toString("latin1")).toBe(true);
          expect(await connection.ask("DEL", "largest")).toBe(":1");
        });
        const refused = await server.connect();
        refused.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${largest.length + 1}\r\n`);
        expect(show(await refused.read())).toBe("-ERR Protocol error: invalid bulk length");
        await refused.closed();
        const insistent = await server.connect();
        insistent.write(encode(["SET", "k", Buffer.concat([largest, Buffer.from("x")])]));
        await insistent.closed();
        const parts = await server.connect();
        parts.write(encode(["MSET", "x", largest.subarray(1e6), "y", largest.subarray(1e6)]));
        await parts.closed();
      },
      { growthBytes: 450 * MIB },
    );
    expect(await outcome).toBe("unharmed");
    await server.with(async (connection) => {
      expect(await connection.ask("EXISTS", "largest", "k", "x", "y")).toBe(":0");
    });
  });

  test("large values are in the log whole: they are there after kill -9", async () => {
    const own = await KvorumServer.start(lab);
    const values = [1, 7, 20, 63].map((size) => Buffer.alloc(size * MIB, `${size}-`));
    await own.with(async (connection) => {
      for (const [place, value] of values.entries()) {
        expect(await connection.ask("SET", `value:${place}`, value)).toBe("+OK");
      }
    });
    await own.kill();
    await own.restart();
    await own.with(async (connection) => {
      for (const [place, value] of values.entries()) {
        const back = await connection.call("GET", `value:${place}`);
        expect(back.text === value.toString("latin1"), `value:${place}`).toBe(true);
      }
    });
    await own.kill();
  });

  test("the memory of large requests is used again", async () => {
    const value = Buffer.alloc(32 * MIB, "x");
    const exercise = async (): Promise<void> => {
      await server.with(async (connection) => {
        for (let round = 0; round < 4; round++) {
          await connection.call("SET", "again", value);
          await connection.call("GET", "again");
        }
        await connection.call("DEL", "again");
      });
    };
    await exercise();
    await exercise();
    const before = memoryOf(server);
    for (let round = 0; round < 4; round++) await exercise();
    expect((memoryOf(server) - before) / MIB).toBeLessThan(200);
  });
});

describe("many of everything in one command", () => {
  const keys = Array.from({ length: 500_000 }, (_, index) => `many:${index}`);

  test("half a million keys are set, watched, read and deleted", async () => {
    const outcome = survives(
      server,
      async () => {
        await server.with(async (connection) => {
          connection.socket.setTimeout(0);
          const pairs = keys.flatMap((key) => [key, "1"]);
          connection.write(encode(["MSET", ...pairs]));
          expect(show(await connection.read(60_000))).toBe("+OK");
          connection.write(encode(["WATCH", ...keys]));
          expect(show(await connection.read(60_000))).toBe("+OK");
          await server.with((other) => other.call("SET", keys.at(-1)!, "2"));
          const replies = await connection.pipeline([["MULTI"], ["SET", "watched", "1"], ["EXEC"]]);
          expect(replies.map(show)).toEqual(["+OK", "+QUEUED", "nil*"]);
          connection.write(encode(["MGET", ...keys]));
          const values = await connection.read(60_000);
          expect(values.items.filter(({ text }) => text === "1")).toHaveLength(keys.length - 1);
          connection.write(encode(["DEL", ...keys]));
          expect(show(await connection.read(60_000))).toBe(`:${keys.length}`);
        });
      },
      // Each of these commands is one piece of work: on a machine with other work that takes long.
      { growthBytes: 500 * MIB, slowestMs: 15_000 },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("a transaction that queues too much is refused, and its memory let go", async () => {
    const value = "q".repeat(1000);
    const outcome = survives(
      server,
      async () => {
        await server.with(async (connection) => {
          expect(await connection.ask("MULTI")).toBe("+OK");
          const chunk = Array.from({ length: 5000 }, (_, index) => ["SET", `q${index}`, value]);
          let refusal: string | undefined;
          for (let sent = 0; refusal === undefined && sent < 40; sent++) {
            const replies = await connection.pipeline(chunk);
            const error = replies.find(({ kind }) => kind === "error");
            if (error !== undefined) refusal = show(error);
          }
          expect(refusal).toMatch(/^-ERR the transaction is too big/);
          expect(await connection.ask("EXEC")).toMatch(/^-EXECABORT/);
          expect(await connection.ask("EXISTS", "q0")).toBe(":0");
        });
      },
      { growthBytes: 300 * MIB },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("a transaction of ten thousand commands is run whole", async () => {
    await server.with(async (connection) => {
      const commands = Array.from({ length: 10_000 }, () => ["INCR", "in-one"]);
      const replies = await connection.pipeline([["MULTI"], ...commands, ["EXEC"]]);
      expect(replies.at(-1)!.items.at(-1)!.text).toBe("10000");
    });
  });
});

/** Waits until GETs have been run so often that this client's pipeline must have been met. */
async function asked(key: string, count: number): Promise<void> {
  let last = "";
  await server.with(async (other) => {
    for (let round = 0; round < count; round++) last = await other.ask("STRLEN", key);
  });
  expect(last).not.toBe(":0");
}

/** Reads what is there to read, up to `bytes`. */
async function drain(
  connection: RespConnection,
  bytes: number,
): Promise<{ missing: number; closed: boolean }> {
  const { socket } = connection;
  socket.removeAllListeners("data");
  let missing = bytes;
  const closed = new Promise<boolean>((resolve) => {
    socket.once("close", () => resolve(true));
    socket.on("data", (chunk: Buffer) => {
      missing -= chunk.length;
      if (missing <= 0) resolve(false);
    });
  });
  socket.resume();
  const isClosed = await closed;
  connection.close();
  return { missing, closed: isClosed };
}

function drainedOrClosed({ socket }: RespConnection): Promise<void> {
  return new Promise((resolve) => {
    socket.once("drain", () => resolve());
    socket.once("close", () => resolve());
  });
}

function pauseMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
