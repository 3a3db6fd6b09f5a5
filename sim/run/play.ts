// Plays seeds one after the other, in this process.
import { performance } from "node:perf_hooks";
import type { Failpoint } from "../../src/base/failpoints.ts";
import type { FaultClass } from "../faults/stage.ts";
import type { InvariantName } from "../invariants/names.ts";
import { drawPlan } from "./plan.ts";
import { Run, type RunFinding, type RunReport } from "./run.ts";
import { NoTranscript, type Transcript } from "./transcript.ts";

/** One seed's outcome in what may be sent between processes. Times in ms. */
export interface SeedReport {
  readonly seed: number;
  readonly commandsWanted: number;
  readonly nodes: number;
  readonly findings: readonly RunFinding[];
  readonly undecided: readonly string[];
  /** The faults of the run, a line each. */
  readonly schedule: readonly string[];
  readonly faults: readonly { readonly name: string; readonly kind: FaultClass }[];
  readonly simulatedMs: number;
  readonly wallMs: number;
  readonly commands: number;
  readonly events: number;
  readonly digest: string;
  readonly looked: readonly (readonly [InvariantName, number])[];
  readonly failpoints: readonly (readonly [Failpoint, number])[];
}

/** Plays a seed. An error of the simulator itself is a finding too: it hides what comes after. */
export async function playSeed(
  seed: number,
  commands: number,
  without: ReadonlySet<number> = new Set(),
  transcript: Transcript = new NoTranscript(),
): Promise<SeedReport> {
  const plan = drawPlan(seed, commands);
  const startedMs = performance.now();
  const report = await new Run(plan, transcript, without).play();
  return summarise(report, performance.now() - startedMs);
}

function summarise(report: RunReport, wallMs: number): SeedReport {
  const { plan, findings, undecided, faults, simulatedMs, commands, events, digest } = report;
  return {
    seed: plan.seed,
    commandsWanted: plan.commands,
    nodes: plan.nodes,
    findings,
    undecided,
    schedule: faults.map(
      ({ number, what, fromMs, toMs }) =>
        `${fromMs.toFixed(0)}..${toMs.toFixed(0)} ms #${number} ${what}`,
    ),
    faults: faults.map(({ name, kind }) => ({ name, kind })),
    simulatedMs,
    wallMs,
    commands,
    events,
    digest,
    looked: [...report.looked],
    failpoints: [...report.failpoints],
  };
}
