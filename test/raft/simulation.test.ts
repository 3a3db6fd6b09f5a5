// Random schedules against Raft's promises; RAFT_SEEDS=from..to and RAFT_STEPS choose others.
import { describe, expect, test } from "vitest";
import { Simulation } from "./simulation.ts";
import type { Counts } from "./simulation.ts";

const [FIRST_SEED = 1, LAST_SEED = 550] = (process.env["RAFT_SEEDS"] ?? "")
  .split("..")
  .filter(Boolean)
  .map(Number);
const STEPS = Number(process.env["RAFT_STEPS"] ?? 8000);

describe("a small cluster under faults", () => {
  test(
    `keeps Raft's promises and recovers, seeds ${FIRST_SEED} to ${LAST_SEED}`,
    { timeout: 3_600_000 },
    () => {
      const total: Partial<Record<keyof Counts, number>> = {};
      for (let seed = FIRST_SEED; seed <= LAST_SEED; seed++) {
        try {
          const counts = new Simulation(seed).run(STEPS);
          for (const key of Object.keys(counts) as (keyof Counts)[]) {
            total[key] = (total[key] ?? 0) + counts[key];
          }
        } catch (error) {
          throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        }
      }
      if (process.env["RAFT_COUNTS"] !== undefined) console.log(total);
      expect(total.commits).toBeGreaterThan(0);
    },
  );
});
