// Bugs that the simulator must find: one that finds none of them proves nothing. What each breaks,
// by which schedule, and who should notice, is in docs/internals/planted-bugs.md.

/**
 * All false, for ever, but in control runs of the simulator and in tests: no option, variable or
 * message sets one. Each is asked for at one place of the product.
 *
 * @example
 * if (plantedBugs.leaseKeptAfterTransfer) return;
 */
export const plantedBugs = {
  /** A vote reaches the disk without its candidate: after a restart the node votes again. */
  voteNotPersisted: false,
  /** Entries of older terms are committed by counting (figure 8 of the paper). */
  oldTermCommittedByCount: false,
  /** Frames of the log count as durable when the system has them in memory. */
  acknowledgedBeforeSync: false,
  /** When a write is durable, answers leave that wait for later writes, too. */
  staleCompletionCounted: false,
  /** A lease runs from the last sending instead of the acknowledged one. */
  leaseFromAcknowledgement: false,
  /** A leader that has asked another to stand keeps its lease. */
  leaseKeptAfterTransfer: false,
  /** A voter that starts anew forgets the lease it helped to hold. */
  voteInsideLease: false,
  /** Frames of the log are taken whatever their checksum says. */
  tornTailAccepted: false,
  /** A snapshot does not know the term of its last entry. */
  snapshotWithoutTerm: false,
  /** Every change of members is made at once, however many voters it changes. */
  jointChangeSkipped: false,
  /** A snapshot holds no replies of retried writes. */
  retriesLostInSnapshot: false,
  /** A new leader starts at its own clock, whatever its predecessor may have read with. */
  expiryBySlowClock: false,
  /** A new leader serves before it has applied what its predecessors committed. */
  readBeforeNoop: false,
  /** A follower takes over the leader's commit index before its log was compared. */
  commitBeyondMatched: false,
  /** A forwarded write that is sent again is run again. */
  forwardedTwice: false,
  /** The log is shortened when a snapshot is begun instead of when it is durable. */
  snapshotMissesTail: false,
  /** The index of a snapshot is one below what is in it. */
  snapshotIndexTooLow: false,
  /** A write of unknown fate is answered as if it had certainly not happened. */
  uncertainAsRetry: false,
  /** A read behind a proposed write of its own connection runs before it. */
  localReadOutOfOrder: false,
};

/** The name of one bug. */
export type PlantedBug = keyof typeof plantedBugs;
