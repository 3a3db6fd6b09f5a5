// Commands that count in strings: INCR, DECR, INCRBY, DECRBY (64-bit exact) and INCRBYFLOAT.
import { viewOf } from "../base/bytes.ts";
import { KEEP_EXPIRY, NO_EXPIRY, type Ref } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { FIRST_KEY, findKey, refuseWrongType } from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import {
  DECREMENT_OVERFLOW,
  FLOAT_OVERFLOW,
  INCREMENT_OVERFLOW,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
} from "./errors.ts";
import { CommandId } from "./ids.ts";
import {
  INT64_MAX,
  INT64_MIN,
  INTEGER_TEXT_BYTES_MAX,
  parseInt64,
  parseSafeInteger,
  writeAscii,
  writeInteger,
} from "./integers.ts";
import {
  addLongDoubles,
  formatLongDouble,
  parseLongDouble,
  parseLongDoubleBytes,
} from "./long-double.ts";

/** Commands that count in strings. */
export const counterCommands: readonly DataCommand[] = [
  {
    id: CommandId.incr,
    name: "incr",
    arity: 2,
    flags: ["write", "denyoom", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update"],
    group: "string",
    summary: "Adds one to the integer in a string; a missing key counts as 0.",
    syntax: "key",
    since: "1.0.0",
    complexity: "O(1)",
    apply: (context, args, reply) => addNumber(context, args, reply, 1),
  },
  {
    id: CommandId.decr,
    name: "decr",
    arity: 2,
    flags: ["write", "denyoom", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update"],
    group: "string",
    summary: "Takes one from the integer in a string; a missing key counts as 0.",
    syntax: "key",
    since: "1.0.0",
    complexity: "O(1)",
    apply: (context, args, reply) => addNumber(context, args, reply, -1),
  },
  {
    id: CommandId.incrby,
    name: "incrby",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update"],
    group: "string",
    summary: "Adds a number to the integer in a string; a missing key counts as 0.",
    syntax: "key increment:integer",
    since: "1.0.0",
    complexity: "O(1)",
    apply: incrby,
  },
  {
    id: CommandId.decrby,
    name: "decrby",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update"],
    group: "string",
    summary: "Takes a number from the integer in a string; a missing key counts as 0.",
    syntax: "key decrement:integer",
    since: "1.0.0",
    complexity: "O(1)",
    apply: decrby,
  },
  {
    id: CommandId.incrbyfloat,
    name: "incrbyfloat",
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RW access update"],
    group: "string",
    summary: "Adds a decimal number to the number in a string; a missing key counts as 0.",
    syntax: "key increment:double",
    since: "2.6.0",
    complexity: "O(1)",
    apply: incrbyfloat,
  },
];

/** Where a number's digits lie on their way into a record; used within one call only. */
const digits: Uint8Array = new Uint8Array(INTEGER_TEXT_BYTES_MAX);
const digitsView: DataView = viewOf(digits);

function incrby(context: CommandContext, args: Args, reply: Reply): void {
  const increment = parseSafeInteger(args.bytes, args.offset(2), args.length(2));
  if (!Number.isNaN(increment)) {
    addNumber(context, args, reply, increment);
    return;
  }
  const exact = parseInt64(args.bytes, args.offset(2), args.length(2));
  if (exact === undefined) reply.error(NOT_AN_INTEGER);
  else addExact(context, args, reply, exact);
}

function decrby(context: CommandContext, args: Args, reply: Reply): void {
  const decrement = parseSafeInteger(args.bytes, args.offset(2), args.length(2));
  if (!Number.isNaN(decrement)) {
    addNumber(context, args, reply, -decrement);
    return;
  }
  const exact = parseInt64(args.bytes, args.offset(2), args.length(2));
  if (exact === undefined) reply.error(NOT_AN_INTEGER);
  else if (exact === INT64_MIN) reply.error(DECREMENT_OVERFLOW);
  else addExact(context, args, reply, -exact);
}

/** Adds a safe integer; what does not stay within 2^53 goes the exact way. */
function addNumber(context: CommandContext, args: Args, reply: Reply, increment: number): void {
  const keyspace = context.keyspace;
  const ref = findKey(context, args, 1);
  let value = 0;
  if (ref !== 0) {
    if (refuseWrongType(context, ref, reply)) return;
    value = parseSafeInteger(
      keyspace.bytesOf(ref),
      keyspace.valueOffsetOf(ref),
      keyspace.valueLengthOf(ref),
    );
  }
  const sum = value + increment;
  if (!Number.isSafeInteger(sum)) {
    addExact(context, args, reply, BigInt(increment));
    return;
  }
  storeDigits(context, args, ref, writeInteger(digits, sum));
  reply.integer(sum);
}

function addExact(context: CommandContext, args: Args, reply: Reply, increment: bigint): void {
  const keyspace = context.keyspace;
  const ref = findKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  const value =
    ref === 0
      ? 0n
      : parseInt64(keyspace.bytesOf(ref), keyspace.valueOffsetOf(ref), keyspace.valueLengthOf(ref));
  if (value === undefined) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const sum = value + increment;
  if (sum > INT64_MAX || sum < INT64_MIN) {
    reply.error(INCREMENT_OVERFLOW);
    return;
  }
  const text = sum.toString();
  storeDigits(context, args, ref, writeAscii(digits, text));
  reply.integerText(text);
}

function storeDigits(context: CommandContext, args: Args, ref: Ref, length: number): void {
  context.keyspace.putString(
    context.database,
    args.bytes,
    args.view,
    args.offset(1),
    args.length(1),
    digits,
    digitsView,
    0,
    length,
    ref === 0 ? NO_EXPIRY : KEEP_EXPIRY,
  );
}

/** Not a hot path: works on text and big integers, see `long-double.ts`. */
function incrbyfloat(context: CommandContext, args: Args, reply: Reply): void {
  const keyspace = context.keyspace;
  const ref = findKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  const value =
    ref === 0
      ? parseLongDouble("0")
      : parseLongDoubleBytes(
          keyspace.bytesOf(ref),
          keyspace.valueOffsetOf(ref),
          keyspace.valueLengthOf(ref),
        );
  const increment = parseLongDoubleBytes(args.bytes, args.offset(2), args.length(2));
  if (value === undefined || increment === undefined) {
    reply.error(NOT_A_FLOAT);
    return;
  }
  const bothFinite = value !== "infinite" && increment !== "infinite";
  const sum = bothFinite ? addLongDoubles(value, increment) : "infinite";
  if (sum === "infinite") {
    reply.error(FLOAT_OVERFLOW);
    return;
  }
  const text = formatLongDouble(sum);
  const bytes = new Uint8Array(text.length);
  const length = writeAscii(bytes, text);
  const view = viewOf(bytes);
  keyspace.putString(
    context.database,
    args.bytes,
    args.view,
    args.offset(1),
    args.length(1),
    bytes,
    view,
    0,
    length,
    ref === 0 ? NO_EXPIRY : KEEP_EXPIRY,
  );
  reply.bulk(bytes, view, 0, length);
}
