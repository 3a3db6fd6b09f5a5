// What `kvorum status` says of clusters in good and bad shape.
import { expect, test } from "vitest";
import type { ClusterStatus, NodeInfo, NodeStatus } from "./cluster-status.ts";
import { adviceOn, statusJson, statusText } from "./status-report.ts";

function node(nodeId: number, role: string, info: Partial<NodeInfo> = {}): NodeStatus {
  return {
    address: `127.0.0.1:${7000 + nodeId}`,
    name: `${nodeId}`.repeat(40),
    failure: "",
    info: {
      nodeId,
      role,
      leaderId: 1,
      voters: 3,
      members: 3,
      term: 4,
      lastIndex: 500,
      commitIndex: 500,
      appliedIndex: 500,
      snapshotIndex: 0,
      clusterId: "c".repeat(40),
      version: "0.1.0",
      usedBytes: 3 * 1024 * 1024,
      keys: 17,
      ...info,
    },
  };
}

function down(nodeId: number): NodeStatus {
  const address = `127.0.0.1:${7000 + nodeId}`;
  return { address, name: `${nodeId}`.repeat(40), info: null, failure: "connect ECONNREFUSED" };
}

function cluster(...nodes: NodeStatus[]): ClusterStatus {
  return { nodes };
}

const LEADER = node(1, "leader");

test.each([
  {
    name: "one node",
    status: cluster(node(1, "leader", { voters: 1 })),
    says: ["one node: no copies, no failover; add two more with kvorum server --join"],
  },
  {
    name: "two nodes",
    status: cluster(node(1, "leader", { voters: 1 }), node(2, "learner")),
    says: ["no failover yet: 2 nodes, one voter and one learner; add a third one"],
  },
  {
    name: "three nodes, two of them new",
    status: cluster(node(1, "leader", { voters: 1 }), node(2, "learner"), node(3, "learner")),
    says: ["no failover yet: 3 nodes, learners are catching up"],
  },
  {
    name: "three voters",
    status: cluster(LEADER, node(2, "follower"), node(3, "follower")),
    says: ["healthy: 3 voters: any one of them may fail"],
  },
  {
    name: "one of three down",
    status: cluster(LEADER, node(2, "follower"), down(3)),
    says: [
      "3 voters: any one of them may fail, and one has: the next loss stops writes",
      "127.0.0.1:7003 does not answer: connect ECONNREFUSED",
    ],
  },
  {
    name: "one of five down",
    status: cluster(
      node(1, "leader", { voters: 5 }),
      ...[2, 3, 4].map((id) => node(id, "follower")),
      down(5),
    ),
    says: [
      "5 voters: any 2 of them may fail; 1 more now",
      "127.0.0.1:7005 does not answer: connect ECONNREFUSED",
    ],
  },
  {
    name: "no leader",
    status: cluster(node(2, "candidate", { leaderId: 0 }), down(1), down(3)),
    says: [
      "no leader: commands wait, then fail with CLUSTERDOWN",
      "127.0.0.1:7001 does not answer: connect ECONNREFUSED",
      "127.0.0.1:7003 does not answer: connect ECONNREFUSED",
    ],
  },
  {
    name: "a follower far behind",
    status: cluster(
      node(1, "leader", { lastIndex: 5_000 }),
      node(2, "follower", { appliedIndex: 10 }),
      node(3, "follower", { appliedIndex: 5_000 }),
    ),
    says: [
      "healthy: 3 voters: any one of them may fail",
      "node 2 is 4990 entries behind: catching up",
    ],
  },
])("advice: $name", ({ status, says }) => {
  expect(adviceOn(status)).toEqual(says);
});

test("a leader of an older term is not the leader", () => {
  const old = node(2, "leader", { term: 3, voters: 1 });
  const status = cluster(old, LEADER, node(3, "follower"));
  expect(adviceOn(status)[0]).toBe("healthy: 3 voters: any one of them may fail");
});

test("the table lines up", () => {
  const status = cluster(
    LEADER,
    node(2, "follower", { appliedIndex: 498, usedBytes: 900 }),
    down(3),
  );
  expect(statusText(status).split("\n").slice(0, 4)).toEqual([
    "NODE  ADDRESS         ROLE      TERM  APPLIED  LAG  KEYS   MEMORY",
    "   1  127.0.0.1:7001  leader       4      500    -    17  3.0 MiB",
    "   2  127.0.0.1:7002  follower     4      498    2    17    900 B",
    "   ?  127.0.0.1:7003  down         -        -    -     -        -",
  ]);
});

test("JSON holds the same", () => {
  const parsed = JSON.parse(statusJson(cluster(LEADER, down(2)))) as {
    leader: number;
    nodes: { online: boolean; lag: number | null }[];
  };
  expect(parsed.leader).toBe(1);
  expect(parsed.nodes.map(({ online, lag }) => [online, lag])).toEqual([
    [true, 0],
    [false, null],
  ]);
});
