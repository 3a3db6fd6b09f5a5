// The four roles and what changes on the way into each.
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { entryBytes } from "./log.ts";
import { dropReads } from "./reads.ts";
import { appendOwn, beginRound, updateOwnProgress } from "./replication.ts";
import type { RaftState } from "./state.ts";
import { Role } from "./types.ts";
import type { NodeId, Term } from "./types.ts";

/** Enters `term` (or stays in it) as the follower of `leader`; 0 when nobody is known to lead. */
export function becomeFollower(raft: RaftState, term: Term, leader: NodeId): void {
  if (raft.role === Role.leader) failpoints.reached?.("raft.leader.stepsDown");
  resetForTerm(raft, term);
  raft.role = Role.follower;
  raft.leader = leader;
}

/** Asks around before an election; term and vote stay as they are (thesis 9.6). */
export function becomePreCandidate(raft: RaftState): void {
  invariant(raft.role !== Role.leader, "a leader does not stand for election");
  raft.role = Role.preCandidate;
  raft.leader = 0;
  raft.votes.clear();
  restartElectionTimer(raft);
}

/** Enters the next term and votes for itself. */
export function becomeCandidate(raft: RaftState): void {
  invariant(raft.role !== Role.leader, "a leader does not stand for election");
  resetForTerm(raft, raft.term + 1);
  raft.role = Role.candidate;
  raft.vote = raft.id;
}

/** Leads from now on: begins with a no-op, whose commit commits everything before it (paper, 8). */
export function becomeLeader(raft: RaftState): void {
  invariant(raft.role === Role.candidate, "only a candidate becomes leader");
  resetForTerm(raft, raft.term);
  raft.role = Role.leader;
  raft.leader = raft.id;
  // Its log is as good as those of a majority that forgot nothing, or as the best one there is.
  raft.doubt = 0;
  let bytes = 0;
  for (let at = raft.commit + 1; at <= raft.log.lastIndex; at++) {
    bytes += entryBytes(raft.log.get(at));
  }
  raft.uncommittedBytes = bytes;
  raft.termStart = raft.log.lastIndex + 1;
  // Configurations in the log may or may not be committed: wait until that is known.
  raft.confBarrier = raft.termStart;
  for (const progress of raft.members.peers) progress.reset(raft.termStart);
  raft.members.get(raft.id)?.reset(raft.termStart);
  beginRound(raft);
  updateOwnProgress(raft);
  appendOwn(raft, raft.newNoop());
  failpoints.reached?.("raft.leader.elected");
}

function resetForTerm(raft: RaftState, term: Term): void {
  invariant(term >= raft.term, "the term never falls");
  if (term !== raft.term) {
    raft.term = term;
    raft.vote = 0;
    failpoints.reached?.("raft.term.entered");
  }
  raft.leader = 0;
  raft.votes.clear();
  raft.standWhenApplied = null;
  raft.transferee = 0;
  raft.timeoutNowSent = false;
  raft.appendsWanted = false;
  raft.uncommittedBytes = 0;
  raft.termStart = 0;
  raft.confBarrier = 0;
  raft.heartbeatElapsed = 0;
  raft.snapshotRequests = [];
  dropReads(raft);
  restartElectionTimer(raft);
}

function restartElectionTimer(raft: RaftState): void {
  raft.electionElapsed = 0;
  raft.drawElectionTimeout();
}
