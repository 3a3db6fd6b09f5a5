// Cluster clients of two libraries on the cluster port: they find the leader, and a new one after
// its death.
import { setTimeout as pause } from "node:timers/promises";
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { ProcessCluster } from "./trio.ts";

/** After a leader's death clients must be back on the right way within this time. */
const SETTLE_MS = 5_000;
const MEASURE_MS = 1_000;

describe("clients on --cluster-port", () => {
  let lab: Lab;
  let cluster: ProcessCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await ProcessCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  /** MOVED replies that nodes gave since they started. */
  async function misrouted(): Promise<number> {
    const counts = cluster.nodes.map(async (_, place) => {
      const text = await cluster.ask(place, "INFO", "errorstats").catch(() => "");
      return Number(/errorstat_MOVED:count=(\d+)/.exec(text)?.[1] ?? 0);
    });
    const found = await Promise.all(counts);
    return found.reduce((sum, count) => sum + count, 0);
  }

  test("ioredis: data goes to the leader; after its death, below 1 % is misrouted", async () => {
    const nodes = cluster.nodes.map(({ clusterPort }) => ({
      host: "127.0.0.1",
      port: clusterPort,
    }));
    const client = new Cluster(nodes, {
      clusterRetryStrategy: () => 100,
      retryDelayOnFailover: 50,
    });
    client.on("error", () => {
      // It says so for each node that is down; the commands tell what matters.
    });
    try {
      await client.set("foo", "1");
      expect(await client.get("foo")).toBe("1");
      const leader = await cluster.leader();
      await cluster.kill(leader);
      const killedMs = performance.now();
      while (performance.now() - killedMs < SETTLE_MS) {
        await client.incr("counter").catch(() => null);
        await pause(5);
      }
      const before = await misrouted();
      let sent = 0;
      const endMs = performance.now() + MEASURE_MS;
      while (performance.now() < endMs) {
        await client.set(`key:${sent}`, "x");
        sent++;
      }
      const wrong = (await misrouted()) - before;
      expect(sent).toBeGreaterThan(100);
      expect(wrong).toBeLessThan(sent / 100);
      await cluster.restart(leader);
      await cluster.untilCaughtUp(leader);
    } finally {
      client.disconnect();
    }
  });

  test("node-redis: data goes to the leader", async () => {
    const rootNodes = cluster.nodes.map(({ clusterPort }) => ({
      url: `redis://127.0.0.1:${clusterPort}`,
    }));
    const client = createCluster({ rootNodes });
    client.on("error", () => {
      // As above.
    });
    await client.connect();
    try {
      await client.set("bar", "2");
      expect(await client.get("bar")).toBe("2");
      const replies = await client.multi().set("{bar}1", "a").get("{bar}1").exec();
      expect(replies).toEqual(["OK", "a"]);
      const before = await misrouted();
      for (let i = 0; i < 200; i++) await client.set(`bar:${i}`, "x");
      expect((await misrouted()) - before).toBeLessThanOrEqual(1);
    } finally {
      client.destroy();
    }
  });
});
