// Commands with, or over, very many keys, and very many commands: others are served meanwhile. How
// long they wait depends on what else the machine does; how often they are served does not.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { type Reply, show } from "../support/reply.ts";
import { encode, type RespConnection } from "../support/resp-connection.ts";
import { survives } from "./arena.ts";

const KEYS = 300_000;
/** A read over all keys takes some 75 steps, and each leaves others their turn; at once: 2 or 3. */
const ANSWERS_MEANWHILE = 10;

const keys = Array.from({ length: KEYS }, (_, index) => `key:${index}`);

let lab: Lab;
let server: KvorumServer;

beforeAll(async () => {
  lab = new Lab();
  server = await KvorumServer.start(lab, { fsync: "no" });
  await server.with(async (connection) => {
    for (let at = 0; at < KEYS; at += 10_000) {
      const pairs = keys.slice(at, at + 10_000).flatMap((key) => [key, "value"]);
      await connection.call("MSET", ...pairs);
    }
  });
});

afterAll(async () => {
  await lab.close();
});

/** As `RespConnection.call`, with more arguments than a JavaScript call can have. */
async function callLong(connection: RespConnection, args: readonly string[]): Promise<Reply> {
  connection.write(encode(args));
  return connection.read();
}

async function field(connection: RespConnection, section: string, name: string): Promise<string> {
  const info = (await connection.call("INFO", section)).text;
  return new RegExp(`^${name}:(.*)\r$`, "m").exec(info)?.[1] ?? "";
}

/** How many answers another client gets before `work` is done. */
async function answersDuring(work: Promise<unknown>): Promise<number> {
  const state = { isOver: false };
  const end = (): void => {
    state.isOver = true;
  };
  work.then(end, end);
  return server.with(async (other) => {
    let answers = 0;
    for (; !state.isOver; answers++) expect(await other.ask("PING")).toBe("+PONG");
    return answers;
  });
}

test("a million commands in one write: others get many answers meanwhile", async () => {
  const count = 1_000_000;
  await server.with(async (connection) => {
    const { socket } = connection;
    let missing = count * "+PONG\r\n".length;
    socket.removeAllListeners("data");
    const all = new Promise<void>((resolve) => {
      socket.on("data", (bytes: Buffer) => {
        missing -= bytes.length;
        if (missing === 0) resolve();
      });
    });
    socket.write("PING\r\n".repeat(count));
    expect(await answersDuring(all)).toBeGreaterThan(ANSWERS_MEANWHILE);
  });
});

describe("long reads", () => {
  test.each([
    { name: "KEYS", pattern: "*", replies: KEYS },
    { name: "KEYS that match nothing", pattern: "*no*thing*", replies: 0 },
  ])("$name: others get many answers meanwhile", async ({ pattern, replies }) => {
    await server.with(async (connection) => {
      const asked = connection.call("KEYS", pattern);
      expect(await answersDuring(asked)).toBeGreaterThan(ANSWERS_MEANWHILE);
      expect((await asked).items).toHaveLength(replies);
    });
  });

  test("MGET of all keys", async () => {
    const outcome = survives(server, async () => {
      const { items } = await server.with((connection) => callLong(connection, ["MGET", ...keys]));
      expect(items.filter(({ text }) => text === "value")).toHaveLength(KEYS);
    });
    expect(await outcome).toBe("unharmed");
  });

  test("EXISTS of all keys, with writes to the same keys going on", async () => {
    const outcome = survives(server, async () => {
      await server.with(async (connection) => {
        const writer = await server.connect();
        const asked = callLong(connection, ["EXISTS", ...keys]);
        for (let round = 0; round < 200; round++) {
          expect(await writer.ask("SET", `key:${round * 97}`, "other")).toBe("+OK");
        }
        expect(show(await asked)).toBe(`:${KEYS}`);
        writer.close();
      });
    });
    expect(await outcome).toBe("unharmed");
  });

  test("the keys they found are counted, and the time they took", async () => {
    await server.with(async (connection) => {
      await connection.pipeline([
        ["CONFIG", "RESETSTAT"],
        ["SLOWLOG", "RESET"],
        ["CONFIG", "SET", "slowlog-log-slower-than", "1000"],
      ]);
      await connection.call("MGET", ...keys.slice(0, 30_000), "none", "nothing");
      await connection.pipeline([
        ["GET", "key:1"],
        ["GET", "none"],
        ["SET", "key:1", "value"],
      ]);
      expect(await field(connection, "stats", "keyspace_hits")).toBe("30001");
      expect(await field(connection, "stats", "keyspace_misses")).toBe("3");
      // On a slow machine others take a millisecond, too.
      const slow = (await connection.call("SLOWLOG", "GET")).items;
      const words = slow.map(({ items }) => items[3]!.items.slice(0, 2).map(({ text }) => text));
      expect(words).toContainEqual(["MGET", "key:0"]);
    });
  });
});

describe("long writes", () => {
  test("the slow log shows a DEL of 100,000 keys, and commandstats its time", async () => {
    await server.with(async (connection) => {
      await connection.pipeline([
        ["CONFIG", "RESETSTAT"],
        ["SLOWLOG", "RESET"],
        ["CONFIG", "SET", "slowlog-log-slower-than", "1000"],
      ]);
      const deleted = await callLong(connection, ["DEL", ...keys.slice(0, 100_000)]);
      expect(show(deleted)).toBe(":100000");
      await connection.call("SET", "key:0", "value");
      const { items } = await connection.call("SLOWLOG", "GET");
      const [, , usec, words] = items.at(-1)!.items;
      expect(words!.items.slice(0, 2).map(({ text }) => text)).toEqual(["del", "key:0"]);
      expect(words!.items.at(-1)!.text).toMatch(/more arguments/);
      expect(Number(usec!.text)).toBeGreaterThan(1000);
      const stats = await field(connection, "commandstats", "cmdstat_del");
      expect(stats).toMatch(new RegExp(`^calls=1,usec=${usec!.text},`));
      expect(await field(connection, "commandstats", "cmdstat_set")).toMatch(/^calls=1,usec=0,/);
    });
  });
});
