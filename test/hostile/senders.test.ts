// Clients that connect, send or leave in bad ways. Anchors, section 6, items 6, 8, 15, 21.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { show } from "../support/reply.ts";
import { encode, RespConnection } from "../support/resp-connection.ts";
import { memoryOf, MIB, survives } from "./arena.ts";

const IDLE_CONNECTIONS_MAX = 9000;
const DESCRIPTORS_SPARE = 500;

let lab: Lab;
let server: KvorumServer;

beforeAll(async () => {
  lab = new Lab();
  server = await KvorumServer.start(lab, { fsync: "no" });
});

afterAll(async () => {
  await lab.close();
});

test("a sender of single bytes is served, and others do not wait for it", async () => {
  const command = encode(["SET", "slow", "v".repeat(200)]);
  const outcome = survives(server, async () => {
    const connections = await openMany(30);
    for (const byte of command) {
      for (const connection of connections) connection.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    for (const connection of connections) {
      expect(show(await connection.read())).toBe("+OK");
      connection.close();
    }
  });
  expect(await outcome).toBe("unharmed");
});

test("half a command and the end, or no end at all, leaves nothing behind", async () => {
  const outcome = survives(server, async () => {
    const half = encode(["SET", "half", "v".repeat(1000)]).subarray(0, -10);
    const connections = await openMany(200);
    for (const [place, connection] of connections.entries()) {
      connection.write(half);
      if (place % 3 === 0) connection.socket.end();
      else if (place % 3 === 1) connection.reset();
    }
    await connections[0]!.closed();
    for (const connection of connections) connection.close();
    await clientsFallTo(2);
  });
  expect(await outcome).toBe("unharmed");
  expect(await server.with((connection) => connection.ask("EXISTS", "half"))).toBe(":0");
});

test("announced lengths take no memory before the bytes come", async () => {
  const outcome = survives(
    server,
    async () => {
      const connections = await openMany(300);
      for (const connection of connections) {
        connection.write("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108864\r\nabc");
      }
      expect(await server.with((connection) => connection.ask("PING"))).toBe("+PONG");
      for (const connection of connections) connection.reset();
    },
    { growthBytes: 60 * MIB },
  );
  expect(await outcome).toBe("unharmed");
});

test("announced counts take no memory before the arguments come", async () => {
  const outcome = survives(
    server,
    async () => {
      const connections = await openMany(300);
      for (const connection of connections) connection.write("*1048576\r\n$3\r\nDEL\r\n");
      expect(await server.with((connection) => connection.ask("PING"))).toBe("+PONG");
      for (const connection of connections) connection.reset();
    },
    { growthBytes: 60 * MIB },
  );
  expect(await outcome).toBe("unharmed");
});

test("thousands of idle connections are held, and let go", async () => {
  const descriptors = Number(execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }));
  const wanted = Math.min(IDLE_CONNECTIONS_MAX, descriptors - DESCRIPTORS_SPARE);
  const outcome = survives(
    server,
    async () => {
      const sockets = await openSockets(server.port, wanted);
      await server.with(async (connection) => {
        expect(Number(await infoField(connection, "connected_clients"))).toBeGreaterThan(wanted);
      });
      for (const socket of sockets) socket.destroy();
      await clientsFallTo(2);
    },
    { growthBytes: 200 * MIB },
  );
  expect(await outcome).toBe("unharmed");
});

test("a flood of connections that are reset at once", async () => {
  const outcome = survives(server, async () => {
    for (let round = 0; round < 20; round++) {
      const sockets = await openSockets(server.port, 150);
      for (const [place, socket] of sockets.entries()) {
        if (place % 2 === 0) socket.write("SET flood 1\r\nGET flood\r\nPIN");
        socket.resetAndDestroy();
      }
    }
    await clientsFallTo(2);
  });
  expect(await outcome).toBe("unharmed");
});

test("--maxclients: one more is told so and closed; later there is room again", async () => {
  const small = await KvorumServer.start(lab, { flags: ["--maxclients", "20"] });
  const connections: RespConnection[] = [];
  for (let count = 0; count < 20; count++) connections.push(await small.connect());
  for (let round = 0; round < 50; round++) {
    const refused = await small.connect();
    expect(show(await refused.read())).toBe("-ERR max number of clients reached");
    await refused.closed();
  }
  expect(await connections[0]!.ask("PING")).toBe("+PONG");
  connections.pop()!.close();
  for (;;) {
    const again = await small.connect();
    const reply = await again.ask("PING").catch((error: unknown) => String(error));
    again.close();
    if (reply === "+PONG") break;
  }
  for (const connection of connections) connection.close();
  expect((await small.stop()).code).toBe(0);
});

