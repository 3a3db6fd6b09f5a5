// Tables: configuration and progress in, steps of the next change out.
import { describe, expect, test } from "vitest";
import type { ConfState, ConfStep, ProgressView } from "../raft/types.ts";
import {
  CAUGHT_UP_ENTRIES,
  hasCaughtUp,
  nextSteps,
  planRemoval,
  votersWanted,
} from "./membership-rules.ts";

const LAST = 10_000;

function conf(voters: number[], learners: number[], votersOutgoing: number[] = []): ConfState {
  return {
    voters,
    learners,
    votersOutgoing,
    learnersNext: [],
    autoLeave: votersOutgoing.length > 0,
  };
}

function progress(id: number, fields: Partial<ProgressView> = {}): ProgressView {
  return {
    id,
    state: "replicate",
    learner: false,
    match: LAST,
    next: LAST + 1,
    active: true,
    round: 0,
    inflightMessages: 0,
    inflightBytes: 0,
    snapshotIndex: 0,
    ...fields,
  };
}

function show(steps: readonly ConfStep[]): string {
  return steps.map((step) => `${step.action} ${step.id}`).join(", ");
}

/** Members 2 to 9 without faults, but for the given ones. */
function crowd(...special: ProgressView[]): ProgressView[] {
  const rest = [2, 3, 4, 5, 6, 7, 8, 9].filter((id) => !special.some((one) => one.id === id));
  return [...special, ...rest.map((id) => progress(id))];
}

describe("hasCaughtUp", () => {
  test.each([
    { name: "equal logs", fields: {}, expected: true },
    { name: "just close enough", fields: { match: LAST - CAUGHT_UP_ENTRIES }, expected: true },
    { name: "one entry too far", fields: { match: LAST - CAUGHT_UP_ENTRIES - 1 }, expected: false },
    { name: "not heard from lately", fields: { active: false }, expected: false },
    { name: "its log's end is not known", fields: { state: "probe" }, expected: false },
    { name: "a snapshot is on its way", fields: { state: "snapshot" }, expected: false },
  ] as const)("$name: $expected", ({ fields, expected }) => {
    expect(hasCaughtUp(progress(2, fields), LAST)).toBe(expected);
  });

  test("a member of which nothing is known has not, however short the log", () => {
    expect(hasCaughtUp(progress(2, { match: 0 }), 5)).toBe(false);
  });
});

test("votersWanted is 1, 3 or 5", () => {
  expect([1, 2, 3, 4, 5, 6, 100].map(votersWanted)).toEqual([1, 1, 3, 3, 5, 5, 5]);
});

