// Commands that set strings whole: SET and its older forms, GETSET, GETDEL, GETEX, MSET, MSETNX.
import { KEEP_EXPIRY, NO_EXPIRY } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import {
  FIRST_KEY,
  findKey,
  readKey,
  KEY_VALUE_PAIRS,
  refuseWrongType,
  removeKey,
  replyValue,
  storeArgument,
} from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { SYNTAX_ERROR, wrongArity } from "./errors.ts";
import { setKeyExpiry } from "./expiry.ts";
import { CommandId } from "./ids.ts";
import {
  expiryOfOptions,
  OPTION_ABSOLUTE,
  OPTION_GET,
  OPTION_KEEPTTL,
  OPTION_NX,
  OPTION_PERSIST,
  OPTION_TIMED,
  OPTION_XX,
  parseStringOptions,
  positiveExpiry,
} from "./string-options.ts";

/** Commands that set strings whole. */
export const stringWriteCommands: readonly DataCommand[] = [
  {
    id: CommandId.set,
    name: "set",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update variable_flags"],
    group: "string",
    summary: "Sets a key to a string, with options for conditions, expiry and the old value.",
    syntax:
      "key value [condition=NX|XX] [GET] " +
      "[expiration=EX seconds:integer | PX milliseconds:integer | " +
      "EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | KEEPTTL]",
    since: "1.0.0",
    complexity: "O(1)",
    apply: set,
  },
  {
    id: CommandId.getset,
    name: "getset",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update"],
    group: "string",
    summary: "Sets a key to a string and returns its old value.",
    syntax: "key value",
    since: "1.0.0",
    complexity: "O(1)",
    apply: getset,
  },
  {
    id: CommandId.getdel,
    name: "getdel",
    arity: 2,
    flags: ["write", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access delete"],
    group: "string",
    summary: "Returns the value of a key and deletes the key.",
    syntax: "key",
    since: "6.2.0",
    complexity: "O(1)",
    apply: getdel,
  },
  {
    id: CommandId.getex,
    name: "getex",
    arity: -2,
    flags: ["write", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update"],
    group: "string",
    summary: "Returns the value of a key and sets or takes away its expiry.",
    syntax:
      "key [expiration=EX seconds:integer | PX milliseconds:integer | " +
      "EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST]",
    since: "6.2.0",
    complexity: "O(1)",
    apply: getex,
  },
  {
    id: CommandId.setnx,
    name: "setnx",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["OW insert"],
    group: "string",
    summary: "Sets a key to a string only if the key does not exist.",
    syntax: "key value",
    since: "1.0.0",
    complexity: "O(1)",
    apply: setnx,
  },
  {
    id: CommandId.setex,
    name: "setex",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: FIRST_KEY,
    keyAccess: ["OW update"],
    group: "string",
    summary: "Sets a key to a string that expires after some seconds.",
    syntax: "key seconds:integer value",
    since: "2.0.0",
    complexity: "O(1)",
    apply: (context, args, reply) => setWithTimeout(context, args, reply, 1000, "setex"),
  },
  {
    id: CommandId.psetex,
    name: "psetex",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: FIRST_KEY,
    keyAccess: ["OW update"],
    group: "string",
    summary: "Sets a key to a string that expires after some milliseconds.",
    syntax: "key milliseconds:integer value",
    since: "2.6.0",
    complexity: "O(1)",
    apply: (context, args, reply) => setWithTimeout(context, args, reply, 1, "psetex"),
  },
  {
    id: CommandId.mset,
    name: "mset",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: KEY_VALUE_PAIRS,
    keyAccess: ["OW update"],
    tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
    group: "string",
    summary: "Sets several keys to strings.",
    syntax: "key value [key value ...]",
    since: "1.0.1",
    complexity: "O(N) in the keys",
    apply: mset,
  },
  {
    id: CommandId.msetnx,
    name: "msetnx",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: KEY_VALUE_PAIRS,
    keyAccess: ["OW insert"],
    tips: ["request_policy:multi_shard", "response_policy:agg_min"],
    group: "string",
    summary: "Sets several keys to strings only if none of them exists.",
    syntax: "key value [key value ...]",
    since: "1.0.1",
    complexity: "O(N) in the keys",
    apply: msetnx,
  },
];

function set(context: CommandContext, args: Args, reply: Reply): void {
  if (args.count > 3) {
    setWithOptions(context, args, reply);
    return;
  }
  storeArgument(context, args, 1, 2, NO_EXPIRY);
  reply.ok();
}

function setWithOptions(context: CommandContext, args: Args, reply: Reply): void {
  const options = parseStringOptions(args, 3, true);
  if (options < 0) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  let expireAtMs = (options & OPTION_KEEPTTL) !== 0 ? KEEP_EXPIRY : NO_EXPIRY;
  if ((options & OPTION_TIMED) !== 0) {
    expireAtMs = expiryOfOptions(args, options, context.nowMs, reply, "set");
    if (Number.isNaN(expireAtMs)) return;
  }
  const wantsOld = (options & OPTION_GET) !== 0;
  const looks = (options & (OPTION_GET | OPTION_NX | OPTION_XX)) !== 0;
  const find = wantsOld ? readKey : findKey;
  const ref = looks ? find(context, args, 1) : 0;
  if (wantsOld) {
    if (refuseWrongType(context, ref, reply)) return;
    replyValue(context, ref, reply);
  }
  if ((options & (ref === 0 ? OPTION_XX : OPTION_NX)) !== 0) {
    if (!wantsOld) reply.nil();
    return;
  }
  storeArgument(context, args, 1, 2, expireAtMs);
  if (!wantsOld) reply.ok();
}

function setWithTimeout(
  context: CommandContext,
  args: Args,
  reply: Reply,
  unitMs: number,
  command: string,
): void {
  const expireAtMs = positiveExpiry(args, 2, unitMs, context.nowMs, reply, command);
  if (Number.isNaN(expireAtMs)) return;
  storeArgument(context, args, 1, 3, expireAtMs);
  reply.ok();
}

function setnx(context: CommandContext, args: Args, reply: Reply): void {
  if (findKey(context, args, 1) !== 0) {
    reply.integer(0);
    return;
  }
  storeArgument(context, args, 1, 2, NO_EXPIRY);
  reply.integer(1);
}

function getset(context: CommandContext, args: Args, reply: Reply): void {
  const ref = readKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  replyValue(context, ref, reply);
  storeArgument(context, args, 1, 2, NO_EXPIRY);
}

function getdel(context: CommandContext, args: Args, reply: Reply): void {
  const ref = readKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  replyValue(context, ref, reply);
  if (ref !== 0) removeKey(context, args, 1);
}

function getex(context: CommandContext, args: Args, reply: Reply): void {
  const options = parseStringOptions(args, 2, false);
  if (options < 0) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  const ref = readKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  if (ref === 0) {
    reply.nil();
    return;
  }
  let expireAtMs = NO_EXPIRY;
  if ((options & OPTION_TIMED) !== 0) {
    expireAtMs = expiryOfOptions(args, options, context.nowMs, reply, "getex");
    if (Number.isNaN(expireAtMs)) return;
  }
  replyValue(context, ref, reply);
  if ((options & OPTION_ABSOLUTE) !== 0 && expireAtMs <= context.nowMs) {
    removeKey(context, args, 1);
  } else if ((options & OPTION_TIMED) !== 0) {
    setKeyExpiry(context, args, 1, expireAtMs);
  } else if ((options & OPTION_PERSIST) !== 0 && context.keyspace.expireAtOf(ref) !== NO_EXPIRY) {
    setKeyExpiry(context, args, 1, NO_EXPIRY);
  }
}

function mset(context: CommandContext, args: Args, reply: Reply): void {
  if (args.count % 2 === 0) {
    reply.error(wrongArity("mset"));
    return;
  }
  storePairs(context, args);
  reply.ok();
}

function msetnx(context: CommandContext, args: Args, reply: Reply): void {
  if (args.count % 2 === 0) {
    reply.error(wrongArity("msetnx"));
    return;
  }
  for (let index = 1; index < args.count; index += 2) {
    if (findKey(context, args, index) === 0) continue;
    reply.integer(0);
    return;
  }
  storePairs(context, args);
  reply.integer(1);
}

function storePairs(context: CommandContext, args: Args): void {
  for (let index = 1; index < args.count; index += 2) {
    storeArgument(context, args, index, index + 1, NO_EXPIRY);
  }
}
