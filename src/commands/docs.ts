// The COMMAND command: what clients, proxies and people can learn about all commands from their
// table.
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { takesCount } from "./access.ts";
import { CATEGORIES, categoriesOf } from "./categories.ts";
import type { CommandDescription, CommandFlag } from "./command.ts";
import { SYNTAX_ERROR, unknownSubcommand, wrongArity } from "./errors.ts";
import { globMatches, isMatchAll } from "./glob.ts";
import { lastKeyIndex } from "./key-positions.ts";
import { parseSyntax, type SyntaxArgument } from "./syntax.ts";
import { CommandTable } from "./table.ts";

/** Flags in the order in which Redis lists them. */
const FLAG_ORDER: readonly CommandFlag[] = [
  "write",
  "readonly",
  "denyoom",
  "admin",
  "pubsub",
  "noscript",
  "blocking",
  "loading",
  "stale",
  "fast",
  "no_auth",
  "no_multi",
  "movablekeys",
  "allow_busy",
];

/** Arguments that each subcommand takes, `COMMAND` and its own name counted; negative: at least. */
const SUBCOMMANDS = new Map<string, number>([
  ["COUNT", 2],
  ["DOCS", -2],
  ["GETKEYS", -4],
  ["GETKEYSANDFLAGS", -4],
  ["HELP", 2],
  ["INFO", -2],
  ["LIST", -2],
]);

const HELP: readonly string[] = [
  "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "(no subcommand)",
  "    What INFO says, of all commands.",
  "COUNT",
  "    How many commands there are.",
  "DOCS [<command-name> ...]",
  "    Summaries and arguments of some commands, or of all.",
  "GETKEYS <full-command>",
  "    The keys in a command line.",
  "GETKEYSANDFLAGS <full-command>",
  "    The keys in a command line, each with what happens to it.",
  "INFO [<command-name> ...]",
  "    Arity, flags, keys and categories of some commands, or of all.",
  "LIST [FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <pattern>)]",
  "    The names of all commands, or of some.",
  "HELP",
  "    Prints this help.",
];

/** Replies to `COMMAND` and its subcommands, in the formats of Redis 7. */
export class CommandDocs {
  readonly #table: CommandTable<CommandDescription>;
  /** Commands that are no subcommands. */
  readonly #roots: readonly CommandDescription[];
  readonly #children = new Map<string, CommandDescription[]>();

  /** @param commands All commands, subcommands as `client|list`. */
  constructor(commands: readonly CommandDescription[]) {
    this.#table = new CommandTable(commands);
    this.#roots = commands.filter(({ name }) => !name.includes("|"));
    for (const command of commands) {
      const parent = command.name.slice(0, Math.max(0, command.name.indexOf("|")));
      if (parent === "") continue;
      const siblings = this.#children.get(parent);
      if (siblings === undefined) this.#children.set(parent, [command]);
      else siblings.push(command);
    }
  }

  /** Answers one `COMMAND ...`; argument 0 is the command's own name. */
  run(args: Args, reply: Reply): void {
    if (args.count === 1) {
      this.#replyInfos(this.#roots, reply);
      return;
    }
    for (const [word, arity] of SUBCOMMANDS) {
      if (!args.is(1, word)) continue;
      if (takesCount(arity, args.count)) this.#runSubcommand(word, args, reply);
      else reply.error(wrongArity(`command|${word.toLowerCase()}`));
      return;
    }
    reply.error(unknownSubcommand("command", args));
  }

  #runSubcommand(word: string, args: Args, reply: Reply): void {
    if (word === "COUNT") reply.integer(this.#roots.length);
    else if (word === "DOCS") this.#docs(args, reply);
    else if (word === "GETKEYS") this.#keys(args, reply, false);
    else if (word === "GETKEYSANDFLAGS") this.#keys(args, reply, true);
    else if (word === "INFO") this.#info(args, reply);
    else if (word === "LIST") this.#list(args, reply);
    else replyLines(HELP, reply);
  }

