// MULTI/EXEC as one operation: watched keys to compare, then the queued operations, applied in
// order.
import { copyBytes, viewOf } from "../base/bytes.ts";
import { DbError } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { slotOf } from "../base/slot.ts";
import { DATABASE_COUNT } from "../keyspace/keyspace.ts";
import { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { NO_KEYS, takesCount } from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { CommandId } from "./ids.ts";
import { decodeOperation, operationCommandId, operationDatabase } from "./operation.ts";
import type { OperationBuffer } from "./operation.ts";
import { CommandTable, dataCommands } from "./table.ts";

/** The version of a key when it was put under WATCH; layout in docs/internals/entry-format.md. */
export interface WatchedVersion {
  /** 0 to 15. */
  readonly database: number;
  readonly present: boolean;
  /** Log index of the last write, or for a missing key of the last entry applied; below 2^48. */
  readonly index: number;
  /** Position in the entry, below 2^16; 0 for a missing key. */
  readonly position: number;
}

/** Bytes of a watched key before the key itself. */
const WATCH_HEADER_BYTES = 14;
const DATABASE_AT = 0;
const PRESENT_AT = 1;
const POSITION_AT = 2;
const INDEX_LOW_AT = 4;
const INDEX_HIGH_AT = 8;
const KEY_LENGTH_AT = 10;
const INDEX_MAX = 2 ** 48 - 1;
const POSITION_MAX = 2 ** 16 - 1;
const TWO_32 = 2 ** 32;

/** Index of the first operation among the arguments of EXEC. */
const FIRST_OPERATION = 2;

/**
 * A reply that was known before the transaction: a step for commands of the session inside MULTI.
 */
export const rawReplyCommand: DataCommand = {
  id: CommandId.rawReply,
  name: "kvorum.raw-reply",
  arity: 2,
  flags: [],
  keys: NO_KEYS,
  group: "transactions",
  summary: "Internal: replies with bytes that are a reply already.",
  since: "0.1.0",
  complexity: "O(N) in the bytes",
  apply: (_context, args, reply) => reply.raw(args.look(1)),
};

/**
 * The EXEC operation: argument 1 is the watch list, each further one an operation.
 *
 * Replies with a null array when a watched key has changed, else with an array of the replies. As
 * in Redis, an error of one operation does not undo the others. A damaged operation throws before
 * anything changes.
 */
export const execCommand: DataCommand = {
  id: CommandId.exec,
  name: "exec",
  arity: -2,
  flags: ["write"],
  keys: NO_KEYS,
  group: "transactions",
  summary: "Applies the commands of a transaction, unless a watched key has changed.",
  since: "1.2.0",
  complexity: "The sum of its commands",
  costsByValue: true,
  apply: exec,
};

const steps: CommandTable<DataCommand> = new CommandTable([...dataCommands, rawReplyCommand]);
/** Arguments of the step that runs; EXEC does not nest. */
const stepArgs: Args = new Args();

/** Adds a key under WATCH to a list, which becomes argument 1 of EXEC. */
export function addToWatchList(
  list: OperationBuffer,
  watched: WatchedVersion,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
): void {
  const { database, present, index, position } = watched;
  invariant(index >= 0 && index <= INDEX_MAX, "a watched version's index is below 2^48");
  invariant(position >= 0 && position <= POSITION_MAX, "a watched position is below 2^16");
  const at = list.reserve(WATCH_HEADER_BYTES + length);
  list.view.setUint8(at + DATABASE_AT, database);
  list.view.setUint8(at + PRESENT_AT, present ? 1 : 0);
  list.view.setUint16(at + POSITION_AT, position, true);
  list.view.setUint32(at + INDEX_LOW_AT, index % TWO_32, true);
  list.view.setUint16(at + INDEX_HIGH_AT, Math.floor(index / TWO_32), true);
  list.view.setUint32(at + KEY_LENGTH_AT, length, true);
  const keyAt = at + WATCH_HEADER_BYTES;
  copyBytes(bytes, view, offset, list.bytes, list.view, keyAt, length);
  list.length = keyAt + length;
}

function exec(context: CommandContext, args: Args, reply: Reply): void {
  checkSteps(args);
  if (hasChanged(context, args)) {
    reply.nilArray();
    return;
  }
  const database = context.database;
  reply.array(args.count - FIRST_OPERATION);
  for (let index = FIRST_OPERATION; index < args.count; index++) {
    const at = args.offset(index);
    decodeOperation(args.bytes, args.view, at, stepArgs);
    context.database = operationDatabase(args.bytes, at);
    steps.byId(operationCommandId(args.view, at))!.apply(context, stepArgs, reply);
  }
  context.database = database;
  // Not to keep the entry's memory alive until the next transaction.
  stepArgs.setMemory(EMPTY, EMPTY_VIEW);
}

const EMPTY: Uint8Array = new Uint8Array(0);
const EMPTY_VIEW: DataView = viewOf(EMPTY);

/** Decodes all steps once, so that a damaged or unknown one is found before the first change. */
function checkSteps(args: Args): void {
  if (args.count < FIRST_OPERATION) throw damaged("no watch list");
  for (let index = FIRST_OPERATION; index < args.count; index++) {
    const at = args.offset(index);
    const next = decodeOperation(args.bytes, args.view, at, stepArgs);
    if (next !== at + args.length(index)) throw damaged("a step of another length");
    const id = operationCommandId(args.view, at);
    const command = steps.byId(id);
    if (command === undefined) {
      throw new DbError("BAD_ENTRY", "transaction holds a command this release does not know", {
        id,
      });
    }
    if (!takesCount(command.arity, stepArgs.count)) throw damaged("a step without its arguments");
  }
}

/**
 * Whether any key of the watch list is not what it was. A key that has expired since counts as
 * changed.
 */
function hasChanged(context: CommandContext, args: Args): boolean {
  const { bytes, view } = args;
  const end = args.offset(1) + args.length(1);
  let at = args.offset(1);
  let changed = false;
  while (at < end) {
    if (at + WATCH_HEADER_BYTES > end) throw damaged("watch list cut");
    const keyLength = view.getUint32(at + KEY_LENGTH_AT, true);
    const keyAt = at + WATCH_HEADER_BYTES;
    if (keyLength > end - keyAt) throw damaged("watched key beyond the end");
    if (bytes[at + DATABASE_AT]! >= DATABASE_COUNT) throw damaged("watched database");
    changed ||= keyHasChanged(context, view, at, keyAt, keyLength);
    at = keyAt + keyLength;
  }
  return changed;
}

function keyHasChanged(
  context: CommandContext,
  view: DataView,
  at: number,
  keyAt: number,
  keyLength: number,
): boolean {
  const keyspace = context.keyspace;
  const index =
    view.getUint32(at + INDEX_LOW_AT, true) + view.getUint16(at + INDEX_HIGH_AT, true) * TWO_32;
  const ref = keyspace.find(view.getUint8(at + DATABASE_AT), view, keyAt, keyLength);
  if (view.getUint8(at + PRESENT_AT) === 0) {
    // A key that came and went leaves no trace but a removal in its slot.
    return ref !== 0 || keyspace.lastRemovalIndex(slotOf(view, keyAt, keyLength)) > index;
  }
  if (ref === 0) return true;
  const position = view.getUint16(at + POSITION_AT, true);
  return keyspace.versionIndexOf(ref) !== index || keyspace.versionPositionOf(ref) !== position;
}

function damaged(what: string): DbError {
  return new DbError("BAD_ENTRY", `transaction in a log entry is damaged: ${what}`);
}
