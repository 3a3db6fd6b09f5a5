// SIGTERM of the leader: it hands leadership over first, so that clients hardly notice.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { Load } from "./load.ts";

const ROUNDS = 3;
const GAP_MS_MAX = 1_000;

describe("a leader that is asked to end", () => {
  let lab: Lab;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await FaultCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test("hands over in less than a second", { timeout: 120_000 }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const leader = await cluster.leader();
      const ports = cluster.others(leader).map((place) => cluster.nodes[place]!.port);
      const ending = cluster.nodes[leader]!.port;
      // Clients of the others must not even see an error; those of the one that ends go elsewhere.
      const clients = { writers: 2, readers: 2, appenders: 2, counters: 2 };
      const staying = new Load({ ports, ...clients, prefix: `stay:${round}:` });
      const leaving = new Load({ ports: [ending, ...ports], ...clients, prefix: `go:${round}:` });
      await Promise.all([staying.progress(100), leaving.progress(100)]);
      staying.restartGaps();
      await cluster.stop(leader);
      await Promise.all([staying.writes(), leaving.writes()]);
      const gapMs = staying.longestGapMs;
      await cluster.startNode(leader);
      await cluster.whole();
      const get = await cluster.reader(leader);
      const [stayed, left] = await Promise.all([staying.stop(get), leaving.stop(get)]);
      expect([...stayed.violations, ...left.violations]).toEqual([]);
      expect(stayed.uncertain + stayed.refused + stayed.unanswered).toBe(0);
      expect(gapMs, "ms without an acknowledged write").toBeLessThan(GAP_MS_MAX);
    }
  });
});