  #info(args: Args, reply: Reply): void {
    if (args.count === 2) {
      this.#replyInfos(this.#roots, reply);
      return;
    }
    reply.array(args.count - 2);
    for (let index = 2; index < args.count; index++) {
      const command = this.#table.byName(nameArgument(args, index));
      if (command === undefined) reply.nil();
      else this.#replyInfo(command, reply);
    }
  }

  #replyInfos(commands: readonly CommandDescription[], reply: Reply): void {
    reply.array(commands.length);
    for (const command of commands) this.#replyInfo(command, reply);
  }

  #replyInfo(command: CommandDescription, reply: Reply): void {
    const children = this.#children.get(command.name) ?? [];
    reply.array(10);
    reply.bulkText(command.name);
    reply.integer(command.arity);
    replyWords(
      FLAG_ORDER.filter((flag) => command.flags.includes(flag)),
      reply,
    );
    reply.integer(command.keys.first);
    reply.integer(command.keys.last);
    reply.integer(command.keys.step);
    replyWords(
      categoriesOf(command, children.length > 0).map((category) => `@${category}`),
      reply,
    );
    const tips = command.tips ?? [];
    reply.set(tips.length);
    for (const tip of tips) reply.bulkText(tip);
    replyKeySpecifications(command, reply);
    this.#replyInfos(children, reply);
  }

  #docs(args: Args, reply: Reply): void {
    const wanted: CommandDescription[] = [];
    for (let index = 2; index < args.count; index++) {
      const command = this.#table.byName(nameArgument(args, index));
      if (command !== undefined) wanted.push(command);
    }
    this.#replyDocs(args.count === 2 ? this.#roots : wanted, reply);
  }

  #replyDocs(commands: readonly CommandDescription[], reply: Reply): void {
    reply.map(commands.length);
    for (const command of commands) {
      const children = this.#children.get(command.name) ?? [];
      const parts = command.syntax === undefined ? [] : parseSyntax(command.syntax);
      reply.bulkText(command.name);
      reply.map(4 + (parts.length > 0 ? 1 : 0) + (children.length > 0 ? 1 : 0));
      replyPair("summary", command.summary, reply);
      replyPair("since", command.since, reply);
      replyPair("group", command.group, reply);
      replyPair("complexity", command.complexity, reply);
      if (parts.length > 0) {
        reply.bulkText("arguments");
        const keys = { next: 0, last: keySpecificationCount(command) - 1 };
        replyArguments(parts, keys, reply);
      }
      if (children.length > 0) {
        reply.bulkText("subcommands");
        this.#replyDocs(children, reply);
      }
    }
  }

  #list(args: Args, reply: Reply): void {
    if (args.count === 2) {
      replyNames(this.#table.all, reply);
    } else if (args.count !== 5 || !args.is(2, "FILTERBY")) {
      reply.error(SYNTAX_ERROR);
    } else if (args.is(3, "MODULE")) {
      reply.array(0);
    } else if (args.is(3, "ACLCAT")) {
      const wanted = CATEGORIES.find((category) => args.is(4, category.toUpperCase()));
      const belongs = (command: CommandDescription): boolean => {
        const isContainer = this.#children.has(command.name);
        return wanted !== undefined && categoriesOf(command, isContainer).includes(wanted);
      };
      replyNames(this.#table.all.filter(belongs), reply);
    } else if (args.is(3, "PATTERN")) {
      replyNames(
        this.#table.all.filter(({ name }) => matchesArgument(args, 4, name)),
        reply,
      );
    } else {
      reply.error(SYNTAX_ERROR);
    }
  }

  #keys(args: Args, reply: Reply, withFlags: boolean): void {
    const command = this.#lookupLine(args, 2);
    const count = args.count - 2;
    if (command === undefined) {
      reply.error("ERR Invalid command specified");
    } else if (command.keys.first === 0) {
      reply.error("ERR The command has no key arguments");
    } else if (!takesCount(command.arity, count)) {
      reply.error("ERR Invalid number of arguments specified for command");
    } else {
      replyKeysOf(command, args, count, withFlags, reply);
    }
  }

  /**
   * The command of a line that starts at an argument: a subcommand where the command is a
   * container.
   */
  #lookupLine(args: Args, index: number): CommandDescription | undefined {
    const { bytes } = args;
    const root = this.#table.lookup(bytes, args.offset(index), args.length(index));
    if (root === undefined || !this.#children.has(root.name) || index + 1 === args.count)
      return root;
    const next = index + 1;
    return this.#table.lookupSubcommand(root.name, bytes, args.offset(next), args.length(next));
  }
}

