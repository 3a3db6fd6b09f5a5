// COMMAND: what clients learn about all commands of this server; the replies themselves come from
// the table.
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import type { Session } from "../session.ts";
import { family, type Row } from "./family.ts";

function run(session: Session, args: Args, reply: Reply): void {
  session.server.commandDocs().run(args, reply);
}

type About = readonly [name: string, arity: number, syntax: string, summary: string];

const subcommands: readonly About[] = [
  ["count", 2, "", "How many commands there are."],
  ["docs", -2, "[command-name [command-name ...]]", "Summaries and arguments of commands."],
  ["getkeys", -4, "command [arg [arg ...]]", "The keys in a command line."],
  [
    "getkeysandflags",
    -4,
    "command [arg [arg ...]]",
    "The keys in a command line, each with what happens to it.",
  ],
  ["help", 2, "", "Prints this help."],
  [
    "info",
    -2,
    "[command-name [command-name ...]]",
    "Arity, flags, keys and categories of commands.",
  ],
  [
    "list",
    -2,
    "[FILTERBY [MODULE module-name|ACLCAT category|PATTERN pattern]]",
    "The names of all commands, or of some.",
  ],
];

const rows = subcommands.map(([name, arity, syntax, summary]): Row => ({
  name: `command|${name}`,
  arity,
  flags: ["loading", "stale"],
  categories: ["connection"],
  tips: ["nondeterministic_output_order"],
  complexity: "O(N) in the commands",
  since: name === "docs" || name === "list" || name === "getkeysandflags" ? "7.0.0" : "2.8.13",
  summary,
  syntax,
  run,
}));

const [parent] = family("server", [
  {
    name: "command",
    arity: -1,
    flags: ["loading", "stale"],
    categories: ["connection"],
    tips: ["nondeterministic_output_order"],
    complexity: "O(N) in the commands",
    summary: "Arity, flags, keys and categories of all commands.",
    since: "2.8.13",
    run,
  },
]);

/** COMMAND and its subcommands. */
export const commandCommands: readonly SessionCommand[] = [
  { ...parent!, isContainer: true },
  ...family("server", rows),
];
