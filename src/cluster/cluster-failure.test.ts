// What a cluster on simulated machines survives: lost leaders, power cuts, lags, moves, removals.
import { describe, expect, test } from "vitest";
import { seedsFrom, SimCluster } from "./testing/sim-cluster.ts";

const OK = "+OK\r\n";

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** The others of machines 1 to 3. */
function others(number: number): number[] {
  return [1, 2, 3].filter((each) => each !== number);
}

describe("a lost leader", () => {
  test.each(seedsFrom(1, 3))(
    "another one leads, nothing is lost, it comes back, seed %i",
    async (seed) => {
      const cluster = new SimCluster(seed);
      await cluster.form(3, 3);
      const first = cluster.leader();
      for (let i = 0; i < 20; i++)
        expect(await cluster.run(first, "SET", `k${i}`, `${i}`)).toBe(OK);
      cluster.powerCut(first);
      const lostAtMs = cluster.world.nowMs;
      const second = await cluster.untilLeader(first);
      expect(cluster.world.nowMs - lostAtMs).toBeLessThan(3_000);
      for (let i = 0; i < 20; i++) {
        expect(await cluster.run(second, "GET", `k${i}`)).toBe(bulk(`${i}`));
      }
      expect(await cluster.run(others(first)[1]!, "SET", "after", "1")).toBe(OK);
      cluster.boot(first);
      await cluster.until("it is back", () => cluster.machine(first).node !== null);
      await cluster.untilEqual();
      expect(new Set(cluster.digests()).size).toBe(1);
      expect(await cluster.run(first, "GET", "after")).toBe(bulk("1"));
    },
  );

  test("all machines lose power at once and come back with everything", async () => {
    const cluster = new SimCluster(4);
    await cluster.form(3, 3);
    for (let i = 0; i < 50; i++) expect(await cluster.run(2, "SET", `k${i}`, `${i}`)).toBe(OK);
    for (const number of [1, 2, 3]) cluster.powerCut(number);
    for (const number of [1, 2, 3]) cluster.boot(number);
    await cluster.untilLeader();
    for (let i = 0; i < 50; i++) expect(await cluster.run(3, "GET", `k${i}`)).toBe(bulk(`${i}`));
  });

  test("without a majority nothing is acknowledged, and the caller learns it in time", async () => {
    const cluster = new SimCluster(5);
    await cluster.form(3, 3);
    const leader = cluster.leader();
    const [left, right] = others(leader);
    cluster.kill(left!);
    cluster.kill(right!);
    const reply = await cluster.run(leader, "SET", "a", "1");
    expect(reply.startsWith("-UNCERTAIN") || reply.startsWith("-CLUSTERDOWN")).toBe(true);
  });
});

describe("forwarded writes happen once", () => {
  test.each(seedsFrom(31, 4))("INCR through failovers, seed %i", async (seed) => {
    const cluster = new SimCluster(seed);
    await cluster.form(3, 3);
    const { random } = cluster.world;
    const counted: string[] = [];
    let running = 0;
    const load = { stopped: false };
    const work = async (number: number): Promise<void> => {
      const client = cluster.client(number);
      while (!load.stopped && cluster.machine(number).node !== null) {
        counted.push(await client.run("INCR", "counter"));
      }
    };
    const begin = (number: number): void => {
      running++;
      void work(number).finally(() => running--);
    };
    for (const number of [1, 2, 3, 1, 2, 3]) begin(number);
    for (let round = 0; round < 5; round++) {
      await cluster.world.advance(300 + (random.uint32() % 500));
      const leader = await cluster.untilLeader();
      const hard = random.uint32() % 3;
      const node = cluster.machine(leader).node!;
      if (hard === 0) {
        void node.handOver(2_000);
        continue;
      }
      if (hard === 1) cluster.kill(leader);
      else cluster.powerCut(leader);
      await cluster.world.advance(random.uint32() % 1_500);
      cluster.boot(leader);
      await cluster.until("it is back", () => cluster.machine(leader).node !== null);
      for (let i = 0; i < 2; i++) begin(leader);
    }
    load.stopped = true;
    await cluster.world.advance(12_000);
    const numbers = counted.filter((reply) => reply.startsWith(":")).map((reply) => reply.slice(1));
    const values = numbers.map(Number);
    // The same number twice would be one INCR answered for two, or one that ran twice and was lost.
    expect(new Set(values).size).toBe(values.length);
    const last = Number((await cluster.run(1, "GET", "counter")).split("\r\n")[1]);
    expect(Math.max(...values)).toBeLessThanOrEqual(last);
    const failed = counted.length - values.length;
    // Each number between the first and the last was given out, but for those whose caller was
    // killed or told that the fate of its write is unknown.
    const killed = 5 * 2;
    expect(last - values.length).toBeLessThanOrEqual(failed + killed);
    expect(values.length).toBeGreaterThan(100);
    await cluster.untilEqual();
    expect(new Set(cluster.digests()).size).toBe(1);
  });
});

