// What came of rounds, for people.
import type { Outcome } from "../judges/history.ts";
import type { Mode } from "./options.ts";

/** What came of one round. */
export interface RoundReport {
  readonly mode: Mode;
  readonly seed: number;
  /** How often each kind of fault happened. */
  readonly faults: ReadonlyMap<string, number>;
  /** Commands by what became of them. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** From healing to the first write that was acknowledged; null: there was none. */
  readonly healedMs: number | null;
  readonly findings: readonly string[];
  /** What judges gave up on: not to be counted as fine. */
  readonly undecided: readonly string[];
  /** Where data and logs of all nodes are kept; null when they were removed. */
  readonly folder: string | null;
}

/** A round on one line, and all that was found. */
export function printRound(report: RoundReport): string {
  const { mode, seed, findings, undecided, folder, healedMs } = report;
  const facts = [
    mode.padEnd(10),
    `seed ${seed}`,
    `${sum(report.faults)} faults`,
    printOutcomes([report]),
    healedMs === null ? "never healed" : `healed in ${healedMs.toFixed(0)} ms`,
    findings.length === 0 ? "ok" : `${findings.length} FINDINGS`,
  ];
  return [
    facts.join(", "),
    ...findings.map((text) => `FOUND: ${text}`),
    ...undecided.map((text) => `UNDECIDED: ${text}`),
    ...(folder === null ? [] : [`logs and data: ${folder}`]),
    ...(isBad(report)
      ? [`again: npm run nemesis -- --minutes 0 --mode ${mode} --seed ${seed}`]
      : []),
  ].join("\n");
}

/** All rounds, a line for each mode. */
export function printSummary(reports: readonly RoundReport[]): string {
  const modes = [...new Set(reports.map(({ mode }) => mode))];
  const lines = modes.map((mode) => {
    const own = reports.filter((report) => report.mode === mode);
    const findings = own.reduce((count, report) => count + report.findings.length, 0);
    const facts = [`${own.length} rounds`, printOutcomes(own), `${findings} findings`];
    return `${mode.padEnd(10)} ${facts.join(", ")}; ${printFaults(own)}`;
  });
  const bad = reports.filter(isBad).length;
  return [...lines, `${reports.length} rounds, ${bad} with findings`].join("\n");
}

/** Whether anything was found, or a judge gave up. */
export function isBad({ findings, undecided }: RoundReport): boolean {
  return findings.length > 0 || undecided.length > 0;
}

/** An error for people, with where it came from. */
export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function printOutcomes(reports: readonly RoundReport[]): string {
  const count = (of: Outcome): number =>
    reports.reduce((total, { outcomes }) => total + outcomes[of], 0);
  const [ok, failed, unknown] = [count("ok"), count("failed"), count("unknown")];
  const all = ok + failed + unknown;
  return `${all} commands: ${ok} acknowledged, ${failed} refused, ${unknown} unknown`;
}

function printFaults(reports: readonly RoundReport[]): string {
  const totals = new Map<string, number>();
  for (const { faults } of reports) {
    for (const [name, count] of faults) totals.set(name, (totals.get(name) ?? 0) + count);
  }
  const counts = [...totals].map(([name, count]) => `${name} ${count}`);
  return `${sum(totals)} faults${counts.length === 0 ? "" : `: ${counts.join(", ")}`}`;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
