// Commands on keys whatever their type: DEL, EXISTS, TYPE, RENAME, COPY, MOVE and their kin.
import { copyBytes, equalBytes } from "../base/bytes.ts";
import { invariant } from "../base/invariant.ts";
import { RecordType } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import {
  ALL_KEYS,
  FIRST_KEY,
  findKey,
  integerArgument,
  readKey,
  removeKey,
  TWO_KEYS,
} from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { databaseError } from "./databases.ts";
import { NO_SUCH_KEY, SAME_OBJECT, SYNTAX_ERROR } from "./errors.ts";
import { CommandId } from "./ids.ts";
import { longCount } from "./long-reads.ts";

/** Names of record types, by number, as TYPE and SCAN show them. */
export const TYPE_NAMES: readonly string[] = [
  "none",
  "string",
  "list",
  "set",
  "zset",
  "hash",
  "stream",
];

const MULTI_SHARD_SUM = ["request_policy:multi_shard", "response_policy:agg_sum"];

/** Commands on keys whatever their type. */
export const keyCommands: readonly DataCommand[] = [
  {
    id: CommandId.del,
    name: "del",
    arity: -2,
    flags: ["write"],
    keys: ALL_KEYS,
    keyAccess: ["RM delete"],
    tips: MULTI_SHARD_SUM,
    group: "generic",
    summary: "Deletes keys; says how many there were.",
    syntax: "key [key ...]",
    since: "1.0.0",
    complexity: "O(N) in the keys",
    apply: remove,
  },
  {
    id: CommandId.unlink,
    name: "unlink",
    arity: -2,
    flags: ["write", "fast"],
    keys: ALL_KEYS,
    keyAccess: ["RM delete"],
    tips: MULTI_SHARD_SUM,
    group: "generic",
    summary: "Deletes keys as DEL does; kept for clients that prefer it.",
    syntax: "key [key ...]",
    since: "4.0.0",
    complexity: "O(N) in the keys",
    apply: remove,
  },
  {
    id: CommandId.exists,
    name: "exists",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ALL_KEYS,
    keyAccess: ["RO"],
    tips: MULTI_SHARD_SUM,
    group: "generic",
    summary: "How many of the named keys exist; a key named twice counts twice.",
    syntax: "key [key ...]",
    since: "1.0.0",
    complexity: "O(N) in the keys",
    apply: count,
    long: longCount,
  },
  {
    id: CommandId.touch,
    name: "touch",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ALL_KEYS,
    keyAccess: ["RO"],
    tips: MULTI_SHARD_SUM,
    group: "generic",
    summary: "Marks keys as used just now; says how many there are.",
    syntax: "key [key ...]",
    since: "3.2.1",
    complexity: "O(N) in the keys",
    apply: count,
    long: longCount,
  },
  {
    id: CommandId.type,
    name: "type",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RO"],
    group: "generic",
    summary: "The type of a key's value, or none.",
    syntax: "key",
    since: "1.0.0",
    complexity: "O(1)",
    apply: type,
  },
  {
    id: CommandId.rename,
    name: "rename",
    arity: 3,
    flags: ["write"],
    keys: TWO_KEYS,
    keyAccess: ["RW access delete", "OW update"],
    group: "generic",
    summary: "Renames a key; one that has the new name is replaced.",
    syntax: "key newkey:key",
    since: "1.0.0",
    complexity: "O(N) in the bytes of the value",
    costsByValue: true,
    apply: (context, args, reply) => rename(context, args, reply, false),
  },
  {
    id: CommandId.renamenx,
    name: "renamenx",
    arity: 3,
    flags: ["write", "fast"],
    keys: TWO_KEYS,
    keyAccess: ["RW access delete", "OW insert"],
    group: "generic",
    summary: "Renames a key only if no key has the new name.",
    syntax: "key newkey:key",
    since: "1.0.0",
    complexity: "O(N) in the bytes of the value",
    costsByValue: true,
    apply: (context, args, reply) => rename(context, args, reply, true),
  },
  {
    id: CommandId.copy,
    name: "copy",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: TWO_KEYS,
    keyAccess: ["RO access", "OW update"],
    group: "generic",
    summary: "Copies a key with its expiry, to another database too.",
    syntax: "source:key destination:key [DB destination-db:integer] [REPLACE]",
    since: "6.2.0",
    complexity: "O(N) in the bytes of the value",
    costsByValue: true,
    apply: copy,
  },
  {
    id: CommandId.move,
    name: "move",
    arity: 3,
    flags: ["write", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update"],
    group: "generic",
    summary: "Moves a key to another database, unless that has a key of this name.",
    syntax: "key db:integer",
    since: "1.0.0",
    complexity: "O(N) in the bytes of the value",
    costsByValue: true,
    apply: move,
  },
];

function remove(context: CommandContext, args: Args, reply: Reply): void {
  let removed = 0;
  for (let index = 1; index < args.count; index++) {
    if (removeKey(context, args, index)) removed++;
  }
  reply.integer(removed);
}

function count(context: CommandContext, args: Args, reply: Reply): void {
  let found = 0;
  for (let index = 1; index < args.count; index++) {
    if (readKey(context, args, index) !== 0) found++;
  }
  reply.integer(found);
}

function type(context: CommandContext, args: Args, reply: Reply): void {
  const ref = readKey(context, args, 1);
  reply.simple(ref === 0 ? "none" : TYPE_NAMES[context.keyspace.typeOf(ref)]!);
}

function rename(context: CommandContext, args: Args, reply: Reply, ifFree: boolean): void {
  if (findKey(context, args, 1) === 0) {
    reply.error(NO_SUCH_KEY);
    return;
  }
  if (ifFree && findKey(context, args, 2) !== 0) {
    reply.integer(0);
    return;
  }
  if (!sameArguments(args, 1, 2)) {
    copyRecord(context, args, 2, context.database);
    removeKey(context, args, 1);
  }
  if (ifFree) reply.integer(1);
  else reply.ok();
}

function copy(context: CommandContext, args: Args, reply: Reply): void {
  let database = context.database;
  let replaces = false;
  for (let index = 3; index < args.count; index++) {
    if (args.is(index, "REPLACE")) {
      replaces = true;
    } else if (args.is(index, "DB") && index + 1 < args.count) {
      database = integerArgument(args, ++index);
      const error = databaseError(database);
      if (error !== undefined) {
        reply.error(error);
        return;
      }
    } else {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  if (database === context.database && sameArguments(args, 1, 2)) {
    reply.error(SAME_OBJECT);
    return;
  }
  const missing = readKey(context, args, 1) === 0;
  if (missing || (!replaces && existsIn(context, args, 2, database))) {
    reply.integer(0);
    return;
  }
  copyRecord(context, args, 2, database);
  reply.integer(1);
}

function move(context: CommandContext, args: Args, reply: Reply): void {
  const database = integerArgument(args, 2);
  const error = databaseError(database);
  if (error !== undefined || database === context.database) {
    reply.error(error ?? SAME_OBJECT);
    return;
  }
  if (findKey(context, args, 1) === 0 || existsIn(context, args, 1, database)) {
    reply.integer(0);
    return;
  }
  copyRecord(context, args, 1, database);
  removeKey(context, args, 1);
  reply.integer(1);
}

function existsIn(context: CommandContext, args: Args, index: number, database: number): boolean {
  const offset = args.offset(index);
  return context.keyspace.find(database, args.view, offset, args.length(index)) !== 0;
}

/**
 * Copies the record of the key in argument 1, with its expiry, to the key in `target` of
 * `database`.
 */
function copyRecord(context: CommandContext, args: Args, target: number, database: number): void {
  const keyspace = context.keyspace;
  const found = findKey(context, args, 1);
  invariant(keyspace.typeOf(found) === RecordType.string, "only strings are copied as plain bytes");
  const length = keyspace.valueLengthOf(found);
  const made = keyspace.create(
    database,
    args.bytes,
    args.view,
    args.offset(target),
    args.length(target),
    RecordType.string,
    length,
    keyspace.expireAtOf(found),
  );
  // The change above may have moved the source's record: its handle is good no longer.
  const source = findKey(context, args, 1);
  copyBytes(
    keyspace.bytesOf(source),
    keyspace.viewOf(source),
    keyspace.valueOffsetOf(source),
    keyspace.bytesOf(made),
    keyspace.viewOf(made),
    keyspace.valueOffsetOf(made),
    length,
  );
}

function sameArguments(args: Args, left: number, right: number): boolean {
  const length = args.length(left);
  if (length !== args.length(right)) return false;
  return equalBytes(args.bytes, args.offset(left), args.bytes, args.offset(right), length);
}
