// The reference page of a set of commands, made from their descriptions: the page never lags
// behind.
import { categoriesOf } from "../categories.ts";
import type { CommandDescription } from "../command.ts";
import { displaySyntax } from "../syntax.ts";

const ACCESS_WORDS = new Map<string, string>([
  ["RO", "read"],
  ["RW", "read and written"],
  ["OW", "written"],
  ["RM", "removed"],
]);

/**
 * A Markdown page: a table of contents by group, then an entry for each command in order of name.
 *
 * @param notes Text, by name of command, of what differs from Redis or is worth knowing.
 */
export function referencePage(
  heading: string,
  introduction: string,
  commands: readonly CommandDescription[],
  notes: ReadonlyMap<string, string>,
): string {
  const sorted = commands.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const groups = [...new Set(sorted.map(({ group }) => group))];
  const contents = groups.map((group) => {
    const names = sorted.filter((command) => command.group === group);
    return `- ${group}: ${names.map(link).join(", ")}`;
  });
  const entries = sorted.map((command) => entry(command, notes.get(command.name)));
  return `# ${heading}\n\n${introduction}\n\n${contents.join("\n")}\n\n${entries.join("\n")}`;
}

function link({ name }: CommandDescription): string {
  return `[${title(name)}](#${name.replaceAll("|", "-")})`;
}

function title(name: string): string {
  return name.toUpperCase().replace("|", " ");
}

function entry(command: CommandDescription, note: string | undefined): string {
  const { name, summary, syntax, since, complexity, flags } = command;
  const line = `${title(name)} ${displaySyntax(syntax ?? "")}`.trimEnd();
  const categories = categoriesOf(command).map((category) => `@${category}`);
  const facts = [
    `Since Redis ${since}`,
    complexity,
    ...(flags.length > 0 ? [`flags ${flags.join(", ")}`] : []),
    categories.join(" "),
    ...keyFacts(command),
  ];
  const parts = [
    `## ${title(name).replace(" ", "-")}`,
    `\`\`\`\n${line}\n\`\`\``,
    ...(note === undefined ? [summary] : [summary, note]),
    `${facts.join("; ")}.`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function keyFacts({ keys, keyAccess = [] }: CommandDescription): string[] {
  if (keys.first === 0) return ["no keys"];
  const words = keyAccess.map((access) => ACCESS_WORDS.get(access.split(" ")[0]!) ?? access);
  return words.length === 0 ? [] : [`keys are ${words.join(", then ")}`];
}
