// What every family of server commands shares: rows without keys, containers with HELP, plain
// arguments.
import { NO_KEYS } from "../../commands/access.ts";
import type { CommandFlag, KeySpecification } from "../../commands/command.ts";
import { unknownSubcommand } from "../../commands/errors.ts";
import { displaySyntax } from "../../commands/syntax.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import type { Session } from "../session.ts";

/** What one row of a family says for itself; the rest comes from the family. */
export interface Row {
  readonly name: string;
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly summary: string;
  readonly since: string;
  readonly run: (session: Session, args: Args, reply: Reply) => void;
  readonly keys?: KeySpecification;
  readonly syntax?: string;
  readonly complexity?: string;
  readonly categories?: readonly string[];
  readonly tips?: readonly string[];
  readonly barrier?: boolean;
  readonly hidesArguments?: boolean;
}

/** Makes commands of one documentation group from their rows. */
export function family(group: string, rows: readonly Row[]): SessionCommand[] {
  return rows.map((row) => commandOf(row, group, row.name));
}

function commandOf(row: Row, group: string, name: string): SessionCommand {
  return { complexity: "O(1)", keys: NO_KEYS, ...row, name, group };
}

/** The words on a container command itself. */
export interface Container {
  /** Lower case: `client`. */
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  readonly since: string;
}

/**
 * Makes a container command and its subcommands, HELP included.
 *
 * @param rows Subcommands, named without the container: `list`.
 */
export function container(about: Container, rows: readonly Row[]): SessionCommand[] {
  const lines = helpLines(about.name, rows);
  const help: Row = {
    name: "help",
    arity: 2,
    flags: ["loading", "stale"],
    summary: "Prints this help.",
    since: "5.0.0",
    run: (_session, _args, reply) => writeHelp(lines, reply),
  };
  const parent: SessionCommand = {
    ...about,
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    complexity: "Depends on the subcommand",
    isContainer: true,
    run: (_session, args, reply) => reply.error(unknownSubcommand(about.name, args)),
  };
  const all = [...rows, help];
  return [parent, ...all.map((row) => commandOf(row, about.group, `${about.name}|${row.name}`))];
}

function helpLines(name: string, rows: readonly Row[]): string[] {
  const title = `${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`;
  const lines = [title];
  for (const row of rows) {
    const syntax = displaySyntax(row.syntax ?? "");
    lines.push(`${row.name.toUpperCase()} ${syntax}`.trimEnd(), `    ${row.summary}`);
  }
  lines.push("HELP", "    Prints this help.");
  return lines;
}

function writeHelp(lines: readonly string[], reply: Reply): void {
  reply.array(lines.length);
  for (const line of lines) reply.simple(line);
}

/** Reads `ON` or `OFF`; null for anything else. */
export function onOrOff(args: Args, index: number): boolean | null {
  if (args.is(index, "ON")) return true;
  return args.is(index, "OFF") ? false : null;
}

/** How much of a client's word an error repeats, in bytes. */
const ECHO_BYTES_MAX = 128;

/**
 * The start of an argument, fit to be repeated in an error: one character per byte, up to a NUL.
 */
export function echoed(args: Args, index: number): string {
  const text = Buffer.from(args.look(index).subarray(0, ECHO_BYTES_MAX)).toString("latin1");
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}

/** Longer than any word that means something. */
const WORD_BYTES_MAX = 4096;

/**
 * An argument as text, one character per byte; of one that is too long to mean anything only the
 * start.
 */
export function word(args: Args, index: number): string {
  return Buffer.from(args.look(index).subarray(0, WORD_BYTES_MAX)).toString("latin1");
}

const FIRST_GRAPHIC = 0x21;
const LAST_GRAPHIC = 0x7e;

/**
 * Whether an argument has only visible ASCII characters, no space: what names of clients are made
 * of.
 */
export function isPlainName(args: Args, index: number): boolean {
  const end = args.offset(index) + args.length(index);
  for (let at = args.offset(index); at < end; at++) {
    const byte = args.bytes[at]!;
    if (byte < FIRST_GRAPHIC || byte > LAST_GRAPHIC) return false;
  }
  return true;
}
