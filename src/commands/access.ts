// What every family of commands needs: finding a key's record, reading numbers, the common
// refusals.
import { RecordType, type Ref } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import type { CommandContext, KeySpecification } from "./command.ts";
import { WRONG_TYPE } from "./errors.ts";
import { parseRoundedInteger } from "./integers.ts";

/** Longest string value, in bytes: 512 MiB, Redis's `proto-max-bulk-len`. */
export const STRING_BYTES_MAX: number = 512 * 1024 * 1024;

export const NO_KEYS: KeySpecification = { first: 0, last: 0, step: 0 };
export const FIRST_KEY: KeySpecification = { first: 1, last: 1, step: 1 };
export const TWO_KEYS: KeySpecification = { first: 1, last: 2, step: 1 };
export const ALL_KEYS: KeySpecification = { first: 1, last: -1, step: 1 };
export const KEY_VALUE_PAIRS: KeySpecification = { first: 1, last: -1, step: 2 };

/** Whether an arity (negative: at least so many) allows so many arguments, the name counted. */
export function takesCount(arity: number, count: number): boolean {
  return arity >= 0 ? count === arity : count >= -arity;
}

/** The live record of the key in an argument, or 0. */
export function findKey(context: CommandContext, args: Args, index: number): Ref {
  return context.keyspace.find(context.database, args.view, args.offset(index), args.length(index));
}

/** As {@link findKey}, for what reads a value or facts about it: counts the hit or miss. */
export function readKey(context: CommandContext, args: Args, index: number): Ref {
  const ref = findKey(context, args, index);
  if (ref === 0) context.misses++;
  else context.hits++;
  return ref;
}

/** Replies WRONGTYPE and says true when there is a record that is not a string. */
export function refuseWrongType(context: CommandContext, ref: Ref, reply: Reply): boolean {
  if (ref === 0 || context.keyspace.typeOf(ref) === RecordType.string) return false;
  reply.error(WRONG_TYPE);
  return true;
}

/** Replies with a string record's value, or null for no record. */
export function replyValue(context: CommandContext, ref: Ref, reply: Reply): void {
  if (ref === 0) {
    reply.nil();
    return;
  }
  const keyspace = context.keyspace;
  reply.bulk(
    keyspace.bytesOf(ref),
    keyspace.viewOf(ref),
    keyspace.valueOffsetOf(ref),
    keyspace.valueLengthOf(ref),
  );
}

/** Stores the bytes of one argument as the string value of the key in another. */
export function storeArgument(
  context: CommandContext,
  args: Args,
  keyIndex: number,
  valueIndex: number,
  expireAtMs: number,
): void {
  context.keyspace.putString(
    context.database,
    args.bytes,
    args.view,
    args.offset(keyIndex),
    args.length(keyIndex),
    args.bytes,
    args.view,
    args.offset(valueIndex),
    args.length(valueIndex),
    expireAtMs,
  );
}

/** Removes the key in an argument; false when there is none. */
export function removeKey(context: CommandContext, args: Args, index: number): boolean {
  return context.keyspace.remove(
    context.database,
    args.bytes,
    args.view,
    args.offset(index),
    args.length(index),
  );
}

/** An argument as 64-bit integer, rounded to a double beyond 2^53; NaN when it is none. */
export function integerArgument(args: Args, index: number): number {
  return parseRoundedInteger(args.bytes, args.offset(index), args.length(index));
}
