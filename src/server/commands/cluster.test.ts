// CLUSTER: the topology in all its forms, and what is refused with what to do instead.
import { describe, expect, test } from "vitest";
import { viewOf } from "../../base/bytes.ts";
import { slotOf } from "../../base/slot.ts";
import { fakeMember, fakeName } from "../testing/fake-node.ts";
import { ServerTester } from "../testing/server-tester.ts";

const id = (nodeId: number): string => `$40 ${fakeName(nodeId)}`;
const endpoint = (nodeId: number, port = 6379): string =>
  `*4 $8 10.0.0.${nodeId} :${port} ${id(nodeId)} *0`;

/** Three nodes, one shard; the second leads, the third is away. */
async function startCluster(): Promise<ServerTester> {
  const tester = await ServerTester.start();
  tester.node.roleNow = "follower";
  tester.node.memberList = [
    fakeMember(1, { isLeader: false, matchIndex: -1 }),
    fakeMember(2, { isLeader: true, matchIndex: -1, silentMs: 40 }),
    fakeMember(3, { online: false, matchIndex: -1, silentMs: 9_000, linkedAtMs: 0 }),
  ];
  tester.node.shardList = [{ ...tester.node.shardList[0]!, leaderId: 2, nodeIds: [1, 2, 3] }];
  return tester;
}

