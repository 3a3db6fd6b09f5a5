// The control: with a bug planted, the seeds that found it find it again. A simulator that finds
// nothing any more would be quiet too.
import { afterEach, describe, expect, test } from "vitest";
import { plant } from "./run/planting.ts";
import { playSeed } from "./run/play.ts";
import { FOUND_BY } from "./planted-seeds.ts";

afterEach(() => plant(""));

describe("planted bugs", () => {
  test.each(Object.entries(FOUND_BY))(
    "%s is found",
    async (bug, { seed, commands, rule }) => {
      plant(bug);
      const { findings } = await playSeed(seed, commands);
      expect(findings.map((finding) => finding.rule)).toContain(rule);
    },
    60_000,
  );

  test("an unknown name is refused", () => {
    expect(() => plant("nothing")).toThrow('there is no planted bug "nothing"');
  });
});
