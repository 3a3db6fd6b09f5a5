// node-redis as people use it, in both protocols, and its cluster client on --cluster-port.
import { createClient, createCluster, RESP_TYPES, WatchError } from "redis";
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

describe.each([2, 3] as const)("node-redis with RESP%i", (RESP) => {
  const open = (port: number) => createClient({ RESP, socket: { port, host: "127.0.0.1" } });
  let client: ReturnType<typeof open>;

  beforeEach(async () => {
    client = open(server.port);
    client.on("error", () => undefined);
    await client.connect();
    await client.flushAll();
  });

  afterEach(() => {
    client.destroy();
  });

  test("sets and gets text, numbers, bytes and nothing", async () => {
    expect(await client.set("a", "grüße")).toBe("OK");
    expect(await client.get("a")).toBe("grüße");
    const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    expect(await bytes.set(EVERY_BYTE, EVERY_BYTE)).toEqual("OK");
    expect(await bytes.get(EVERY_BYTE)).toEqual(EVERY_BYTE);
    expect(await client.get("missing")).toBeNull();
    expect(await client.mGet(["a", "missing"])).toEqual(["grüße", null]);
    expect(await client.mSet({ x: "1", y: "2" })).toBe("OK");
    expect(await client.incrBy("x", 41)).toBe(42);
    expect(await client.incrByFloat("x", 0.5)).toBe("42.5");
    expect(await client.set("a", "b", { condition: "NX" })).toBeNull();
    expect(await client.getEx("a", { type: "EX", value: 100 })).toBe("grüße");
    expect(await client.ttl("a")).toBeGreaterThan(98);
    expect(await client.expireTime("a")).toBeGreaterThan(1_700_000_000);
    expect(await client.copy("a", "copied")).toBe(1);
  });

  test("rejects with the server's words", async () => {
    await client.set("text", "abc");
    await expect(client.incr("text")).rejects.toThrow(
      "ERR value is not an integer or out of range",
    );
    await expect(client.sendCommand(["NOSUCH", "a"])).rejects.toThrow("unknown command 'NOSUCH'");
  });

  test("runs transactions, and drops them when a watched key has changed", async () => {
    expect(await client.multi().set("n", 1).incr("n").get("n").exec()).toEqual(["OK", 2, "2"]);
    const other = await client.duplicate().connect();
    await client.watch("n");
    await other.incr("n");
    await expect(client.multi().set("n", 100).exec()).rejects.toThrow(WatchError);
    expect(await client.get("n")).toBe("3");
    await client.watch("n");
    expect(await client.multi().set("n", 100).exec()).toEqual(["OK"]);
    other.destroy();
  });

  test("pipelines by itself, and sees what it wrote", async () => {
    const replies = await Promise.all(
      Array.from({ length: 2000 }, async (_, index) => {
        const [, value] = await Promise.all([client.set("pair", index), client.get("pair")]);
        return value;
      }),
    );
    expect(replies).toEqual(Array.from({ length: 2000 }, (_, index) => String(index)));
  });

  test("scans all keys of a pattern", async () => {
    const pairs = Array.from({ length: 3000 }, (_, index): [string, string] => [`u:${index}`, ""]);
    await client.mSet(pairs);
    await client.set("other", "");
    const found = await collect<string>(client.scanIterator({ MATCH: "u:*", COUNT: 100 }));
    expect(new Set(found).size).toBe(3000);
    expect(found).not.toContain("other");
  });

  test("reads INFO, CONFIG, CLIENT and COMMAND", async () => {
    expect(await client.info("server")).toContain("redis_version:7");
    const config = await client.configGet("maxmemory-policy");
    expect({ ...config }).toEqual({ "maxmemory-policy": "noeviction" });
    await client.clientSetName("tester");
    expect(await client.clientGetName()).toBe("tester");
    expect((await client.clientInfo()).name).toBe("tester");
    expect((await client.commandInfo(["get"]))[0]?.arity).toBe(2);
    expect(await client.commandCount()).toBeGreaterThan(70);
  });

  test("chooses databases", async () => {
    const second = createClient({ RESP, socket: { port: server.port }, database: 5 });
    await second.connect();
    await second.set("only", "here");
    expect(await client.get("only")).toBeNull();
    await second.move("only", 0);
    expect(await client.get("only")).toBe("here");
    second.destroy();
  });

  test("connects again by itself after the server was killed and started", async () => {
    const own = await KvorumServer.start(lab);
    const lasting = createClient({ RESP, socket: { port: own.port, reconnectStrategy: 50 } });
    lasting.on("error", () => undefined);
    await lasting.connect();
    await lasting.set("before", "1");
    const again = new Promise((resolve) => lasting.once("ready", resolve));
    await own.kill();
    await own.restart();
    await again;
    expect(await lasting.get("before")).toBe("1");
    lasting.destroy();
    await own.kill();
  });
});

describe.each([2, 3] as const)("a node-redis cluster client with RESP%i", (RESP) => {
  test("finds the node by --cluster-port and uses all slots", async () => {
    const cluster = createCluster({ RESP, rootNodes: [{ socket: { port: clusterPort } }] });
    cluster.on("error", () => undefined);
    await cluster.connect();
    for (let index = 0; index < 300; index++) await cluster.set(`c:${index}`, index);
    const values = await Promise.all(
      Array.from({ length: 300 }, (_, index) => cluster.get(`c:${index}`)),
    );
    expect(values).toEqual(Array.from({ length: 300 }, (_, index) => String(index)));
    expect(await cluster.multi().set("{t}a", "1").incr("{t}a").exec()).toEqual(["OK", 2]);
    expect(cluster.masters.map(({ port }) => port)).toEqual([clusterPort]);
    cluster.destroy();
  });
});