test("without descriptors it goes on serving, and accepts again when there are some", async () => {
  const limit = ["sh", "-c", 'ulimit -n 120; exec "$@"', "sh"];
  const poor = await KvorumServer.start(lab, { under: limit });
  const first = await poor.connect();
  const sockets: Socket[] = [];
  for (let count = 0; count < 200; count++) {
    const socket = connect({ port: poor.port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    sockets.push(socket);
  }
  for (let count = 0; count < 100; count++) {
    expect(await first.ask("INCR", "served")).toBe(`:${count + 1}`);
  }
  for (const socket of sockets) socket.destroy();
  // Until the server has seen them go, one more may still find no descriptor, and be closed.
  for (let reply = ""; reply !== "+PONG";) {
    reply = await poor.with((connection) => connection.ask("PING")).catch(() => "");
  }
  for (let round = 0; round < 20; round++) {
    expect(await poor.with((connection) => connection.ask("GET", "served"))).toBe('"100"');
  }
  first.close();
  expect(poor.program.ending).toBeNull();
  await poor.kill();
});

describe("huge pipelines", () => {
  test("a million commands in one write are all answered", async () => {
    const count = 1_000_000;
    const outcome = survives(
      server,
      async () => {
        await server.with(async (connection) => {
          connection.socket.setTimeout(0);
          expect(await repliesOf(connection, "PING\r\n".repeat(count), 7 * count)).toBe(count);
          const incr = "*2\r\n$4\r\nINCR\r\n$7\r\nmillion\r\n";
          await connection.call("DEL", "million");
          const bytes = Array.from({ length: count }, (_, at) => String(at + 1).length + 3);
          const total = bytes.reduce((sum, length) => sum + length, 0);
          expect(await repliesOf(connection, incr.repeat(count), total)).toBe(count);
          expect(await connection.ask("GET", "million")).toBe(`"${count}"`);
        });
      },
      { growthBytes: 200 * MIB },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("dropped half way: a part from the front was run, and the memory comes back", async () => {
    const commands: Buffer[] = [];
    for (let index = 0; index < 100_000; index++) {
      commands.push(encode(["SET", `dropped:${index}`, "v".repeat(100)]));
    }
    const pipeline = Buffer.concat(commands);
    const dropOne = async (): Promise<void> => {
      const connection = await server.connect();
      connection.write(pipeline);
      await connection.read();
      connection.reset();
      await clientsFallTo(2);
    };
    const outcome = survives(
      server,
      async () => {
        await dropOne();
        const afterFirst = memoryOf(server);
        for (let round = 0; round < 5; round++) await dropOne();
        expect((memoryOf(server) - afterFirst) / MIB).toBeLessThan(150);
      },
      { growthBytes: 200 * MIB },
    );
    expect(await outcome).toBe("unharmed");
    await server.with(async (connection) => {
      const keys = Array.from({ length: 100_000 }, (_, index) => `dropped:${index}`);
      const { items } = await connection.call("MGET", ...keys);
      const end = items.findIndex(({ kind }) => kind === "null");
      const behind = end === -1 ? [] : items.slice(end);
      expect(behind.filter(({ kind }) => kind !== "null")).toEqual([]);
    });
  });
});

describe("CLIENT KILL", () => {
  test("in a transaction: nothing of it happens", async () => {
    const victim = await server.connect();
    const id = (await victim.call("CLIENT", "ID")).text;
    await victim.pipeline([["MULTI"], ["SET", "killed", "1"]]);
    await server.with(async (connection) => {
      expect(await connection.ask("CLIENT", "KILL", "ID", id)).toBe(":1");
      await victim.closed();
      expect(await connection.ask("EXISTS", "killed")).toBe(":0");
    });
  });

  test("with writes under way: replies go to nobody else", async () => {
    const outcome = survives(server, async () => {
      for (let round = 0; round < 20; round++) {
        const victim = await server.connect();
        const id = (await victim.call("CLIENT", "ID")).text;
        victim.write(Buffer.concat(Array.from({ length: 500 }, () => encode(["INCR", "victim"]))));
        await server.with(async (killer) => {
          const replies = await killer.pipeline([
            ["ECHO", "before"],
            ["CLIENT", "KILL", "ID", id],
            ["SET", "mine", "1"],
            ["GET", "mine"],
          ]);
          expect(replies.map(show)).toEqual(['"before"', ":1", "+OK", '"1"']);
        });
        await victim.closed();
      }
    });
    expect(await outcome).toBe("unharmed");
  });
});

async function openMany(count: number): Promise<RespConnection[]> {
  return Promise.all(Array.from({ length: count }, () => server.connect()));
}

/** Plain sockets, opened some hundred at a time: the kernel's queue of unaccepted ones is short. */
async function openSockets(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(300, count - sockets.length) }, () =>
      connect({ port, host: "127.0.0.1" }),
    );
    for (const socket of some) socket.on("error", () => undefined);
    await Promise.all(some.map((socket) => once(socket, "connect")));
    sockets.push(...some);
  }
  return sockets;
}

/** Waits until no more clients than this are connected, the asking one among them. */
async function clientsFallTo(count: number): Promise<void> {
  await server.with(async (connection) => {
    while (Number(await infoField(connection, "connected_clients")) > count) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
}

async function infoField(connection: RespConnection, name: string): Promise<string> {
  const info = (await connection.call("INFO", "clients")).text;
  return new RegExp(`^${name}:(.*)\r$`, "m").exec(info)?.[1] ?? "";
}

/** Sends text and counts the lines that come back, until so many bytes have come. */
async function repliesOf(
  connection: RespConnection,
  text: string,
  replyBytes: number,
): Promise<number> {
  const { socket } = connection;
  const listeners = socket.listeners("data");
  socket.removeAllListeners("data");
  let [bytes, lines] = [0, 0];
  await new Promise<void>((resolve, reject) => {
    socket.once("close", () => reject(new Error("the server closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
      if (bytes >= replyBytes) resolve();
    });
    socket.write(text);
  });
  socket.removeAllListeners("data");
  for (const listener of listeners) socket.on("data", listener as (chunk: Buffer) => void);
  expect(bytes).toBe(replyBytes);
  return lines;
}
