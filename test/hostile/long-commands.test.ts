// Commands with, or over, very many keys: others are served meanwhile. The design's promise is 20
// ms a turn; the limits here leave room for a machine that does other things too.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { type Reply, show } from "../support/reply.ts";
import { encode, type RespConnection } from "../support/resp-connection.ts";
import { survives } from "./arena.ts";

const KEYS = 600_000;
/** In one piece, each of these reads takes longer. */
const TURN_MS = 200;

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
    // Once before it is measured: a loop that was never run is compiled first.
    await connection.call("KEYS", "nothing*");
    await connection.call("MGET", ...keys.slice(0, 20_000));
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

describe("long reads", () => {
  test.each([
    { name: "KEYS", words: ["KEYS", "*"], replies: KEYS },
    { name: "KEYS that match nothing", words: ["KEYS", "*no*thing*"], replies: 0 },
    { name: "MGET", words: ["MGET", ...keys], replies: KEYS },
  ])("$name", async ({ words, replies }) => {
    const outcome = survives(
      server,
      async () => {
        const { items } = await server.with((connection) => callLong(connection, words));
        expect(items.filter(({ text }) => text !== "canary")).toHaveLength(replies);
      },
      { turnMs: TURN_MS },
    );
    expect(await outcome).toBe("unharmed");
  });

  test("EXISTS, with writes to the same keys going on", async () => {
    const outcome = survives(
      server,
      async () => {
        await server.with(async (connection) => {
          const writer = await server.connect();
          const asked = callLong(connection, ["EXISTS", ...keys]);
          // The first write behind the read's beginning may be seen or not; the keys stay.
          for (let round = 0; round < 200; round++) {
            expect(await writer.ask("SET", `key:${round * 97}`, "other")).toBe("+OK");
          }
          expect(show(await asked)).toBe(`:${KEYS}`);
          writer.close();
        });
      },
      { turnMs: TURN_MS },
    );
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
      const [slow] = (await connection.call("SLOWLOG", "GET")).items;
      expect(slow!.items[3]!.items.slice(0, 2).map(({ text }) => text)).toEqual(["MGET", "key:0"]);
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
