// A voter that is killed and started again while a leader reads under a lease that it helped to
// hold: it must not help another one to lead before that lease is over, or two nodes serve at a
// time.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { Load } from "./load.ts";
import { PeerNetwork } from "./peer-network.ts";

const ROUNDS = Number(process.env["KVORUM_LEASE_ROUNDS"] ?? 3);
const ROUND_MS_MAX = 30_000;
/** Longer than the longest election timeout: the follower that is cut off wants to lead by then. */
const CUT_OFF_MS = 1_100;
const ANSWER_MS_MAX = 1_500;

describe("a voter that starts anew inside a lease", () => {
  let lab: Lab;
  let network: PeerNetwork;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    network = new PeerNetwork();
    cluster = await FaultCluster.start(lab, { network });
  });

  afterAll(async () => {
    network.close();
    await lab.close();
  });

  function cutOff(one: number, other: number): void {
    network.drop(one, other);
    network.drop(other, one);
  }

  test("does not disturb the leader, which goes on serving", async () => {
    const leader = await cluster.leader();
    const [voter] = cluster.others(leader);
    const ports = [cluster.nodes[leader]!.port];
    const load = new Load({ ports, writers: 2, readers: 4, prefix: "calm:" });
    await load.progress(50);
    load.restartGaps();
    await cluster.kill(voter!);
    await cluster.startNode(voter!);
    await cluster.whole();
    await load.progress(50);
    const gapMs = load.longestGapMs;
    const report = await load.stop(await cluster.reader(leader));
    expect(report.violations).toEqual([]);
    expect({ refused: report.refused, uncertain: report.uncertain }).toEqual({
      refused: 0,
      uncertain: 0,
    });
    expect(await cluster.leader()).toBe(leader);
    expect(gapMs, "ms without an acknowledged write").toBeLessThan(1_000);
  });

  const timeout = ROUNDS * ROUND_MS_MAX;
  test("does not elect another one while the isolated leader reads", { timeout }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const leader = await cluster.leader();
      const [voter, other] = cluster.others(leader);
      const portOf = (place: number): number => cluster.nodes[place]!.port;
      const load = new Load({
        ports: [portOf(voter!), portOf(other!)],
        readPorts: [portOf(leader)],
        writers: 3,
        readers: 6,
        answerMsMax: ANSWER_MS_MAX,
        paceMs: 0,
        prefix: `${round}:`,
      });
      await load.progress(50);
      // The lease hangs on one voter alone, and the other follower tries to get its vote.
      cutOff(leader, other!);
      await pause(CUT_OFF_MS);
      await load.writes();
      const { reads } = load;
      cutOff(leader, voter!);
      await cluster.kill(voter!);
      await cluster.startNode(voter!);
      await load.progress(50);
      network.heal();
      await cluster.whole();
      const report = await load.stop(await cluster.reader(leader));
      expect(report.violations).toEqual([]);
      expect(report.reads, "reads at the isolated leader").toBeGreaterThan(reads);
    }
  });
});
