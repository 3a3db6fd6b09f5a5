// The leader's side of the log: appends to members, what is committed, heartbeats, and lost
// leadership.
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import { entryBytes } from "./log.ts";
import type { Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";
import { MessageType } from "./types.ts";
import type { Entry, Index } from "./types.ts";

/** Appends an entry of the leader's own term; the appends to members leave with the next ready. */
export function appendOwn(raft: RaftState, entry: Entry): void {
  raft.append(entry);
  raft.uncommittedBytes += entryBytes(entry);
  raft.appendsWanted = true;
}

/**
 * Commits what a quorum has on disk. Only entries of the leader's own term are counted: an older
 * one at a majority can still be replaced (paper 5.4.2, figure 8).
 */
export function maybeCommit(raft: RaftState): boolean {
  const index = raft.members.quorumMatch();
  if (index <= raft.commit) return false;
  if (raft.log.termAt(index) !== raft.term && !plantedBugs.oldTermCommittedByCount) return false;
  raft.commitTo(index);
  raft.appendsWanted = true;
  return true;
}

/** The leader's own disk is one member of the quorum like any other. */
export function updateOwnProgress(raft: RaftState): void {
  const own = raft.members.get(raft.id);
  if (own === undefined) return;
  own.commit = raft.durable.persistedCommit;
  own.match = Math.max(own.match, raft.durable.persistedIndex);
  own.next = raft.log.lastIndex + 1;
  own.active = true;
  own.round = raft.round;
}

/** Sends each member what it is due. Consecutive members at the same point share one array. */
export function flushAppends(raft: RaftState): void {
  raft.appendsWanted = false;
  const cache: SliceCache = { from: 0, entries: null };
  for (const progress of raft.members.peers) {
    if (progress.state === "replicate") streamAppends(raft, progress, cache);
    else if (progress.state === "probe") maybeProbe(raft, progress, cache);
  }
}

interface SliceCache {
  from: Index;
  entries: Entry[] | null;
}

function streamAppends(raft: RaftState, progress: Progress, cache: SliceCache): void {
  let sent = false;
  while (progress.next <= raft.log.lastIndex && !progress.inflights.full) {
    if (!sendAppend(raft, progress, cache, true)) return;
    sent = true;
  }
  if (sent || !(progress.sendWanted || progress.commitSent < raft.commit)) return;
  // Empty: it tells the commit index, and its answer shows whether earlier appends arrived.
  sendAppend(raft, progress, cache, false);
}

function maybeProbe(raft: RaftState, progress: Progress, cache: SliceCache): void {
  if (progress.probeSent) return;
  const due = progress.sendWanted || progress.next <= raft.log.lastIndex;
  if (!due && progress.commitSent >= raft.commit) return;
  if (sendAppend(raft, progress, cache, true)) progress.probeSent = true;
}

/** Returns false when the log no longer reaches back far enough and a snapshot must go instead. */
function sendAppend(
  raft: RaftState,
  progress: Progress,
  cache: SliceCache,
  withEntries: boolean,
): boolean {
  const previous = progress.next - 1;
  const previousTerm = raft.log.termAt(previous);
  if (previousTerm === -1) {
    maybeRequestSnapshot(raft, progress);
    return false;
  }
  const message = raft.draft(MessageType.append, progress.id);
  message.index = previous;
  message.logTerm = previousTerm;
  message.commit = raft.commit;
  message.round = raft.round;
  message.context = progress.doubt;
  if (withEntries && progress.next <= raft.log.lastIndex) {
    message.entries = sliceFor(raft, progress.next, cache);
    if (progress.state === "replicate") noteInflight(progress, message.entries);
  }
  progress.commitSent = raft.commit;
  progress.sendWanted = false;
  raft.send(message);
  return true;
}

function sliceFor(raft: RaftState, from: Index, cache: SliceCache): readonly Entry[] {
  if (cache.entries === null || cache.from !== from) {
    cache.entries = raft.log.slice(from, raft.config.entryBytesPerMessageMax);
    cache.from = from;
  }
  return cache.entries;
}

function noteInflight(progress: Progress, entries: readonly Entry[]): void {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  progress.next += entries.length;
  progress.inflights.add(progress.next - 1, bytes);
}

/** A silent member gets no snapshot: it would be streamed into the void. */
function maybeRequestSnapshot(raft: RaftState, progress: Progress): void {
  if (!progress.active) return;
  const indexMin = raft.log.snapshotIndex;
  invariant(indexMin > 0, "a log that was never compacted needs no snapshot");
  progress.becomeSnapshot(indexMin);
  raft.snapshotRequests.push({ to: progress.id, indexMin });
  failpoints.reached?.("raft.snapshot.requested");
}

/** Begins a heartbeat round: this node acknowledges it at once. */
export function beginRound(raft: RaftState): number {
  raft.round++;
  const own = raft.members.get(raft.id);
  if (own !== undefined) own.round = raft.round;
  raft.roundsAdvanced = true;
  return raft.round;
}

/** Sends the current round to all members. */
export function broadcastHeartbeat(raft: RaftState): void {
  for (const progress of raft.members.peers) {
    const message = raft.draft(MessageType.heartbeat, progress.id);
    // A heartbeat says nothing about the log, so it may commit only what is known to match.
    message.commit = Math.min(progress.match, raft.commit);
    message.round = raft.round;
    raft.send(message);
  }
}
