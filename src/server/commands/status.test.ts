// INFO, ROLE, TIME and WAIT over a fake node.
import { describe, expect, test } from "vitest";
import { WORLD_EPOCH_MS } from "../../platform/simulated/sim-world.ts";
import { fakeMember } from "../testing/fake-node.ts";
import { ServerTester } from "../testing/server-tester.ts";

/** Fields of INFO as a map, with `# Title` for each section. */
function infoOf(text: string): Map<string, string> {
  const fields = text.split(/ (?=# )/).flatMap((section) => section.trim().split(" "));
  return new Map(
    fields.map((field) => [field.split(":")[0]!, field.slice(field.indexOf(":") + 1)]),
  );
}

async function startCluster(): Promise<ServerTester> {
  const tester = await ServerTester.start();
  tester.node.memberList = [
    fakeMember(1),
    fakeMember(2, { matchIndex: 100, silentMs: 120 }),
    fakeMember(3, { matchIndex: 90, silentMs: 1700 }),
  ];
  return tester;
}

describe("INFO", () => {
  const byDefault = [
    "Server",
    "Clients",
    "Memory",
    "Persistence",
    "Stats",
    "Replication",
    "CPU",
    "Modules",
    "Errorstats",
    "Cluster",
    "Keyspace",
    "Kvorum",
  ];

  test.each([
    { line: "INFO", titles: byDefault },
    { line: "INFO default", titles: byDefault },
    { line: "INFO server", titles: ["Server"] },
    { line: "INFO KEYSPACE Server keyspace", titles: ["Server", "Keyspace"] },
    { line: "INFO commandstats", titles: ["Commandstats"] },
    { line: "INFO all", titles: byDefault.toSpliced(8, 0, "Commandstats") },
    { line: "INFO everything", titles: byDefault.toSpliced(8, 0, "Commandstats") },
    { line: "INFO default commandstats", titles: byDefault.toSpliced(8, 0, "Commandstats") },
    { line: "INFO nosuch", titles: [] },
  ])("$line shows $titles", async ({ line, titles }) => {
    const text = (await ServerTester.start()).connect().ask(line);
    expect([...text.matchAll(/# (\w+)/g)].map((match) => match[1])).toEqual(titles);
  });

  test("has Redis's form: sections apart by an empty line, fields with CR LF", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    client.send("INFO cluster keyspace\r\n");
    const output = client.connection.takeOutput().toString();
    expect(output).toBe("$44\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n\r\n");
    client.ask("HELLO 3");
    expect(client.ask("INFO cluster")).toBe("=34 txt:# Cluster cluster_enabled:0");
  });

  test("tells what the node and the server know", async () => {
    const tester = await startCluster();
    tester.node.keyCounts.set(0, 12).set(15, 1);
    const client = tester.connect();
    tester.connect().send("put a\r\n");
    tester.advance(90_061_500);
    const info = infoOf(client.ask("INFO everything"));
    const expected: Record<string, string> = {
      redis_version: "7.2.4",
      kvorum_version: "0.1.0",
      redis_mode: "standalone",
      run_id: "a".repeat(40),
      tcp_port: "6379",
      uptime_in_seconds: "90061",
      uptime_in_days: "1",
      connected_clients: "2",
      used_memory: "25000000",
      used_memory_human: "23.84M",
      maxmemory_policy: "noeviction",
      rdb_bgsave_in_progress: "0",
      rdb_last_save_time: "1700000000",
      rdb_changes_since_last_save: "9",
      aof_enabled: "1",
      expired_keys: "7",
      keyspace_hits: "20",
      connected_slaves: "2",
      slave0: "ip=10.0.0.2,port=6379,state=online,offset=100,lag=0",
      slave1: "ip=10.0.0.3,port=6379,state=online,offset=90,lag=2",
      master_repl_offset: "100",
      used_cpu_user: "1.500000",
      cluster_enabled: "0",
      db0: "keys=12,expires=0,avg_ttl=0",
      db15: "keys=1,expires=0,avg_ttl=0",
      node_id: "1",
      term: "3",
      commit_index: "100",
      applied_index: "100",
      snapshot_index: "50",
      lease_ms: "750",
      log_bytes: "65536",
      event_loop_stall_ms_max: "4.2",
    };
    expect(Object.fromEntries(info)).toMatchObject(expected);
    expect(info.has("db1")).toBe(false);
  });

  test("tells a follower's side of replication", async () => {
    const tester = await startCluster();
    tester.node.roleNow = "follower";
    tester.node.memberList = [
      fakeMember(1, { isLeader: false, matchIndex: -1 }),
      fakeMember(2, { isLeader: true, silentMs: 2_100, matchIndex: -1 }),
    ];
    const info = infoOf(tester.connect().ask("INFO replication"));
    expect(info.get("role")).toBe("slave");
    expect(info.get("master_host")).toBe("10.0.0.2");
    expect(info.get("master_port")).toBe("6379");
    expect(info.get("master_link_status")).toBe("up");
    expect(info.get("master_last_io_seconds_ago")).toBe("2");
  });

  test("counts commands by name, subcommands apart, and errors by code", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    for (const line of [
      "PING",
      "PING",
      "PING a b c",
      "SELECT 99",
      "CLIENT ID",
      "CLIENT x",
      "EXEC",
    ]) {
      client.ask(line);
    }
    client.ask("slowsee BAD");
    const info = infoOf(client.ask("INFO commandstats errorstats stats"));
    const stat = (name: string): string => info.get(`cmdstat_${name}`) ?? "";
    expect(stat("ping")).toMatch(
      /^calls=3,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1$/,
    );
    expect(stat("select")).toMatch(/^calls=1,.*,rejected_calls=0,failed_calls=1$/);
    expect(stat("slowsee")).toMatch(/^calls=1,.*,failed_calls=1$/);
    expect(stat("client|id")).toMatch(/^calls=1,/);
    expect(stat("client")).toMatch(/^calls=0,.*,rejected_calls=1,/);
    expect(info.get("errorstat_ERR")).toBe("count=4");
    expect(info.get("errorstat_WRONGTYPE")).toBe("count=1");
    expect(info.get("total_error_replies")).toBe("5");
  });

  test("measures traffic over the last second", async () => {
    const tester = await ServerTester.start();
    const client = tester.connect();
    tester.advance(1_000);
    client.send("PING\r\n".repeat(500));
    tester.advance(1_000);
    expect(infoOf(client.ask("INFO stats")).get("instantaneous_ops_per_sec")).toBe("500");
    tester.advance(1_000);
    expect(infoOf(client.ask("INFO stats")).get("instantaneous_ops_per_sec")).toBe("1");
    tester.advance(3_000);
    expect(infoOf(client.ask("INFO stats")).get("instantaneous_ops_per_sec")).toBe("0");
  });
});

describe("ROLE", () => {
  test("of a leader lists the replicas that are there", async () => {
    const tester = await startCluster();
    const client = tester.connect();
    expect(client.ask("ROLE")).toBe(
      "*3 $6 master :100 *2 *3 $8 10.0.0.2 $4 6379 $3 100 *3 $8 10.0.0.3 $4 6379 $2 90",
    );
    tester.node.memberList = [fakeMember(1), fakeMember(2, { online: false })];
    expect(client.ask("ROLE")).toBe("*3 $6 master :100 *0");
  });

  test.each([
    { leader: { online: true }, reply: "*5 $5 slave $8 10.0.0.2 :6379 $9 connected :100" },
    { leader: { online: false }, reply: "*5 $5 slave $8 10.0.0.2 :6379 $10 connecting :100" },
    { leader: null, reply: "*5 $5 slave $0  :0 $7 connect :-1" },
  ])("of a follower names its leader: $leader", async ({ leader, reply }) => {
    const tester = await ServerTester.start();
    tester.node.roleNow = "follower";
    tester.node.memberList = [
      fakeMember(1, { isLeader: false }),
      fakeMember(2, { isLeader: leader !== null, ...leader }),
    ];
    expect(tester.connect().ask("ROLE")).toBe(reply);
  });
});

describe("TIME, LOLWUT", () => {
  test("TIME gives seconds and microseconds of the server's clock", async () => {
    const tester = await ServerTester.start();
    tester.advance(1_234);
    const seconds = String(WORLD_EPOCH_MS / 1000 + 1);
    const client = tester.connect();
    expect(client.ask("TIME")).toBe(`*2 $10 ${seconds} $6 234000`);
    expect(client.ask("TIME x")).toBe("-ERR wrong number of arguments for 'time' command");
  });

  test("LOLWUT names the version", async () => {
    const client = (await ServerTester.start()).connect();
    expect(client.ask("LOLWUT VERSION 5")).toContain("Kvorum ver. 0.1.0");
  });
});

describe("WAIT", () => {
  test.each([
    { line: "WAIT abc 0", reply: "-ERR value is not an integer or out of range" },
    { line: "WAIT 0 abc", reply: "-ERR timeout is not an integer or out of range" },
    { line: "WAIT 0 -1", reply: "-ERR timeout is negative" },
    { line: "WAIT -1 10", reply: ":1" },
    { line: "WAIT 0 0", reply: ":1" },
    { line: "WAIT 1 0", reply: ":1" },
    { line: "WAIT 1", reply: "-ERR wrong number of arguments for 'wait' command" },
  ])("$line", async ({ line, reply }) => {
    expect((await startCluster()).connect().ask(line)).toBe(reply);
  });

  test("waits for the session's writes, then for copies, and counts them", async () => {
    const tester = await startCluster();
    const client = tester.connect();
    client.send("put a\r\nWAIT 2 1000\r\nPING\r\n");
    tester.answer();
    expect(client.replies()).toBe("$1 a");
    tester.advance(100);
    expect(client.replies()).toBe("");
    tester.node.memberList = [fakeMember(1), fakeMember(2), fakeMember(3)];
    tester.advance(10);
    expect(client.replies()).toBe(":2 +PONG");
  });

  test("gives up after its timeout with the number there is", async () => {
    const tester = await startCluster();
    const client = tester.connect();
    client.send("WAIT 2 500\r\n");
    tester.advance(490);
    expect(client.replies()).toBe("");
    tester.advance(20);
    expect(client.replies()).toBe(":1");
  });

  test("without a timeout waits as long as it takes, or until the client has gone", async () => {
    const tester = await startCluster();
    const [client, gone] = [tester.connect(), tester.connect()];
    client.send("WAIT 2 0\r\n");
    gone.send("WAIT 2 0\r\n");
    gone.connection.hangUp();
    tester.advance(60_000);
    tester.node.memberList = [fakeMember(1), fakeMember(2), fakeMember(3)];
    tester.advance(10);
    expect(client.replies()).toBe(":2");
  });

  test("on a follower counts the majority that every acknowledged write is on", async () => {
    const tester = await startCluster();
    tester.node.roleNow = "follower";
    const client = tester.connect();
    expect(client.ask("WAIT 1 0")).toBe(":1");
    client.send("WAIT 2 100\r\n");
    tester.advance(110);
    expect(client.replies()).toBe(":1");
  });
});
