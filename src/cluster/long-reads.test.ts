// Long reads at every node, under writes and changes of leader: each sees one state, a recent one.
import { describe, expect, test } from "vitest";
import { SimCluster } from "./testing/sim-cluster.ts";

const SEEDS = [1, 2, 3];
const MACHINES = [1, 2, 3];
const FILLERS = 9000;
const ROUNDS = 8;

function fillers(): string[] {
  return Array.from({ length: FILLERS }, (_, key) => `filler:${key}`);
}

/** Replies come as RESP text: its elements. */
function elementsOf(reply: string): string[] {
  return reply
    .split("\r\n")
    .filter((line, place) => place > 0 && !line.startsWith("$") && line !== "");
}

/** A client that writes two keys at a time, for ever: the same number, or both or neither. */
class Pairs {
  written = 0;
  stopped = false;

  async run(cluster: SimCluster): Promise<void> {
    for (let number = 1; !this.stopped; number++) {
      const client = cluster.client(MACHINES[number % MACHINES.length]!);
      const value = String(number);
      const replies = await Promise.all([
        client.run("MSET", "pair:left", value, "pair:right", value),
        client.run(...(number % 2 === 0 ? ["DEL"] : ["MSET"]), ...both(number)),
      ]);
      if (!replies.some((reply) => reply.startsWith("-"))) this.written = number;
      await new Promise<void>((resolve) => {
        cluster.world.schedule(1, resolve);
      });
    }
  }
}

function both(number: number): string[] {
  return number % 2 === 0 ? ["both:a", "both:b"] : ["both:a", "1", "both:b", "1"];
}

describe("long reads", () => {
  test.each(SEEDS)("see one state, and what was acknowledged before, seed %i", async (seed) => {
    const cluster = new SimCluster(seed);
    cluster.turnMs = 0.7;
    await cluster.form(3, 3);
    const { world } = cluster;
    const keys = fillers();
    for (let at = 0; at < FILLERS; at += 3000) {
      const pairs = keys.slice(at, at + 3000).flatMap((key) => [key, "v"]);
      expect(await cluster.run(cluster.leader(), "MSET", ...pairs)).toBe("+OK\r\n");
    }
    const pairs = new Pairs();
    const writing = pairs.run(cluster);
    const faults: string[] = [];
    let answered = 0;
    const read = async (number: number): Promise<void> => {
      const before = pairs.written;
      const many = await cluster.client(number).run("MGET", "pair:left", ...keys, "pair:right");
      const found = await cluster.client(number).run("KEYS", "*");
      for (const reply of [many, found]) if (!reply.startsWith("-")) answered++;
      if (!many.startsWith("-")) {
        const values = elementsOf(many);
        const [left, right] = [Number(values[0]), Number(values.at(-1))];
        if (left !== right || left < before) faults.push(`${before}: ${left} ${right}`);
        if (values.length !== FILLERS + 2) faults.push(`${values.length} values`);
      }
      if (!found.startsWith("-")) {
        const names = elementsOf(found);
        const pair = names.filter((name) => name.startsWith("both:"));
        if (pair.length === 1) faults.push(`only ${pair[0]}`);
        if (names.length !== FILLERS + 2 + pair.length) faults.push(`${names.length} keys`);
      }
    };
    await world.advance(50);
    for (let round = 0; round < ROUNDS; round++) {
      const reads = Promise.all(MACHINES.map(read));
      if (round % 2 === 1) {
        const leader = cluster.machine(await cluster.untilLeader());
        await world.settle(leader.node!.handOver(2_000));
      }
      await world.settle(reads, 30_000);
      await world.advance(100);
    }
    pairs.stopped = true;
    await world.settle(writing, 30_000);
    expect(faults).toEqual([]);
    expect(answered).toBe(2 * ROUNDS * MACHINES.length);
    await cluster.untilEqual();
    expect(new Set(cluster.digests()).size).toBe(1);
  });
});
