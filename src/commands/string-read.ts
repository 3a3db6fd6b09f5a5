// Commands that read strings: GET, MGET, STRLEN, GETRANGE, SUBSTR.
import { RecordType } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { ALL_KEYS, FIRST_KEY, integerArgument, readKey, refuseWrongType } from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { NOT_AN_INTEGER, WRONG_TYPE } from "./errors.ts";
import { CommandId } from "./ids.ts";
import { longValues, replyElement } from "./long-reads.ts";

/** Commands that read strings. */
export const stringReadCommands: readonly DataCommand[] = [
  {
    id: CommandId.get,
    name: "get",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RO access"],
    group: "string",
    summary: "The value of a key.",
    syntax: "key",
    since: "1.0.0",
    complexity: "O(1)",
    apply: get,
  },
  {
    id: CommandId.mget,
    name: "mget",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ALL_KEYS,
    keyAccess: ["RO access"],
    tips: ["request_policy:multi_shard"],
    group: "string",
    summary: "The values of several keys, null for each that is missing or no string.",
    syntax: "key [key ...]",
    since: "1.0.0",
    complexity: "O(N) in the keys",
    apply: mget,
    long: longValues,
  },
  {
    id: CommandId.strlen,
    name: "strlen",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: FIRST_KEY,
    keyAccess: ["RO"],
    group: "string",
    summary: "Length of a string in bytes, 0 for a missing key.",
    syntax: "key",
    since: "2.2.0",
    complexity: "O(1)",
    apply: strlen,
  },
  {
    id: CommandId.getrange,
    name: "getrange",
    arity: 4,
    flags: ["readonly"],
    keys: FIRST_KEY,
    keyAccess: ["RO access"],
    group: "string",
    summary:
      "Bytes of a string between two offsets, both inclusive; negative ones count from the end.",
    syntax: "key start:integer end:integer",
    since: "2.4.0",
    complexity: "O(N) in the bytes returned",
    costsByValue: true,
    apply: getrange,
  },
  {
    id: CommandId.substr,
    name: "substr",
    arity: 4,
    flags: ["readonly"],
    keys: FIRST_KEY,
    keyAccess: ["RO access"],
    group: "string",
    summary: "Old name of GETRANGE.",
    syntax: "key start:integer end:integer",
    since: "1.0.0",
    complexity: "O(N) in the bytes returned",
    costsByValue: true,
    apply: getrange,
  },
];

function get(context: CommandContext, args: Args, reply: Reply): void {
  const keyspace = context.keyspace;
  const ref = keyspace.find(context.database, args.view, args.offset(1), args.length(1));
  if (ref === 0) {
    context.misses++;
    reply.nil();
    return;
  }
  context.hits++;
  if (keyspace.typeOf(ref) !== RecordType.string) {
    reply.error(WRONG_TYPE);
  } else {
    reply.bulk(
      keyspace.bytesOf(ref),
      keyspace.viewOf(ref),
      keyspace.valueOffsetOf(ref),
      keyspace.valueLengthOf(ref),
    );
  }
}

function mget(context: CommandContext, args: Args, reply: Reply): void {
  reply.array(args.count - 1);
  for (let index = 1; index < args.count; index++) {
    replyElement(context, readKey(context, args, index), reply);
  }
}

function strlen(context: CommandContext, args: Args, reply: Reply): void {
  const ref = readKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  reply.integer(ref === 0 ? 0 : context.keyspace.valueLengthOf(ref));
}

function getrange(context: CommandContext, args: Args, reply: Reply): void {
  let start = integerArgument(args, 2);
  let end = integerArgument(args, 3);
  if (Number.isNaN(start) || Number.isNaN(end)) {
    reply.error(NOT_AN_INTEGER);
    return;
  }
  const ref = readKey(context, args, 1);
  if (refuseWrongType(context, ref, reply)) return;
  const keyspace = context.keyspace;
  const length = ref === 0 ? 0 : keyspace.valueLengthOf(ref);
  // Two offsets from the end in the wrong order give nothing, even where both would be cut to 0.
  const crossed = start < 0 && end < 0 && start > end;
  if (start < 0) start = Math.max(0, length + start);
  if (end < 0) end = Math.max(0, length + end);
  if (end >= length) end = length - 1;
  if (ref === 0 || crossed || start > end) {
    reply.bulk(args.bytes, args.view, 0, 0);
    return;
  }
  const offset = keyspace.valueOffsetOf(ref) + start;
  reply.bulk(keyspace.bytesOf(ref), keyspace.viewOf(ref), offset, end - start + 1);
}
