// Commands that change part of a string: APPEND, SETRANGE.
import { copyBytes } from "../base/bytes.ts";
import { KEEP_EXPIRY, NO_EXPIRY, RecordType, type Ref } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import {
  FIRST_KEY,
  findKey,
  integerArgument,
  refuseWrongType,
  STRING_BYTES_MAX,
  storeArgument,
} from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { BAD_OFFSET, NOT_AN_INTEGER, TOO_LONG } from "./errors.ts";
import { CommandId } from "./ids.ts";

/** Commands that change part of a string. */
export const stringEditCommands: readonly DataCommand[] = [
  {
    id: CommandId.append,
    name: "append",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW insert"],
    group: "string",
    summary: "Adds bytes to the end of a string; a missing key counts as empty.",
    syntax: "key value",
    since: "2.0.0",
    complexity: "O(N) in the bytes of the result",
    costsByValue: true,
    apply: append,
  },
  {
    id: CommandId.setrange,
    name: "setrange",
    arity: 4,
    flags: ["write", "denyoom"],
    keys: FIRST_KEY,
    keyAccess: ["RW update"],
    group: "string",
    summary: "Overwrites bytes of a string from an offset on, filling a gap with zero bytes.",
    syntax: "key offset:integer value",
    since: "2.2.0",
    complexity: "O(N) in the bytes of the result",
    costsByValue: true,
    apply: setrange,
  },
];

function append(context: CommandContext, args: Args, reply: Reply): void {
  const ref = findKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  const addedLength = args.length(2);
  if (ref === 0) {
    storeArgument(context, args, 1, 2, NO_EXPIRY);
    reply.integer(addedLength);
    return;
  }
  const oldLength = context.keyspace.valueLengthOf(ref);
  const length = oldLength + addedLength;
  if (length > STRING_BYTES_MAX) {
    reply.error(TOO_LONG);
    return;
  }
  const grown = remake(context, args, ref, oldLength, length);
  putArgument(context, args, 2, grown, oldLength);
  reply.integer(length);
}

function setrange(context: CommandContext, args: Args, reply: Reply): void {
  const offset = integerArgument(args, 2);
  if (Number.isNaN(offset)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  if (offset < 0) {
    reply.error(BAD_OFFSET);
    return;
  }
  const ref = findKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  const oldLength = ref === 0 ? 0 : context.keyspace.valueLengthOf(ref);
  const patchLength = args.length(3);
  if (patchLength === 0) {
    reply.integer(oldLength);
    return;
  }
  if (offset + patchLength > STRING_BYTES_MAX) {
    reply.error(TOO_LONG);
    return;
  }
  const length = Math.max(oldLength, offset + patchLength);
  const changed = remake(context, args, ref, oldLength, length);
  if (offset > oldLength) {
    const valueOffset = context.keyspace.valueOffsetOf(changed);
    const bytes = context.keyspace.bytesOf(changed);
    bytes.fill(0, valueOffset + oldLength, valueOffset + offset);
  }
  putArgument(context, args, 3, changed, offset);
  reply.integer(length);
}

/**
 * Makes the record of the key in argument 1 anew, `length` bytes long, and copies the old value
 * into it.
 */
function remake(
  context: CommandContext,
  args: Args,
  old: Ref,
  oldLength: number,
  length: number,
): Ref {
  const keyspace = context.keyspace;
  const made = keyspace.create(
    context.database,
    args.bytes,
    args.view,
    args.offset(1),
    args.length(1),
    RecordType.string,
    length,
    old === 0 ? NO_EXPIRY : KEEP_EXPIRY,
  );
  if (old !== 0) {
    copyBytes(
      keyspace.bytesOf(old),
      keyspace.viewOf(old),
      keyspace.valueOffsetOf(old),
      keyspace.bytesOf(made),
      keyspace.viewOf(made),
      keyspace.valueOffsetOf(made),
      oldLength,
    );
  }
  return made;
}

/** Copies an argument's bytes into a record's value at `at`. */
function putArgument(
  context: CommandContext,
  args: Args,
  index: number,
  ref: Ref,
  at: number,
): void {
  const keyspace = context.keyspace;
  copyBytes(
    args.bytes,
    args.view,
    args.offset(index),
    keyspace.bytesOf(ref),
    keyspace.viewOf(ref),
    keyspace.valueOffsetOf(ref) + at,
    args.length(index),
  );
}
