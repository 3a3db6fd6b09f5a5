// One message in: the rules on terms that hold for every role, then the role's own reaction.
import { invariant } from "../base/invariant.ts";
import {
  onTimeoutNow,
  onVoteRequest,
  onVoteResponse,
  protectsLeader,
  refuseVote,
} from "./election.ts";
import { onAppend, onHeartbeat, onSnapshot } from "./follower.ts";
import { onAppendResponse, onHeartbeatResponse } from "./leader.ts";
import { onReadIndex, onReadIndexResponse } from "./reads.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftState } from "./state.ts";
import { MessageType, Role } from "./types.ts";
import type { Message } from "./types.ts";

/** Takes one message; O(1) but for the entries in it. */
export function stepMessage(raft: RaftState, message: Message): void {
  invariant(message.to === raft.id, "messages reach the node they are addressed to");
  const isVote = message.type === MessageType.vote || message.type === MessageType.preVote;
  if (message.term > raft.term) {
    if (isVote && protectsLeader(raft, message)) return;
    enterTermOf(raft, message);
  }
  if (message.term < raft.term) {
    answerOldTerm(raft, message);
    return;
  }
  dispatch(raft, message);
}

/** A later term always wins, except that pre-votes are only questions about one. */
function enterTermOf(raft: RaftState, message: Message): void {
  const { type, term, from } = message;
  if (type === MessageType.preVote) return;
  if (type === MessageType.preVoteResponse && !message.reject) return;
  becomeFollower(raft, term, isFromLeader(message) ? from : 0);
}

function isFromLeader(message: Message): boolean {
  const { type } = message;
  return (
    type === MessageType.append || type === MessageType.heartbeat || type === MessageType.snapshot
  );
}

/**
 * Messages of older terms are void. Two get an answer that shows the newer term: a leader that
 * could otherwise neither be heard nor be told (this node may be protected from voting by pre-vote
 * and check-quorum), and a pre-candidate that would otherwise ask for ever.
 */
function answerOldTerm(raft: RaftState, message: Message): void {
  const { type, from } = message;
  if (type === MessageType.append || type === MessageType.heartbeat) {
    const answer = raft.draft(MessageType.appendResponse, from);
    answer.reject = true;
    raft.send(answer);
  } else if (type === MessageType.preVote) {
    refuseVote(raft, message);
  }
}

function dispatch(raft: RaftState, message: Message): void {
  switch (message.type) {
    case MessageType.vote:
    case MessageType.preVote:
      onVoteRequest(raft, message);
      break;
    case MessageType.voteResponse:
    case MessageType.preVoteResponse:
      onVoteResponse(raft, message);
      break;
    case MessageType.append:
    case MessageType.heartbeat:
    case MessageType.snapshot:
      followLeader(raft, message);
      break;
    case MessageType.appendResponse:
      if (raft.role === Role.leader) onAppendResponse(raft, message);
      break;
    case MessageType.heartbeatResponse:
      if (raft.role === Role.leader) onHeartbeatResponse(raft, message);
      break;
    case MessageType.timeoutNow:
      onTimeoutNow(raft);
      break;
    case MessageType.readIndex:
      onReadIndex(raft, message);
      break;
    case MessageType.readIndexResponse:
      onReadIndexResponse(raft, message);
      break;
    default:
      message.type satisfies never;
  }
}

function followLeader(raft: RaftState, message: Message): void {
  invariant(raft.role !== Role.leader, "a term has one leader");
  if (raft.role !== Role.follower) becomeFollower(raft, raft.term, message.from);
  invariant(raft.leader === 0 || raft.leader === message.from, "a term has one leader");
  raft.leader = message.from;
  raft.electionElapsed = 0;
  if (message.type === MessageType.append) onAppend(raft, message);
  else if (message.type === MessageType.heartbeat) onHeartbeat(raft, message);
  else onSnapshot(raft, message);
}
