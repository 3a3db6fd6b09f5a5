// The port for other nodes, met by strangers. Anchors, section 6, item 16. What a peer with the
// right secret can do is tested beside the transport.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { encode, withDeadline } from "../support/resp-connection.ts";
import { MIB, survives } from "./arena.ts";

/** A stranger that says nothing right is sent away within this time. */
const SENT_AWAY_MS = 20_000;

let lab: Lab;
let server: KvorumServer;

beforeAll(async () => {
  lab = new Lab();
  server = await KvorumServer.start(lab);
});

afterAll(async () => {
  await lab.close();
});

describe("a stranger at the peer port", () => {
  test.each([
    ["random bytes", () => randomBytes(100_000)],
    ["zeros", () => Buffer.alloc(100_000)],
    ["ones", () => Buffer.alloc(100_000, 0xff)],
    ["HTTP", () => Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["TLS", () => Buffer.from("16030100c8010000c403035f", "hex")],
    ["a Redis client", () => encode(["SET", "a", "b"])],
    ["one byte", () => Buffer.from("K")],
    ["nothing, and the end", () => Buffer.alloc(0)],
  ])("%s: sent away, and nothing breaks", async (_, bytes) => {
    const outcome = survives(server, async () => {
      const socket = await dial();
      const closed = once(socket, "close");
      socket.end(bytes());
      socket.resume();
      await withDeadline(closed, SENT_AWAY_MS, "a stranger is not sent away");
    });
    expect(await outcome).toBe("unharmed");
  });

  test("that says nothing is sent away after a while", async () => {
    const socket = await dial();
    socket.resume();
    await withDeadline(once(socket, "close"), SENT_AWAY_MS, "a silent stranger is not sent away");
    expect(await server.with((connection) => connection.ask("PING"))).toBe("+PONG");
  });

  test("a thousand of them at a time", async () => {
    const outcome = survives(
      server,
      async () => {
        const sockets = await Promise.all(Array.from({ length: 1000 }, dial));
        for (const [place, socket] of sockets.entries()) {
          socket.resume();
          if (place % 2 === 0) socket.write(randomBytes(500));
        }
        expect(await server.with((connection) => connection.ask("SET", "a", "b"))).toBe("+OK");
        for (const socket of sockets) socket.resetAndDestroy();
      },
      { growthBytes: 100 * MIB },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("what the node says first, sent back to it, does not let it in", async () => {
    const outcome = survives(server, async () => {
      const socket = await dial();
      const closed = once(socket, "close");
      socket.on("data", (bytes: Buffer) => socket.write(bytes));
      socket.write(randomBytes(64));
      await withDeadline(closed, SENT_AWAY_MS, "an echo is not sent away");
    });
    expect(await outcome).toBe("unharmed");
  });

  test("a node of another cluster, or with another secret, does not get in", async () => {
    const secured = await KvorumServer.start(lab, { flags: ["--cluster-secret", "the right one"] });
    const join = ["--join", `127.0.0.1:${secured.peerPort}`];
    const stranger = await KvorumServer.prepare(lab, {
      flags: [...join, "--cluster-secret", "a wrong one"],
    });
    const program = stranger.launch();
    await secured.program.seen(/secret|refused|handshake/i);
    expect(program.output).not.toMatch(/\bready on\b/);
    expect(await secured.with((connection) => connection.ask("SET", "a", "b"))).toBe("+OK");
    expect(secured.program.output).not.toContain("the right one");
    await program.kill();
    await secured.kill();
  });
});

async function dial(): Promise<Socket> {
  const socket = connect({ port: server.peerPort, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}
