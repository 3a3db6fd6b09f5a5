// Which configuration follows from which: pure rules, no log, no messages.
import { plantedBugs } from "../base/planted-bugs.ts";
import type { ConfChange, ConfState, ConfStep, NodeId } from "./types.ts";
import { isNodeId } from "./raft-config.ts";

/** Members a group may have, of all kinds together. */
export const MEMBERS_MAX = 1024;

/** A configuration with nobody in it: a replica that waits to be added. */
export const EMPTY_CONF: ConfState = Object.freeze({
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
});

/** Whether `conf` is in the middle of a joint change. */
export function isJoint(conf: ConfState): boolean {
  return conf.votersOutgoing.length > 0;
}

/** Whether a single node decides alone: one voter, and no change under way. */
export function hasOneVoter({ voters, votersOutgoing }: ConfState): boolean {
  return voters.length === 1 && votersOutgoing.length === 0;
}

/** Whether `id` decides alone, and so may stand at its start without waiting for anybody. */
export function standsAlone(conf: ConfState, id: NodeId): boolean {
  return hasOneVoter(conf) && conf.voters[0] === id;
}

/** Whether `id` votes in `conf`, in either half of a joint one. */
export function isVoter(conf: ConfState, id: NodeId): boolean {
  return conf.voters.includes(id) || conf.votersOutgoing.includes(id);
}

/**
 * The configuration after `change`, or a sentence that says why there is none.
 *
 * A change of at most one voter is made at once (old and new majorities always overlap); any other
 * goes through a joint configuration. So does one that takes the vote from `leader`: there it can
 * hand leadership over to a voter who stays before the change ends.
 */
export function nextConf(conf: ConfState, change: ConfChange, leader: NodeId): ConfState | string {
  if (change.steps.length === 0) {
    // Nobody changes: the entry is there for the caller's bytes alone.
    if (!isJoint(conf) && (change.context?.length ?? 0) > 0) return conf;
    return leaveJoint(conf, leader);
  }
  if (isJoint(conf)) return "a joint change is under way";
  const wishes = new Map<NodeId, ConfStep["action"]>();
  for (const step of change.steps) {
    if (!isNodeId(step.id)) return `node id ${step.id} is not an integer from 1 to 2^53 - 1`;
    if (wishes.has(step.id)) return `node ${step.id} is named twice`;
    wishes.set(step.id, step.action);
  }
  return combine(conf, wishes, leader, change.explicitLeave === true);
}

function leaveJoint(conf: ConfState, leader: NodeId): ConfState | string {
  if (!isJoint(conf)) return "there is no joint change to leave";
  if (!conf.voters.includes(leader)) return "the leader does not stay: transfer leadership first";
  return {
    voters: conf.voters,
    votersOutgoing: [],
    learners: sorted([...conf.learners, ...conf.learnersNext]),
    learnersNext: [],
    autoLeave: false,
  };
}

function combine(
  conf: ConfState,
  wishes: ReadonlyMap<NodeId, ConfStep["action"]>,
  leader: NodeId,
  explicitLeave: boolean,
): ConfState | string {
  const voters = new Set(conf.voters);
  const learners = new Set(conf.learners);
  const demoted: NodeId[] = [];
  for (const [id, action] of wishes) {
    const voted = voters.delete(id);
    learners.delete(id);
    if (action === "addVoter") voters.add(id);
    else if (action === "addLearner" && voted) demoted.push(id);
    else if (action === "addLearner") learners.add(id);
  }
  if (voters.size === 0) return "a group needs a voter";
  if (voters.size + conf.voters.length + learners.size > MEMBERS_MAX) return "too many members";
  const votersChanged = changedCount(conf.voters, voters);
  const learnersChanged = changedCount(conf.learners, learners);
  if (votersChanged + learnersChanged === 0) return "the change changes nothing";
  const isSmall = votersChanged <= 1 || plantedBugs.jointChangeSkipped;
  if (isSmall && voters.has(leader) && !explicitLeave) {
    return {
      voters: sorted(voters),
      votersOutgoing: [],
      learners: sorted([...learners, ...demoted]),
      learnersNext: [],
      autoLeave: false,
    };
  }
  return {
    voters: sorted(voters),
    votersOutgoing: conf.voters,
    learners: sorted(learners),
    learnersNext: sorted(demoted),
    autoLeave: !explicitLeave,
  };
}

/** How many ids are in exactly one of the two. */
function changedCount(before: readonly NodeId[], after: ReadonlySet<NodeId>): number {
  let kept = 0;
  for (const id of before) if (after.has(id)) kept++;
  return before.length + after.size - 2 * kept;
}

function sorted(ids: Iterable<NodeId>): NodeId[] {
  return [...ids].sort((left, right) => left - right);
}

/** Why `conf` is not a configuration that can occur; null when it is. Lists must be sorted. */
export function confFault(conf: ConfState): string | null {
  const voting = new Set([...conf.voters, ...conf.votersOutgoing]);
  const { length } = conf.voters;
  for (const list of [conf.voters, conf.votersOutgoing, conf.learners, conf.learnersNext]) {
    if (list.length > MEMBERS_MAX) return "too many members";
    for (let at = 0; at < list.length; at++) {
      if (!isNodeId(list[at]!)) return "a node id is out of range";
      if (at > 0 && list[at]! <= list[at - 1]!) return "ids are not in rising order";
    }
  }
  if (isJoint(conf) && length === 0) return "a joint configuration needs incoming voters";
  if (!isJoint(conf) && conf.autoLeave) return "only a joint configuration can be left";
  if (conf.learners.some((id) => voting.has(id))) return "a learner also votes";
  for (const id of conf.learnersNext) {
    if (!conf.votersOutgoing.includes(id)) return "a later learner is not an outgoing voter";
    if (conf.voters.includes(id)) return "a later learner is also an incoming voter";
  }
  return null;
}
