// Seeds that find the planted bugs. When the plan of a seed changes, these do too: look for them
// anew with `npm run sim -- --planted`.
import type { PlantedBug } from "../src/base/planted-bugs.ts";
import type { InvariantName } from "./invariants/names.ts";

/** Where a bug shows. */
export interface FoundBy {
  readonly seed: number;
  readonly commands: number;
  readonly rule: InvariantName;
}

const ENDS: InvariantName = "a server ends for a reason";
const STATES: InvariantName = "equal logs make equal states";
const LEASE: InvariantName = "one lease at a time";
const COUNTERS: InvariantName = "counters count exactly once";

/** By bug the seed that found it first. */
export const FOUND_BY: Readonly<Record<PlantedBug, FoundBy>> = {
  voteNotPersisted: { seed: 13, commands: 600, rule: "one leader in a term" },
  oldTermCommittedByCount: { seed: 1911, commands: 600, rule: "committed entries never change" },
  acknowledgedBeforeSync: { seed: 8, commands: 600, rule: ENDS },
  staleCompletionCounted: {
    seed: 20,
    commands: 600,
    rule: "what is committed is on the disks of a quorum",
  },
  leaseFromAcknowledgement: { seed: 6, commands: 600, rule: LEASE },
  leaseKeptAfterTransfer: { seed: 2, commands: 600, rule: LEASE },
  voteInsideLease: { seed: 2418, commands: 600, rule: LEASE },
  tornTailAccepted: { seed: 465, commands: 600, rule: "a healed quorum serves" },
  snapshotWithoutTerm: { seed: 3, commands: 600, rule: ENDS },
  jointChangeSkipped: { seed: 93, commands: 600, rule: "a leader has all that is committed" },
  retriesLostInSnapshot: { seed: 25, commands: 600, rule: STATES },
  readBeforeNoop: { seed: 31, commands: 600, rule: COUNTERS },
  commitBeyondMatched: { seed: 10, commands: 600, rule: ENDS },
  forwardedTwice: { seed: 2, commands: 600, rule: COUNTERS },
  snapshotMissesTail: { seed: 14, commands: 600, rule: ENDS },
  snapshotIndexTooLow: { seed: 4, commands: 600, rule: STATES },
  uncertainAsRetry: { seed: 178, commands: 600, rule: "strings are linearizable" },
  localReadOutOfOrder: { seed: 2, commands: 600, rule: "a connection's commands keep their order" },
  expiryBySlowClock: { seed: 606, commands: 600, rule: "expiring strings are linearizable" },
};