describe("nextSteps", () => {
  const behind3 = progress(3, { match: 10 });
  test.each([
    { name: "alone", conf: conf([1], []), steps: "" },
    { name: "two nodes stay one voter and one learner", conf: conf([1], [2]), steps: "" },
    {
      name: "1 to 3 in one change",
      conf: conf([1], [2, 3]),
      steps: "addVoter 2, addVoter 3",
    },
    {
      name: "1 to 3 waits for the second learner",
      conf: conf([1], [2, 3]),
      progress: [progress(2), behind3],
      steps: "",
    },
    {
      name: "1 to 3 takes those that have caught up",
      conf: conf([1], [2, 3, 4]),
      progress: [progress(2), behind3, progress(4)],
      steps: "addVoter 2, addVoter 4",
    },
    { name: "four nodes: one stays learner", conf: conf([1, 2, 3], [4]), steps: "" },
    {
      name: "3 to 5 in one change",
      conf: conf([1, 2, 3], [4, 5]),
      steps: "addVoter 4, addVoter 5",
    },
    {
      name: "five learners at once: 5 voters in one change",
      conf: conf([1], [2, 3, 4, 5, 6]),
      steps: "addVoter 2, addVoter 3, addVoter 4, addVoter 5",
    },
    { name: "five are enough", conf: conf([1, 2, 3, 4, 5], [6, 7]), steps: "" },
    { name: "two voters become three", conf: conf([1, 2], [3]), steps: "addVoter 3" },
    { name: "two voters alone stay two", conf: conf([1, 2], []), steps: "" },
    { name: "nothing in a joint change", conf: conf([1, 2, 3], [4, 5], [1]), steps: "" },
    {
      name: "a silent voter's vote goes to a learner that has caught up",
      conf: conf([1, 2, 3], [4]),
      silent: [3],
      steps: "addLearner 3, addVoter 4",
    },
    {
      name: "a silent voter keeps its vote when nobody can take it",
      conf: conf([1, 2, 3], [4]),
      progress: crowd(progress(4, { match: 1 })),
      silent: [3],
      steps: "",
    },
    { name: "silent learners are left alone", conf: conf([1], [2]), silent: [2], steps: "" },
    {
      name: "two silent voters give their votes away one after the other",
      conf: conf([1, 2, 3, 4, 5], [6, 7]),
      silent: [2, 3],
      steps: "addLearner 2, addVoter 6",
    },
    {
      name: "a replaced voter goes for good",
      conf: conf([1, 2, 3], [4]),
      replaced: [3],
      steps: "remove 3, addVoter 4",
    },
    {
      name: "a replaced learner goes at once",
      conf: conf([1], [2, 3]),
      replaced: [2],
      steps: "remove 2",
    },
    {
      name: "a replaced voter goes before a silent one",
      conf: conf([1, 2, 3, 4, 5], [6]),
      silent: [2],
      replaced: [3],
      steps: "remove 3, addVoter 6",
    },
  ])("$name", ({ conf: state, progress: given, silent, replaced, steps }) => {
    const facts = {
      leader: 1,
      conf: state,
      lastIndex: LAST,
      progress: given ?? crowd(),
      silent: new Set(silent),
      replaced: new Set(replaced),
    };
    expect(show(nextSteps(facts))).toBe(steps);
  });
});

describe("planRemoval", () => {
  test.each([
    { name: "a learner just goes", conf: conf([1], [2]), id: 2, plan: "remove 2" },
    {
      name: "a caught-up learner takes the voter's place",
      conf: conf([1, 2, 3], [4, 5]),
      id: 3,
      plan: "remove 3, addVoter 4",
    },
    {
      name: "a learner that is behind does not",
      conf: conf([1, 2, 3], [4]),
      progress: crowd(progress(4, { match: 1 })),
      id: 3,
      plan: "remove 3, addLearner 2",
    },
    {
      name: "three without reserve become one voter and one learner",
      conf: conf([1, 2, 3], []),
      id: 2,
      plan: "remove 2, addLearner 3",
    },
    {
      name: "of five the one that does not answer becomes the learner",
      conf: conf([1, 2, 3, 4, 5], []),
      progress: crowd(progress(3, { active: false }), progress(4, { match: 7 })),
      id: 2,
      plan: "remove 2, addLearner 3",
    },
    {
      name: "of five the furthest behind becomes the learner",
      conf: conf([1, 2, 3, 4, 5], []),
      progress: crowd(progress(4, { match: 7 })),
      id: 2,
      plan: "remove 2, addLearner 4",
    },
    { name: "of two voters one goes", conf: conf([1, 2], []), id: 2, plan: "remove 2" },
    { name: "the leader hands over first", conf: conf([1, 2, 3], []), id: 1, plan: "!it leads" },
    { name: "the only voter stays", conf: conf([1], [2]), id: 1, plan: "!it is the only voter" },
    { name: "strangers", conf: conf([1], [2]), id: 9, plan: "!node 9 is not a member" },
    { name: "one change at a time", conf: conf([1, 2, 3], [], [1]), id: 2, plan: "!another" },
  ])("$name", ({ conf: state, progress: given, id, plan }) => {
    const nobody: ReadonlySet<number> = new Set();
    const progressNow = given ?? crowd();
    const facts = {
      leader: 1,
      conf: state,
      lastIndex: LAST,
      progress: progressNow,
      silent: nobody,
      replaced: nobody,
    };
    const found = planRemoval(facts, id);
    const text = found.kind === "refused" ? `!${found.reason}` : show(found.steps);
    expect(text.slice(0, plan.length)).toBe(plan);
  });
});
