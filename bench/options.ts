// The command line of `npm run bench`.
import { parseArgs } from "node:util";
import type { Family } from "./servers/server.ts";

const families: readonly Family[] = ["kvorum", "redis", "etcd"];

/** What the user asked for. */
export interface BenchOptions {
  /** Names of rows; none means all but the long ones. */
  readonly rows: readonly string[];
  readonly servers: readonly Family[];
  readonly rounds: number;
  /** Seconds of load per server and round. */
  readonly seconds: number;
  /** How often the failover row kills the leader. */
  readonly kills: number;
  /** Length of the churn row. */
  readonly churnMinutes: number;
  /** File for all figures as JSON, or null. */
  readonly json: string | null;
  readonly isMarkdown: boolean;
  readonly isList: boolean;
  readonly isHelp: boolean;
  /** Folder to make the data folder in, or null for the system's. */
  readonly folder: string | null;
  /** Hidden: a command to run instead of Kvorum, with `{port}` and `{dir}` filled in. */
  readonly standIn: string | null;
}

/** Text of `--help`. */
export const helpText = `Usage: npm run bench -- [options]

Runs the same load on Kvorum, Redis and etcd in turn, in interleaved rounds, and compares.

  --rows NAMES       rows to run, with commas between (default: all but the long ones)
  --list             print the rows with what they must reach, and end
  --servers NAMES    kvorum, redis, etcd (default: those that are installed)
  --rounds N         interleaved rounds (default 3)
  --seconds N        seconds of load per server and round (default 4)
  --kills N          kills of the leader in the failover row (default 20; 100 for a release)
  --churn-minutes N  length of the churn row (default 10)
  --dir FOLDER       where to put data: must be on a disk (default: the system's temporary folder)
  --json FILE        write all figures there
  --markdown         print the table as Markdown, for docs/performance.md

Ends with status 1 when a row failed or missed what it must reach.
`;

/** Reads the arguments. Throws RangeError or TypeError with the reason when they make no sense. */
export function readOptions(args: readonly string[]): BenchOptions {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { ...text, default: "" },
      servers: { ...text, default: families.join(",") },
      rounds: { ...text, default: "3" },
      seconds: { ...text, default: "4" },
      kills: { ...text, default: "20" },
      "churn-minutes": { ...text, default: "10" },
      json: text,
      dir: text,
      "stand-in": text,
      markdown: flag,
      list: flag,
      help: flag,
    },
  });
  return {
    rows: names(values.rows),
    servers: names(values.servers).map(familyNamed),
    rounds: positive("rounds", values.rounds, true),
    seconds: positive("seconds", values.seconds, false),
    kills: positive("kills", values.kills, true),
    churnMinutes: positive("churn-minutes", values["churn-minutes"], false),
    json: values.json ?? null,
    isMarkdown: values.markdown,
    isList: values.list,
    isHelp: values.help,
    folder: values.dir ?? null,
    standIn: values["stand-in"] ?? null,
  };
}

function names(list: string): string[] {
  return list.split(",").filter((name) => name !== "");
}

function familyNamed(name: string): Family {
  const family = families.find((known) => known === name);
  if (family === undefined)
    throw new RangeError(`--servers: ${name} is not one of ${families.join(", ")}`);
  return family;
}

function positive(option: string, text: string, isWhole: boolean): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value) || (isWhole && !Number.isInteger(value))) {
    throw new RangeError(`--${option}: ${text} is not a ${isWhole ? "whole " : ""}number above 0`);
  }
  return value;
}
