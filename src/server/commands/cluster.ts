// CLUSTER: what Redis Cluster's clients and tools ask. What they would change by hand happens by
// itself here.
import { SLOT_COUNT, slotOf } from "../../base/slot.ts";
import { integerArgument } from "../../commands/access.ts";
import { NOT_AN_INTEGER } from "../../commands/errors.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import type { NodeView } from "../node-view.ts";
import type { Session } from "../session.ts";
import { nodesText, writeLinks, writeShards, writeSlots } from "./cluster-topology.ts";
import { container, type Row } from "./family.ts";

const BAD_SLOT = "ERR Invalid slot";
const BAD_SLOT_OR_COUNT = "ERR Invalid slot or number of keys";
/** Keys that CLUSTER GETKEYSINSLOT gives at once. */
const SLOT_KEYS_MAX = 100_000;

function info(session: Session, _args: Args, reply: Reply): void {
  const { node } = session.server;
  const members = node.members();
  const shards = node.shards();
  let assigned = 0;
  let led = 0;
  for (const shard of shards) {
    const slots = shard.lastSlot - shard.firstSlot + 1;
    assigned += slots;
    if (shard.leaderId !== 0) led += slots;
  }
  const { term } = node.progress();
  const fields: readonly (readonly [string, string | number])[] = [
    ["cluster_state", led === SLOT_COUNT ? "ok" : "fail"],
    ["cluster_slots_assigned", assigned],
    ["cluster_slots_ok", led],
    ["cluster_slots_pfail", 0],
    ["cluster_slots_fail", assigned - led],
    ["cluster_known_nodes", members.length],
    ["cluster_size", shards.length],
    ["cluster_current_epoch", term],
    ["cluster_my_epoch", term],
    ["cluster_stats_messages_sent", 0],
    ["cluster_stats_messages_received", 0],
    ["total_cluster_links_buffer_limit_exceeded", 0],
  ];
  reply.verbatim("txt", fields.map(([name, value]) => `${name}:${value}\r\n`).join(""));
}

function myShardId({ node }: Session["server"], reply: Reply): void {
  const own = node.shards().find((shard) => shard.nodeIds.includes(node.identity.nodeId));
  reply.bulkText(own?.name ?? node.identity.clusterId);
}

function keySlot(_session: Session, args: Args, reply: Reply): void {
  reply.integer(slotOf(args.view, args.offset(2), args.length(2)));
}

function isSlot(slot: number): boolean {
  return slot >= 0 && slot < SLOT_COUNT;
}

function countKeys(session: Session, args: Args, reply: Reply): void {
  const slot = integerArgument(args, 2);
  if (Number.isNaN(slot)) reply.error(NOT_AN_INTEGER);
  else if (!isSlot(slot)) reply.error(BAD_SLOT);
  else reply.integer(session.server.node.countKeysInSlot(slot));
}

function getKeys(session: Session, args: Args, reply: Reply): void {
  const slot = integerArgument(args, 2);
  const count = integerArgument(args, 3);
  if (Number.isNaN(slot) || Number.isNaN(count)) reply.error(NOT_AN_INTEGER);
  else if (!isSlot(slot) || count < 0) reply.error(BAD_SLOT_OR_COUNT);
  else writeKeys(session.server.node, slot, Math.min(count, SLOT_KEYS_MAX), reply);
}

function writeKeys(node: NodeView, slot: number, count: number, reply: Reply): void {
  const keys = node.keysInSlot(slot, count);
  reply.array(keys.length);
  for (const key of keys) {
    reply.bulk(key, new DataView(key.buffer, key.byteOffset, key.length), 0, key.length);
  }
}

