// Goal: through cuts, resets, kills and power cuts connections come back by themselves, what
// arrives is in order, and what waits is bounded. Simulated network only: here faults can be made
// at will.
import { describe, expect, test } from "vitest";
import { invariant } from "../base/invariant.ts";
import type { Connection, ConnectionHandler, Network } from "../platform/network.ts";
import { transportLimits } from "./limits.ts";
import {
  appendOf,
  introduce,
  raftOf,
  SimHarness,
  startNode,
  startPair,
  TestNode,
} from "./testing/harness.ts";

const PORT = 39_000;

describe("transport under faults", () => {
  test("a peer behind a cut link is given up in time, and found after healing", async () => {
    const harness = new SimHarness(1);
    const [left, right] = await startPair(harness);
    harness.world.fabric.cut("n1", "n2");
    const cutMs = harness.world.nowMs;
    await harness.until(() => left.log.includes("down 2") && right.log.includes("down 1"));
    const { tickMs, silentTicksMax } = transportLimits;
    expect(harness.world.nowMs - cutMs).toBeLessThanOrEqual(tickMs * (silentTicksMax + 1));
    expect(left.events.map((event) => event.kind)).toContain("silent");
    harness.world.fabric.healAll();
    await harness.until(() => left.transport.isUp(2) && right.transport.isUp(1));
    expect(left.transport.sendRaft(2, 0, raftOf({ from: 1, to: 2 }))).toBe(true);
    await harness.until(() => right.raft.length === 1);
  });

  test("idle connections stay", async () => {
    const harness = new SimHarness(2);
    const [left, right] = await startPair(harness);
    await harness.pass(120_000);
    expect(left.log).toEqual(["up 2#1"]);
    expect(right.log).toEqual(["up 1#1"]);
    expect([...left.events, ...right.events]).toEqual([]);
  });

  test("a machine that loses power is noticed, and its next start is another peer", async () => {
    const harness = new SimHarness(3);
    const [left] = await startPair(harness);
    harness.world.host("n2").powerCut();
    await harness.until(() => left.log.includes("down 2"));
    const again = await startNode(harness, 2, { incarnation: 2 });
    introduce({ node: left, id: 1 }, { node: again, id: 2 });
    await harness.until(() => left.log.includes("up 2#2"));
    expect(left.transport.sendRaft(2, 0, raftOf({ from: 1, to: 2 }))).toBe(true);
    await harness.until(() => again.raft.length === 1);
  });

  test("a restarted peer is found at once, not after the longest pause", async () => {
    const harness = new SimHarness(4);
    const left = await startNode(harness, 1);
    const right = await startNode(harness, 2, {}, PORT);
    introduce({ node: left, id: 1 }, { node: right, id: 2 });
    await harness.until(() => isMet(left, 2) && isMet(right, 1));
    harness.kill(2);
    // Long enough for the longest pause between attempts.
    await harness.pass(30_000);
    const again = await startNode(harness, 2, { incarnation: 2 }, PORT);
    const before = harness.world.nowMs;
    again.transport.setPeers(new Map([[1, left.address]]));
    await harness.until(() => isMet(left, 2));
    expect(harness.world.nowMs - before).toBeLessThan(50);
    expect(left.log.at(-1)).toBe("up 2#2");
  });

  test("what waits for a peer that takes nothing is bounded", async () => {
    const harness = new SimHarness(5);
    const [left] = await startPair(harness);
    await harness.until(() => left.transport.isUp(2, "bulk"));
    harness.world.fabric.cut("n1", "n2");
    for (const bytes of [10, 10_000, 100_000]) {
      let taken = 0;
      while (taken < 10_000 && left.transport.sendRaft(2, 1, appendOf(1, 2, taken, bytes))) {
        taken++;
        if (taken % 50 === 0) left.transport.flush();
      }
      const limit = bytes > 64_000 ? transportLimits.bulkQueueBytesMax : 9 * 1024 * 1024;
      expect(taken).toBeLessThan(bytes === 10 ? 10_001 : 10_000);
      expect(taken * bytes).toBeLessThanOrEqual(limit + 512 * 1024);
    }
  });

  test("heartbeats pass a control queue that is full of appends", async () => {
    const harness = new SimHarness(5);
    const [left] = await startPair(harness);
    harness.world.fabric.cut("n1", "n2");
    // The second size leaves less room than a heartbeat needs.
    for (const bytes of [50_000, 1]) {
      let index = 0;
      while (left.transport.sendRaft(2, 1, appendOf(1, 2, index, bytes + 1_024))) index++;
    }
    for (let round = 0; round < 100; round++) {
      const heartbeat = raftOf({ from: 1, to: 2, type: 7, round });
      expect(left.transport.sendRaft(2, 1, heartbeat)).toBe(true);
    }
  });

  test("a turn's messages leave in one write", async () => {
    const harness = new SimHarness(6);
    const place = harness.place(1);
    const counting = new CountingNetwork(place.network);
    const left = new TestNode({ ...place, network: counting }, {});
    const right = await startNode(harness, 2);
    left.transport.setPeers(new Map([[2, right.address]]));
    await harness.until(() => left.transport.isUp(2));
    counting.writes = 0;
    for (let index = 0; index < 20; index++) {
      expect(left.transport.sendRaft(2, 1, appendOf(1, 2, index, 300))).toBe(true);
    }
    expect(counting.writes).toBe(0);
    await harness.until(() => right.raft.length === 20);
    expect(counting.writes).toBe(1);
    left.transport.sendRaft(2, 1, raftOf({ from: 1, to: 2 }));
    left.transport.flush();
    expect(counting.writes).toBe(2);
  });

  test.each([11, 12, 13, 14, 15, 16, 17, 18])("any faults, then peace: seed %i", async (seed) => {
    const { arrived } = await runStorm(seed);
    expect(arrived.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(20);
  });

  test("the same seed gives the same run", async () => {
    expect(await runStorm(99)).toEqual(await runStorm(99));
  });
});

/** Three nodes that talk through a storm of faults; checks order, then that all meet again. */
async function runStorm(seed: number): Promise<{ events: number; arrived: number[] }> {
  const harness = new SimHarness(seed);
  const { world } = harness;
  const nodes = new Map<number, TestNode>();
  const incarnations = new Map<number, number>();
  const start = async (id: number): Promise<void> => {
    const incarnation = (incarnations.get(id) ?? 0) + 1;
    incarnations.set(id, incarnation);
    const node = new TestNode(harness.place(id), { incarnation });
    nodes.set(id, node);
    node.port = 40_000 - id;
    await world.settle(node.transport.listen(node.name, node.port));
    const addresses = [1, 2, 3].map((each) => [each, addressOf(each)] as const);
    node.transport.setPeers(new Map(addresses));
  };
  for (const id of [1, 2, 3]) await start(id);
  let sent = 0;
  const arrived: number[] = [];
  for (let round = 0; round < 60; round++) {
    for (const [id, node] of nodes) {
      for (const to of [1, 2, 3]) {
        if (to === id) continue;
        const bytes = world.random.chance(0.2) ? world.random.between(70_000, 600_000) : 100;
        node.transport.sendRaft(to, incarnations.get(id)!, appendOf(id, to, ++sent, bytes));
      }
    }
    await makeTrouble(harness, start);
    await harness.pass(world.random.between(0, 700));
  }
  world.fabric.healAll();
  await harness.until(
    () => [1, 2, 3].every((id) => [1, 2, 3].every((to) => id === to || isMet(nodes.get(id)!, to))),
    60_000,
  );
  for (const node of nodes.values()) {
    expectOrder(node);
    arrived.push(node.raft.length);
  }
  return { events: world.eventsRun, arrived };
}

function isMet(node: TestNode, to: number): boolean {
  return node.transport.isUp(to) && node.transport.isUp(to, "bulk");
}

async function makeTrouble(
  harness: SimHarness,
  start: (id: number) => Promise<void>,
): Promise<void> {
  const { world } = harness;
  const victim = world.random.between(1, 3);
  const other = (victim % 3) + 1;
  const drawn = world.random.between(0, 11);
  if (drawn === 0) world.fabric.cut(`n${victim}`, `n${other}`);
  else if (drawn === 1) world.fabric.cutOneWay(`n${victim}`, `n${other}`);
  else if (drawn <= 4) world.fabric.healAll();
  else if (drawn === 5) world.fabric.resetConnections(`n${victim}`, `n${other}`);
  else if (drawn === 6) world.fabric.resetOne();
  else if (drawn === 7) {
    harness.kill(victim);
    await start(victim);
  } else if (drawn === 8) {
    world.host(`n${victim}`).powerCut();
    await start(victim);
  }
}

/** Of one sender's start and one of its connections, what arrives is in the order of sending. */
function expectOrder(node: TestNode): void {
  const last = new Map<string, number>();
  for (const { from, shard, message } of node.raft) {
    const isLarge = message.entries[0]!.data.length > 64_000;
    const stream = `${from}, start ${shard}, ${isLarge ? "bulk" : "control"}`;
    invariant(message.index > (last.get(stream) ?? 0), `messages arrive in order: ${stream}`);
    last.set(stream, message.index);
  }
}

function addressOf(id: number): { host: string; port: number } {
  return { host: `n${id}`, port: 40_000 - id };
}

/** Counts what is written to connections that were dialled. */
class CountingNetwork implements Network {
  writes = 0;
  readonly #inner: Network;

  constructor(inner: Network) {
    this.#inner = inner;
  }

  listen: Network["listen"] = (host, port, accept) => this.#inner.listen(host, port, accept);

  connect(
    host: string,
    port: number,
    timeoutMs: number,
    accept: (connection: Connection) => ConnectionHandler,
  ): Promise<Connection> {
    return this.#inner.connect(host, port, timeoutMs, (connection) => {
      const write = connection.write.bind(connection);
      connection.write = (bytes) => {
        this.writes++;
        return write(bytes);
      };
      return accept(connection);
    });
  }
}
