// Commands on whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB, RANDOMKEY.
import { DATABASE_COUNT } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { integerArgument, NO_KEYS } from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { BAD_DATABASE, NOT_AN_INT32, NOT_AN_INTEGER, SYNTAX_ERROR } from "./errors.ts";
import { CommandId } from "./ids.ts";

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;
const ALL_SHARDS = "request_policy:all_shards";

/** Commands on whole databases. */
export const databaseCommands: readonly DataCommand[] = [
  {
    id: CommandId.swapdb,
    name: "swapdb",
    arity: 3,
    flags: ["write", "fast"],
    keys: NO_KEYS,
    group: "server",
    categories: ["keyspace", "dangerous"],
    summary: "Swaps two databases: who uses one sees the data of the other at once.",
    syntax: "index1:integer index2:integer",
    since: "4.0.0",
    complexity: "O(1)",
    apply: swapdb,
  },
  {
    id: CommandId.randomkey,
    name: "randomkey",
    arity: 1,
    flags: ["readonly"],
    keys: NO_KEYS,
    tips: [ALL_SHARDS, "nondeterministic_output"],
    group: "generic",
    summary: "A random key of the database.",
    since: "1.0.0",
    complexity: "O(1)",
    apply: randomkey,
  },
  {
    id: CommandId.dbsize,
    name: "dbsize",
    arity: 1,
    flags: ["readonly", "fast"],
    keys: NO_KEYS,
    tips: [ALL_SHARDS, "response_policy:agg_sum"],
    group: "server",
    categories: ["keyspace"],
    summary: "How many keys the database has.",
    since: "1.0.0",
    complexity: "O(1)",
    apply: (context, _args, reply) => reply.integer(context.keyspace.size(context.database)),
  },
  {
    id: CommandId.flushdb,
    name: "flushdb",
    arity: -1,
    flags: ["write"],
    keys: NO_KEYS,
    tips: [ALL_SHARDS, "response_policy:all_succeeded"],
    group: "server",
    categories: ["keyspace", "dangerous"],
    summary: "Removes all keys of the database.",
    syntax: "[async=ASYNC|SYNC]",
    since: "1.0.0",
    complexity: "O(1); the memory comes back in small steps",
    apply: flushdb,
  },
  {
    id: CommandId.flushall,
    name: "flushall",
    arity: -1,
    flags: ["write"],
    keys: NO_KEYS,
    tips: [ALL_SHARDS, "response_policy:all_succeeded"],
    group: "server",
    categories: ["keyspace", "dangerous"],
    summary: "Removes all keys of all databases.",
    syntax: "[async=ASYNC|SYNC]",
    since: "1.0.0",
    complexity: "O(1); the memory comes back in small steps",
    apply: flushall,
  },
];

/**
 * The error for a database number as `MOVE` and `COPY` take it.
 *
 * @param database What `integerArgument` gave.
 * @returns The error's text, or undefined for 0 to 15.
 */
export function databaseError(database: number): string | undefined {
  if (Number.isNaN(database)) return NOT_AN_INTEGER;
  if (database < INT32_MIN || database > INT32_MAX) return NOT_AN_INT32;
  return isDatabase(database) ? undefined : BAD_DATABASE;
}

function swapdb(context: CommandContext, args: Args, reply: Reply): void {
  const first = integerArgument(args, 1);
  const second = integerArgument(args, 2);
  if (!isInt32(first)) {
    reply.error("ERR invalid first DB index");
  } else if (!isInt32(second)) {
    reply.error("ERR invalid second DB index");
  } else if (!isDatabase(first) || !isDatabase(second)) {
    reply.error(BAD_DATABASE);
  } else {
    if (first !== second) context.keyspace.swap(first, second);
    reply.ok();
  }
}

function randomkey(context: CommandContext, _args: Args, reply: Reply): void {
  const keyspace = context.keyspace;
  const random1 = context.random32();
  const random2 = context.random32();
  const ref = keyspace.randomKey(context.database, random1, random2);
  if (ref === 0) {
    reply.nil();
    return;
  }
  reply.bulk(
    keyspace.bytesOf(ref),
    keyspace.viewOf(ref),
    keyspace.keyOffsetOf(ref),
    keyspace.keyLengthOf(ref),
  );
}

function flushdb(context: CommandContext, args: Args, reply: Reply): void {
  if (refuseFlushMode(args, reply)) return;
  context.keyspace.flush(context.database);
  reply.ok();
}

function flushall(context: CommandContext, args: Args, reply: Reply): void {
  if (refuseFlushMode(args, reply)) return;
  for (let database = 0; database < DATABASE_COUNT; database++) context.keyspace.flush(database);
  reply.ok();
}

/** ASYNC and SYNC are taken and mean the same: a flush takes constant time. */
function refuseFlushMode(args: Args, reply: Reply): boolean {
  const known = args.count === 2 && (args.is(1, "ASYNC") || args.is(1, "SYNC"));
  if (args.count === 1 || known) return false;
  reply.error(SYNTAX_ERROR);
  return true;
}

function isInt32(value: number): boolean {
  return value >= INT32_MIN && value <= INT32_MAX;
}

function isDatabase(value: number): boolean {
  return value >= 0 && value < DATABASE_COUNT;
}
