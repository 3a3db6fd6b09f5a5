// `npm run nemesis`: real nodes under faults, round after round; says what broke, where to look.
import { spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { kvorumPath } from "../../test/support/kvorum-server.ts";
import { findFaketime } from "./clocks.ts";
import { HELP, type Mode, type NemesisOptions, parseOptions } from "./options.ts";
import { isBad, printRound, printSummary, type RoundReport } from "./report.ts";
import { playRound } from "./round.ts";

/** Faults of one round go on for so long, less when the minutes are few, ms. */
const FAULTS_MS = [20_000, 40_000] as const;
const FAULTS_MS_MIN = 5_000;
/** Without faults there is less to see. */
const CALM_MS = 10_000;
/** What a round takes beside its faults: start, healing, judges. */
const AROUND_MS = 15_000;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Modes that can be played here; says loudly what is left out. */
function possibleModes({ modes }: NemesisOptions, faketime: string | null): readonly Mode[] {
  const wanted = modes.filter((mode) => mode === "clock" || mode === "all");
  if (faketime !== null || wanted.length === 0) return modes;
  print(
    "LEFT OUT: faults of clocks, since libfaketime is not installed.\n" +
      "          To get it: apt-get install libfaketime (Debian), or set KVORUM_FAKETIME.",
  );
  return modes.filter((mode) => mode !== "clock");
}

/** How long the faults of a round go on so that each mode has its turn; `shareMs` 0: any time. */
function faultsMsOf(mode: Mode, seed: number, shareMs: number): number {
  const drawn = new SimRandom(seed ^ 0x74696d65).between(...FAULTS_MS);
  const wantedMs = mode === "none" ? CALM_MS : drawn;
  const roomMs = shareMs === 0 ? Infinity : shareMs - AROUND_MS;
  return Math.max(FAULTS_MS_MIN, Math.min(wantedMs, roomMs));
}

async function playAll(options: NemesisOptions): Promise<readonly RoundReport[]> {
  const faketime = findFaketime();
  const modes = possibleModes(options, faketime);
  const totalMs = options.minutes * 60_000;
  const endMs = performance.now() + totalMs;
  const reports: RoundReport[] = [];
  while (modes.length > 0 && (reports.length < modes.length || performance.now() < endMs)) {
    const mode = modes[reports.length % modes.length]!;
    const seed = options.seed + reports.length;
    const faultsMs = faultsMsOf(mode, seed, totalMs / modes.length);
    const report = await playRound({ mode, seed, faultsMs, faketime, keep: options.keep });
    print(printRound(report));
    reports.push(report);
  }
  return reports;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    print(HELP);
    return 0;
  }
  const { status, stderr } = spawnSync(kvorumPath, ["--version"], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr.trim());
  const reports = await playAll(options);
  print(printSummary(reports));
  return reports.some(isBad) ? 1 : 0;
}

// Whatever runs then is ended by the lab's reaper; this lets what is to be done at an exit be done.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`nemesis: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
