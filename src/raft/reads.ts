// ReadIndex: reads confirmed by a heartbeat round that a quorum acknowledged after they were asked
// (thesis 6.4).
import { failpoints } from "../base/failpoints.ts";
import { beginRound, broadcastHeartbeat } from "./replication.ts";
import type { PendingRead, RaftState } from "./state.ts";
import { MessageType, Role } from "./types.ts";
import type { Index, Message, NodeId } from "./types.ts";

/** Takes a read of this node: to the leader's own batch, or as a message to the leader. */
export function askReadIndex(raft: RaftState, context: number): boolean {
  if (raft.role === Role.leader) {
    raft.readsFresh.push({ context, from: raft.id, index: 0, round: 0 });
    return true;
  }
  if (raft.leader === 0) return false;
  const message = raft.draft(MessageType.readIndex, raft.leader);
  message.context = context;
  raft.send(message);
  return true;
}

/** A follower's read: joins the leader's batch; refused by anyone else. */
export function onReadIndex(raft: RaftState, message: Message): void {
  if (raft.role === Role.leader) {
    const { context, from } = message;
    raft.readsFresh.push({ context, from, index: 0, round: 0 });
    return;
  }
  const refusal = raft.draft(MessageType.readIndexResponse, message.from);
  refusal.context = message.context;
  refusal.reject = true;
  raft.send(refusal);
}

/** The leader's answer to this node's read; after a refusal the shell retries on its timeout. */
export function onReadIndexResponse(raft: RaftState, message: Message): void {
  if (message.reject) return;
  raft.readStates.push({ context: message.context, index: message.index });
}

/** Whether the next ready has something to do for reads. */
export function readsDue(raft: RaftState): boolean {
  if (raft.readsFresh.length > 0) return raft.committedInTerm;
  return raft.roundsAdvanced && raft.readsRunning.length > 0;
}

/**
 * Leader, once per ready: all reads asked since the last one share one round and one index; those
 * whose round a quorum acknowledged are answered.
 */
export function advanceReads(raft: RaftState): void {
  if (raft.readsFresh.length > 0 && raft.committedInTerm) startRound(raft);
  raft.roundsAdvanced = false;
  if (raft.readsRunning.length === 0) return;
  const confirmed = raft.members.quorumRound();
  let answered = 0;
  for (; answered < raft.readsRunning.length; answered++) {
    const read = raft.readsRunning[answered]!;
    if (read.round > confirmed) break;
    answer(raft, read);
  }
  raft.readsRunning.splice(0, answered);
}

function startRound(raft: RaftState): void {
  const round = beginRound(raft);
  for (const read of raft.readsFresh) {
    read.index = raft.commit;
    read.round = round;
    raft.readsRunning.push(read);
  }
  raft.readsFresh = [];
  broadcastHeartbeat(raft);
  failpoints.reached?.("raft.readRound.begun");
}

function answer(raft: RaftState, read: PendingRead): void {
  failpoints.reached?.("raft.readRound.confirmed");
  const { context, from, index } = read;
  if (from === raft.id) raft.readStates.push({ context, index });
  else respond(raft, from, context, index);
}

function respond(raft: RaftState, to: NodeId, context: number, index: Index): void {
  const message = raft.draft(MessageType.readIndexResponse, to);
  message.context = context;
  message.index = index;
  raft.send(message);
}

/** A lost leadership takes its unanswered reads with it. */
export function dropReads(raft: RaftState): void {
  raft.readsFresh = [];
  raft.readsRunning = [];
}
