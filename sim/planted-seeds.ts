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

/** By bug the seed that found it first. */
export const FOUND_BY: Readonly<Partial<Record<PlantedBug, FoundBy>>> = {
  voteNotPersisted: { seed: 27, commands: 600, rule: "one leader in a term" },
  acknowledgedBeforeSync: { seed: 3, commands: 600, rule: ENDS },
  staleCompletionCounted: {
    seed: 46,
    commands: 600,
    rule: "what is committed is on the disks of a quorum",
  },
  leaseFromAcknowledgement: { seed: 6, commands: 600, rule: LEASE },
  leaseKeptAfterTransfer: { seed: 13, commands: 600, rule: LEASE },
  voteInsideLease: { seed: 637, commands: 600, rule: LEASE },
  tornTailAccepted: { seed: 60, commands: 600, rule: "committed entries never change" },
  snapshotWithoutTerm: { seed: 5, commands: 600, rule: ENDS },
  jointChangeSkipped: { seed: 44, commands: 600, rule: "a leader has all that is committed" },
  retriesLostInSnapshot: { seed: 128, commands: 600, rule: STATES },
  readBeforeNoop: { seed: 155, commands: 600, rule: "strings are linearizable" },
  commitBeyondMatched: { seed: 2, commands: 600, rule: ENDS },
  forwardedTwice: { seed: 3, commands: 600, rule: "counters count exactly once" },
  snapshotMissesTail: { seed: 66, commands: 600, rule: ENDS },
  snapshotIndexTooLow: { seed: 6, commands: 600, rule: STATES },
  uncertainAsRetry: { seed: 735, commands: 600, rule: "strings are linearizable" },
  localReadOutOfOrder: {
    seed: 3,
    commands: 600,
    rule: "a connection's commands keep their order",
  },
};

/** Bugs that no seed has found yet: work to be done. */
export const NOT_FOUND_YET: readonly PlantedBug[] = [
  "oldTermCommittedByCount",
  "expiryBySlowClock",
];
