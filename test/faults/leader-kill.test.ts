// kill -9 of the leader under load, again and again: nothing that was acknowledged is lost, no read
// is stale, each INCR counts once, and the others serve soon. KVORUM_FAULT_ROUNDS sets how many
// kills.
import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { Load } from "./load.ts";
import { sameData } from "./same-data.ts";

const ROUNDS = Number(process.env["KVORUM_FAULT_ROUNDS"] ?? 10);
/** Load before each kill: it falls at a different moment of the leader's work every time. */
const CALM_MS_MAX = 300;
/** From the kill to the next acknowledged write, on a busy machine. */
const BACK_MS_MAX = 4_000;
const ROUND_MS_MAX = 30_000;

describe("a cluster whose leaders are killed", () => {
  let lab: Lab;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await FaultCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test(`loses nothing in ${ROUNDS} kills`, { timeout: ROUNDS * ROUND_MS_MAX }, async () => {
    const { ports } = cluster;
    const load = new Load({ ports, writers: 3, readers: 3, appenders: 3, counters: 3 });
    const backMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await load.progress(100);
      await pause(randomInt(CALM_MS_MAX));
      const leader = await cluster.leader();
      const killedMs = performance.now();
      await cluster.kill(leader);
      // Sent after the end of the old leader: another one has taken it.
      const servedMs = await load.writes();
      backMs.push(servedMs - killedMs);
      await cluster.startNode(leader);
      await cluster.whole();
    }
    const report = await load.stop(await cluster.reader(0));
    await sameData(cluster);
    process.stdout.write(`back after ms: ${backMs.map(Math.round).join(" ")}\n`);
    expect(report.violations).toEqual([]);
    expect(report.unanswered, "commands that hung").toBe(0);
    expect(Math.max(...backMs), "ms until the next acknowledged write").toBeLessThan(BACK_MS_MAX);
    expect(report.acknowledged).toBeGreaterThan(ROUNDS * 100);
    expect(report.reads).toBeGreaterThan(ROUNDS * 100);
  });
});
