// What the REPL knows of commands: completion of names and words of syntax, and HELP.
import type { CommandDescription } from "../commands/command.ts";
import { dataCommands } from "../commands/table.ts";
import { sessionCommands } from "../server/commands/table.ts";
import { transactionCommands } from "../server/transaction.ts";

const commands: readonly CommandDescription[] = [
  ...dataCommands,
  ...sessionCommands,
  ...transactionCommands,
].toSorted((left, right) => (left.name < right.name ? -1 : 1));

const LOCAL = ["help", "clear", "exit", "quit"];

/** `client|list` as it is typed. */
function typedName(name: string): string {
  return name.replace("|", " ").toUpperCase();
}

/**
 * Completions of a line: command names, subcommands, and the capital words of a command's syntax.
 *
 * @returns Candidates for the last word, and that word: what `readline` wants.
 */
export function complete(text: string): [string[], string] {
  const words = text.trimStart().split(/\s+/);
  const last = words.at(-1) ?? "";
  const isLower = last !== "" && last === last.toLowerCase();
  const found = candidates(words.map((word) => word.toLowerCase()));
  const matching = found.filter((word) => word.toLowerCase().startsWith(last.toLowerCase()));
  return [matching.map((word) => `${isLower ? word.toLowerCase() : word} `), last];
}

function candidates(words: readonly string[]): string[] {
  const [name = "", second] = words;
  if (second === undefined) {
    const names = commands.map((command) => command.name).filter((each) => !each.includes("|"));
    return [...names, ...LOCAL].map((each) => each.toUpperCase()).toSorted();
  }
  if (name === "help") return candidates(words.slice(1));
  const subcommands = commands.filter((command) => command.name.startsWith(`${name}|`));
  if (subcommands.length > 0 && words.length === 2) {
    return subcommands.map((command) => command.name.slice(name.length + 1).toUpperCase());
  }
  const command = find(words);
  return [...new Set(command?.syntax?.match(/\b[A-Z][A-Z-]+\b/g))];
}

/** The command that a line begins with, its subcommand if it has one. */
function find(words: readonly string[]): CommandDescription | undefined {
  const [name, second] = words;
  return (
    commands.find((command) => command.name === `${name}|${second}`) ??
    commands.find((command) => command.name === name)
  );
}

/** The text of `help`, `help COMMAND` and `help @group`. */
export function help(words: readonly string[]): string {
  const topic = words.map((word) => word.toLowerCase());
  if (topic.length === 0) return overview();
  if (topic[0]!.startsWith("@")) return groupHelp(topic[0]!.slice(1));
  const command = find(topic);
  if (command === undefined) return `There is no command "${words.join(" ")}" here.`;
  const subcommands = commands.filter((each) => each.name.startsWith(`${command.name}|`));
  if (subcommands.length > 0) return subcommands.map(lineFor).join("\n");
  return [
    "",
    `  ${typedName(command.name)} ${command.syntax ?? ""}`.trimEnd(),
    `  ${command.summary}`,
    `  group: ${command.group}; since: Redis ${command.since}; ${command.complexity}`,
    "",
  ].join("\n");
}

function overview(): string {
  const groups = [...new Set(commands.map((command) => `@${command.group}`))];
  return [
    "help COMMAND shows what a command takes, help @GROUP lists a group:",
    `  ${groups.join(" ")}`,
    "TAB completes names and options; the arrows recall earlier lines; exit or Ctrl-D ends.",
  ].join("\n");
}

function groupHelp(group: string): string {
  const found = commands.filter((command) => command.group === group);
  if (found.length === 0) return `There is no group @${group}. ${overview()}`;
  return found.map(lineFor).join("\n");
}

function lineFor(command: CommandDescription): string {
  return `  ${typedName(command.name).padEnd(24)} ${command.summary}`;
}
