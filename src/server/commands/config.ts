// CONFIG GET, SET, RESETSTAT, REWRITE over the table of parameters.
import { globMatches } from "../../commands/glob.ts";
import { wrongArity } from "../../commands/errors.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import { type Assignment, findParameter, parameters, setParameters } from "../config/parameters.ts";
import type { Session } from "../session.ts";
import { container, echoed, word } from "./family.ts";

const VALUE_BYTES_MAX = 4096;
const NO_REWRITE =
  "ERR CONFIG REWRITE is not supported: put the setting into the file given with --config, " +
  "or into a KVORUM_... variable";

const names = parameters.map(({ name }) => ({ name, bytes: Buffer.from(name) }));

function get(session: Session, args: Args, reply: Reply): void {
  const found = new Set<string>();
  for (let at = 2; at < args.count; at++) {
    // Longer patterns match nothing: no name is as long.
    const pattern = Buffer.from(word(args, at).toLowerCase(), "latin1");
    for (const { name, bytes } of names) {
      if (globMatches(pattern, 0, pattern.length, bytes, 0, bytes.length)) found.add(name);
    }
  }
  reply.map(found.size);
  for (const name of found) {
    reply.bulkText(name);
    reply.bulkText(findParameter(name)?.get(session.server) ?? "");
  }
}

/** Reads the pairs of CONFIG SET; an error text when a name is unknown or comes twice. */
function assignments(args: Args): Assignment[] | string {
  const given: Assignment[] = [];
  for (let at = 2; at < args.count; at += 2) {
    const parameter = findParameter(word(args, at));
    if (parameter === undefined) {
      return `ERR Unknown option or number of arguments for CONFIG SET - '${echoed(args, at)}'`;
    }
    const text = valueText(args, at + 1);
    if (text === null) return failed(parameter.name, "argument is too long or not UTF-8");
    given.push({ parameter, text });
  }
  const seen = new Set<string>();
  for (const { parameter } of given) {
    if (seen.has(parameter.name)) return failed(parameter.name, "duplicate parameter");
    seen.add(parameter.name);
  }
  return given;
}

/** A value as text, or null when it cannot be kept as it is. */
function valueText(args: Args, index: number): string | null {
  if (args.length(index) > VALUE_BYTES_MAX) return null;
  const bytes = Buffer.from(args.look(index));
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : null;
}

function failed(name: string, why: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${why}`;
}

function set(session: Session, args: Args, reply: Reply): void {
  if (args.count % 2 !== 0) {
    reply.error(wrongArity("config|set"));
    return;
  }
  const given = assignments(args);
  if (typeof given === "string") {
    reply.error(given);
    return;
  }
  const failure = setParameters(session.server, given);
  if (failure === null) reply.ok();
  else reply.error(failed(failure.name, failure.why));
}

/** CONFIG and its subcommands. */
export const configCommands: readonly SessionCommand[] = container(
  {
    name: "config",
    group: "server",
    summary: "A container for commands on the server's configuration.",
    since: "2.0.0",
  },
  [
    {
      name: "get",
      arity: -3,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "The values of the parameters that match the patterns.",
      syntax: "parameter [parameter ...]",
      complexity: "O(N) in the parameters and patterns",
      since: "2.0.0",
      run: get,
    },
    {
      name: "resetstat",
      arity: 2,
      flags: ["admin", "noscript", "loading", "stale"],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
      summary: "Sets the counters that INFO shows to zero.",
      since: "2.0.0",
      run: (session, _args, reply) => {
        session.server.resetStats();
        reply.ok();
      },
    },
    {
      name: "rewrite",
      arity: 2,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "Refused: the configuration file is the operator's.",
      since: "2.8.0",
      run: (_session, _args, reply) => reply.error(NO_REWRITE),
    },
    {
      name: "set",
      arity: -4,
      flags: ["admin", "noscript", "loading", "stale"],
      hidesArguments: true,
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
      summary: "Sets parameters of this node until it stops, all or none.",
      syntax: "parameter value [parameter value ...]",
      complexity: "O(N) in the parameters",
      since: "2.0.0",
      run: set,
    },
  ],
);
