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
const EXPIRING: InvariantName = "expiring strings are linearizable";

/** By bug the seed that found it first. */
export const FOUND_BY: Readonly<Partial<Record<PlantedBug, FoundBy>>> = {
  acknowledgedBeforeSync: { seed: 5, commands: 600, rule: ENDS },
  leaseFromAcknowledgement: { seed: 27, commands: 600, rule: "one lease at a time" },
  snapshotWithoutTerm: { seed: 5, commands: 600, rule: ENDS },
  retriesLostInSnapshot: { seed: 14, commands: 600, rule: STATES },
  commitBeyondMatched: { seed: 38, commands: 600, rule: ENDS },
  forwardedTwice: { seed: 3, commands: 600, rule: EXPIRING },
  snapshotMissesTail: { seed: 38, commands: 600, rule: ENDS },
  snapshotIndexTooLow: { seed: 4, commands: 600, rule: STATES },
};

/** Bugs that no seed has found yet: work to be done. */
export const NOT_FOUND_YET: readonly PlantedBug[] = [
  "voteNotPersisted",
  "oldTermCommittedByCount",
  "staleCompletionCounted",
  "leaseKeptAfterTransfer",
  "voteInsideLease",
  "tornTailAccepted",
  "jointChangeSkipped",
  "expiryBySlowClock",
  "readBeforeNoop",
  "uncertainAsRetry",
  "localReadOutOfOrder",
];
