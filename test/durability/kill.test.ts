// kill -9 at random moments under load: what was acknowledged is there after the restart, what was
// not is there whole or not at all. (kill -9 leaves the page cache alone: power cuts are tested on
// simulated disks.) KVORUM_KILL_ROUNDS sets how many.
import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkHistory, type ClientHistory } from "../support/history.ts";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { WritingClient } from "./write-load.ts";

const ROUNDS = Number(process.env["KVORUM_KILL_ROUNDS"] ?? 50);
const CLIENTS = 4;
const RUN_MS_MAX = 250;
/** Some rounds are killed while a snapshot is written, some again while they recover. */
const SNAPSHOT_EVERY = 4;
const KILL_IN_RECOVERY_EVERY = 7;
const ROUND_MS_MAX = 5000;

describe("a node killed under load", () => {
  let lab: Lab;
  let server: KvorumServer;

  beforeAll(async () => {
    lab = new Lab();
    server = await KvorumServer.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  const timeout = ROUNDS * ROUND_MS_MAX;
  test(`keeps what it acknowledged, ${ROUNDS} times`, { timeout }, async () => {
    const all: ClientHistory[] = [];
    let acknowledged = 0;
    let unacknowledged = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const histories = await loadAndKill(server, round);
      if (round % KILL_IN_RECOVERY_EVERY === 0) await killInRecovery(server);
      await server.restart();
      await server.with(async (connection) => {
        for (const history of histories) {
          const report = await checkHistory(history, connection);
          acknowledged += report.acknowledged;
          unacknowledged += report.unacknowledgedThere;
        }
      });
      all.push(...histories);
    }
    // Whatever a later kill did to earlier rounds shows here.
    await server.with(async (connection) => {
      for (const history of all) await checkHistory(history, connection);
    });
    expect(acknowledged, "acknowledged writes").toBeGreaterThan(ROUNDS * 20);
    process.stdout.write(`${acknowledged} acknowledged, ${unacknowledged} more were there\n`);
  });
});

/** Runs clients on a ready server and kills it at a random moment. */
async function loadAndKill(server: KvorumServer, round: number): Promise<ClientHistory[]> {
  const names = Array.from({ length: CLIENTS }, (_, client) => `r${round}c${client}`);
  const clients = await Promise.all(names.map((name) => WritingClient.open(name, server.port)));
  const runs = clients.map((client) => client.run());
  const snapshot = round % SNAPSHOT_EVERY === 0 ? server.connect() : null;
  void snapshot?.then((connection) => connection.write("BGSAVE\r\n"));
  await pause(randomInt(RUN_MS_MAX));
  await server.kill();
  await Promise.all(runs);
  (await snapshot)?.close();
  return clients.map(({ history }) => history);
}

/** Starts and kills it somewhere between its first instruction and shortly after it serves. */
async function killInRecovery(server: KvorumServer): Promise<void> {
  server.launch();
  await pause(randomInt(600));
  await server.kill();
}
