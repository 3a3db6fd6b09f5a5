// Who should vote: pure rules from the configuration and the leader's knowledge to the next change.
import type { ConfState, ConfStep, ProgressView } from "../raft/types.ts";

/** Voters that a group has at most; there are 1, 3 or 5. */
export const VOTERS_MAX = 5;
/** A learner this many entries or fewer behind the leader has caught up. */
export const CAUGHT_UP_ENTRIES = 256;

/** What a decision looks at. */
export interface MembershipFacts {
  readonly leader: number;
  readonly conf: ConfState;
  /** The leader's last index. */
  readonly lastIndex: number;
  /** The leader's view of each member but itself. */
  readonly progress: readonly ProgressView[];
  /** Members that were not heard from for so long that they are taken to be down. */
  readonly silent: ReadonlySet<number>;
  /**
   * Members at whose address a newer one has appeared: they lost their data and never come back.
   */
  readonly replaced: ReadonlySet<number>;
}

/** Steps that belong into one change, or why there are none. */
export type RemovalPlan =
  | { readonly kind: "steps"; readonly steps: readonly ConfStep[] }
  | { readonly kind: "refused"; readonly reason: string };

/** Whether a learner follows so closely that its vote would not hold anything up. */
export function hasCaughtUp(progress: ProgressView, lastIndex: number): boolean {
  return (
    progress.active &&
    progress.state === "replicate" &&
    progress.match > 0 &&
    progress.match + CAUGHT_UP_ENTRIES >= lastIndex
  );
}

/** How many of so many nodes vote: the largest of 1, 3 and 5 that they are enough for. */
export function votersWanted(nodes: number): number {
  if (nodes >= VOTERS_MAX) return VOTERS_MAX;
  return nodes >= 3 ? 3 : 1;
}

/**
 * The next change of members; empty: nothing to do.
 *
 * Who was replaced goes. A voter that is gone gives its vote to a learner that has caught up: one
 * at a time, and only then, so that a majority of live voters is never given away. Then the group
 * grows.
 */
export function nextSteps(facts: MembershipFacts): readonly ConfStep[] {
  const { conf, silent, replaced } = facts;
  if (conf.votersOutgoing.length > 0) return [];
  const lost = conf.learners.filter((id) => replaced.has(id));
  if (lost.length > 0) return lost.map((id) => ({ action: "remove", id }));
  const heir = caughtUpLearners(facts)[0];
  const gone =
    conf.voters.find((id) => replaced.has(id)) ?? conf.voters.find((id) => silent.has(id));
  if (gone !== undefined && heir !== undefined) {
    const action = replaced.has(gone) ? "remove" : "addLearner";
    return [
      { action, id: gone },
      { action: "addVoter", id: heir },
    ];
  }
  return promotions(facts);
}

/**
 * Learners to promote, in one change.
 *
 * A group grows from 1 to 3 and from 3 to 5 voters by two at once: an even number of voters
 * survives no more losses than the odd one below it. Nobody is promoted before it has caught up.
 */
function promotions(facts: MembershipFacts): readonly ConfStep[] {
  const { conf } = facts;
  const ready = caughtUpLearners(facts);
  const wanted = votersWanted(conf.voters.length + ready.length);
  const missing = wanted - conf.voters.length;
  return ready.slice(0, Math.max(0, missing)).map((id) => ({ action: "addVoter", id }));
}

/** By rising id. */
function caughtUpLearners({ conf, lastIndex, progress, replaced }: MembershipFacts): number[] {
  return progress
    .filter(({ id }) => conf.learners.includes(id) && !replaced.has(id))
    .filter((each) => hasCaughtUp(each, lastIndex))
    .map(({ id }) => id)
    .toSorted((left, right) => left - right);
}

/**
 * The change that takes a node out of the group and keeps the number of voters odd: a learner that
 * has caught up takes a voter's place; without one, another voter becomes a learner.
 */
export function planRemoval(facts: MembershipFacts, id: number): RemovalPlan {
  const { conf, leader } = facts;
  if (conf.votersOutgoing.length > 0) return refused("another change of members is under way");
  const remove: ConfStep = { action: "remove", id };
  if (conf.learners.includes(id)) return { kind: "steps", steps: [remove] };
  if (!conf.voters.includes(id)) return refused(`node ${id} is not a member`);
  if (id === leader && conf.voters.length > 1) {
    return refused("it leads: hand leadership over first");
  }
  const stay = conf.voters.filter((voter) => voter !== id);
  if (stay.length === 0) return refused("it is the only voter: nothing would be left");
  const heir = caughtUpLearners(facts)[0];
  if (stay.length % 2 === 1) return { kind: "steps", steps: [remove] };
  if (heir !== undefined) {
    return { kind: "steps", steps: [remove, { action: "addVoter", id: heir }] };
  }
  const weakest = weakestVoter(facts, stay);
  return { kind: "steps", steps: [remove, { action: "addLearner", id: weakest }] };
}

/** Among voters who stay, not the leader: one who does not answer, else the one furthest behind. */
function weakestVoter(facts: MembershipFacts, stay: readonly number[]): number {
  let weakest = 0;
  let weakestMatch = Number.POSITIVE_INFINITY;
  for (const progress of facts.progress) {
    if (!stay.includes(progress.id)) continue;
    const match = progress.active ? progress.match : -1;
    if (match >= weakestMatch) continue;
    weakest = progress.id;
    weakestMatch = match;
  }
  return weakest;
}

function refused(reason: string): RemovalPlan {
  return { kind: "refused", reason };
}
