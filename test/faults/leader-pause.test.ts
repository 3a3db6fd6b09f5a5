// SIGSTOP of the leader past its lease: it does not know that another one leads, and commands wait
// in its sockets when it goes on. It must not answer them out of its old state.
import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { show } from "../support/reply.ts";
import { encode, type RespConnection } from "../support/resp-connection.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { Load } from "./load.ts";
import { sameData } from "./same-data.ts";

const ROUNDS = 4;
const CONNECTIONS = 8;
const WRITES = 30;
/** Around the lease (400 ms) and the election timeout (500 to 1,000 ms). */
const PAUSES_MS = [200, 380, 420, 480, 600, 900, 1_300] as const;
/** Shorter than the longest pause: clients of a stopped node must go elsewhere. */
const ANSWER_MS_MAX = 1_000;
const PAUSE_SPREAD_MS = 60;
/** What {@link sendCommands} is answered when all writes are seen. */
const EXPECTED = [`"${WRITES}"`, "+OK", "+QUEUED", `*["${WRITES}"]`, ":1", '"1"'];

describe("a leader that is stopped and goes on", () => {
  let lab: Lab;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await FaultCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test("does not answer what waited in its sockets out of its old state", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const old = await cluster.leader();
      const key = `paused:${round}`;
      const connections = await Promise.all(
        Array.from({ length: CONNECTIONS }, () => cluster.nodes[old]!.connect()),
      );
      await connections[0]!.call("SET", key, 0);
      // These connections have been served under the lease.
      for (const connection of connections) expect(await connection.ask("GET", key)).toBe('"0"');
      cluster.freeze(old);
      const next = await cluster.leader(old);
      await cluster.nodes[next]!.with(async (connection) => {
        for (let value = 1; value <= WRITES; value++) {
          expect(await connection.ask("SET", key, value)).toBe("+OK");
        }
      });
      for (const [number, connection] of connections.entries()) {
        sendCommands(connection, key, `${key}:${number}`);
      }
      cluster.thaw(old);
      for (const connection of connections) {
        const replies = await connection.readMany(EXPECTED.length);
        expect(replies.map(show)).toEqual(EXPECTED);
        connection.close();
      }
      await cluster.whole();
    }
  });

  test("serves no stale read after any pause, under load", { timeout: 120_000 }, async () => {
    const { ports } = cluster;
    const load = new Load({
      ports,
      writers: 3,
      readers: 6,
      appenders: 2,
      counters: 2,
      answerMsMax: ANSWER_MS_MAX,
      prefix: "load:",
    });
    for (const pauseMs of PAUSES_MS) {
      await load.progress(50);
      const leader = await cluster.leader();
      cluster.freeze(leader);
      await pause(pauseMs + randomInt(PAUSE_SPREAD_MS));
      cluster.thaw(leader);
      await load.writes();
      await cluster.whole();
    }
    const report = await load.stop(await cluster.reader(0));
    expect(report.violations).toEqual([]);
    expect(report.acknowledged).toBeGreaterThan(PAUSES_MS.length * 50);
    await sameData(cluster);
  });
});

/** In one packet: a read, a read in a transaction, a write and a read behind it. */
function sendCommands(connection: RespConnection, key: string, own: string): void {
  const commands = [["GET", key], ["MULTI"], ["GET", key], ["EXEC"], ["INCR", own], ["GET", own]];
  connection.write(Buffer.concat(commands.map((command) => encode(command))));
}