/** A name that could be a command's: longer ones are cut, and then are none. */
function nameArgument(args: Args, index: number): string {
  return args.length(index) > 64 ? "" : args.text(index);
}

/** Whether a name matches the pattern in an argument, letters compared without case. */
function matchesArgument(args: Args, index: number, name: string): boolean {
  const text = Buffer.from(name, "latin1");
  const pattern = Buffer.from(args.text(index).toLowerCase(), "latin1");
  if (isMatchAll(pattern, 0, pattern.length)) return true;
  return globMatches(pattern, 0, pattern.length, text, 0, text.length);
}

function replyNames(commands: readonly CommandDescription[], reply: Reply): void {
  reply.array(commands.length);
  for (const { name } of commands) reply.bulkText(name);
}

function replyLines(lines: readonly string[], reply: Reply): void {
  reply.array(lines.length);
  for (const line of lines) reply.simple(line);
}

function replyWords(words: readonly string[], reply: Reply): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

function replyPair(name: string, text: string, reply: Reply): void {
  reply.bulkText(name);
  reply.bulkText(text);
}

/** What the first key's words are when a command does not say. */
function keyAccessOf(command: CommandDescription): readonly string[] {
  return command.keyAccess ?? [command.flags.includes("write") ? "RW access update" : "RO"];
}

function keySpecificationCount(command: CommandDescription): number {
  return command.keys.first === 0 ? 0 : keyAccessOf(command).length;
}

function replyKeySpecifications(command: CommandDescription, reply: Reply): void {
  const { first, last, step } = command.keys;
  const count = keySpecificationCount(command);
  const access = keyAccessOf(command);
  reply.set(count);
  for (let place = 0; place < count; place++) {
    reply.map(3);
    reply.bulkText("flags");
    replyWords(access[place]!.split(" "), reply);
    reply.bulkText("begin_search");
    reply.map(2);
    replyPair("type", "index", reply);
    reply.bulkText("spec");
    reply.map(1);
    reply.bulkText("index");
    reply.integer(first + place * step);
    reply.bulkText("find_keys");
    reply.map(2);
    replyPair("type", "range", reply);
    reply.bulkText("spec");
    reply.map(3);
    reply.bulkText("lastkey");
    reply.integer(count > 1 ? 0 : last < 0 ? last : last - first);
    reply.bulkText("keystep");
    reply.integer(count > 1 ? 1 : step);
    reply.bulkText("limit");
    reply.integer(0);
  }
}

/** Writes arguments; `keys` counts through the key specifications that key arguments belong to. */
function replyArguments(
  parts: readonly SyntaxArgument[],
  keys: { next: number; readonly last: number },
  reply: Reply,
): void {
  reply.array(parts.length);
  for (const part of parts) {
    const isKey = part.type === "key" && keys.last >= 0;
    const flags = [...(part.optional ? ["optional"] : []), ...(part.multiple ? ["multiple"] : [])];
    const optionalFields = [
      isKey,
      part.token !== undefined,
      flags.length > 0,
      part.parts.length > 0,
    ];
    reply.map(2 + optionalFields.filter(Boolean).length);
    replyPair("name", part.name, reply);
    replyPair("type", part.type, reply);
    if (isKey) {
      reply.bulkText("key_spec_index");
      reply.integer(Math.min(keys.next++, keys.last));
    }
    if (part.token !== undefined) replyPair("token", part.token, reply);
    if (flags.length > 0) {
      reply.bulkText("flags");
      replyWords(flags, reply);
    }
    if (part.parts.length > 0) {
      reply.bulkText("arguments");
      replyArguments(part.parts, keys, reply);
    }
  }
}

/** Writes the keys of a command line whose name is argument 2. */
function replyKeysOf(
  command: CommandDescription,
  args: Args,
  count: number,
  withFlags: boolean,
  reply: Reply,
): void {
  const { first, step } = command.keys;
  const last = lastKeyIndex(command.keys, count);
  const access = keyAccessOf(command);
  reply.array(last < first ? 0 : Math.floor((last - first) / step) + 1);
  for (let index = first, place = 0; index <= last; index += step, place++) {
    if (withFlags) reply.array(2);
    reply.bulk(args.bytes, args.view, args.offset(index + 2), args.length(index + 2));
    if (withFlags) replyWords(access[Math.min(place, access.length - 1)]!.split(" "), reply);
  }
}
