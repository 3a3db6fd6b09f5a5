// Nodes whose loop stands still for a while: their leader is well, and stays.
import { describe, expect, test } from "vitest";
import { Role } from "../raft/types.ts";
import type { Raft } from "../raft/types.ts";
import type { SimProcess } from "../platform/simulated/sim-process.ts";
import { SimCluster } from "./testing/sim-cluster.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

/** A cluster of three, with a follower that hears nothing from its leader since just now. */
class Story {
  readonly cluster: SimCluster;
  leader = 0;
  follower = 0;

  constructor(seed: number) {
    this.cluster = new SimCluster(seed);
  }

  async begin(): Promise<void> {
    const { cluster } = this;
    await cluster.form(3, 3);
    await cluster.untilEqual();
    await cluster.world.advance(2_000);
    this.leader = cluster.leader();
    this.follower = [1, 2, 3].find((number) => number !== this.leader)!;
    cluster.world.fabric.cutOneWay(`n${this.leader}`, `n${this.follower}`);
  }

  get raft(): Raft {
    return this.cluster.machine(this.follower).node!.node.replica.raft;
  }

  get process(): SimProcess {
    return this.cluster.world.host(`n${this.follower}`).process!;
  }
}

describe("a follower whose loop stood still", () => {
  test.each(SEEDS)("hears its leader before it counts the time, seed %i", async (seed) => {
    // The same story twice: first to see when it would lose patience.
    const first = new Story(seed);
    await first.begin();
    const beganMs = first.cluster.world.nowMs;
    await first.cluster.until("impatience", () => first.raft.role !== Role.follower);
    const patienceMs = first.cluster.world.nowMs - beganMs;
    expect(patienceMs).toBeGreaterThan(400);

    const story = new Story(seed);
    await story.begin();
    const { world } = story.cluster;
    await world.advance(patienceMs - 1);
    story.process.pause();
    // The tick that is one too many is due now; what the leader says comes after it.
    await world.advance(2);
    world.fabric.healAll();
    await world.advance(300);
    story.process.resume();
    const gaveUp = await world.runUntil(() => story.raft.role !== Role.follower, 400);
    expect([gaveUp, story.raft.leader]).toEqual([false, leaderId(story)]);
  });

  test.each(SEEDS)("costs its leader nothing, however long and often, seed %i", async (seed) => {
    const story = new Story(seed);
    await story.begin();
    const { world } = story.cluster;
    world.fabric.healAll();
    await world.advance(500);
    const { term } = story.raft;
    for (const stallMs of [300, 600, 900, 1_500, 4_000, 700, 700, 700]) {
      story.process.pause();
      await world.advance(stallMs);
      story.process.resume();
      await world.advance(seed);
      expect(story.raft.role).toBe(Role.follower);
    }
    expect([story.raft.term, story.cluster.leader()]).toEqual([term, story.leader]);
  });
});

function leaderId(story: Story): number {
  return story.cluster.machine(story.leader).node!.node.identity.nodeId;
}
