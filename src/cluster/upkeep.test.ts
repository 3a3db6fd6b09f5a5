// When a node saves a snapshot by itself.
import { expect, test } from "vitest";
import { SimCluster } from "./testing/sim-cluster.ts";

const WRITES = 150;
const VALUE = "x".repeat(2_000);
/** Less than what is written, which must also be half of the state. */
const SMALL = { snapshotLogBytes: 30_000 } as const;

async function write(cluster: SimCluster): Promise<void> {
  for (let at = 0; at < WRITES; at++) await cluster.run(1, "set", `key:${at}`, VALUE);
}

function isSaved(cluster: SimCluster): boolean {
  return cluster.machine(1).said("snapshot saved");
}

test("a node saves a snapshot when enough was written since the last", async () => {
  const cluster = new SimCluster(1);
  cluster.boot(1, { node: SMALL });
  await cluster.untilLeader();
  await write(cluster);
  await cluster.until("a snapshot", () => isSaved(cluster));
  expect(cluster.machine(1).fatal).toBe(null);
});

test("a long log that is found at the start counts: the next start is quicker", async () => {
  const cluster = new SimCluster(2);
  cluster.boot(1);
  await cluster.untilLeader();
  await write(cluster);
  expect(isSaved(cluster)).toBe(false);
  cluster.kill(1);
  cluster.boot(1, { node: SMALL });
  await cluster.untilLeader();
  await cluster.until("a snapshot", () => isSaved(cluster));
  expect(cluster.machine(1).fatal).toBe(null);
});

test("a node that has nothing to do saves a shorter log, and does so once", async () => {
  const cluster = new SimCluster(3);
  cluster.boot(1, { node: { snapshotLogBytes: WRITES * VALUE.length * 2 } });
  await cluster.untilLeader();
  await write(cluster);
  expect(isSaved(cluster)).toBe(false);
  await cluster.world.runUntil(() => false, 10_000);
  const saved = cluster.machine(1).lines.filter(({ message }) => message === "snapshot saved");
  expect(saved).toHaveLength(1);
});
