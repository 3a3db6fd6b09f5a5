// What `npm run nemesis` is asked for.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { FAULT_CLASSES, type FaultClass } from "./stage.ts";

const MINUTES = 10;
const SEED_MAX = 1_000_000;

/** Which faults a round has: none, one class, or all at once. */
export type Mode = "none" | FaultClass | "all";

/** Modes in the order of a run. */
export const MODES: readonly Mode[] = ["none", ...FAULT_CLASSES, "all"];

/** What to do. */
export interface NemesisOptions {
  /** 0: each mode once. */
  readonly minutes: number;
  readonly modes: readonly Mode[];
  /** Of the first round; each round after it has the next one. */
  readonly seed: number;
  /** Whether directories of rounds without findings are kept too. */
  readonly keep: boolean;
  readonly help: boolean;
}

/** What `--help` says. */
export const HELP: string = `npm run nemesis -- [OPTIONS]: three real nodes under faults

  --minutes M  goes through the modes until the time is over, once at least  (${MINUTES})
  --mode MODE  only this one: ${MODES.join(", ")}
  --seed N     of the first round: decides on faults and load, not on when they meet  (drawn)
  --keep       keeps the directories of all rounds, not only of those with findings

Build first: npm run build. Faults of clocks need libfaketime (Debian: apt-get install libfaketime);
KVORUM_FAKETIME says where another libfaketimeMT.so.1 is. The status is 1 when anything was found.`;

/** Reads the command line. @throws Error that says what is wrong. */
export function parseOptions(args: readonly string[]): NemesisOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string" },
      mode: { type: "string" },
      seed: { type: "string" },
      keep: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const { mode } = values;
  const modes = MODES.filter((each) => mode === undefined || each === mode);
  if (modes.length === 0) throw new Error(`--mode takes one of ${MODES.join(", ")}, not "${mode}"`);
  return {
    minutes: numberOf("--minutes", values.minutes) ?? MINUTES,
    modes,
    seed: numberOf("--seed", values.seed) ?? randomInt(SEED_MAX),
    keep: values.keep ?? false,
    help: values.help ?? false,
  };
}

function numberOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new Error(`${name} takes a number from 0 on, not "${text}"`);
  }
  return value;
}
