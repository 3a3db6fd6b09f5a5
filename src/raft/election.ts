// Standing for election, voting, and being asked to stand.
import { failpoints } from "../base/failpoints.ts";
import { hasOneVoter } from "./conf-change.ts";
import { becomeCandidate, becomeLeader, becomeFollower, becomePreCandidate } from "./roles.ts";
import type { RaftState } from "./state.ts";
import { MessageType, Role, VOTE_BY_TRANSFER } from "./types.ts";
import type { Message, MessageType as Type, NodeId, Term, Vote } from "./types.ts";

/** Stands for election if this node may; a node that does not know who votes next may not. */
export function maybeCampaign(raft: RaftState): void {
  if (raft.role === Role.leader || !raft.promotable || raft.confPending) return;
  if (raft.config.preVote) preCampaign(raft);
  else campaign(raft, 0);
}

/** Stands now, or as soon as it is known who votes next. */
export function standSoon(raft: RaftState): void {
  if (!raft.confPending) maybeCampaign(raft);
  else raft.standWhenApplied ??= "election";
}

/**
 * Changes of members were applied: whoever waited for them stands. Who asked as a lone voter and is
 * not alone any more waits for its timeout instead, longer than any lease that it acknowledged.
 */
export function standIfWaiting(raft: RaftState): void {
  const waiting = raft.standWhenApplied;
  if (waiting === null || raft.confPending) return;
  failpoints.reached?.("raft.election.waitIsOver");
  raft.standWhenApplied = null;
  if (waiting === "transfer") onTimeoutNow(raft);
  else if (raft.leader === 0 && hasOneVoter(raft.members.conf)) maybeCampaign(raft);
}

/** The leader asked this node to take over: no pre-vote, and voters do not protect the leader. */
export function onTimeoutNow(raft: RaftState): void {
  if (raft.role === Role.leader) return;
  failpoints.reached?.("raft.timeoutNow.received");
  if (raft.confPending) {
    // The change may be the very one that makes this node a voter: stand once it is applied.
    raft.standWhenApplied = "transfer";
    return;
  }
  if (raft.promotable) campaign(raft, VOTE_BY_TRANSFER);
}

function preCampaign(raft: RaftState): void {
  becomePreCandidate(raft);
  failpoints.reached?.("raft.preVote.begun");
  requestVotes(raft, MessageType.preVote, raft.term + 1, 0);
  countVote(raft, raft.id, raft.doubt === 0 ? "granted" : "doubtful");
}

function campaign(raft: RaftState, context: number): void {
  becomeCandidate(raft);
  failpoints.reached?.("raft.election.begun");
  // The candidate's own vote counts once it is on disk, like any other.
  const own = raft.draft(MessageType.voteResponse, raft.id);
  own.context = raft.doubt;
  raft.sendWhenDurable(own);
  requestVotes(raft, MessageType.vote, raft.term, context);
}

/**
 * A vote request describes the candidate's log and term, so it waits for the disk: were it sent at
 * once, a node restarted without what it described could count the late answers for itself.
 */
function requestVotes(raft: RaftState, type: Type, term: Term, context: number): void {
  for (const progress of raft.members.peers) {
    if (progress.learner) continue;
    const message = raft.draft(type, progress.id);
    message.term = term;
    message.index = raft.log.lastIndex;
    message.logTerm = raft.log.lastTerm;
    message.context = context;
    if (type === MessageType.vote) raft.sendWhenDurable(message);
    else raft.send(message);
  }
}

/** An answer to this node's own (pre-)vote request; late ones for something else are void. */
export function onVoteResponse(raft: RaftState, message: Message): void {
  const { type, reject, term, from } = message;
  if (reject) learnCommit(raft, message);
  if (type === MessageType.voteResponse && raft.role === Role.candidate) {
    countVote(raft, from, voteOf(message));
    return;
  }
  if (type !== MessageType.preVoteResponse || raft.role !== Role.preCandidate) return;
  if (reject || term === raft.term + 1) countVote(raft, from, voteOf(message));
}

function voteOf({ reject, context }: Message): Vote {
  if (reject) return "refused";
  return context === 0 ? "granted" : "doubtful";
}

function countVote(raft: RaftState, from: NodeId, vote: Vote): void {
  if (!raft.votes.has(from)) raft.votes.set(from, vote);
  const tally = raft.members.tally(raft.votes);
  if (tally === "lost") becomeFollower(raft, raft.term, 0);
  if (tally !== "won") return;
  if (raft.role === Role.preCandidate) campaign(raft, 0);
  else becomeLeader(raft);
}

/** Votes, in the message's term (already this node's own, but for a pre-vote). */
export function onVoteRequest(raft: RaftState, message: Message): void {
  const pre = message.type === MessageType.preVote;
  if (mayGrant(raft, message, pre)) {
    grant(raft, message, pre);
    return;
  }
  refuseVote(raft, message);
}

/** Refuses a (pre-)vote, and tells the candidate what this node knows to be committed. */
export function refuseVote(raft: RaftState, message: Message): void {
  failpoints.reached?.("raft.vote.refused");
  const pre = message.type === MessageType.preVote;
  const type = pre ? MessageType.preVoteResponse : MessageType.voteResponse;
  const refusal = raft.draft(type, message.from);
  refusal.reject = true;
  refusal.commit = raft.commit;
  refusal.logTerm = raft.log.termAt(raft.commit);
  raft.send(refusal);
}

/**
 * Learns from a refusal what is committed. Without it a group can be stuck for good: the voters of
 * a new configuration do not know that it is committed and ask the old ones, who do know, have
 * longer logs, and no longer stand for election themselves.
 */
function learnCommit(raft: RaftState, message: Message): void {
  if (raft.role === Role.leader || message.commit <= raft.commit) return;
  if (raft.log.termAt(message.commit) !== message.logTerm) return;
  raft.commitTo(message.commit);
  if (raft.confPending && raft.role !== Role.follower) becomeFollower(raft, raft.term, 0);
}

function mayGrant(raft: RaftState, message: Message, pre: boolean): boolean {
  const free =
    raft.vote === message.from ||
    (raft.vote === 0 && raft.leader === 0) ||
    (pre && message.term > raft.term);
  return free && raft.log.isUpToDate(message.logTerm, message.index);
}

function grant(raft: RaftState, message: Message, pre: boolean): void {
  const type = pre ? MessageType.preVoteResponse : MessageType.voteResponse;
  const response = raft.draft(type, message.from);
  // A pre-vote's answer is in the term asked about, which this node has not entered.
  response.term = message.term;
  response.context = raft.doubt;
  if (pre) {
    raft.send(response);
    return;
  }
  raft.vote = message.from;
  raft.electionElapsed = 0;
  raft.sendWhenDurable(response);
  failpoints.reached?.("raft.vote.granted");
}

/**
 * Whether to ignore a (pre-)vote request: a voter that heard from a leader within the election
 * timeout protects it, so that a node that was cut off or removed cannot disrupt (paper, 6).
 */
export function protectsLeader(raft: RaftState, message: Message): boolean {
  if (message.context === VOTE_BY_TRANSFER && message.type === MessageType.vote) return false;
  const { checkQuorum, electionTicks } = raft.config;
  return checkQuorum && raft.leader !== 0 && raft.electionElapsed < electionTicks;
}
