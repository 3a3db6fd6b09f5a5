// Deep pipelines through followers while their leader is killed: what piles up is worked off when
// another one leads, every command once, without an error.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { encode, type RespConnection } from "../support/resp-connection.ts";
import { FaultCluster } from "./fault-cluster.ts";
import { sameData } from "./same-data.ts";

const CONNECTIONS = 16;
/** Together far more than a node lets be on its way to the leader. */
const COMMANDS = 8_000;
const KEYS = 4_000;
const ANSWER_MS_MAX = 30_000;

describe("a flood of pipelined writes", () => {
  let lab: Lab;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await FaultCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test("survives the end of the leader", { timeout: 120_000 }, async () => {
    const leader = await cluster.leader();
    const others = cluster.others(leader);
    const connections = await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, at) => cluster.nodes[others[at % 2]!]!.connect()),
    );
    for (const [number, connection] of connections.entries()) flood(connection, number);
    // Killed with some of it under way: the first replies have come.
    const first = await connections[0]!.read(ANSWER_MS_MAX);
    expect(first.text).toBe("1");
    await cluster.kill(leader);
    const counts = await Promise.all(
      connections.map(async (connection, number) => {
        const replies = await connection.readMany(COMMANDS - (number === 0 ? 1 : 0), ANSWER_MS_MAX);
        connection.close();
        return replies.map(({ text }) => text);
      }),
    );
    counts[0]!.unshift(first.text);
    // Each key is raised twice by its connection, in the order of the commands.
    const expected = Array.from({ length: COMMANDS }, (_, at) => (at < KEYS ? "1" : "2"));
    for (const replies of counts) expect(replies).toEqual(expected);
    await cluster.startNode(leader);
    await cluster.whole();
    await sameData(cluster);
  });
});

function flood(connection: RespConnection, number: number): void {
  const commands = Array.from({ length: COMMANDS }, (_, at) =>
    encode(["INCR", `${number}:${at % KEYS}`]),
  );
  connection.write(Buffer.concat(commands));
}
