// Machines that go down under relaxed syncing: what was acknowledged and is still somewhere is not
// lost. Each story is told twice where that shows something: with the rule, and without it.
import { describe, expect, test } from "vitest";
import { invariant } from "../base/invariant.ts";
import type { WalSync } from "../wal/wal-types.ts";
import type { NodeOptions } from "./node-environment.ts";
import { SimCluster } from "./testing/sim-cluster.ts";

const SEEDS = Array.from({ length: 12 }, (_, at) => at + 1);
const DOUBT = "until it has caught up";
const WHOLE = "this node's log is whole: its vote counts again";
/** Several elections take less. */
const LONG_MS = 6_000;

type Crash = "powerCut" | "kill";

/** A cluster whose machines 1 to 3 vote. */
class Story {
  readonly cluster: SimCluster;
  readonly #node: Partial<NodeOptions>;
  leader = 0;
  /** It acknowledges with the leader, and goes down. */
  witness = 0;
  /** It is cut off, and lags behind. */
  other = 0;
  /** Node ids by machine. */
  readonly ids = new Map<number, number>();

  constructor(seed: number, sync: WalSync) {
    this.cluster = new SimCluster(seed);
    this.#node = { sync };
  }

  async begin(): Promise<void> {
    const { cluster } = this;
    await cluster.form(3, 3, this.#node);
    await cluster.untilEqual();
    this.leader = await cluster.untilLeader();
    [this.witness, this.other] = [1, 2, 3].filter((number) => number !== this.leader) as [
      number,
      number,
    ];
    for (const number of [1, 2, 3]) {
      this.ids.set(number, cluster.machine(number).node!.node.identity.nodeId);
    }
    // The votes that come later go out before anything is written: term and vote are synced.
    await cluster.world.advance(2_000);
  }

  cut(left: number, right: number): void {
    this.cluster.world.fabric.cut(`n${left}`, `n${right}`);
  }

  heal(left: number, right: number): void {
    this.cluster.world.fabric.heal(`n${left}`, `n${right}`);
  }

  boot(number: number, acceptLoss = false): void {
    this.cluster.boot(number, { node: { ...this.#node, acceptLoss } });
  }

  said(number: number, text: string): boolean {
    return this.cluster.machine(number).lines.some(({ message }) => message.includes(text));
  }

  /** A write that leader and witness acknowledge; then the witness goes down, and is alone. */
  async loseWitness(crash: Crash): Promise<void> {
    const { cluster, leader, witness, other } = this;
    this.cut(leader, other);
    this.cut(witness, other);
    const reply = await cluster.run(leader, "set", "key", "value");
    invariant(reply === "+OK\r\n", "leader and witness acknowledge a write");
    cluster[crash](witness);
    this.cut(leader, witness);
    this.heal(witness, other);
  }
}

describe("a machine that comes back without what it acknowledged", () => {
  /** What became of it in the end. */
  async function tell(
    seed: number,
    sync: WalSync,
    crash: Crash,
    without: boolean,
  ): Promise<{ kept: boolean; replaced: boolean; equal: boolean; doubted: boolean }> {
    const story = new Story(seed, sync);
    await story.begin();
    await story.loseWitness(crash);
    const { cluster, witness } = story;
    story.boot(witness, without);
    await cluster.world.advance(LONG_MS);
    const replaced = cluster.machine(witness).node!.node.replica.raft.leader !== 0;
    cluster.world.fabric.healAll();
    await cluster.untilLeader();
    await cluster.untilEqual();
    const equal = new Set(cluster.digests()).size === 1;
    const doubted = story.said(witness, DOUBT);
    if (doubted) await cluster.until("trust", () => story.said(witness, WHOLE));
    const reply = await cluster.run(await cluster.untilLeader(), "get", "key");
    return { kept: reply === "$5\r\nvalue\r\n", replaced, equal, doubted };
  }

  test.each([
    { sync: "everysec", crash: "powerCut" },
    { sync: "no", crash: "powerCut" },
    { sync: "no", crash: "kill" },
  ] as const)(
    "elects nobody who may lack it: --fsync $sync, $crash",
    async ({ sync, crash }) => {
      const withRule = [];
      const without = [];
      for (const seed of SEEDS) {
        withRule.push(await tell(seed, sync, crash, false));
        without.push(await tell(seed, sync, crash, true));
      }
      const right = { kept: true, replaced: false, equal: true, doubted: true };
      expect(withRule).toEqual(SEEDS.map(() => right));
      // Without the rule the same machines lose the write, unless chance kept it on the disk.
      expect(without.filter(({ kept }) => !kept).length).toBeGreaterThan(SEEDS.length / 3);
    },
    120_000,
  );

  test("is trusted at once when only its process was killed: --fsync everysec", async () => {
    const story = new Story(1, "everysec");
    await story.begin();
    await story.loseWitness("kill");
    const { cluster, leader, witness } = story;
    story.boot(witness);
    expect(await cluster.untilLeader(leader)).not.toBe(0);
    expect(story.said(witness, DOUBT)).toBe(false);
    cluster.world.fabric.healAll();
    await cluster.untilEqual();
    expect(await cluster.run(witness, "get", "key")).toBe("$5\r\nvalue\r\n");
  });

  test("is trusted after an end in good order: --fsync no", async () => {
    const story = new Story(2, "no");
    await story.begin();
    const { cluster, witness } = story;
    await cluster.world.settle(cluster.machine(witness).node!.close());
    cluster.powerCut(witness);
    story.boot(witness);
    await cluster.until("the node", () => cluster.machine(witness).node !== null);
    expect(story.said(witness, DOUBT)).toBe(false);
  });

  test("stays in doubt over further starts until it has caught up", async () => {
    const story = new Story(3, "everysec");
    await story.begin();
    await story.loseWitness("powerCut");
    const { cluster, witness, other } = story;
    story.boot(witness);
    await cluster.until("the node", () => cluster.machine(witness).node !== null);
    cluster.kill(witness);
    cluster.machine(witness).lines.length = 0;
    story.boot(witness);
    await cluster.world.advance(LONG_MS);
    expect(story.said(witness, DOUBT)).toBe(true);
    expect(cluster.machine(other).node!.node.replica.raft.leader).toBe(0);
    cluster.world.fabric.healAll();
    await cluster.until("trust", () => story.said(witness, WHOLE));
    await cluster.world.advance(100);
    cluster.kill(witness);
    cluster.machine(witness).lines.length = 0;
    story.boot(witness);
    await cluster.until("the node", () => cluster.machine(witness).node !== null);
    expect(story.said(witness, DOUBT)).toBe(false);
  });
});

describe("a change of members", () => {
  test.each(SEEDS)("is on disk before it counts, --fsync no, seed %i", async (seed) => {
    const cluster = new SimCluster(seed);
    const node = { sync: "no" } as const;
    await cluster.form(3, 3, node);
    const leader = cluster.leader();
    cluster.powerCut(leader);
    cluster.boot(leader, { node });
    await cluster.until("the node", () => cluster.machine(leader).node !== null);
    await cluster.world.advance(5_000);
    await cluster.untilEqual();
    for (const number of [1, 2, 3]) expect(cluster.voters(number)).toHaveLength(3);
  });
});

describe("machines that lose power all at once: --fsync everysec", () => {
  async function allDown(seed: number): Promise<Story> {
    const story = new Story(seed, "everysec");
    await story.begin();
    const { cluster, leader } = story;
    await cluster.run(leader, "set", "old", "value");
    await cluster.world.advance(1_200);
    await cluster.run(leader, "set", "new", "value");
    for (const number of [1, 2, 3]) cluster.powerCut(number);
    return story;
  }

  test.each(SEEDS)("elect the best log when all are back, seed %i", async (seed) => {
    const story = await allDown(seed);
    const { cluster } = story;
    for (const number of [1, 2, 3]) story.boot(number);
    await cluster.untilLeader();
    for (const number of [1, 2, 3]) expect(story.said(number, DOUBT)).toBe(true);
    // What is a second old is on every disk; the newer one may be lost.
    expect(await cluster.run(1, "get", "old")).toBe("$5\r\nvalue\r\n");
    await cluster.until("trust", () => [1, 2, 3].every((number) => story.said(number, WHOLE)));
    expect(await cluster.run(2, "set", "after", "value")).toBe("+OK\r\n");
    await cluster.untilEqual();
    expect(new Set(cluster.digests()).size).toBe(1);
  });

  test("wait for one that is missing, until told that it is gone", async () => {
    const story = await allDown(7);
    const { cluster } = story;
    for (const number of [1, 2]) story.boot(number);
    await cluster.world.advance(20_000);
    expect(cluster.leader()).toBe(0);
    const missing = story.ids.get(3);
    const said = cluster.machine(1).lines.find(({ message }) => message.startsWith("no leader"));
    expect(said).toMatchObject({ level: "warn", facts: { missing: `${missing}` } });
    for (const number of [1, 2]) {
      cluster.kill(number);
      story.boot(number, true);
    }
    await cluster.untilLeader();
    expect(await cluster.run(1, "get", "old")).toBe("$5\r\nvalue\r\n");
  });

  test("but one alone serves at once", async () => {
    const cluster = new SimCluster(1);
    const node = { sync: "everysec" } as const;
    cluster.boot(1, { node });
    await cluster.untilLeader();
    await cluster.run(1, "set", "old", "value");
    await cluster.world.advance(1_200);
    cluster.powerCut(1);
    cluster.boot(1, { node });
    await cluster.untilLeader();
    expect(await cluster.run(1, "get", "old")).toBe("$5\r\nvalue\r\n");
  });
});
