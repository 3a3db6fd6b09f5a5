// Changing who takes part: proposed by the leader, in force at each node when the entry is applied
// there.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { decodeConf, encodeConf } from "./conf-codec.ts";
import { isJoint, nextConf } from "./conf-change.ts";
import { appendOwn, flushAppends, maybeCommit, updateOwnProgress } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftState } from "./state.ts";
import { bestSuccessor, sendTimeoutNow, startTransfer } from "./transfer.ts";
import { EntryType, Role } from "./types.ts";
import type { ConfChange, ConfOutcome, ConfState, Entry, Refusal } from "./types.ts";

const NO_CONTEXT = new Uint8Array(0);

/**
 * Appends a change. The entry holds the whole configuration that follows, computed from the one in
 * force: that is exact, since no second change is taken before the first (and, at the start of a
 * term, before every entry of older terms) is applied.
 */
export function proposeConf(raft: RaftState, change: ConfChange): ConfOutcome {
  if (raft.role !== Role.leader) return refused("notLeader", "this node does not lead");
  if (raft.transferee !== 0) return refused("transferring", "leadership is being handed over");
  if (raft.confBarrier > raft.applied) {
    return refused("confInFlight", "an earlier change is not applied yet");
  }
  const next = nextConf(raft.members.conf, change, raft.id);
  if (typeof next === "string") return refused("confInvalid", next);
  try {
    return { kind: "proposed", index: appendConf(raft, next, change.context ?? NO_CONTEXT) };
  } catch (error) {
    if (error instanceof DbError) return refused("confInvalid", error.message);
    throw error;
  }
}

function refused(reason: Refusal, detail: string): ConfOutcome {
  return { kind: "refused", reason, detail };
}

function appendConf(raft: RaftState, conf: ConfState, context: Uint8Array): number {
  const entry = raft.newEntry(EntryType.config, encodeConf(conf, context));
  appendOwn(raft, entry);
  raft.confBarrier = entry.index;
  failpoints.reached?.("raft.members.proposed");
  return entry.index;
}

/** Puts an applied `config` entry in force. */
export function applyConf(raft: RaftState, entry: Entry): void {
  const { conf } = decodeConf(entry.data);
  raft.members.install(conf, Math.max(raft.log.lastIndex, 1));
  raft.confIndex = entry.index;
  failpoints.reached?.("raft.members.applied");
  // What counts as a quorum changed: open questions may be answered by it.
  raft.roundsAdvanced = true;
  if (raft.role !== Role.leader) return;
  if (!raft.members.votes(raft.id)) {
    resign(raft);
    return;
  }
  if (raft.transferee !== 0 && !raft.members.votes(raft.transferee)) raft.transferee = 0;
  updateOwnProgress(raft);
  for (const progress of raft.members.peers) progress.sendWanted = true;
  raft.appendsWanted = true;
  maybeCommit(raft);
}

/**
 * A leader without a vote steps down. It can only get here by an older leader's entry: its own
 * changes hand leadership over first. The members still learn that the change is committed.
 */
function resign(raft: RaftState): void {
  failpoints.reached?.("raft.leader.resigns");
  for (const progress of raft.members.peers) progress.sendWanted = true;
  flushAppends(raft);
  const successor = bestSuccessor(raft, 0);
  if (successor !== null) sendTimeoutNow(raft, successor.id);
  becomeFollower(raft, raft.term, 0);
}

/**
 * Ends a joint change that asked for it, once it is applied here. A leader that does not stay hands
 * over instead, and its successor ends the change.
 */
export function maybeLeaveJoint(raft: RaftState): void {
  const { conf } = raft.members;
  if (raft.role !== Role.leader || !conf.autoLeave || !isJoint(conf)) return;
  if (raft.confBarrier > raft.applied) return;
  if (!raft.members.staysVoter(raft.id)) {
    // One who does not know the joint configuration to be committed might not stand yet.
    const successor = raft.transferee === 0 ? bestSuccessor(raft, raft.confIndex) : null;
    if (successor !== null) startTransfer(raft, successor.id);
    return;
  }
  failpoints.reached?.("raft.joint.leaving");
  const next = nextConf(conf, { steps: [] }, raft.id);
  if (typeof next !== "string") appendConf(raft, next, NO_CONTEXT);
}
