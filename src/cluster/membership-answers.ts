// What a member answers to calls of other nodes: shapes of replies, and what is wrong with a
// question.
import { SLOT_COUNT } from "../base/slot.ts";
import { JoinOutcome } from "../transport/generated/messages.ts";
import type { Member as WireMember } from "../transport/generated/messages.ts";
import type { CallOrigin } from "../transport/handler.ts";
import type { JoinReply, JoinRequest, StatusReply } from "../transport/peer-message.ts";
import { toWire } from "./join.ts";
import type { AddressBook, Member } from "./membership-types.ts";
import type { KvorumNode } from "./node.ts";
import { FIRST_SHARD } from "./router.ts";

/** The answer of node `self` that takes nobody; it says who answers. */
export function joinReply(
  node: KvorumNode,
  self: Member,
  outcome: JoinReply["outcome"],
  detail: string,
): JoinReply {
  return {
    kind: "joinReply",
    outcome,
    clusterId: node.identity.clusterId,
    nodeId: 0,
    redirect: undefined,
    members: [wireMember(self)],
    detail,
    hashSeed: [],
    firstVoters: [],
  };
}

/** The leader's answer to a node that is in the book. */
export function welcome(
  node: KvorumNode,
  self: Member,
  book: AddressBook,
  nodeId: number,
): JoinReply {
  const { hashSeed, firstVoters } = node.identity;
  const members = book.members.map(wireMember);
  const reply = joinReply(node, self, JoinOutcome.joined, "");
  return { ...reply, nodeId, members, hashSeed, firstVoters };
}

/** How a node is. */
export function statusReply(
  node: KvorumNode,
  self: Member,
  book: AddressBook,
  release: string,
): StatusReply {
  const { raft, serving } = node.replica;
  const { voters, learners } = raft.conf;
  const shard = {
    shard: FIRST_SHARD,
    leader: raft.leader,
    term: raft.term,
    commit: raft.commitIndex,
    applied: raft.appliedIndex,
    firstSlot: 0,
    lastSlot: SLOT_COUNT - 1,
    voters,
    learners,
  };
  return {
    kind: "statusReply",
    clusterId: node.identity.clusterId,
    nodeId: self.id,
    incarnation: 0,
    release,
    address: toWire(self),
    ready: serving || (raft.leader !== 0 && raft.leader !== raft.id),
    members: book.members.map(wireMember),
    shards: [shard],
  };
}

/** Why a question to join makes no sense; null when it does. */
export function faultOf(origin: CallOrigin, request: JoinRequest): string | null {
  const { address, nodeId, token } = request;
  if (address === undefined || address.host === "" || address.peerPort === 0) {
    return "the question names no address";
  }
  if (origin.nodeId !== nodeId) return "the question names another node than the connection";
  if (nodeId === 0 && token === "") return "the question has no token";
  return null;
}

/** An entry of the address book as peers say it. */
export function wireMember(member: Member): WireMember {
  return {
    nodeId: member.id,
    incarnation: 0,
    address: toWire(member),
    zone: "",
    machine: "",
  };
}
