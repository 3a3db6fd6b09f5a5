// Three real processes: the leader is killed, stopped, comes back; clients go on.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { encode, RespConnection } from "../support/resp-connection.ts";
import { ProcessCluster } from "./trio.ts";

describe("three nodes", () => {
  let lab: Lab;
  let cluster: ProcessCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await ProcessCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test("any node answers any client", async () => {
    expect(await cluster.ask(0, "SET", "a", "1")).toBe("+OK");
    expect(await cluster.ask(1, "INCR", "a")).toBe(":2");
    expect(await cluster.ask(2, "GET", "a")).toBe('"2"');
  });

  test("ROLE, INFO and CLUSTER tell who leads, on every node", async () => {
    const leader = await cluster.leader();
    const port = cluster.nodes[leader]!.clusterPort;
    for (let place = 0; place < 3; place++) {
      const role = await cluster.ask(place, "ROLE");
      const slave = `"slave" "127.0.0.1" :${port} "connected"`;
      expect(role).toContain(place === leader ? '"master" :' : slave);
      const shards = await cluster.ask(place, "CLUSTER", "SHARDS");
      expect(shards.match(/"replica"/g)).toHaveLength(2);
      const master = `"port" :${port} "ip" "127.0.0.1" "endpoint" "127.0.0.1" "role" "master"`;
      expect(shards).toContain(master);
    }
  });

  test("the leader is killed under load: no write is lost, none happens twice", async () => {
    const leader = await cluster.leader();
    const places = [0, 1, 2].filter((place) => place !== leader);
    const load = { running: true };
    const workers = places.map(async (place, number) => {
      const connection = await cluster.connect(place);
      const acknowledged = await count(connection, `counter:${number}`, load);
      connection.close();
      return acknowledged;
    });
    await pause(300);
    await cluster.kill(leader);
    const killedMs = performance.now();
    await cluster.leader(leader);
    const leaderlessMs = performance.now() - killedMs;
    await pause(700);
    load.running = false;
    const acknowledged = await Promise.all(workers);
    expect(leaderlessMs).toBeLessThan(5_000);
    for (const [number, numbers] of acknowledged.entries()) {
      expect(numbers.length).toBeGreaterThan(20);
      expect(numbers).toEqual(numbers.map((_, at) => at + 1));
      const last = await cluster.ask(places[0]!, "GET", `counter:${number}`);
      expect(last).toBe(`"${numbers.length}"`);
    }
    await cluster.restart(leader);
    await cluster.untilCaughtUp(leader);
    expect(await cluster.ask(leader, "GET", "counter:0")).toBe(`"${acknowledged[0]!.length}"`);
  });

  test("SIGTERM hands leadership over first: writes go on without a pause", async () => {
    const leader = await cluster.leader();
    const other = (leader + 1) % 3;
    const connection = await cluster.connect(other);
    const load = { running: true };
    const longest = longestPause(connection, load);
    await pause(200);
    const ending = await cluster.nodes[leader]!.program.terminate();
    expect(ending).toEqual({ code: 0, signal: null });
    await pause(300);
    load.running = false;
    // An election would take at least the election timeout of 500 ms.
    expect(await longest).toBeLessThan(400);
    connection.close();
    await cluster.restart(leader);
    await cluster.untilCaughtUp(leader);
  });

  test("commands under way are answered before the node ends", async () => {
    const follower = ((await cluster.leader()) + 1) % 3;
    const connection = await cluster.connect(follower);
    const commands = Array.from({ length: 2_000 }, () => encode(["INCR", "drained"]));
    connection.write(Buffer.concat(commands));
    expect(await connection.read()).toBeDefined();
    cluster.nodes[follower]!.program.signal("SIGTERM");
    await connection.closed();
    const answered = 1 + connection.unread.length;
    await cluster.nodes[follower]!.program.end();
    // Whatever was run was answered, and whatever was answered was run.
    const drained = await cluster.ask(await cluster.leader(), "GET", "drained");
    expect(drained).toBe(`"${answered}"`);
    await cluster.restart(follower);
  });

  test("all nodes are killed at once and come back with everything", async () => {
    expect(await cluster.ask(0, "SET", "kept", "1")).toBe("+OK");
    await Promise.all([0, 1, 2].map((place) => cluster.kill(place)));
    await Promise.all([0, 1, 2].map((place) => cluster.restart(place)));
    expect(await cluster.ask(1, "GET", "kept")).toBe('"1"');
  });

  test("the cluster port answers MOVED at followers, and serves at the leader", async () => {
    const leader = await cluster.leader();
    for (const [place, node] of cluster.nodes.entries()) {
      const connection = await RespConnection.open(node.clusterPort);
      const reply = await connection.ask("SET", "foo", "1");
      connection.close();
      const moved = `-MOVED 12182 127.0.0.1:${cluster.nodes[leader]!.clusterPort}`;
      expect(reply).toBe(place === leader ? "+OK" : moved);
    }
  });
});

/** Counts up one after the other; an answer that never came is counted by the next one. */
async function count(
  connection: RespConnection,
  key: string,
  load: { readonly running: boolean },
): Promise<number[]> {
  const numbers: number[] = [];
  while (load.running) {
    const reply = await connection.ask("INCR", key);
    expect(reply).toMatch(/^:\d+$/);
    numbers.push(Number(reply.slice(1)));
  }
  return numbers;
}

/** Longest time between two acknowledged writes, in milliseconds. */
async function longestPause(
  connection: RespConnection,
  load: { readonly running: boolean },
): Promise<number> {
  let longestMs = 0;
  while (load.running) {
    const startedMs = performance.now();
    expect(await connection.ask("SET", "steady", "1")).toBe("+OK");
    longestMs = Math.max(longestMs, performance.now() - startedMs);
  }
  return longestMs;
}
