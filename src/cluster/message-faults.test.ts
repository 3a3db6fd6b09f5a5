// Raft messages that are lost, late, doubled or repeated: what was acknowledged stays, and replicas
// stay equal.
import { describe, expect, test } from "vitest";
import type { MessageFaultRates } from "../transport/testing/message-faults.ts";
import { SimCluster } from "./testing/sim-cluster.ts";

const WRITES = 60;

async function play(seed: number, rates: MessageFaultRates | null): Promise<SimCluster> {
  const cluster = new SimCluster(seed);
  await cluster.form(3, 3);
  cluster.messageFaults.rates = rates;
  const acknowledged: number[] = [];
  for (let at = 0; at < WRITES; at++) {
    const number = 1 + (at % 3);
    await cluster.until("a node that is up", () => cluster.machine(number).node !== null);
    const incr = cluster.client(number).run("incr", "counter");
    const reply = await cluster.world.settle(incr, 120_000);
    expect(reply).toMatch(/^[:-]/);
    if (reply.startsWith(":")) acknowledged.push(Number(reply.slice(1)));
    if (at === WRITES / 2) {
      cluster.kill(3);
      cluster.boot(3);
    }
  }
  cluster.messageFaults.rates = null;
  await cluster.untilLeader();
  await cluster.untilEqual();
  expect(new Set(cluster.digests()).size).toBe(1);
  // Each took effect once, in order, and none is lost.
  expect(acknowledged.length).toBeGreaterThan(WRITES / 2);
  expect(acknowledged).toEqual([...new Set(acknowledged)].sort((left, right) => left - right));
  const last = /^\$\d+\r\n(\d+)\r\n$/.exec(await cluster.run(cluster.leader(), "get", "counter"))!;
  expect(Number(last[1])).toBeGreaterThanOrEqual(acknowledged.at(-1)!);
  return cluster;
}

describe("messages between nodes", () => {
  test.each([
    { name: "lost", rates: { drop: 0.1 }, faults: ["messageDrop"] },
    { name: "doubled", rates: { duplicate: 0.3 }, faults: ["messageDuplicate"] },
    { name: "late", rates: { delay: 0.2 }, faults: ["messageDelay"] },
    { name: "repeated", rates: { replay: 0.2 }, faults: ["messageReplay"] },
    {
      name: "all of that",
      rates: { drop: 0.05, duplicate: 0.1, delay: 0.1, replay: 0.1 },
      faults: ["messageDrop", "messageDuplicate", "messageDelay", "messageReplay"],
    },
  ])("may be $name", async ({ rates, faults }) => {
    for (const seed of [1, 2, 3]) {
      const cluster = await play(seed, rates);
      for (const fault of faults) {
        expect(cluster.world.faultCounts.get(fault)).toBeGreaterThan(0);
      }
    }
  });

  test("pass as they are while there are no rates", async () => {
    const runs: string[] = [];
    for (const rates of [null, {}]) {
      const { world } = await play(4, rates);
      runs.push(`${world.nowMs} ${world.eventsRun}`);
    }
    expect(runs[0]).toBe(runs[1]);
  });
});
