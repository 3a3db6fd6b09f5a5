// `npm run sim`: plays seeds, finds what breaks, says how to see it again.
import { writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { HELP, parseOptions, type SimOptions } from "./options.ts";
import { minimise } from "./run/minimise.ts";
import { PLANTED_BUGS, plant } from "./run/planting.ts";
import { playSeed, type SeedReport } from "./run/play.ts";
import { type Answer, Pool, type Task } from "./run/pool.ts";
import { printFailure, Summary } from "./run/summary.ts";
import { PrintedTranscript } from "./run/transcript.ts";

/** Runs to find out what of a failure matters, at most. */
const MINIMISING_PLAYS = 60;
/** Failures that are told in full. */
const TOLD_MAX = 5;
const PROGRESS_EVERY_MS = 5_000;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function* tasksOf(options: SimOptions, planted: string): Generator<Task> {
  const endMs = options.minutes === 0 ? Infinity : performance.now() + options.minutes * 60_000;
  const { from, seeds, commands } = options;
  for (let seed = from; seed < from + seeds; seed++) {
    if (performance.now() >= endMs) return;
    yield { seed, commands, without: [], planted };
  }
}

async function tell(report: SeedReport, options: SimOptions): Promise<void> {
  if (!options.minimise) {
    print(printFailure(report, new Set()));
    return;
  }
  const replay = (without: ReadonlySet<number>): Promise<SeedReport> =>
    playSeed(report.seed, options.commands, without);
  const { report: least, without } = await minimise(report, replay, MINIMISING_PLAYS);
  print(printFailure(least, without));
}

/** Plays all seeds; returns how many failed. */
async function playSeeds(options: SimOptions): Promise<number> {
  const summary = new Summary();
  const failures: SeedReport[] = [];
  let broken = 0;
  const startedMs = performance.now();
  let toldMs = startedMs;
  const onAnswer = (answer: Answer): boolean => {
    if (answer.kind === "error") {
      broken++;
      print(
        `seed ${answer.seed} FAILED: npm run sim -- --seed ${answer.seed} --trace\n${answer.text}`,
      );
      return true;
    }
    summary.add(answer.report);
    for (const text of answer.report.undecided)
      print(`seed ${answer.report.seed} undecided: ${text}`);
    if (answer.report.findings.length > 0) failures.push(answer.report);
    if (performance.now() - toldMs > PROGRESS_EVERY_MS && process.stderr.isTTY) {
      toldMs = performance.now();
      process.stderr.write(`\r${summary.seeds} seeds, ${summary.failed + broken} failed `);
    }
    return true;
  };
  await new Pool(options.jobs).play(tasksOf(options, ""), onAnswer);
  for (const report of failures.slice(0, TOLD_MAX)) await tell(report, options);
  for (const report of failures.slice(TOLD_MAX)) {
    print(`seed ${report.seed} FAILED: ${report.findings[0]!.rule}`);
  }
  print(summary.print(performance.now() - startedMs, options.jobs));
  if (options.json !== "") writeFileSync(options.json, JSON.stringify({ summary, failures }));
  return failures.length + broken + summary.undecided;
}

/** Plays seeds with a bug planted until one fails; returns how many bugs were not found. */
async function playPlanted(options: SimOptions): Promise<number> {
  const names = options.planted === "all" ? PLANTED_BUGS : [options.planted];
  for (const name of names) plant(name);
  let missed = 0;
  for (const name of names) {
    let found: SeedReport | null = null;
    let played = 0;
    const startedMs = performance.now();
    await new Pool(options.jobs).play(tasksOf(options, name), (answer) => {
      played++;
      if (answer.kind === "error") throw new Error(answer.text);
      if (answer.report.findings.length > 0) found ??= answer.report;
      return found === null;
    });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    if (found === null) missed++;
    print(`${name.padEnd(28)} ${describeFound(found, played)}, ${seconds} s`);
  }
  return missed;
}

function describeFound(found: SeedReport | null, played: number): string {
  if (found === null) return `NOT FOUND in ${played} seeds`;
  return `seed ${found.seed} of ${played} played: ${found.findings[0]!.rule}`;
}

async function playOne(options: SimOptions): Promise<number> {
  const report = await playSeed(
    options.from,
    options.commands,
    new Set(),
    new PrintedTranscript(print),
  );
  if (report.findings.length > 0) print(printFailure(report, new Set()));
  for (const text of report.undecided) print(`undecided: ${text}`);
  print(`digest ${report.digest}, ${report.events} events, ${report.wallMs.toFixed(0)} ms`);
  return report.findings.length + report.undecided.length;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    print(HELP);
    return 0;
  }
  if (options.trace) return playOne(options);
  return options.planted === "" ? playSeeds(options) : playPlanted(options);
}

main().then(
  (failures) => process.exit(failures === 0 ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`sim: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
