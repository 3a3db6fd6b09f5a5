// Ordinary ends and starts: SIGTERM, a large data set, snapshots with a log behind them, relaxed
// syncing.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { show } from "../support/reply.ts";
import { encode, type RespConnection } from "../support/resp-connection.ts";
import { checkHistory } from "../support/history.ts";
import { WritingClient } from "./write-load.ts";

const LARGE_KEYS = 200_000;
const KEYS_PER_COMMAND = 100;
const VALUE = "v".repeat(100);
const RESTART_MS_MAX = 15_000;

describe("a node that is stopped and started again", () => {
  let lab: Lab;
  beforeEach(() => {
    lab = new Lab();
  });
  afterEach(async () => {
    await lab.close();
  });

  test.each(["always", "everysec", "no"] as const)(
    "has all data after SIGTERM under load, with --fsync %s",
    async (fsync) => {
      const server = await KvorumServer.start(lab, { fsync });
      const clients = await Promise.all(
        ["a", "b", "c"].map((name) => WritingClient.open(name, server.port)),
      );
      const runs = clients.map((client) => client.run());
      await writesReach(server, 200);
      const ending = await server.stop();
      await Promise.all(runs);
      expect(ending).toEqual({ code: 0, signal: null });
      await server.restart();
      expect(server.program.output).toContain('"cleanShutdown":true');
      await server.with(async (connection) => {
        for (const { history } of clients) {
          const report = await checkHistory(history, connection);
          expect(report.acknowledged).toBeGreaterThan(0);
        }
      });
    },
  );

  test("keeps expiries, databases and deletions", async () => {
    const server = await KvorumServer.start(lab);
    await server.with(async (connection) => {
      await connection.pipeline([
        ["SET", "kept", "1", "EX", 1000],
        ["SET", "short", "1", "PX", 1],
        ["SET", "gone", "1"],
        ["DEL", "gone"],
        ["SELECT", 7],
        ["SET", "seven", "\u0000"],
        ["SWAPDB", 7, 9],
      ]);
    });
    await server.kill();
    await server.restart();
    await server.with(async (connection) => {
      const ttl = await connection.call("PTTL", "kept");
      expect(Number(ttl.text)).toBeGreaterThan(900_000);
      expect(Number(ttl.text)).toBeLessThanOrEqual(1_000_000);
      expect(await connection.ask("MGET", "kept", "short", "gone")).toBe('*["1" nil$ nil$]');
      expect(await connection.ask("SELECT", 9)).toBe("+OK");
      expect(await connection.ask("GET", "seven")).toBe('"\\u0000"');
    });
  });

  test(`starts with ${LARGE_KEYS} keys, from a snapshot and the log behind it`, async () => {
    const server = await KvorumServer.start(lab, { fsync: "no" });
    await server.with(async (connection) => {
      await fill(connection, 0, LARGE_KEYS / 2);
      await snapshot(connection);
      await fill(connection, LARGE_KEYS / 2, LARGE_KEYS);
      await connection.pipeline([
        ["DEL", "key:0"],
        ["APPEND", "key:1", "+"],
      ]);
    });
    const ends = ["stop", "kill"] as const;
    for (const end of ends) {
      if (end === "kill") await server.with((connection) => snapshot(connection));
      await server[end]();
      const startedMs = Date.now();
      await server.restart();
      expect(Date.now() - startedMs, "ms until ready").toBeLessThan(RESTART_MS_MAX);
      await server.with(async (connection) => {
        expect(await connection.ask("DBSIZE")).toBe(`:${LARGE_KEYS - 1}`);
        expect(await connection.ask("GET", "key:1")).toBe(`"${VALUE}1+"`);
        await checkFilled(connection);
      });
    }
  });

  test("a second server on the same data is refused, the first one goes on", async () => {
    const server = await KvorumServer.start(lab);
    const second = await KvorumServer.prepare(lab, { data: server.data });
    const ending = await second.launch().end();
    expect(ending.code).not.toBe(0);
    expect(second.program.output).toContain(server.data);
    expect(await server.with((connection) => connection.ask("SET", "a", "b"))).toBe("+OK");
  });
});

/** Waits until so many write commands have been run. */
async function writesReach(server: KvorumServer, count: number): Promise<void> {
  await server.with(async (connection) => {
    for (;;) {
      const reply = await connection.call("DBSIZE");
      if (Number(reply.text) >= count) return;
    }
  });
}

async function fill(connection: RespConnection, from: number, to: number): Promise<void> {
  const commands: Buffer[] = [];
  for (let key = from; key < to; key += KEYS_PER_COMMAND) {
    const pairs: string[] = [];
    for (let one = key; one < key + KEYS_PER_COMMAND; one++) pairs.push(`key:${one}`, VALUE + one);
    commands.push(encode(["MSET", ...pairs]));
  }
  connection.write(Buffer.concat(commands));
  const replies = await connection.readMany(commands.length, 60_000);
  const refused = replies.find(({ kind }) => kind === "error");
  if (refused !== undefined) throw new Error(show(refused));
}

/** Asks for one and waits until it is done. */
async function snapshot(connection: RespConnection): Promise<void> {
  const before = await lastSave(connection);
  expect(await connection.ask("BGSAVE")).toBe("+Background saving started");
  while ((await lastSave(connection)) === before) await connection.call("PING");
}

async function lastSave(connection: RespConnection): Promise<string> {
  const info = (await connection.call("INFO", "persistence")).text;
  const field = (name: string): string => new RegExp(`${name}:(.*)\r`).exec(info)?.[1] ?? "";
  return `${field("rdb_bgsave_in_progress")} ${field("rdb_saves")} ${field("rdb_last_save_time")}`;
}

async function checkFilled(connection: RespConnection): Promise<void> {
  for (let from = 2; from < LARGE_KEYS; from += 1000) {
    const numbers = Array.from({ length: 1000 }, (_, at) => from + at).filter(
      (n) => n < LARGE_KEYS,
    );
    const reply = await connection.call("MGET", ...numbers.map((number) => `key:${number}`));
    for (const [place, number] of numbers.entries()) {
      const item = reply.items[place]!;
      if (item.text !== VALUE + number) throw new Error(`key:${number} is ${show(item)}`);
    }
  }
}
