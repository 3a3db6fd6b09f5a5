// Who gets MOVED, and when.
import { beforeEach, describe, expect, test } from "vitest";
import { fakeMember } from "./testing/fake-node.ts";
import { ServerTester, type TestClient } from "./testing/server-tester.ts";

const MOVED = "-MOVED 12182 10.0.0.2:6379";
/** Slot 12182. */
const KEY = "foo";

let tester: ServerTester;
let client: TestClient;

/** The tested node, number 1, follows node 2. */
function follow(leaderId = 2): void {
  const { node } = tester;
  node.roleNow = "follower";
  node.memberList = [fakeMember(1, { isLeader: false }), fakeMember(2, { isLeader: true })];
  node.shardList = [{ ...node.shardList[0]!, leaderId, nodeIds: [1, 2] }];
  tester.backend.leads = false;
}

/** Whether the command was handed to the database, from where it is forwarded. */
function isForwarded(...words: string[]): boolean {
  const before = tester.backend.open.length;
  client.command(...words);
  return tester.backend.open.length > before;
}

beforeEach(async () => {
  tester = await ServerTester.start();
  client = tester.connect();
});

describe("--redirect auto", () => {
  test("a leader redirects nobody", () => {
    client.call("CLUSTER", "SLOTS");
    expect(isForwarded("SET", KEY, "1")).toBe(true);
  });

  test("a follower forwards for clients that never asked for the topology", () => {
    follow();
    expect(isForwarded("SET", KEY, "1")).toBe(true);
    expect(isForwarded("GET", KEY)).toBe(true);
  });

  test.each(["SLOTS", "SHARDS", "NODES"])("a follower redirects after CLUSTER %s", (form) => {
    follow();
    client.call("CLUSTER", form);
    expect(client.call("SET", KEY, "1")).toBe(MOVED);
    expect(client.call("GET", `{${KEY}}.x`)).toBe(MOVED);
    expect(tester.connect().call("PING")).toBe("+PONG");
  });

  test("commands without keys are forwarded all the same", () => {
    follow();
    client.call("CLUSTER", "SLOTS");
    expect(isForwarded("DBSIZE")).toBe(true);
  });

  test("without a leader commands wait here", () => {
    follow(0);
    client.call("CLUSTER", "SLOTS");
    expect(isForwarded("SET", KEY, "1")).toBe(true);
  });

  test("a transaction with a misrouted command fails as a whole", () => {
    follow();
    client.call("CLUSTER", "SLOTS");
    expect(client.call("MULTI")).toBe("+OK");
    expect(client.call("SET", KEY, "1")).toBe(MOVED);
    expect(client.call("EXEC")).toBe(
      "-EXECABORT Transaction discarded because of previous errors.",
    );
    expect(client.call("WATCH", KEY)).toBe(MOVED);
  });
});

describe("--redirect always and never", () => {
  test("always: every connection", () => {
    follow();
    tester.node.settings.redirect = "always";
    expect(client.call("GET", KEY)).toBe(MOVED);
  });

  test("never: not even those that asked for the topology", () => {
    follow();
    tester.node.settings.redirect = "never";
    client.call("CLUSTER", "SLOTS");
    expect(isForwarded("GET", KEY)).toBe(true);
  });
});

test("connections on the cluster port are always redirected", async () => {
  follow();
  tester.node.settings.redirect = "never";
  await tester.server.listen("127.0.0.1", 7379, true);
  client = tester.connect();
  expect(client.call("GET", KEY)).toBe(MOVED);
});