describe("CLUSTER", () => {
  test.each([
    { line: "CLUSTER", reply: "-ERR wrong number of arguments for 'cluster' command" },
    { line: "CLUSTER foo", reply: "-ERR unknown subcommand 'foo'. Try CLUSTER HELP." },
    { line: "CLUSTER MYID", reply: id(1) },
    { line: "CLUSTER MYSHARDID", reply: `$40 ${"5".repeat(40)}` },
    {
      line: "CLUSTER KEYSLOT {user:1}.age",
      reply: `:${slotOf(viewOf(Buffer.from("user:1")), 0, 6)}`,
    },
    { line: 'CLUSTER KEYSLOT ""', reply: ":0" },
    {
      line: "CLUSTER KEYSLOT",
      reply: "-ERR wrong number of arguments for 'cluster|keyslot' command",
    },
    { line: "CLUSTER COUNTKEYSINSLOT 1", reply: ":2" },
    { line: "CLUSTER COUNTKEYSINSLOT -1", reply: "-ERR Invalid slot" },
    { line: "CLUSTER COUNTKEYSINSLOT 16384", reply: "-ERR Invalid slot" },
    { line: "CLUSTER COUNTKEYSINSLOT abc", reply: "-ERR value is not an integer or out of range" },
    { line: "CLUSTER GETKEYSINSLOT 1 10", reply: "*2 $1 a $2 b\xff" },
    { line: "CLUSTER GETKEYSINSLOT 1 1", reply: "*1 $1 a" },
    { line: "CLUSTER GETKEYSINSLOT 2 10", reply: "*0" },
    { line: "CLUSTER GETKEYSINSLOT 1 -1", reply: "-ERR Invalid slot or number of keys" },
    { line: "CLUSTER GETKEYSINSLOT 1 a", reply: "-ERR value is not an integer or out of range" },
    { line: "CLUSTER SLOTS", reply: `*1 *3 :0 :16383 ${endpoint(1)}` },
  ])("$line", async ({ line, reply }) => {
    const tester = await ServerTester.start();
    tester.node.slotKeys = [Buffer.from("a"), Buffer.from("b\xff", "latin1")];
    expect(tester.connect().ask(line)).toBe(reply);
  });

  test.each([
    { line: "CLUSTER MEET 10.0.0.1 6379", says: "--join HOST:PEERPORT" },
    { line: "CLUSTER ADDSLOTS 1 2", says: "by the cluster itself" },
    { line: "CLUSTER ADDSLOTSRANGE 1 2", says: "by the cluster itself" },
    { line: "CLUSTER DELSLOTS 1", says: "by the cluster itself" },
    { line: "CLUSTER SETSLOT 1 NODE x", says: "by the cluster itself" },
    { line: "CLUSTER RESET", says: "empty --data directory" },
    { line: "CLUSTER RESET HARD", says: "empty --data directory" },
    { line: "CLUSTER FAILOVER", says: "SIGTERM" },
    { line: "CLUSTER FORGET x", says: "by the cluster itself" },
    { line: "CLUSTER REPLICATE x", says: "by the cluster itself" },
  ])("$line is refused with what to do instead", async ({ line, says }) => {
    const reply = (await ServerTester.start()).connect().ask(line);
    expect(reply).toMatch(/^-ERR CLUSTER [A-Z]+ is not used in Kvorum: /);
    expect(reply).toContain(says);
  });

  test("SLOTS names the leader first, and nobody who is away", async () => {
    const tester = await startCluster();
    expect(tester.connect().ask("CLUSTER SLOTS")).toBe(
      `*1 *4 :0 :16383 ${endpoint(2)} ${endpoint(1)}`,
    );
  });

  test("SLOTS without a leader names those who are there", async () => {
    const tester = await startCluster();
    tester.node.memberList[1] = fakeMember(2, { online: false });
    tester.node.shardList = [{ ...tester.node.shardList[0]!, leaderId: 0 }];
    expect(tester.connect().ask("CLUSTER SLOTS")).toBe(`*1 *3 :0 :16383 ${endpoint(1)}`);
  });

  test("a node that listens on all addresses gives the one the client came by", async () => {
    const tester = await ServerTester.start();
    tester.node.memberList = [fakeMember(1, { host: "", port: 7001 })];
    expect(tester.connect().ask("CLUSTER SLOTS")).toBe(
      `*1 *3 :0 :16383 *4 $9 127.0.0.1 :7001 ${id(1)} *0`,
    );
  });

  test("SHARDS tells slots and nodes, as maps in RESP3", async () => {
    const tester = await startCluster();
    tester.node.shardList = [{ ...tester.node.shardList[0]!, nodeIds: [1, 2] }];
    const node = (nodeId: number, role: string, offset: number): string =>
      `${id(nodeId).replace(/^/, "$2 id ")} $4 port :6379 $2 ip $8 10.0.0.${nodeId} ` +
      `$8 endpoint $8 10.0.0.${nodeId} $4 role $${role.length} ${role} ` +
      `$18 replication-offset :${offset} $6 health $6 online`;
    const client = tester.connect();
    expect(client.ask("CLUSTER SHARDS")).toBe(
      "*1 *4 $5 slots *2 :0 :16383 $5 nodes *2 " +
        `*14 ${node(2, "master", 0)} *14 ${node(1, "replica", 100)}`,
    );
    client.ask("HELLO 3");
    expect(client.ask("CLUSTER SHARDS")).toMatch(
      /^\*1 %2 \$5 slots .* \*2 %7 \$2 id .* %7 \$2 id /,
    );
  });

  test("NODES gives a line for each node in Redis's form", async () => {
    const tester = await startCluster();
    const nowMs = tester.server.nowMs();
    const lines = tester.connect().ask("CLUSTER NODES").split("\n");
    expect(lines.slice(0, 3)).toEqual([
      `$381 ${fakeName(1)} 10.0.0.1:6379@16379 myself,slave ${fakeName(2)} 0 0 3 connected`,
      `${fakeName(2)} 10.0.0.2:6379@16379 master - 0 ${nowMs - 40} 3 connected 0-16383`,
      `${fakeName(3)} 10.0.0.3:6379@16379 slave,fail ${fakeName(2)} 0 ${nowMs - 9000} 3 ` +
        "disconnected",
    ]);
  });

  test.each([
    { leaderId: 2, state: "ok", served: 16384 },
    { leaderId: 0, state: "fail", served: 0 },
  ])("INFO says $state when the leader is $leaderId", async ({ leaderId, state, served }) => {
    const tester = await startCluster();
    tester.node.shardList = [{ ...tester.node.shardList[0]!, leaderId }];
    const info = tester.connect().ask("CLUSTER INFO");
    expect(info).toContain(`cluster_state:${state} cluster_slots_assigned:16384`);
    expect(info).toContain(`cluster_slots_ok:${served} `);
    expect(info).toContain("cluster_known_nodes:3 cluster_size:1 cluster_current_epoch:3");
  });

  test("LINKS lists connections that stand", async () => {
    const tester = await startCluster();
    const client = tester.connect();
    client.ask("HELLO 3");
    expect(client.ask("CLUSTER LINKS")).toBe(
      `*1 %6 $9 direction $2 to $4 node ${id(2)} $11 create-time :1700000000000 ` +
        "$6 events $1 r $21 send-buffer-allocated :0 $16 send-buffer-used :0",
    );
  });

  test.each([
    { line: "CLUSTER SLOTS", asks: true },
    { line: "CLUSTER SHARDS", asks: true },
    { line: "CLUSTER NODES", asks: true },
    { line: "CLUSTER INFO", asks: false },
    { line: "CLUSTER KEYSLOT a", asks: false },
    { line: "CLUSTER MYID", asks: false },
  ])("$line makes a cluster client of the connection: $asks", async ({ line, asks }) => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.ask(line);
    expect(tester.server.sessions.get(1)!.state.asksTopology).toBe(asks);
    client.ask("RESET");
    expect(tester.server.sessions.get(1)!.state.asksTopology).toBe(false);
  });
});
