// ioredis as people use it, in both protocols, and its Cluster on --cluster-port.
import { Cluster, Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../bench/servers/ports.ts";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { collect, EVERY_BYTE } from "./values.ts";

let lab: Lab;
let server: KvorumServer;
let clusterPort: number;

beforeAll(async () => {
  lab = new Lab();
  clusterPort = await freePort();
  server = await KvorumServer.start(lab, { flags: ["--cluster-port", String(clusterPort)] });
});

afterAll(async () => {
  await lab.close();
});

describe.each([2, 3] as const)("ioredis with RESP%i", (protocol) => {
  let redis: Redis;

  beforeEach(async () => {
    redis = new Redis({ port: server.port, host: "127.0.0.1", protocol });
    await redis.flushall();
  });

  afterEach(() => {
    redis.disconnect();
  });

  test("sets and gets text, numbers, bytes and nothing", async () => {
    expect(await redis.set("a", "grüße")).toBe("OK");
    expect(await redis.get("a")).toBe("grüße");
    expect(await redis.set(EVERY_BYTE, EVERY_BYTE)).toBe("OK");
    expect(await redis.getBuffer(EVERY_BYTE)).toEqual(EVERY_BYTE);
    expect(await redis.get("missing")).toBeNull();
    expect(await redis.mget("a", "missing")).toEqual(["grüße", null]);
    expect(await redis.mset(new Map([["x", "1"]]))).toBe("OK");
    expect(await redis.incrby("x", 41)).toBe(42);
    expect(await redis.incrbyfloat("x", 0.5)).toBe("42.5");
    expect(await redis.set("a", "b", "EX", 100, "NX")).toBeNull();
    expect(await redis.set("a", "b", "EX", 100, "GET")).toBe("grüße");
    expect(await redis.ttl("a")).toBeGreaterThan(98);
  });

  test("rejects with the server's words", async () => {
    await redis.set("text", "abc");
    await expect(redis.incr("text")).rejects.toThrow("ERR value is not an integer or out of range");
    await expect(redis.call("NOSUCH", "a")).rejects.toThrow("ERR unknown command 'NOSUCH'");
  });

  test("pipelines, with errors in their places", async () => {
    const pipeline = redis.pipeline();
    for (let index = 0; index < 1000; index++) pipeline.set(`k${index}`, index);
    pipeline.incr("k1").call("GETDEL").get("k999");
    const replies = (await pipeline.exec())!;
    expect(replies.slice(0, 1000)).toEqual(Array.from({ length: 1000 }, () => [null, "OK"]));
    expect(replies[1000]).toEqual([null, 2]);
    expect(replies[1001]![0]?.message).toMatch("wrong number of arguments for 'getdel' command");
    expect(replies[1002]).toEqual([null, "999"]);
  });

  test("runs transactions, and drops them when a watched key has changed", async () => {
    expect(await redis.multi().set("n", 1).incr("n").get("n").exec()).toEqual([
      [null, "OK"],
      [null, 2],
      [null, "2"],
    ]);
    await redis.watch("n");
    const other = redis.duplicate();
    await other.incr("n");
    other.disconnect();
    expect(await redis.multi().set("n", 100).exec()).toBeNull();
    expect(await redis.get("n")).toBe("3");
    await redis.watch("n");
    expect(await redis.multi().set("n", 100).exec()).toEqual([[null, "OK"]]);
    await expect(redis.multi().set("n", 1).call("INCR").exec()).rejects.toThrow("EXECABORT");
    expect(await redis.get("n")).toBe("100");
  });

  test("scans all keys of a pattern and a type", async () => {
    const pipeline = redis.pipeline();
    for (let index = 0; index < 3000; index++) pipeline.set(`user:${index}`, "");
    await pipeline.set("other", "").exec();
    const found = await collect<string>(redis.scanStream({ match: "user:*", count: 100 }));
    expect(new Set(found).size).toBe(3000);
    expect(found.every((key) => key.startsWith("user:"))).toBe(true);
    expect(await collect<string>(redis.scanStream({ type: "list" }))).toEqual([]);
  });

  test("chooses databases and flushes them apart", async () => {
    const second = new Redis({ port: server.port, protocol, db: 5 });
    await second.set("only", "here");
    expect(await redis.get("only")).toBeNull();
    expect(await redis.swapdb(0, 5)).toBe("OK");
    expect(await redis.get("only")).toBe("here");
    await redis.flushdb();
    expect(await redis.dbsize()).toBe(0);
    second.disconnect();
  });

  test("sees what it wrote, in a hundred pipelined pairs", async () => {
    const replies = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const [, value] = await Promise.all([redis.set("pair", index), redis.get("pair")]);
        return value;
      }),
    );
    expect(replies).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
  });

  test("connects again by itself after the server was killed and started", async () => {
    const own = await KvorumServer.start(lab);
    const client = new Redis({ port: own.port, protocol, retryStrategy: () => 50 });
    client.on("error", () => undefined);
    await client.set("before", "1");
    await own.kill();
    const again = new Promise<void>((resolve) => client.once("ready", () => resolve()));
    const queued = client.get("before");
    await own.restart();
    await again;
    expect(await queued).toBe("1");
    expect(await client.set("after", "2")).toBe("OK");
    client.disconnect();
    await own.kill();
  });
});

describe("an ioredis Cluster", () => {
  test("finds the node by --cluster-port and uses all slots", async () => {
    const cluster = new Cluster([{ host: "127.0.0.1", port: clusterPort }]);
    for (let index = 0; index < 300; index++) await cluster.set(`c:${index}`, index);
    const values = await Promise.all(
      Array.from({ length: 300 }, (_, index) => cluster.get(`c:${index}`)),
    );
    expect(values).toEqual(Array.from({ length: 300 }, (_, index) => String(index)));
    expect(await cluster.mget("{t}a", "{t}b")).toEqual([null, null]);
    const replies = await cluster.pipeline().set("{t}a", 1).incr("{t}a").exec();
    expect(replies).toEqual([
      [null, "OK"],
      [null, 2],
    ]);
    expect(cluster.nodes("master").map(({ options }) => options.port)).toEqual([clusterPort]);
    cluster.disconnect();
  });
});
