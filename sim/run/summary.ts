// Adds up the reports of many seeds, and prints them.
import { FAILPOINTS } from "../../src/base/failpoints.ts";
import { FAULT_CLASSES } from "../faults/stage.ts";
import { FAULTS } from "../faults/nemesis.ts";
import { INVARIANTS } from "../invariants/names.ts";
import type { SeedReport } from "./play.ts";

/** All seeds of a run of seeds. */
export class Summary {
  seeds = 0;
  failed = 0;
  undecided = 0;
  commands = 0;
  events = 0;
  simulatedMs = 0;
  /** Wall time of the runs themselves, added up over all processes. */
  playedMs = 0;
  readonly faults: Map<string, number> = new Map(
    [...FAULTS.map(({ name }) => name), "failpoint"].map((name) => [name, 0]),
  );
  readonly failpoints: Map<string, number> = new Map(FAILPOINTS.map((name) => [name, 0]));
  readonly looked: Map<string, number> = new Map(INVARIANTS.map((name) => [name, 0]));

  add(report: SeedReport): void {
    this.seeds++;
    if (report.findings.length > 0) this.failed++;
    this.undecided += report.undecided.length;
    this.commands += report.commands;
    this.events += report.events;
    this.simulatedMs += report.simulatedMs;
    this.playedMs += report.wallMs;
    for (const { name } of report.faults) addTo(this.faults, name, 1);
    for (const [rule, count] of report.looked) addTo(this.looked, rule, count);
    for (const [name, count] of report.failpoints) addTo(this.failpoints, name, count);
  }

  /** Lines for people. `wallMs`: how long all of it took. */
  print(wallMs: number, jobs: number): string {
    const perSecond = (this.seeds / this.playedMs) * 1000;
    const hours = (this.simulatedMs / 3_600_000).toFixed(2);
    const times = (this.simulatedMs / this.playedMs).toFixed(0);
    const each = (total: number): string => (total / this.seeds).toFixed(0);
    const lines = [
      `seeds        ${this.seeds}, ${this.failed} failed, ${this.undecided} undecided`,
      `simulated    ${hours} h in ${(wallMs / 1000).toFixed(1)} s, ${times} times as fast as ` +
        `time in each of ${jobs} processes`,
      `speed        ${perSecond.toFixed(1)} seeds a second and core, ` +
        `${each(this.commands)} commands and ${each(this.events)} events each`,
      ...this.#faultLines(),
      ...this.#failpointLines(),
      `rules        ${[...this.looked].map(([rule, count]) => `${rule} ${count}`).join("; ")}`,
    ];
    return lines.join("\n");
  }

  #failpointLines(): string[] {
    const counts = [...this.failpoints];
    const missed = counts.filter(([, count]) => count === 0).map(([name]) => name);
    const reached = counts.length - missed.length;
    return [
      `failpoints   ${reached} of ${counts.length} reached` +
        (missed.length === 0 ? "" : `; never: ${missed.join(", ")}`),
      `             ${counts.map(([name, count]) => `${name} ${count}`).join(", ")}`,
    ];
  }

  #faultLines(): string[] {
    return FAULT_CLASSES.map((kind) => {
      const names = FAULTS.filter((fault) => fault.kind === kind).map(({ name }) => name);
      if (kind === "process") names.push("failpoint");
      const counts = names.map((name) => `${name} ${this.faults.get(name)}`);
      const total = names.reduce((sum, name) => sum + this.faults.get(name)!, 0);
      return `${kind.padEnd(12)} ${total} faults: ${counts.join(", ")}`;
    });
  }
}

function addTo(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

/** A seed that failed, for people. The first line is how to play it again. */
export function printFailure(report: SeedReport, without: ReadonlySet<number>): string {
  const { seed, commandsWanted, findings, schedule, nodes } = report;
  const left = without.size === 0 ? "" : ` (${without.size} faults that do not matter left out)`;
  return [
    `seed ${seed} FAILED: npm run sim -- --seed ${seed} --commands ${commandsWanted} --trace`,
    `${nodes} nodes; faults${left}:`,
    ...schedule.map((line) => `  ${line}`),
    ...findings.map(({ rule, atMs, text }) => `at ${atMs.toFixed(0)} ms: ${rule}: ${text}`),
  ].join("\n");
}
