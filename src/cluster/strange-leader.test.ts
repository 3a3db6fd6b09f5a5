// A follower that was away while its present leader joined: it must find out where that one is.
import { expect, test } from "vitest";
import { SimCluster } from "./testing/sim-cluster.ts";

const AWAY = 2;
/** Machines that join while machine 2 is away. */
const NEW = [4, 5];

test("a follower answers a leader that joined while it was away", async () => {
  const cluster = new SimCluster(1);
  await cluster.form(3, 3);
  cluster.kill(AWAY);
  for (const number of NEW) cluster.boot(number, { join: [1, 3] });
  await cluster.untilVoters(5);
  while (!NEW.includes(cluster.leader())) {
    const old = await cluster.untilLeader();
    if (NEW.includes(old)) break;
    cluster.kill(old);
    await cluster.untilLeader(old);
    cluster.boot(old);
    await cluster.until("it is back", () => cluster.machine(old).node !== null);
  }
  const leader = cluster.leader();
  cluster.boot(AWAY);
  await cluster.until("it is back", () => cluster.machine(AWAY).node !== null);
  await cluster.untilEqual();
  expect(cluster.leader()).toBe(leader);
});
