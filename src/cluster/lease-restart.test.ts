// A voter that starts anew inside a lease it helped to hold: no two nodes serve at a time. On real
// processes a start takes longer than a lease, so that only a simulated one shows the rule.
import { describe, expect, test } from "vitest";
import type { Replica } from "../replica/replica.ts";
import { SimCluster } from "./testing/sim-cluster.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const ROUNDS = 3;
/** Longer than the longest election timeout: the node that is cut off asks for votes by then. */
const CUT_OFF_MS = 1_100;
const WATCH_MS = 1_500;
const STEP_MS = 5;

/** Machines whose replica is in that state. */
function machines(cluster: SimCluster, isSo: (replica: Replica) => boolean): number[] {
  return [1, 2, 3].filter((number) => {
    const { node } = cluster.machine(number);
    return node !== null && isSo(node.node.replica);
  });
}

describe("a voter that starts anew inside a lease", () => {
  test.each(SEEDS)("does not help another node to serve, seed %i", async (seed) => {
    const cluster = new SimCluster(seed);
    await cluster.form(3, 3);
    const { world } = cluster;
    for (let round = 0; round < ROUNDS; round++) {
      const leader = await cluster.untilLeader();
      const [voter, other] = [1, 2, 3].filter((number) => number !== leader);
      // The lease hangs on one voter alone, and the other one wants its vote.
      world.fabric.cut(`n${leader}`, `n${other}`);
      await world.advance(CUT_OFF_MS + (world.random.uint32() % 1_000));
      expect(machines(cluster, (replica) => replica.readable())).toEqual([leader]);
      world.fabric.cut(`n${leader}`, `n${voter}`);
      cluster.kill(voter!);
      cluster.boot(voter!);
      for (let ms = 0; ms < WATCH_MS; ms += STEP_MS) {
        await world.advance(STEP_MS);
        // While the old leader answers reads, nobody else may acknowledge writes.
        if (cluster.machine(leader).node?.node.replica.readable() !== true) continue;
        expect(machines(cluster, (replica) => replica.serving)).toEqual([leader]);
      }
      world.fabric.healAll();
      await cluster.untilEqual();
    }
  });
});
