// What `npm run sim` is asked for.
import { parseArgs } from "node:util";
import { availableParallelism } from "node:os";

/** Seeds of a run of seeds when nothing else is said. */
const SEEDS = 200;
const COMMANDS = 1_000;
/** Seeds within which each planted bug must be found. */
const PLANTED_SEEDS = 5_000;

/** What to do. */
export interface SimOptions {
  readonly from: number;
  /** Seeds at most. */
  readonly seeds: number;
  /** Minutes of wall time; 0: until the seeds are through. */
  readonly minutes: number;
  readonly jobs: number;
  readonly commands: number;
  /** Prints all that happens; for one seed. */
  readonly trace: boolean;
  /** Planted bugs to look for: names, or `all`; empty: none. */
  readonly planted: string;
  /** Leaves out parts of the faults of a seed that failed while it still fails. */
  readonly minimise: boolean;
  /** File for the report as JSON; empty: none. */
  readonly json: string;
  readonly help: boolean;
}

/** What `--help` says. */
export const HELP: string = `npm run sim -- [OPTIONS]: whole clusters in simulation, judged

  --seed N         plays one seed
  --seeds N        how many seeds, from --from on       (${SEEDS}; --planted: ${PLANTED_SEEDS})
  --from N         the first seed                       (1)
  --minutes M      plays seeds until the time is over
  --jobs N         processes                            (one for each core)
  --commands N     commands of one run                  (${COMMANDS})
  --trace          prints all that happens, for one seed
  --planted [NAME] looks for planted bugs until it finds them: one, or all
  --no-minimise    reports a failure as it is
  --json FILE      writes the report there

A seed that fails is printed with the command that plays it again; the status is 1 then.`;

/** Reads the command line. @throws Error that says what is wrong. */
export function parseOptions(argv: readonly string[]): SimOptions {
  const args = withDefaultFor(argv, "--planted", "all");
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      jobs: { type: "string" },
      commands: { type: "string" },
      planted: { type: "string" },
      json: { type: "string" },
      trace: { type: "boolean" },
      "no-minimise": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const { seed, planted = "", trace = false } = values;
  if (trace && seed === undefined) throw new Error("--trace prints one seed: say which, --seed N");
  const minutes = numberOf("--minutes", values.minutes, 0);
  const unlimited = minutes > 0 ? Number.MAX_SAFE_INTEGER : planted === "" ? SEEDS : PLANTED_SEEDS;
  const seeds = seed === undefined ? numberOf("--seeds", values.seeds, unlimited) : 1;
  return {
    from: numberOf("--seed", seed ?? values.from, 1),
    seeds,
    minutes,
    jobs: Math.min(seeds, numberOf("--jobs", values.jobs, availableParallelism())),
    commands: numberOf("--commands", values.commands, COMMANDS),
    trace,
    planted,
    minimise: values["no-minimise"] !== true,
    json: values.json ?? "",
    help: values.help ?? false,
  };
}

function numberOf(name: string, text: string | undefined, without: number): number {
  if (text === undefined) return without;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new Error(`${name} takes a number from 0 on, not "${text}"`);
  }
  return value;
}

/** Gives an option that may stand alone its value. */
function withDefaultFor(argv: readonly string[], name: string, value: string): string[] {
  return argv.flatMap((arg, at) => {
    const next = argv[at + 1];
    const isAlone = arg === name && (next === undefined || next.startsWith("--"));
    return isAlone ? [arg, value] : [arg];
  });
}
