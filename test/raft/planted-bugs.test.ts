// The simulation of the core finds bugs that are planted in it: what it checks, it sees.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { PlantedBug } from "../../src/base/planted-bugs.ts";
import { plant } from "../../src/base/testing/plant.ts";
import { Simulation } from "./simulation.ts";
import { replay } from "./transcript.ts";

const SEEDS_MAX = 500;
const STEPS = 8000;

/** What the first simulation that goes wrong says, from a seed on; empty when none does. */
function firstFault(firstSeed: number): string {
  for (let seed = firstSeed; seed < firstSeed + SEEDS_MAX; seed++) {
    try {
      new Simulation(seed).run(STEPS);
    } catch (error) {
      return String(error);
    }
  }
  return "";
}

function shownBy(name: string): string {
  return replay(readFileSync(new URL(name, import.meta.url), "utf8"));
}

describe("the simulation finds", () => {
  const found: { bug: PlantedBug; seed: number; rule: string }[] = [
    { bug: "voteNotPersisted", seed: 1, rule: "a leader's own vote is on its disk" },
    { bug: "staleCompletionCounted", seed: 13, rule: "commit needs a quorum's disks" },
    { bug: "jointChangeSkipped", seed: 509, rule: "a leader has all committed entries" },
    { bug: "commitBeyondMatched", seed: 63, rule: "committed entries never change" },
  ];
  test.each(found)("$bug", { timeout: 120_000 }, ({ bug, seed, rule }) => {
    plant(bug);
    expect(firstFault(seed)).toContain(rule);
  });
});

describe("a transcript shows", () => {
  test("voteNotPersisted: after a restart another candidate gets the vote of the same term", () => {
    plant("voteNotPersisted");
    const shown = shownBy("vote-durability.txt");
    expect(shown).toContain("3: term 1 vote 0 commit 0 []");
    // Node 3 had voted for 2.
    expect(shown).toContain("1: leader term 1");
  });

  test("oldTermCommittedByCount: the entry of figure 8 is committed, and then replaced", () => {
    plant("oldTermCommittedByCount");
    const shown = shownBy("figure-8.txt");
    expect(shown).toContain("1: 1 2 4 (committed 2)");
    expect(shown).toContain("1: 1 3 5 (committed 3)");
  });
});
