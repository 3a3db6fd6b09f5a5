// Finds out which faults of a failing seed matter.
import type { SeedReport } from "./play.ts";

/** Plays the seed again without some faults. */
export type Replay = (without: ReadonlySet<number>) => Promise<SeedReport>;

/** A failure with the fewest faults that were found to show it. */
export interface Minimised {
  readonly report: SeedReport;
  /** Numbers of faults that are left out. */
  readonly without: ReadonlySet<number>;
  readonly plays: number;
}

/**
 * Leaves out faults in ever smaller groups, while the run still fails by the same rule.
 *
 * @param playsMax Runs at most.
 */
export async function minimise(
  failed: SeedReport,
  replay: Replay,
  playsMax: number,
): Promise<Minimised> {
  const rule = failed.findings[0]!.rule;
  let best: Minimised = { report: failed, without: new Set(), plays: 0 };
  let plays = 0;
  let candidates = numbersOf(failed);
  let groupSize = Math.ceil(candidates.length / 2);
  while (groupSize >= 1 && plays < playsMax) {
    let shrunk = false;
    for (let at = 0; at < candidates.length && plays < playsMax; at += groupSize) {
      const without = new Set([...best.without, ...candidates.slice(at, at + groupSize)]);
      if (without.size === best.without.size) continue;
      plays++;
      const report = await replay(without);
      if (report.findings[0]?.rule !== rule) continue;
      best = { report, without, plays };
      shrunk = true;
    }
    candidates = numbersOf(best.report);
    if (groupSize === 1 && !shrunk) break;
    groupSize = Math.max(1, Math.floor(groupSize / 2));
  }
  return { ...best, plays };
}

function numbersOf({ schedule }: SeedReport): number[] {
  return schedule.map((line) => Number(/#(\d+)/.exec(line)![1]));
}
