// Places at which a simulated node may be killed or lose its power: the simulator hears of each.

/**
 * All places, in the order in which a node meets them. A name says what has happened when the place
 * is reached; `before`, `due` and the like say what is about to.
 */
export const FAILPOINTS = [
  // A start: the log is read and made durable, the snapshot is loaded, the node becomes a member.
  "start.listening",
  "joinState.saved",
  "bootstrap.promise.writing",
  "bootstrap.promise.written",
  "bootstrap.decided",
  "join.accepted",
  "identity.saved",
  "recovery.file.inspected",
  "recovery.end.found",
  "recovery.log.found",
  "recovery.log.replayed",
  "recovery.segment.synced",
  "recovery.segment.chosen",
  "recovery.log.opening",
  "recovery.log.opened",
  "recovery.trust.judged",
  "run.saved",
  "recovery.snapshot.unfinished",
  "snapshot.state.loaded",
  "start.nodeOpened",
  "joinState.removed",
  "start.done",

  // A small file is replaced: identity, addresses, promise, run.
  "file.written",
  "file.synced",
  "file.renamed",
  "addresses.saved",

  // Connections to peers.
  "transport.handshake.done",
  "transport.handshake.failed",
  "transport.connection.lost",
  "transport.flush.before",
  "transport.flush.after",
  "peer.up",
  "peer.down",

  // A turn of the node's loop.
  "turn.collected",
  "turn.sentBeforeWrite",
  "turn.finished",
  "turn.repliesReady",

  // A frame of the log, and what is in it.
  "wal.entries.voided",
  "wal.entry.inPieces",
  "wal.hardState.appended",
  "wal.mark.appended",
  "wal.frame.issued",
  "wal.write.before",
  "wal.write.short",
  "wal.write.noSpace",
  "wal.write.after",
  "wal.frame.done",
  "wal.durable.before",
  "wal.durable.told",
  "wal.seal.due",
  "wal.sync.begun",
  "wal.sync.done",
  "wal.full.changed",
  "wal.failed",

  // Segments: begun, given up, copied forward.
  "wal.segment.begun",
  "wal.floor.raised",
  "wal.segment.freed",
  "wal.segment.returned",
  "wal.snapshot.asked",
  "wal.copy.begun",
  "wal.copy.entries",
  "wal.copy.appended",

  // Files for segments: made ahead of time, used again, removed.
  "pool.first.created",
  "pool.first.filled",
  "pool.file.created",
  "pool.file.named",
  "pool.zeros.written",
  "pool.file.reopened",
  "pool.file.ready",
  "pool.file.removed",
  "pool.starved",

  // Elections.
  "raft.preVote.begun",
  "raft.election.begun",
  "raft.election.waitIsOver",
  "raft.term.entered",
  "raft.vote.granted",
  "raft.vote.refused",
  "raft.leader.elected",
  "raft.leader.stepsDown",
  "raft.leader.resigns",
  "raft.transfer.begun",
  "raft.timeoutNow.sent",
  "raft.timeoutNow.received",

  // The replicated log.
  "raft.entries.appended",
  "raft.append.refused",
  "raft.append.backtracks",
  "raft.log.truncated",
  "raft.write.handedOut",
  "raft.write.done",
  "raft.commit.moved",
  "raft.log.compacted",
  "raft.readRound.begun",
  "raft.readRound.confirmed",
  "raft.doubt.ended",

  // Members.
  "raft.members.proposed",
  "raft.members.applied",
  "raft.joint.leaving",
  "join.proposed",
  "join.answered",

  // One shard: what goes to the log, what is applied, who serves.
  "persist.mark.appended",
  "persist.write.appended",
  "persist.write.durable",
  "batch.proposed",
  "batch.retried",
  "batch.uncertain",
  "batch.leaderless",
  "tick.proposed",
  "expiry.proposed",
  "apply.before",
  "apply.after",
  "apply.skipped",
  "sessions.swept",
  "serve.clockSet",
  "serve.begins",
  "lease.renewed",
  "lease.forbidden",
  "lease.vote.refused",
  "reads.captured",
  "reads.confirmed",
  "reads.retried",
  "clock.stepsAside",
  "trust.regained",

  // Operations that another node runs.
  "forward.batch.sent",
  "forward.received",
  "forward.answered",
  "forward.answer.taken",
  "forward.answer.refused",
  "forward.sentAgain",
  "forward.givenUp",

  // A snapshot is saved, and the log is shortened.
  "snapshot.save.begun",
  "snapshot.piece.written",
  "snapshot.stream.ended",
  "snapshot.file.complete",
  "snapshot.file.synced",
  "snapshot.file.renamed",
  "snapshot.file.named",
  "snapshot.mark.appended",
  "snapshot.mark.durable",
  "snapshot.floor.set",
  "snapshot.old.removed",
  "snapshot.old.pruned",
  "snapshot.file.abandoned",

  // A snapshot goes to another node, which installs it.
  "raft.snapshot.requested",
  "send.begun",
  "send.piece.sent",
  "send.ended",
  "raft.snapshot.reported",
  "install.begun",
  "install.piece.written",
  "install.file.complete",
  "install.file.checked",
  "install.coreTold",
  "raft.snapshot.restored",
  "install.stateSwapped",
  "install.adopted",
  "install.failed",

  // The end in good order.
  "close.handOver.begun",
  "close.handOver.done",
  "close.begun",
  "close.turns.stopped",
  "close.log.begun",
  "close.log.drained",
  "close.log.marked",
  "close.log.closed",
  "close.nodeClosed",
  "close.done",
] as const;

/** The name of one place. */
export type Failpoint = (typeof FAILPOINTS)[number];

/**
 * Who hears of places that are reached: the simulator, which may mark the node as dead then, so
 * that nothing it does afterwards reaches disk or network. Null in a server, where a place costs
 * one load.
 *
 * Places stand where batches, frames, entries and turns pass, and never where each command of a
 * client does.
 *
 * @example
 * failpoints.reached?.("wal.write.before");
 */
export const failpoints: { reached: ((name: Failpoint) => void) | null } = { reached: null };
