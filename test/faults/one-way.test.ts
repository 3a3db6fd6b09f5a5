// Bytes of standing connections between nodes vanish in one direction: a leader that nobody hears,
// one that hears nobody, one that hears one follower and is heard by the other. Whoever can serves,
// nobody serves what is old, and all is well when bytes flow again.
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { Load } from "./load.ts";
import { PeerNetwork } from "./peer-network.ts";
import { sameData } from "./same-data.ts";

/** Until the others acknowledge a write, on a busy machine. */
const SERVED_MS_MAX = 12_000;
/** Until all nodes are one cluster again: a silent connection is found out after 10 s. */
const HEALED_MS_MAX = 20_000;
/** Writes that must go through while the leader is cut off. */
const WRITES = 150;

/** Clients whose node is cut off go elsewhere after this. */
const ANSWER_MS_MAX = 2_000;
/** What was committed before a cut is acknowledged by then, and the lease is over. */
const LAST_ACKS_MS = 600;
const SILENCE_MS = 1_500;

/** Directions by role: L the leader, A and B the followers. */
const PARTITIONS = [
  { name: "from the leader to all", cuts: ["LA", "LB"] },
  { name: "from all to the leader", cuts: ["AL", "BL"] },
  { name: "from the leader to one, from the other to it", cuts: ["LA", "BL"] },
  { name: "both ways between the leader and one follower", cuts: ["LA", "AL"] },
] as const;

describe("bytes between nodes that vanish", () => {
  let lab: Lab;
  let network: PeerNetwork;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    network = new PeerNetwork();
    cluster = await FaultCluster.start(lab, { network });
  });

  afterEach(() => {
    network.heal();
  });

  afterAll(async () => {
    network.close();
    await lab.close();
  });

  /** Drops bytes in these directions; returns the leader's place. */
  async function cut(cuts: readonly string[]): Promise<number> {
    const leader = await cluster.leader();
    const [a, b] = cluster.others(leader);
    const places: Record<string, number> = { L: leader, A: a!, B: b! };
    for (const [from, to] of cuts) network.drop(places[from!]!, places[to!]!);
    return leader;
  }

  function startLoad(prefix: string): Load {
    const { ports } = cluster;
    const clients = { writers: 3, readers: 6, appenders: 3, counters: 3 };
    return new Load({ ports, ...clients, answerMsMax: ANSWER_MS_MAX, prefix: `${prefix}:` });
  }

  test.each(PARTITIONS)("$name", { timeout: 90_000 }, async ({ name, cuts }) => {
    const load = startLoad(name);
    await load.progress(100);
    const swallowed = network.swallowedBytes;
    const cutMs = performance.now();
    const leader = await cut(cuts);
    const servedMs = (await load.writes()) - cutMs;
    await load.progress(WRITES);
    network.heal();
    const healMs = performance.now();
    await cluster.whole();
    const healedMs = performance.now() - healMs;
    await load.progress(50);
    const report = await load.stop(await cluster.reader(leader));
    await sameData(cluster);
    expect(report.violations).toEqual([]);
    expect(servedMs, "ms until a write was acknowledged").toBeLessThan(SERVED_MS_MAX);
    expect(healedMs, "ms until all nodes are one").toBeLessThan(HEALED_MS_MAX);
    expect(network.swallowedBytes).toBeGreaterThan(swallowed);
  });

  test("in a ring: no two nodes hear each other, so nobody serves", async () => {
    const load = startLoad("ring");
    await load.progress(100);
    const leader = await cut(["LA", "AB", "BL"]);
    await pause(LAST_ACKS_MS);
    const { acknowledged } = load;
    await pause(SILENCE_MS);
    expect(load.acknowledged, "writes without a majority").toBe(acknowledged);
    const info = await Promise.all([0, 1, 2].map((place) => cluster.info(place)));
    expect(info.map((each) => each?.get("lease_ms"))).toEqual(["0", "0", "0"]);
    network.heal();
    await load.progress(50);
    await cluster.whole();
    const report = await load.stop(await cluster.reader(leader));
    await sameData(cluster);
    expect(report.violations).toEqual([]);
  });
});