describe("a follower far behind", () => {
  test("gets a snapshot while the leader serves", async () => {
    const cluster = new SimCluster(41);
    await cluster.form(3, 3);
    const leader = cluster.leader();
    const behind = others(leader)[0]!;
    cluster.kill(behind);
    await cluster.world.advance(2_000);
    const value = "x".repeat(100_000);
    for (let i = 0; i < 120; i++) await cluster.run(leader, "SET", `k${i % 60}`, value);
    const { node } = cluster.machine(leader).node!;
    await cluster.world.settle(node.snapshots.save());
    await cluster.run(leader, "SET", "last", "1");
    expect(node.replica.raft.firstIndex).toBeGreaterThan(10);
    cluster.boot(behind);
    await cluster.until("it is back", () => cluster.machine(behind).node !== null);
    expect(await cluster.run(leader, "SET", "meanwhile", "1")).toBe(OK);
    await cluster.untilEqual();
    expect(cluster.machine(behind).said("snapshot installed")).toBe(true);
    expect(new Set(cluster.digests()).size).toBe(1);
    // What was installed is there after a power cut, without a second snapshot: once noted.
    const { snapshots } = cluster.machine(behind).node!.node;
    await cluster.until("its log notes the snapshot", () => snapshots.index > 0);
    cluster.powerCut(behind);
    cluster.machine(behind).lines.length = 0;
    cluster.boot(behind);
    await cluster.until("it is back", () => cluster.machine(behind).node !== null);
    await cluster.untilEqual();
    expect(cluster.machine(behind).said("snapshot installed")).toBe(false);
    expect(new Set(cluster.digests()).size).toBe(1);
  });

  test("a new node joins a cluster whose log starts late", async () => {
    const cluster = new SimCluster(42);
    cluster.boot(1);
    await cluster.untilLeader();
    const value = "x".repeat(10_000);
    for (let i = 0; i < 200; i++) await cluster.run(1, "SET", `k${i % 20}`, value);
    expect(cluster.machine(1).node!.node.replica.raft.firstIndex).toBeGreaterThan(10);
    cluster.boot(2, { join: [1] });
    cluster.boot(3, { join: [2] });
    await cluster.untilVoters(3);
    await cluster.untilEqual();
    expect(new Set(cluster.digests()).size).toBe(1);
    expect(cluster.machine(2).said("snapshot installed")).toBe(true);
  });
});

describe("moving", () => {
  test("a node that comes back at another port is found there", async () => {
    const cluster = new SimCluster(51);
    await cluster.form(3, 3);
    const moved = others(cluster.leader())[0]!;
    cluster.kill(moved);
    cluster.boot(moved, { peerPort: 18_000 });
    await cluster.until("the book has the new port", () => {
      const leader = cluster.machine(cluster.leader()).node;
      const id = cluster.machine(moved).node?.node.identity.nodeId ?? 0;
      return leader?.membership.find(id)?.peerPort === 18_000;
    });
    await cluster.untilEqual();
    expect(new Set(cluster.digests()).size).toBe(1);
  });

  test("all nodes move at once and find each other by --join", async () => {
    const cluster = new SimCluster(52);
    await cluster.form(3, 3);
    expect(await cluster.run(1, "SET", "a", "1")).toBe(OK);
    await cluster.untilEqual();
    for (const number of [1, 2, 3]) cluster.kill(number);
    for (const number of [1, 2, 3]) {
      cluster.boot(number, { join: [1, 2, 3], peerPort: 18_000, joinPort: 18_000 });
    }
    await cluster.untilLeader();
    expect(await cluster.run(1, "GET", "a")).toBe(bulk("1"));
  });
});

