// Commands on the expiry of keys: EXPIRE and its forms, TTL and its forms, PERSIST.
import { NO_EXPIRY } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { FIRST_KEY, findKey, readKey, removeKey } from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import {
  EXPIRE_GT_AND_LT,
  EXPIRE_MIXED_CONDITIONS,
  invalidExpireTime,
  NOT_AN_INTEGER,
  unsupportedOption,
} from "./errors.ts";
import { resolveExpiry } from "./expiry-time.ts";
import { CommandId } from "./ids.ts";

const IF_NONE = 1;
const IF_ANY = 2;
const IF_GREATER = 4;
const IF_LESS = 8;

const CONDITIONS = "[condition=NX|XX|GT|LT]";

/** Commands on the expiry of keys. */
export const expiryCommands: readonly DataCommand[] = [
  expireCommand(CommandId.expire, "expire", 1000, true, "1.0.0"),
  expireCommand(CommandId.pexpire, "pexpire", 1, true, "2.6.0"),
  expireCommand(CommandId.expireat, "expireat", 1000, false, "1.2.0"),
  expireCommand(CommandId.pexpireat, "pexpireat", 1, false, "2.6.0"),
  ttlCommand(CommandId.ttl, "ttl", 1000, true, "1.0.0"),
  ttlCommand(CommandId.pttl, "pttl", 1, true, "2.6.0"),
  ttlCommand(CommandId.expiretime, "expiretime", 1000, false, "7.0.0"),
  ttlCommand(CommandId.pexpiretime, "pexpiretime", 1, false, "7.0.0"),
  {
    id: CommandId.persist,
    name: "persist",
    arity: 2,
    flags: ["write", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW update"],
    group: "generic",
    summary: "Takes away the expiry of a key.",
    syntax: "key",
    since: "2.2.0",
    complexity: "O(1)",
    apply: persist,
  },
];

/** Sets, or with `NO_EXPIRY` takes away, the expiry of the key in an argument. */
export function setKeyExpiry(
  context: CommandContext,
  args: Args,
  index: number,
  expireAtMs: number,
): void {
  context.keyspace.setExpiry(
    context.database,
    args.bytes,
    args.view,
    args.offset(index),
    args.length(index),
    expireAtMs,
  );
}

function expireCommand(
  id: number,
  name: string,
  unitMs: number,
  relative: boolean,
  since: string,
): DataCommand {
  const unit = unitMs === 1 ? "milliseconds" : "seconds";
  const time = relative ? `${unit}:integer` : `unix-time-${unit}:unix-time`;
  return {
    id,
    name,
    arity: -3,
    flags: ["write", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW update"],
    group: "generic",
    summary: relative
      ? `Lets a key expire after some ${unit}.`
      : `Lets a key expire at a Unix time in ${unit}.`,
    syntax: `key ${time} ${CONDITIONS}`,
    since,
    complexity: "O(1)",
    apply: (context, args, reply) => expire(context, args, reply, name, unitMs, relative),
  };
}

function ttlCommand(
  id: number,
  name: string,
  unitMs: number,
  relative: boolean,
  since: string,
): DataCommand {
  const unit = unitMs === 1 ? "milliseconds" : "seconds";
  return {
    id,
    name,
    arity: 2,
    flags: ["readonly", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RO access"],
    ...(relative ? { tips: ["nondeterministic_output"] } : {}),
    group: "generic",
    summary: relative
      ? `Time that a key has left, in ${unit}; -1 without expiry, -2 without key.`
      : `Unix time in ${unit} at which a key expires; -1 without expiry, -2 without key.`,
    syntax: "key",
    since,
    complexity: "O(1)",
    apply: (context, args, reply) => {
      replyExpiry(context, args, reply, unitMs, relative ? context.nowMs : 0);
    },
  };
}

function expire(
  context: CommandContext,
  args: Args,
  reply: Reply,
  name: string,
  unitMs: number,
  relative: boolean,
): void {
  const conditions = args.count === 3 ? 0 : parseConditions(args, reply);
  if (conditions < 0) return;
  const expireAtMs = resolveExpiry(
    args.bytes,
    args.offset(2),
    args.length(2),
    unitMs,
    relative ? context.nowMs : 0,
  );
  if (Number.isNaN(expireAtMs)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (!Number.isFinite(expireAtMs)) {
    reply.error(invalidExpireTime(name));
    return;
  }
  const ref = findKey(context, args, 1);
  if (ref === 0 || !allows(conditions, context.keyspace.expireAtOf(ref), expireAtMs)) {
    reply.integer(0);
    return;
  }
  if (expireAtMs <= context.nowMs) removeKey(context, args, 1);
  else setKeyExpiry(context, args, 1, expireAtMs);
  reply.integer(1);
}

/** The conditions from argument 3 on as bits, or -1 after replying with the error. */
function parseConditions(args: Args, reply: Reply): number {
  let bits = 0;
  for (let index = 3; index < args.count; index++) {
    if (args.is(index, "NX")) bits |= IF_NONE;
    else if (args.is(index, "XX")) bits |= IF_ANY;
    else if (args.is(index, "GT")) bits |= IF_GREATER;
    else if (args.is(index, "LT")) bits |= IF_LESS;
    else {
      reply.error(unsupportedOption(args, index));
      return -1;
    }
  }
  if ((bits & IF_NONE) !== 0 && bits !== IF_NONE) {
    reply.error(EXPIRE_MIXED_CONDITIONS);
    return -1;
  }
  if ((bits & IF_GREATER) !== 0 && (bits & IF_LESS) !== 0) {
    reply.error(EXPIRE_GT_AND_LT);
    return -1;
  }
  return bits;
}

/**
 * Whether conditions let a key's expiry change; a key without one counts as expiring never, the
 * greatest.
 */
function allows(conditions: number, currentMs: number, wantedMs: number): boolean {
  const never = currentMs === NO_EXPIRY;
  if ((conditions & IF_NONE) !== 0 && !never) return false;
  if ((conditions & IF_ANY) !== 0 && never) return false;
  if ((conditions & IF_GREATER) !== 0 && (never || wantedMs <= currentMs)) return false;
  return (conditions & IF_LESS) === 0 || never || wantedMs < currentMs;
}

function replyExpiry(
  context: CommandContext,
  args: Args,
  reply: Reply,
  unitMs: number,
  baseMs: number,
): void {
  const ref = readKey(context, args, 1);
  if (ref === 0) {
    reply.integer(-2);
    return;
  }
  const expireAtMs = context.keyspace.expireAtOf(ref);
  if (expireAtMs === NO_EXPIRY) {
    reply.integer(-1);
    return;
  }
  const timeMs = expireAtMs - baseMs;
  reply.integer(unitMs === 1 ? timeMs : Math.floor((timeMs + 500) / 1000));
}

function persist(context: CommandContext, args: Args, reply: Reply): void {
  const ref = findKey(context, args, 1);
  const expires = ref !== 0 && context.keyspace.expireAtOf(ref) !== NO_EXPIRY;
  if (expires) setKeyExpiry(context, args, 1, NO_EXPIRY);
  reply.integer(expires ? 1 : 0);
}
