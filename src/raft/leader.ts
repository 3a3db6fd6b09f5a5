// The leader's reactions: answers of members, its clock, proposals.
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { ENTRY_OVERHEAD_BYTES } from "./log.ts";
import { maybeLeaveJoint } from "./membership-change.ts";
import type { Progress } from "./progress.ts";
import { appendOwn, beginRound, broadcastHeartbeat, maybeCommit } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { RaftState } from "./state.ts";
import { maybeSendTimeoutNow } from "./transfer.ts";
import { EntryType, Role } from "./types.ts";
import type { Index, Message, NodeId, Refusal } from "./types.ts";

/** Why a proposal of `bytes` is refused; null when it is taken. */
export function refusalOf(raft: RaftState, bytes: number): Refusal | null {
  if (raft.role !== Role.leader) return "notLeader";
  if (raft.transferee !== 0) return "transferring";
  const after = raft.uncommittedBytes + bytes + ENTRY_OVERHEAD_BYTES;
  const full = raft.uncommittedBytes > 0 && after > raft.config.uncommittedBytesMax;
  return full ? "uncommittedFull" : null;
}

/** Appends a command; returns its index, or 0 when refused. */
export function propose(raft: RaftState, data: Uint8Array): Index {
  if (refusalOf(raft, data.length) !== null) return 0;
  appendOwn(raft, raft.newEntry(EntryType.normal, data));
  return raft.log.lastIndex;
}

/** Heartbeats, the check of the quorum, and giving up a transfer that takes too long. */
export function tickLeader(raft: RaftState): void {
  raft.heartbeatElapsed++;
  raft.electionElapsed++;
  if (raft.electionElapsed >= raft.config.electionTicks) {
    raft.electionElapsed = 0;
    // The target did not take over in time: go on leading.
    raft.transferee = 0;
    maybeLeaveJoint(raft);
    checkQuorum(raft);
  }
  if (raft.role !== Role.leader || raft.heartbeatElapsed < raft.config.heartbeatTicks) return;
  raft.heartbeatElapsed = 0;
  for (const progress of raft.members.peers) progress.advanced = false;
  beginRound(raft);
  broadcastHeartbeat(raft);
}

/** A leader that hears no quorum may long be replaced: it stops claiming to lead. */
function checkQuorum(raft: RaftState): void {
  const active = raft.members.quorumActive();
  for (const progress of raft.members.peers) progress.turnActivity();
  if (raft.config.checkQuorum && !active) becomeFollower(raft, raft.term, 0);
}

/** A member took or refused an append: commits, backtracks, streams on. */
export function onAppendResponse(raft: RaftState, message: Message): void {
  const progress = heardFrom(raft, message);
  if (progress === null) return;
  if (message.reject) onRefusedAppend(raft, progress, message);
  else onAcceptedAppend(raft, progress, message.index);
}

function onRefusedAppend(raft: RaftState, progress: Progress, message: Message): void {
  const { rejectHint, rejectHintTerm } = message;
  const hint =
    rejectHintTerm > 0 ? raft.log.lastIndexWithTermUpTo(rejectHint, rejectHintTerm) : rejectHint;
  if (!progress.maybeDecrease(message.index, hint)) return;
  failpoints.reached?.("raft.append.backtracks");
  progress.sendWanted = true;
  raft.appendsWanted = true;
}

function onAcceptedAppend(raft: RaftState, progress: Progress, index: Index): void {
  invariant(index <= raft.log.lastIndex, "a member acknowledges only what the leader has");
  const rose = progress.maybeUpdate(index);
  if (!rose && !(progress.state === "probe" && progress.match === index)) return;
  if (progress.state === "probe") progress.becomeReplicate();
  else if (progress.state === "replicate") progress.inflights.freeUpTo(index);
  else if (progress.match >= raft.log.snapshotIndex) progress.becomeReplicate();
  raft.appendsWanted = true;
  maybeCommit(raft);
  maybeSendTimeoutNow(raft, progress);
}

/** A member is alive: an append that was lost, or a probe that waits, is found out here. */
export function onHeartbeatResponse(raft: RaftState, message: Message): void {
  const progress = heardFrom(raft, message);
  if (progress === null) return;
  progress.probeSent = false;
  const stalled = progress.match < raft.log.lastIndex && !progress.advanced;
  if (progress.state !== "probe" && !stalled && progress.doubt === 0) return;
  // Its answer shows whether the appends before it arrived; to a doubtful member it shows the way.
  progress.sendWanted = true;
  raft.appendsWanted = true;
}

/** Any answer of this term shows that its sender followed this leader when it got the round. */
function heardFrom(raft: RaftState, message: Message): Progress | null {
  const progress = raft.members.get(message.from);
  if (progress === undefined) return null;
  progress.active = true;
  if (message.context !== progress.doubt) progress.setDoubt(message.context, message.commit);
  if (message.commit > progress.commit) {
    progress.commit = message.commit;
    maybeLeaveJoint(raft);
  }
  if (message.round > progress.round) {
    invariant(message.round <= raft.round, "only rounds that began are acknowledged");
    progress.round = message.round;
    raft.roundsAdvanced = true;
  }
  return progress;
}

/** The shell lost a message to `id`: stop streaming until its log's end is known again. */
export function onUnreachable(raft: RaftState, id: NodeId): void {
  const progress = raft.members.get(id);
  if (raft.role !== Role.leader || progress?.state !== "replicate") return;
  progress.becomeProbe();
  raft.appendsWanted = true;
}

/** The stream of a snapshot ended; its receiver's own answer tells more, this only un-pauses. */
export function onSnapshotReport(raft: RaftState, id: NodeId, ok: boolean): void {
  const progress = raft.members.get(id);
  if (raft.role !== Role.leader || progress?.state !== "snapshot") return;
  failpoints.reached?.("raft.snapshot.reported");
  if (!ok) progress.snapshotIndex = 0;
  progress.becomeProbe();
  // Wait for a sign of life before the next attempt.
  progress.probeSent = true;
}

/** See `Raft.neededIndex`. */
export function neededIndex(raft: RaftState): Index {
  let needed = raft.log.lastIndex + 1;
  if (raft.role !== Role.leader) return needed;
  for (const progress of raft.members.peers) {
    if (progress.state === "snapshot") needed = Math.min(needed, progress.snapshotIndex + 1);
    else if (progress.lately) needed = Math.min(needed, progress.match + 1);
  }
  return needed;
}
