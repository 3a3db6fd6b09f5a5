// What clients and operators would see of planted bugs, in whole clusters on simulated machines.
import { afterEach, describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { type Failpoint, failpoints } from "../base/failpoints.ts";
import { plant } from "../base/testing/plant.ts";
import type { Replica } from "../replica/replica.ts";
import { type SimMachine, SimCluster } from "./testing/sim-cluster.ts";

const OK = "+OK\r\n";
/** Some runs show a bug by chance alone: one of so many must. */
const SEEDS_MAX = 20;

/** One node whose own affairs are settled. */
async function lone(): Promise<SimCluster> {
  const cluster = new SimCluster(1);
  await cluster.form(1, 1, { segmentBytes: 64 * 1024 });
  await cluster.world.advance(500);
  return cluster;
}

async function trio(seed: number): Promise<SimCluster> {
  const cluster = new SimCluster(seed);
  await cluster.form(3, 3);
  await cluster.world.advance(500);
  await cluster.untilEqual();
  return cluster;
}

/** `kill -9`, and a start that succeeds or fails. */
async function startAnew(cluster: SimCluster): Promise<SimMachine> {
  cluster.kill(1);
  const machine = cluster.boot(1);
  await cluster.until("a start", () => machine.node !== null || machine.failure !== null);
  return machine;
}

function othersThan(number: number): number[] {
  return [1, 2, 3].filter((each) => each !== number);
}

/** Whether one node ever reads unasked while another one serves, within `limitMs`. */
async function readsBeside(cluster: SimCluster, old: number, limitMs: number): Promise<boolean> {
  const replica = (number: number): Replica => cluster.machine(number).node!.node.replica;
  return cluster.world.runUntil(() => {
    return replica(old).readable() && othersThan(old).some((other) => replica(other).serving);
  }, limitMs);
}

describe("snapshots", () => {
  afterEach(() => {
    failpoints.reached = null;
  });

  test("snapshotIndexTooLow: the last write before it happens again at a start", async () => {
    plant("snapshotIndexTooLow");
    const cluster = await lone();
    expect(await cluster.run(1, "INCR", "n")).toBe(":1\r\n");
    await cluster.world.settle(cluster.machine(1).node!.node.saveSnapshot());
    await startAnew(cluster);
    await cluster.untilLeader();
    expect(await cluster.run(1, "GET", "n")).toBe("$1\r\n2\r\n");
  });

  test("snapshotWithoutTerm: what is written while it is saved is lost at a start", async () => {
    plant("snapshotWithoutTerm");
    const cluster = await lone();
    await cluster.run(1, "SET", "a", "1");
    const saved = cluster.machine(1).node!.node.saveSnapshot();
    expect(await cluster.run(1, "SET", "b", "2")).toBe(OK);
    await cluster.world.settle(saved);
    await startAnew(cluster);
    await cluster.untilLeader();
    expect(await cluster.run(1, "GET", "b")).toBe("$-1\r\n");
  });

  test("snapshotMissesTail: a node killed while it saves does not start again", async () => {
    plant("snapshotMissesTail");
    const cluster = await lone();
    for (let i = 0; i < 40; i++) await cluster.run(1, "SET", `k${i}`, "v".repeat(4096));
    const { node } = cluster.machine(1).node!;
    const dies: Failpoint = "snapshot.file.synced";
    let died = false;
    failpoints.reached = (name) => {
      if (name !== dies || died) return;
      died = true;
      cluster.kill(1);
    };
    void node.saveSnapshot();
    void cluster.client(1).run("SET", "last", "1");
    await cluster.until("its death", () => died);
    expect((await startAnew(cluster)).failure).toMatchObject({ code: "RAFT_STATE_DAMAGED" });
  });
});

describe("leaders", () => {
  test("leaseFromAcknowledgement: one that is cut off reads beside its successor", async () => {
    plant("leaseFromAcknowledgement");
    let found = false;
    for (let seed = 1; seed <= SEEDS_MAX && !found; seed++) {
      const cluster = await trio(seed);
      const old = cluster.leader();
      for (const other of othersThan(old)) cluster.world.fabric.cut(`n${old}`, `n${other}`);
      found = await readsBeside(cluster, old, 3_000);
    }
    expect(found).toBe(true);
  });

  test("leaseKeptAfterTransfer: one that has handed over reads beside its successor", async () => {
    plant("leaseKeptAfterTransfer");
    const cluster = await trio(3);
    const old = cluster.leader();
    const [heir] = othersThan(old);
    for (const other of othersThan(old)) cluster.world.fabric.cutOneWay(`n${other}`, `n${old}`);
    cluster.machine(old).node!.node.replica.raft.transferLeadership(heir!);
    expect(await readsBeside(cluster, old, 1_000)).toBe(true);
  });

  test("readBeforeNoop: a new one serves without the last acknowledged write", async () => {
    plant("readBeforeNoop");
    const cluster = await trio(4);
    const old = cluster.leader();
    // The followers get the write, and hear too late that it is committed.
    for (const other of othersThan(old)) {
      cluster.world.fabric.setDelay(`n${old}`, `n${other}`, { min: 20, max: 20 });
    }
    expect(await cluster.run(old, "SET", "k", "1")).toBe(OK);
    for (const other of othersThan(old)) cluster.world.fabric.cut(`n${old}`, `n${other}`);
    cluster.kill(old);
    const next = await cluster.untilLeader(old);
    const { keyspace } = cluster.machine(next).node!.node.replica.applier;
    const key = Buffer.from("k");
    expect(keyspace.find(0, viewOf(key), 0, key.length)).toBe(0);
  });
});
