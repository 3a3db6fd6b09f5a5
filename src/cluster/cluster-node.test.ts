// Whole nodes on simulated machines: forming a cluster, forwarding, failing over, coming back.
import { describe, expect, test } from "vitest";
import { seedsFrom, SimCluster } from "./testing/sim-cluster.ts";

const OK = "+OK\r\n";

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

describe("forming", () => {
  test("a node alone starts a cluster of one and serves", async () => {
    const cluster = new SimCluster(1);
    cluster.boot(1);
    await cluster.untilLeader();
    expect(await cluster.run(1, "SET", "a", "1")).toBe(OK);
    expect(await cluster.run(1, "GET", "a")).toBe(bulk("1"));
  });

  test("two nodes are one voter and one learner", async () => {
    const cluster = new SimCluster(2);
    cluster.boot(1);
    cluster.boot(2, { join: [1] });
    await cluster.until("the learner is in", () => {
      return cluster.machine(2).node?.node.replica.raft.conf.learners.length === 1;
    });
    await cluster.world.advance(3_000);
    const { conf } = cluster.machine(1).node!.node.replica.raft;
    expect(conf).toMatchObject({ voters: [1], learners: [2] });
    expect(await cluster.run(2, "SET", "a", "1")).toBe(OK);
    expect(await cluster.run(2, "GET", "a")).toBe(bulk("1"));
  });

  test("three nodes: 1 to 3 voters, all three answer clients", async () => {
    const cluster = new SimCluster(3);
    await cluster.form(3, 3);
    expect(await cluster.run(1, "SET", "a", "1")).toBe(OK);
    expect(await cluster.run(2, "INCR", "a")).toBe(":2\r\n");
    expect(await cluster.run(3, "INCR", "a")).toBe(":3\r\n");
    expect(await cluster.run(2, "GET", "a")).toBe(bulk("3"));
    await cluster.untilEqual();
    expect(new Set(cluster.digests()).size).toBe(1);
  });

  test("five nodes: five voters; a sixth stays a learner", async () => {
    const cluster = new SimCluster(4);
    await cluster.form(6, 5);
    await cluster.world.advance(2_000);
    expect(cluster.voters(1).length).toBe(5);
    expect(cluster.machine(1).node!.node.replica.raft.conf.learners.length).toBe(1);
  });

  test("a node with --join waits for a cluster and never starts one", async () => {
    const cluster = new SimCluster(5);
    cluster.boot(2, { join: [1, 2] });
    await cluster.world.advance(20_000);
    expect(cluster.machine(2).node).toBeNull();
    expect(cluster.machine(2).said("waiting to become a member")).toBe(true);
    cluster.boot(1);
    await cluster.until("it joined", () => cluster.machine(2).node !== null);
  });
});

describe("bootstrap of three", () => {
  test.each(seedsFrom(11, 5))("one cluster of three voters comes out, seed %i", async (seed) => {
    const cluster = new SimCluster(seed);
    for (const number of [1, 2, 3]) {
      cluster.boot(number, { join: [1, 2, 3], bootstrapExpect: 3 });
      await cluster.world.advance(cluster.world.random.uint32() % 2_000);
    }
    await cluster.untilVoters(3);
    const ids = [1, 2, 3].map((number) => cluster.machine(number).node?.node.identity.clusterId);
    expect(new Set(ids).size).toBe(1);
  });

  test("two of three wait for the third", async () => {
    const cluster = new SimCluster(16);
    for (const number of [1, 2]) cluster.boot(number, { join: [1, 2, 3], bootstrapExpect: 3 });
    await cluster.world.advance(20_000);
    expect(cluster.machine(1).node).toBeNull();
    expect(cluster.machine(2).node).toBeNull();
  });

  test.each(seedsFrom(21, 4))(
    "crashes on the way start no second cluster, seed %i",
    async (seed) => {
      const cluster = new SimCluster(seed);
      const options = { join: [1, 2, 3], bootstrapExpect: 3 };
      for (const number of [1, 2, 3]) cluster.boot(number, options);
      for (let round = 0; round < 10; round++) {
        await cluster.world.advance(cluster.world.random.uint32() % 400);
        const victim = 1 + (cluster.world.random.uint32() % 3);
        cluster.powerCut(victim);
        await cluster.world.advance(cluster.world.random.uint32() % 200);
        cluster.boot(victim, options);
      }
      await cluster.untilVoters(3);
      await cluster.until("all are members", () =>
        [1, 2, 3].every((number) => cluster.machine(number).node !== null),
      );
      const ids = [1, 2, 3].map((number) => cluster.machine(number).node?.node.identity.clusterId);
      expect(new Set(ids).size).toBe(1);
    },
  );
});