describe("healing", () => {
  test("a learner takes the vote of a voter that is gone and comes back as learner", async () => {
    const cluster = new SimCluster(71);
    await cluster.form(4, 3);
    const leader = cluster.leader();
    const { raft } = cluster.machine(leader).node!.node.replica;
    await cluster.until("a learner", () => raft.conf.learners.length === 1);
    const learner = raft.conf.learners[0]!;
    const machineOf = (id: number): number =>
      [1, 2, 3, 4].find((each) => cluster.machine(each).node?.node.identity.nodeId === id)!;
    const gone = raft.conf.voters.find((id) => id !== raft.id)!;
    const machine = machineOf(gone);
    cluster.kill(machine);
    await cluster.world.advance(8_000);
    expect(raft.conf.voters).toContain(gone);
    await cluster.until("its vote is given away", () => raft.conf.voters.includes(learner));
    await cluster.untilVoters(3);
    expect(raft.conf.learners).toEqual([gone]);
    cluster.boot(machine);
    await cluster.until("it is back", () => cluster.machine(machine).node !== null);
    await cluster.untilEqual();
    expect(raft.conf.learners).toEqual([gone]);
  });

  test("a node that lost its data comes back as a new one and takes its own place", async () => {
    const cluster = new SimCluster(72);
    await cluster.form(3, 3);
    const leader = cluster.leader();
    const { membership, node } = cluster.machine(leader).node!;
    const lost = others(leader)[0]!;
    const lostId = cluster.machine(lost).node!.node.identity.nodeId;
    expect(await cluster.run(leader, "SET", "a", "1")).toBe(OK);
    cluster.kill(lost);
    cluster.boot(lost, { join: [1, 2, 3], node: { directory: "/other" } });
    await cluster.until("the new one votes", () => {
      const { voters, votersOutgoing } = node.replica.raft.conf;
      return !voters.includes(lostId) && voters.length === 3 && votersOutgoing.length === 0;
    });
    expect(membership.applied.members.map((member) => member.id)).not.toContain(lostId);
    await cluster.untilEqual();
    expect(new Set(cluster.digests()).size).toBe(1);
  });

  test("a node at the address of one that is there is not taken in", async () => {
    const cluster = new SimCluster(73);
    await cluster.form(3, 3);
    cluster.boot(4, { join: [1, 2, 3], announce: "n2" });
    await cluster.world.advance(5_000);
    expect(cluster.machine(4).node).toBeNull();
    const said = cluster
      .machine(4)
      .lines.map((line) => String(line.facts["why"]))
      .join();
    expect(said).toContain("is at that address, and there");
  });
});

describe("leaving", () => {
  test("a leader that is asked to go hands over first", async () => {
    const cluster = new SimCluster(61);
    await cluster.form(3, 3);
    const leader = cluster.leader();
    const node = cluster.machine(leader).node!;
    const startedMs = cluster.world.nowMs;
    expect(await cluster.world.settle(node.handOver(2_000))).toBe(true);
    expect(cluster.world.nowMs - startedMs).toBeLessThan(500);
    expect(node.node.replica.isLeader).toBe(false);
    expect(await cluster.run(leader, "SET", "a", "1")).toBe(OK);
  });

  test("a lone node has nobody to hand over to", async () => {
    const cluster = new SimCluster(62);
    cluster.boot(1);
    await cluster.untilLeader();
    expect(await cluster.world.settle(cluster.machine(1).node!.handOver(2_000))).toBe(false);
  });

  test("a removed voter's place goes to a learner; it cannot come back with its data", async () => {
    const cluster = new SimCluster(63);
    await cluster.form(4, 3);
    await cluster.until("a learner", () => {
      return cluster.machine(1).node!.node.replica.raft.conf.learners.length === 1;
    });
    const leader = cluster.leader();
    const leading = cluster.machine(leader).node!;
    const { conf } = leading.node.replica.raft;
    const gone = conf.voters.find((id) => id !== leading.node.identity.nodeId)!;
    await cluster.until(
      "the learner follows closely",
      () => leading.membership.remove(gone) === null,
    );
    await cluster.until("it is out", () => leading.membership.find(gone) === undefined);
    await cluster.untilVoters(3);
    expect(cluster.voters(leader)).not.toContain(gone);
    const machine = [1, 2, 3, 4].find(
      (number) => cluster.machine(number).node?.node.identity.nodeId === gone,
    )!;
    cluster.kill(machine);
    cluster.boot(machine, { join: [leader], peerPort: 19_000 });
    await cluster.until("it is told", () => cluster.machine(machine).said("not taken back"));
  });
});
