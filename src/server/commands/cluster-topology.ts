// The cluster in Redis Cluster's forms: CLUSTER SLOTS, SHARDS, NODES, LINKS.
import type { Reply } from "../../resp/reply.ts";
import type { MemberView, ShardView } from "../node-view.ts";
import type { Session } from "../session.ts";

/** A shard with those of its nodes that are known, the leader first. */
interface ShardNodes {
  readonly shard: ShardView;
  readonly nodes: readonly MemberView[];
}

/** Who asks for the topology is a cluster client: from now on it may be redirected. */
function topologyFor(session: Session): readonly ShardNodes[] {
  session.state.asksTopology = true;
  const { node } = session.server;
  const members = new Map(node.members().map((member) => [member.nodeId, member]));
  return node.shards().map((shard) => {
    const nodes = shard.nodeIds.flatMap((id) => members.get(id) ?? []);
    // Redis lists a shard's master first; without a leader those come first that are there.
    const rank = (member: MemberView): number =>
      member.nodeId === shard.leaderId ? 0 : member.online ? 1 : 2;
    return { shard, nodes: nodes.toSorted((left, right) => rank(left) - rank(right)) };
  });
}

/**
 * The address to tell this client: where it reached us, for a node that listens on all addresses.
 */
function hostFor(session: Session, member: MemberView): string {
  if (member.host !== "" || !member.isSelf) return member.host;
  const { local } = session.connection;
  return local.slice(0, Math.max(0, local.lastIndexOf(":"))).replace(/^\[|\]$/g, "");
}

/** Replicas that are down are no use to a client that wants to connect. */
function isWorthListing(member: MemberView, shard: ShardView): boolean {
  return member.online || member.nodeId === shard.leaderId;
}

/** CLUSTER SLOTS: for each shard first slot, last slot, then address, port, id of each node. */
export function writeSlots(session: Session, reply: Reply): void {
  const topology = topologyFor(session);
  reply.array(topology.length);
  for (const { shard, nodes } of topology) {
    const listed = nodes.filter((member) => isWorthListing(member, shard));
    reply.array(2 + listed.length);
    reply.integer(shard.firstSlot);
    reply.integer(shard.lastSlot);
    for (const member of listed) {
      reply.array(4);
      reply.bulkText(hostFor(session, member));
      reply.integer(member.port);
      reply.bulkText(member.name);
      reply.array(0);
    }
  }
}

/** CLUSTER SHARDS: a map with the slots and the nodes of each shard. */
export function writeShards(session: Session, reply: Reply): void {
  const topology = topologyFor(session);
  reply.array(topology.length);
  for (const { shard, nodes } of topology) {
    reply.map(2);
    reply.bulkText("slots");
    reply.array(2);
    reply.integer(shard.firstSlot);
    reply.integer(shard.lastSlot);
    reply.bulkText("nodes");
    reply.array(nodes.length);
    for (const member of nodes) writeShardNode(session, shard, member, reply);
  }
}

function writeShardNode(
  session: Session,
  shard: ShardView,
  member: MemberView,
  reply: Reply,
): void {
  const host = hostFor(session, member);
  const offset = member.isSelf ? session.server.node.progress().appliedIndex : member.matchIndex;
  reply.map(7);
  reply.bulkText("id");
  reply.bulkText(member.name);
  reply.bulkText("port");
  reply.integer(member.port);
  reply.bulkText("ip");
  reply.bulkText(host);
  reply.bulkText("endpoint");
  reply.bulkText(host);
  reply.bulkText("role");
  reply.bulkText(member.nodeId === shard.leaderId ? "master" : "replica");
  reply.bulkText("replication-offset");
  reply.integer(Math.max(0, offset));
  reply.bulkText("health");
  reply.bulkText(member.online ? "online" : "fail");
}

/** CLUSTER NODES: a line for each node, in the order of node ids. */
export function nodesText(session: Session): string {
  const topology = topologyFor(session);
  const lines = session.server.node.members().map((member) => nodeLine(session, topology, member));
  return lines.map((line) => `${line}\n`).join("");
}

function nodeLine(session: Session, topology: readonly ShardNodes[], member: MemberView): string {
  const led = topology.filter(({ shard }) => shard.leaderId === member.nodeId);
  const followed = topology.find(({ shard }) => shard.nodeIds.includes(member.nodeId));
  const leader = led.length > 0 ? undefined : followed?.nodes[0];
  const knowsLeader = leader !== undefined && leader.nodeId === followed?.shard.leaderId;
  const flags = [
    ...(member.isSelf ? ["myself"] : []),
    led.length > 0 ? "master" : "slave",
    ...(member.online ? [] : ["fail"]),
  ];
  const { node } = session.server;
  const heardAtMs = member.isSelf ? 0 : Math.floor(session.server.nowMs() - member.silentMs);
  const slots = led.map(({ shard }) => slotRange(shard)).join(" ");
  const fields = [
    member.name,
    `${hostFor(session, member)}:${member.port}@${member.peerPort}`,
    flags.join(","),
    knowsLeader ? leader.name : "-",
    "0",
    String(member.silentMs < 0 ? 0 : heardAtMs),
    String(node.progress().term),
    member.isSelf || member.linkedAtMs > 0 ? "connected" : "disconnected",
  ];
  return slots === "" ? fields.join(" ") : `${fields.join(" ")} ${slots}`;
}

function slotRange({ firstSlot, lastSlot }: ShardView): string {
  return firstSlot === lastSlot ? String(firstSlot) : `${firstSlot}-${lastSlot}`;
}

/** CLUSTER LINKS: the connections to other nodes. */
export function writeLinks(session: Session, reply: Reply): void {
  const linked = session.server.node.members().filter((member) => member.linkedAtMs > 0);
  reply.array(linked.length);
  for (const member of linked) {
    reply.map(6);
    reply.bulkText("direction");
    reply.bulkText("to");
    reply.bulkText("node");
    reply.bulkText(member.name);
    reply.bulkText("create-time");
    reply.integer(Math.floor(member.linkedAtMs));
    reply.bulkText("events");
    reply.bulkText(member.sendBufferBytes > 0 ? "rw" : "r");
    reply.bulkText("send-buffer-allocated");
    reply.integer(member.sendBufferBytes);
    reply.bulkText("send-buffer-used");
    reply.integer(member.sendBufferBytes);
  }
}
