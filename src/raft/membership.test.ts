// Quorums and elections, in plain and joint configurations.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EMPTY_CONF } from "./conf-change.ts";
import { Membership } from "./membership.ts";
import { resolveRaftConfig } from "./raft-config.ts";
import type { ConfState, Vote } from "./types.ts";

const CONFIG = resolveRaftConfig({ id: 1 });

function membersOf(conf: Partial<ConfState>): Membership {
  return new Membership(CONFIG, { ...EMPTY_CONF, ...conf });
}

function withMatches(conf: Partial<ConfState>, matches: Record<number, number>): Membership {
  const members = membersOf(conf);
  for (const [id, match] of Object.entries(matches)) members.get(Number(id))!.match = match;
  return members;
}

function votesOf(votes: Record<number, Vote>): Map<number, Vote> {
  return new Map(Object.entries(votes).map(([id, vote]) => [Number(id), vote]));
}

describe("Membership", () => {
  test.each([
    { name: "alone", voters: [1], matches: { 1: 7 }, quorum: 7 },
    { name: "two need both", voters: [1, 2], matches: { 1: 7, 2: 3 }, quorum: 3 },
    { name: "three", voters: [1, 2, 3], matches: { 1: 7, 2: 3, 3: 5 }, quorum: 5 },
    { name: "four", voters: [1, 2, 3, 4], matches: { 1: 9, 2: 8, 3: 2, 4: 1 }, quorum: 2 },
    { name: "five", voters: [1, 2, 3, 4, 5], matches: { 1: 9, 2: 8, 3: 4, 4: 1, 5: 0 }, quorum: 4 },
  ])("commits what a majority has: $name", ({ voters, matches, quorum }) => {
    expect(withMatches({ voters }, matches).quorumMatch()).toBe(quorum);
  });

  test("a joint configuration needs both majorities", () => {
    const conf = { voters: [3, 4, 5], votersOutgoing: [1, 2, 3] };
    expect(withMatches(conf, { 1: 9, 2: 9, 3: 9, 4: 1, 5: 2 }).quorumMatch()).toBe(2);
    expect(withMatches(conf, { 1: 1, 2: 2, 3: 9, 4: 9, 5: 9 }).quorumMatch()).toBe(2);
  });

  test("learners count for nothing", () => {
    const members = withMatches({ voters: [1, 2], learners: [3] }, { 1: 5, 2: 1, 3: 9 });
    expect(members.quorumMatch()).toBe(1);
    expect([members.votes(2), members.votes(3), members.votes(9)]).toEqual([true, false, false]);
  });

  test("nobody decides nothing", () => {
    const members = membersOf({});
    expect(members.quorumMatch()).toBe(0);
    expect(members.tally(new Map())).not.toBe("won");
  });

  test("any majority, in any configuration, agrees with counting by hand", () => {
    const lists = fc.tuple(
      fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 9 }),
    );
    const matches = fc.array(fc.nat(20), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(lists, matches, ([voters, votersOutgoing], values) => {
        const members = membersOf({ voters, votersOutgoing });
        for (const id of [...voters, ...votersOutgoing]) members.get(id)!.match = values[id]!;
        const has = (ids: number[], index: number): boolean =>
          ids.length === 0 || ids.filter((id) => values[id]! >= index).length * 2 > ids.length;
        let expected = 20;
        while (!has(voters, expected) || !has(votersOutgoing, expected)) expected--;
        expect(members.quorumMatch()).toBe(expected);
      }),
    );
  });

  test.each([
    { votes: {}, tally: "pending" },
    { votes: { 1: "granted" }, tally: "pending" },
    { votes: { 1: "granted", 2: "granted" }, tally: "won" },
    { votes: { 1: "granted", 2: "refused" }, tally: "pending" },
    { votes: { 2: "refused", 3: "refused" }, tally: "lost" },
    { votes: { 1: "granted", 9: "granted" }, tally: "pending" },
    { votes: { 1: "granted", 2: "doubtful" }, tally: "pending" },
    { votes: { 1: "doubtful", 2: "doubtful", 3: "doubtful" }, tally: "won" },
    { votes: { 1: "granted", 2: "doubtful", 3: "doubtful" }, tally: "won" },
    { votes: { 1: "granted", 2: "doubtful", 3: "granted" }, tally: "won" },
    { votes: { 1: "granted", 2: "doubtful", 3: "refused" }, tally: "lost" },
    { votes: { 1: "granted", 3: "refused" }, tally: "pending" },
  ] as const)("counts votes of three: $votes is $tally", ({ votes, tally }) => {
    expect(membersOf({ voters: [1, 2, 3] }).tally(votesOf(votes))).toBe(tally);
  });

  test("each half of a joint configuration is won in its own way", () => {
    const members = membersOf({ voters: [4], votersOutgoing: [1, 2, 3] });
    const doubtful = { 1: "granted", 2: "granted", 4: "doubtful" } as const;
    expect(members.tally(votesOf(doubtful))).toBe("won");
    expect(members.tally(votesOf({ ...doubtful, 1: "doubtful" }))).toBe("pending");
  });

  test("an election in a joint configuration is lost as soon as one half is", () => {
    const members = membersOf({ voters: [4], votersOutgoing: [1, 2, 3] });
    expect(members.tally(votesOf({ 4: "refused" }))).toBe("lost");
    expect(members.tally(votesOf({ 4: "granted" }))).toBe("pending");
    expect(members.tally(votesOf({ 1: "granted", 2: "granted", 4: "granted" }))).toBe("won");
  });

  test("a change keeps what is known of those who stay", () => {
    const members = withMatches({ voters: [1, 2, 3] }, { 2: 8, 3: 9 });
    members.install({ ...EMPTY_CONF, voters: [1, 2], learners: [4] }, 12);
    expect(members.get(2)!.match).toBe(8);
    expect(members.get(3)).toBeUndefined();
    expect(members.get(4)).toMatchObject({ learner: true, next: 12, active: true });
    expect(members.peers.map(({ id }) => id)).toEqual([2, 4]);
  });
});
