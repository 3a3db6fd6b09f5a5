// Which configuration follows which: tables, and a property over random walks.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { confFault, EMPTY_CONF, isVoter, nextConf, standsAlone } from "./conf-change.ts";
import type { ConfState, ConfStep } from "./types.ts";

const THREE: ConfState = { ...EMPTY_CONF, voters: [1, 2, 3] };
const JOINT: ConfState = {
  voters: [3, 4],
  votersOutgoing: [1, 2, 3],
  learners: [7],
  learnersNext: [1],
  autoLeave: true,
};

function steps(...words: string[]): ConfStep[] {
  return words.map((word) => {
    const id = Number(word.slice(1));
    if (word.startsWith("+")) return { action: "addVoter", id };
    return { action: word.startsWith("~") ? "addLearner" : "remove", id };
  });
}

describe("nextConf", () => {
  test.each([
    { name: "one voter more", words: ["+4"], next: { voters: [1, 2, 3, 4] } },
    { name: "one voter less", words: ["-3"], next: { voters: [1, 2] } },
    { name: "a learner more", words: ["~9"], next: { voters: [1, 2, 3], learners: [9] } },
    { name: "a voter demoted", words: ["~3"], next: { voters: [1, 2], learners: [3] } },
    {
      name: "two learners at once",
      words: ["~8", "~9"],
      next: { voters: [1, 2, 3], learners: [8, 9] },
    },
  ])("is simple: $name", ({ words, next }) => {
    expect(nextConf(THREE, { steps: steps(...words) }, 1)).toEqual({ ...EMPTY_CONF, ...next });
  });

  test.each([
    { name: "two voters", words: ["+4", "+5"], voters: [1, 2, 3, 4, 5], later: [] },
    { name: "one for another", words: ["+4", "-3"], voters: [1, 2, 4], later: [] },
    { name: "the leader leaves", words: ["-1"], voters: [2, 3], later: [] },
    { name: "the leader is demoted", words: ["~1"], voters: [2, 3], later: [1] },
  ])("is joint: $name", ({ words, voters, later }) => {
    expect(nextConf(THREE, { steps: steps(...words) }, 1)).toEqual({
      voters,
      votersOutgoing: [1, 2, 3],
      learners: [],
      learnersNext: later,
      autoLeave: true,
    });
  });

  test("promotes a learner", () => {
    const conf = { ...THREE, learners: [4, 5] };
    const next = { ...EMPTY_CONF, voters: [1, 2, 3, 4], learners: [5] };
    expect(nextConf(conf, { steps: steps("+4") }, 1)).toEqual(next);
  });

  test("stays joint when asked to", () => {
    const next = nextConf(THREE, { steps: steps("+4"), explicitLeave: true }, 1);
    expect(next).toMatchObject({ votersOutgoing: [1, 2, 3], autoLeave: false });
  });

  test("leaves a joint configuration", () => {
    expect(nextConf(JOINT, { steps: [] }, 3)).toEqual({
      ...EMPTY_CONF,
      voters: [3, 4],
      learners: [1, 7],
    });
  });

  test("keeps everybody for an entry of the caller's bytes alone", () => {
    expect(nextConf(THREE, { steps: [], context: new Uint8Array(1) }, 1)).toEqual(THREE);
  });

  test.each([
    { name: "no voter left", conf: THREE, words: ["-1", "-2", "-3"], says: "needs a voter" },
    { name: "nothing changes", conf: THREE, words: ["+1", "-9"], says: "changes nothing" },
    { name: "named twice", conf: THREE, words: ["+4", "-4"], says: "named twice" },
    { name: "bad id", conf: THREE, words: ["+0"], says: "not an integer" },
    { name: "huge id", conf: THREE, words: ["+9007199254740992"], says: "not an integer" },
    { name: "already joint", conf: JOINT, words: ["+9"], says: "under way" },
    { name: "nothing to leave", conf: THREE, words: [], says: "no joint change" },
    { name: "the leader does not stay", conf: JOINT, words: [], says: "does not stay" },
  ])("refuses: $name", ({ conf, words, says }) => {
    expect(nextConf(conf, { steps: steps(...words) }, 1)).toContain(says);
  });

  test("always leads to a configuration that can occur, and overlaps or is joint", () => {
    const action = fc.constantFrom("addVoter", "addLearner", "remove" as const);
    const step = fc.record({ action, id: fc.integer({ min: 1, max: 7 }) });
    const changes = fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 });
    fc.assert(
      fc.property(changes, (list) => {
        let conf: ConfState = { ...EMPTY_CONF, voters: [1] };
        for (const wanted of list) {
          const leader = conf.voters[0]!;
          const next = nextConf(conf, { steps: wanted }, leader);
          if (typeof next === "string") continue;
          expect(confFault(next)).toBeNull();
          expect(isVoter(next, leader)).toBe(true);
          const before = new Set(conf.voters);
          const kept = next.voters.filter((id) => before.has(id)).length;
          const moved = before.size + next.voters.length - 2 * kept;
          expect(moved <= 1 || next.votersOutgoing.length > 0).toBe(true);
          conf = next;
        }
      }),
    );
  });
});

describe("standsAlone", () => {
  test.each([
    { name: "the only voter", conf: { voters: [1] }, alone: true },
    { name: "the only voter, with learners", conf: { voters: [1], learners: [2] }, alone: true },
    { name: "another is the only voter", conf: { voters: [2], learners: [1] }, alone: false },
    { name: "one of three", conf: { voters: [1, 2, 3] }, alone: false },
    {
      name: "it will be alone, but the others still vote",
      conf: { voters: [1], votersOutgoing: [1, 2, 3] },
      alone: false,
    },
    { name: "no member", conf: {}, alone: false },
  ])("$name: $alone", ({ conf, alone }) => {
    expect(standsAlone({ ...EMPTY_CONF, ...conf }, 1)).toBe(alone);
  });
});

describe("confFault", () => {
  test.each([
    { fault: "rising order", conf: { voters: [2, 1] } },
    { fault: "rising order", conf: { voters: [1, 1] } },
    { fault: "out of range", conf: { voters: [1.5] } },
    { fault: "incoming voters", conf: { votersOutgoing: [1] } },
    { fault: "can be left", conf: { voters: [1], autoLeave: true } },
    { fault: "also votes", conf: { voters: [1], learners: [1] } },
    { fault: "not an outgoing", conf: { voters: [1], votersOutgoing: [2], learnersNext: [3] } },
    { fault: "also an incoming", conf: { voters: [2], votersOutgoing: [2], learnersNext: [2] } },
  ])("finds: $fault, $conf", ({ fault, conf }) => {
    expect(confFault({ ...EMPTY_CONF, ...conf })).toContain(fault);
  });

  test("accepts nobody at all", () => {
    expect(confFault(EMPTY_CONF)).toBeNull();
  });
});
