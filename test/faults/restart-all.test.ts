// kill -9 of all nodes at once under load, and all of them started again: a cluster that has nobody
// to ask.
import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { Load } from "./load.ts";
import { sameData } from "./same-data.ts";

const ROUNDS = 3;
const CALM_MS_MAX = 200;
/** From the start of the processes to a leader: their start, and an election of 0.5 to 1 s. */
const LEADER_MS_MAX = 6_000;

describe("a cluster that is killed as a whole", () => {
  let lab: Lab;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await FaultCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test("has every acknowledged write when it is back", { timeout: 120_000 }, async () => {
    const { ports } = cluster;
    const load = new Load({ ports, writers: 3, readers: 3, appenders: 3, counters: 3 });
    const places = cluster.others();
    const leaderMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await load.progress(200);
      // Once more with a snapshot under way, and one that the log is shorter than.
      if (round > 0) await cluster.nodes[round]!.with((connection) => connection.ask("BGSAVE"));
      await pause(randomInt(CALM_MS_MAX));
      await Promise.all(places.map((place) => cluster.kill(place)));
      const startedMs = performance.now();
      const starts = places.map((place) => cluster.startNode(place));
      await cluster.leader();
      leaderMs.push(performance.now() - startedMs);
      await Promise.all(starts);
      await load.writes();
    }
    await cluster.whole();
    const report = await load.stop(await cluster.reader(0));
    await sameData(cluster);
    expect(report.violations).toEqual([]);
    expect(report.unanswered, "commands that hung").toBe(0);
    expect(Math.max(...leaderMs), "ms until a leader").toBeLessThan(LEADER_MS_MAX);
  });
});
