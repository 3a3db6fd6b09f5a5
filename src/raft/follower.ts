// The follower's side of the log: appends, heartbeats, snapshots from the leader.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { RaftState } from "./state.ts";
import { MessageType } from "./types.ts";
import type { Index, Message, NodeId, SnapshotMark } from "./types.ts";

/** Takes entries if the log agrees with the leader's before them (paper 5.3). */
export function onAppend(raft: RaftState, message: Message): void {
  if (plantedBugs.commitBeyondMatched) {
    raft.commitTo(Math.min(message.commit, raft.log.lastIndex));
  }
  if (message.index < raft.commit) {
    // What is committed agrees with any leader's log: say how far it goes.
    checkCommitted(raft, message);
    acknowledge(raft, message.from, raft.commit, message.round);
    return;
  }
  if (raft.log.termAt(message.index) !== message.logTerm) {
    refuse(raft, message);
    return;
  }
  const lastNew = message.index + message.entries.length;
  appendNew(raft, message);
  raft.commitTo(Math.min(message.commit, lastNew));
  if (raft.doubt !== 0) noteCaughtUp(raft, message, lastNew);
  acknowledge(raft, message.from, lastNew, message.round);
}

/**
 * It does not agree only when a majority lost what it had committed and was told to go on: better
 * to stop than to hold other data than the leader.
 */
function checkCommitted(raft: RaftState, { entries }: Message): void {
  for (const { index, term } of entries) {
    if (index > raft.commit) return;
    const known = raft.log.termAt(index);
    invariant(known === -1 || known === term, "what is committed here is in the leader's log");
  }
}

/** Appends what the log does not have, after cutting it at the first entry that differs. */
function appendNew(raft: RaftState, message: Message): void {
  const { entries } = message;
  let expected = message.index;
  for (const entry of entries) {
    expected++;
    invariant(entry.index === expected, "entries of an append follow one another");
    if (entry.index <= raft.log.lastIndex) {
      if (raft.log.termAt(entry.index) === entry.term) continue;
      raft.truncateFrom(entry.index);
    }
    raft.append(entry);
  }
  if (entries.length > 0) failpoints.reached?.("raft.entries.appended");
}

/**
 * What this node may have forgotten, its leader counted before it knew (it answers to this life's
 * number now), or an earlier leader did, and then a leader has it when it commits in its own term.
 */
function noteCaughtUp(raft: RaftState, message: Message, lastNew: Index): void {
  const { commit, context, term } = message;
  if (context !== raft.doubt || commit > lastNew || raft.log.termAt(commit) !== term) return;
  raft.trustedFrom = commit;
  raft.maybeTrust();
}

/**
 * Refuses with the highest index at which the logs can still agree and its term, so that the
 * leader skips a whole term of differing entries at a time.
 */
function refuse(raft: RaftState, message: Message): void {
  failpoints.reached?.("raft.append.refused");
  const response = raft.draft(MessageType.appendResponse, message.from);
  const hint = raft.log.lastIndexWithTermUpTo(message.index, message.logTerm);
  response.reject = true;
  response.index = message.index;
  response.rejectHint = hint;
  response.rejectHintTerm = Math.max(0, raft.log.termAt(hint));
  response.commit = raft.durable.persistedCommit;
  response.round = message.round;
  response.context = raft.doubt;
  raft.send(response);
}

/** Says "durable up to `index`": held until it is. Several to one leader merge into the last. */
function acknowledge(raft: RaftState, to: NodeId, index: Index, round: number): void {
  const response = raft.draft(MessageType.appendResponse, to);
  response.index = index;
  response.round = round;
  response.commit = raft.durable.persistedCommit;
  response.context = raft.doubt;
  const last = raft.durable.lastFresh();
  const merges =
    last !== undefined &&
    last.type === MessageType.appendResponse &&
    last.to === to &&
    last.term === raft.term &&
    last.index <= index;
  if (!merges) {
    raft.sendWhenDurable(response);
    return;
  }
  response.round = Math.max(round, last.round);
  raft.durable.replaceLastFresh(response);
}

/** A heartbeat promises nothing durable, so its answer never waits for the disk. */
export function onHeartbeat(raft: RaftState, message: Message): void {
  const response = raft.draft(MessageType.heartbeatResponse, message.from);
  // The leader may still believe in a log that is not there any more: appends will tell.
  if (raft.doubt === 0) {
    checkNothingLost(raft, message);
    raft.commitTo(message.commit);
  }
  response.context = raft.doubt;
  response.round = message.round;
  response.commit = raft.durable.persistedCommit;
  raft.send(response);
}

/** A leader tells of no entry that this node has not confirmed to have on its disk. */
function checkNothingLost(raft: RaftState, { from, commit }: Message): void {
  if (commit <= raft.log.lastIndex) return;
  throw new DbError(
    "LOG_LOST",
    `the log ends at entry ${raft.log.lastIndex}, and this node has confirmed ${commit} to node ` +
      `${from}: ` +
      "its disk has lost data; remove the data directory and start the node with --join",
    { lastIndex: raft.log.lastIndex, confirmedIndex: commit, leader: from },
  );
}

/** Takes a snapshot over unless the log already holds what it says. */
export function onSnapshot(raft: RaftState, message: Message): void {
  const { snapshot } = message;
  invariant(snapshot !== null, "a snapshot message carries its mark");
  if (snapshot.index > raft.commit && raft.log.termAt(snapshot.index) === snapshot.term) {
    raft.commitTo(snapshot.index);
  }
  if (snapshot.index > raft.commit) restore(raft, snapshot);
  acknowledge(raft, message.from, raft.commit, message.round);
}

function restore(raft: RaftState, snapshot: SnapshotMark): void {
  raft.log.reset(snapshot.index, snapshot.term);
  raft.durable.onReset(snapshot.index);
  raft.commit = snapshot.index;
  raft.applying = snapshot.index;
  raft.applyingBytes = 0;
  raft.confIndexes = [];
  raft.snapshotToInstall = snapshot;
  raft.installing = snapshot.index;
  raft.confIndex = snapshot.index;
  raft.members.install(snapshot.conf, snapshot.index + 1);
  failpoints.reached?.("raft.snapshot.restored");
}