const rows: readonly Row[] = [
  {
    name: "countkeysinslot",
    arity: 3,
    flags: ["stale"],
    summary: "How many keys of database 0 this node has in a slot.",
    syntax: "slot:integer",
    since: "3.0.0",
    run: countKeys,
  },
  {
    name: "getkeysinslot",
    arity: 4,
    flags: ["stale"],
    tips: ["nondeterministic_output"],
    summary: "Keys of database 0 that this node has in a slot.",
    syntax: "slot:integer count:integer",
    complexity: "O(N) in the keys asked for",
    since: "3.0.0",
    run: getKeys,
  },
  {
    name: "info",
    arity: 2,
    flags: ["stale"],
    tips: ["nondeterministic_output"],
    summary: "The state of the cluster in Redis Cluster's words.",
    since: "3.0.0",
    run: info,
  },
  {
    name: "keyslot",
    arity: 3,
    flags: ["stale"],
    summary: "The hash slot of a key.",
    syntax: "key",
    complexity: "O(N) in the bytes of the key",
    since: "3.0.0",
    run: keySlot,
  },
  {
    name: "links",
    arity: 2,
    flags: ["stale"],
    tips: ["nondeterministic_output"],
    summary: "The connections of this node to others.",
    complexity: "O(N) in the nodes",
    since: "7.0.0",
    run: (session, _args, reply) => writeLinks(session, reply),
  },
  {
    name: "myid",
    arity: 2,
    flags: ["stale"],
    summary: "The id of this node.",
    since: "3.0.0",
    run: (session, _args, reply) => reply.bulkText(session.server.node.identity.name),
  },
  {
    name: "myshardid",
    arity: 2,
    flags: ["stale"],
    tips: ["nondeterministic_output"],
    summary: "The id of the shard that this node holds.",
    since: "7.2.0",
    run: (session, _args, reply) => myShardId(session.server, reply),
  },
  {
    name: "nodes",
    arity: 2,
    flags: ["stale"],
    tips: ["nondeterministic_output"],
    summary: "All nodes with address, role and slots, a line each.",
    complexity: "O(N) in the nodes",
    since: "3.0.0",
    run: (session, _args, reply) => reply.verbatim("txt", nodesText(session)),
  },
  {
    name: "shards",
    arity: 2,
    flags: ["loading", "stale"],
    tips: ["nondeterministic_output"],
    summary: "All shards with their slots and nodes.",
    complexity: "O(N) in the nodes",
    since: "7.0.0",
    run: (session, _args, reply) => writeShards(session, reply),
  },
  {
    name: "slots",
    arity: 2,
    flags: ["loading", "stale"],
    tips: ["nondeterministic_output"],
    summary: "All slot ranges with the nodes that hold them.",
    complexity: "O(N) in the nodes",
    since: "3.0.0",
    run: (session, _args, reply) => writeSlots(session, reply),
  },
];

const JOIN = "start the new node with --join HOST:PEERPORT, and it becomes a member by itself";
const EPOCHS = "epochs are terms of the log, and move with elections alone";
const SLOTS = "slots are given to shards by the cluster itself";

/**
 * Subcommands of Redis Cluster that change it by hand: name, arity, arguments, what to do instead.
 */
const refused: readonly (readonly [
  name: string,
  arity: number,
  syntax: string,
  instead: string,
])[] = [
  ["addslots", -3, "slot:integer [slot:integer ...]", SLOTS],
  ["addslotsrange", -4, "start-slot:integer end-slot:integer", SLOTS],
  ["bumpepoch", 2, "", EPOCHS],
  ["delslots", -3, "slot:integer [slot:integer ...]", SLOTS],
  ["delslotsrange", -4, "start-slot:integer end-slot:integer", SLOTS],
  ["failover", -2, "[FORCE|TAKEOVER]", "stop the leader with SIGTERM or SHUTDOWN: it hands over"],
  ["flushslots", 2, "", SLOTS],
  ["forget", 3, "node-id", "a node that stays away is replaced by the cluster itself"],
  ["meet", -4, "ip port:integer", JOIN],
  ["replicate", 3, "node-id", "copies are placed by the cluster itself"],
  ["reset", -2, "[HARD|SOFT]", "stop the node and give it an empty --data directory"],
  ["saveconfig", 2, "", "the state of the cluster is on disk before it takes effect"],
  ["set-config-epoch", 3, "config-epoch:integer", EPOCHS],
  ["setslot", -4, "slot:integer IMPORTING|MIGRATING|NODE|STABLE [node-id]", SLOTS],
];

const refusedRows = refused.map(([name, arity, syntax, instead]): Row => {
  const error = `ERR CLUSTER ${name.toUpperCase()} is not used in Kvorum: ${instead}`;
  return {
    name,
    arity,
    flags: ["admin", "stale"],
    summary: `Refused: ${instead}.`,
    syntax,
    since: "3.0.0",
    run: (_session, _args, reply) => reply.error(error),
  };
});

/** CLUSTER and its subcommands. */
export const clusterCommands: readonly SessionCommand[] = container(
  {
    name: "cluster",
    group: "cluster",
    summary: "A container for commands on the cluster.",
    since: "3.0.0",
  },
  [...rows, ...refusedRows].toSorted((left, right) => (left.name < right.name ? -1 : 1)),
);
