// A node with much to apply does it in parts: timers and sockets have their turn between.
import { expect, test } from "vitest";
import { SimCluster } from "./testing/sim-cluster.ts";

const VALUES = 24;
const VALUE_BYTES = 500_000;
/** Bytes applied at a time, and what is more of an entry and its record. */
const PART_BYTES = 2 * 1024 * 1024;
const NODE = { segmentBytes: 64 * 1024 * 1024 } as const;

test("a log that is applied at a start is applied in parts", async () => {
  const cluster = new SimCluster(1);
  cluster.boot(1, { node: NODE });
  await cluster.untilLeader();
  const value = "x".repeat(VALUE_BYTES);
  for (let at = 0; at < VALUES; at++) await cluster.run(1, "set", `key:${at}`, value);
  cluster.kill(1);
  // A machine so slow that a look at the clock takes longer than a turn should.
  cluster.boot(1, { node: NODE, clockStepMs: 25 });
  await cluster.until("the node", () => cluster.machine(1).node !== null);
  const { applier } = cluster.machine(1).node!.node.replica;
  const parts: number[] = [];
  let bytes = 0;
  await cluster.until("all is applied", () => {
    const { liveBytes, keys } = applier.keyspace.stats();
    if (liveBytes > bytes) parts.push(liveBytes - bytes);
    bytes = liveBytes;
    return keys === VALUES;
  });
  expect(Math.max(...parts)).toBeLessThan(PART_BYTES + 2 * VALUE_BYTES);
  expect(parts.length).toBeGreaterThanOrEqual((VALUES * VALUE_BYTES) / PART_BYTES);
});
