// MULTI, EXEC, DISCARD, WATCH, UNWATCH: commands are kept encoded, and EXEC is one operation in the
// log.
import { ALL_KEYS } from "../commands/access.ts";
import type { DataCommand } from "../commands/command.ts";
import { CommandId } from "../commands/ids.ts";
import { encodeOperation, OperationBuffer } from "../commands/operation.ts";
import { addToWatchList, execCommand, rawReplyCommand } from "../commands/transaction.ts";
import { WATCH_VERSION_BYTES, watchVersionsCommand } from "../commands/watch-versions.ts";
import type { ReplyTarget } from "../replica/reply-target.ts";
import { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { RespWriter } from "../resp/writer.ts";
import type { CommandEntry, SessionCommand } from "./command-entry.ts";
import { family } from "./commands/family.ts";
import { deferReply } from "./deferred-reply.ts";
import type { Session } from "./session.ts";

/** Bytes of commands that one transaction may queue. */
const TRANSACTION_BYTES_MAX = 64 * 1024 * 1024;
const TRANSACTION_COMMANDS_MAX = 1024 * 1024;
const WATCH_BYTES_FIRST = 128;

/** What MULTI has queued so far. */
export interface OpenTransaction {
  /** A command was refused while queueing: EXEC will abort. */
  failed: boolean;
  /** Encoded operations, one behind the other, and where each starts. */
  readonly operations: OperationBuffer;
  readonly starts: number[];
  /** Commands of the session itself, by their place among the starts; run when EXEC comes. */
  readonly sessionCommands: Map<number, CommandEntry>;
  writes: boolean;
}

/** Handles a command inside MULTI; false when it must run at once (EXEC and the like). */
export function queueInTransaction(session: Session, entry: CommandEntry, args: Args): boolean {
  const transaction = session.state.transaction!;
  switch (entry.name) {
    case "exec":
      if (!transaction.failed && changesDatabase(transaction)) return false;
      execute(session, transaction);
      return true;
    case "discard":
    case "reset":
    case "quit":
    case "multi":
    case "watch":
      return false;
    default:
  }
  if (entry.notInTransaction) {
    transaction.failed = true;
    session.replyError("ERR Command not allowed inside a transaction");
    return true;
  }
  const { operations, starts } = transaction;
  if (operations.length > TRANSACTION_BYTES_MAX || starts.length >= TRANSACTION_COMMANDS_MAX) {
    transaction.failed = true;
    session.replyError("ERR the transaction is too big: at most 64 MiB and 1048576 commands");
    return true;
  }
  if (entry.isWrite) {
    const refusal = session.server.writeRefusal.of(entry.deniesOutOfMemory);
    if (refusal !== null) {
      transaction.failed = true;
      session.replyError(refusal);
      return true;
    }
  }
  starts.push(operations.length);
  if (entry.data === null) transaction.sessionCommands.set(starts.length - 1, entry);
  transaction.writes ||= entry.isWrite;
  const id = entry.data === null ? CommandId.rawReply : entry.data.id;
  encodeOperation(operations, id, session.state.database, 0, args);
  session.replySimple("QUEUED");
  return true;
}

/** Whether the database to go on with depends on the outcome. */
function changesDatabase({ sessionCommands }: OpenTransaction): boolean {
  for (const { name } of sessionCommands.values()) if (name === "select") return true;
  return false;
}

function execute(session: Session, transaction: OpenTransaction): void {
  session.state.transaction = null;
  const watched = session.state.watched;
  session.state.watched = null;
  if (transaction.failed) {
    session.replyError("EXECABORT Transaction discarded because of previous errors.");
    return;
  }
  const database = session.state.database;
  const operations =
    transaction.sessionCommands.size === 0 ? transaction : withReplies(session, transaction);
  const args = execArguments(watched, operations);
  submitExec(session, transaction.writes, database, args);
}

/** Runs the transaction at once where that is allowed, when it only reads. */
function submitExec(session: Session, isWrite: boolean, database: number, args: Args): void {
  const { order, server } = session;
  const { backend } = server;
  const readsNow = !isWrite && server.readableNow && order.plain;
  const sequence = order.issued++;
  server.work += args.count;
  if (readsNow) {
    order.answered++;
    execCommand.apply(backend.readContext(database), args, server.writer);
  } else backend.submit(execCommand, isWrite, database, args, session, sequence);
}

/** Points arguments at the watch list and at each operation, as the EXEC operation wants them. */
function execArguments(
  watched: OperationBuffer | null,
  { operations, starts }: Pick<OpenTransaction, "operations" | "starts">,
): Args {
  const args = new Args(starts.length + 2);
  const watchedBytes = watched?.length ?? 0;
  const watchesAt = operations.reserve(watchedBytes);
  watched?.bytes.copy(operations.bytes, watchesAt, 0, watchedBytes);
  args.setMemory(operations.bytes, operations.view);
  args.count = starts.length + 2;
  args.offsets[1] = watchesAt;
  args.lengths[1] = watchedBytes;
  for (let i = 0; i < starts.length; i++) {
    const end = starts[i + 1] ?? watchesAt;
    args.offsets[i + 2] = starts[i]!;
    args.lengths[i + 2] = end - starts[i]!;
  }
  return args;
}

/** Runs the session's own commands of a transaction now; their replies take their places in it. */
function withReplies(
  session: Session,
  transaction: OpenTransaction,
): Pick<OpenTransaction, "operations" | "starts"> {
  const made = { operations: new OperationBuffer(), starts: [] as number[] };
  const { operations, starts } = transaction;
  const args = new Args();
  const writer = new RespWriter(4096);
  writer.protocol = session.protocol;
  for (let i = 0; i < starts.length; i++) {
    const at = starts[i]!;
    const end = starts[i + 1] ?? operations.length;
    made.starts.push(made.operations.length);
    const entry = transaction.sessionCommands.get(i);
    if (entry === undefined) {
      const to = made.operations.reserve(end - at);
      operations.bytes.copy(made.operations.bytes, to, at, end);
      made.operations.bytes[to + 6] = session.state.database;
      made.operations.length = to + end - at;
      continue;
    }
    session.server.decodeQueued(operations, at, entry.name, args);
    entry.session!.run(session, args, writer);
    const reply = writer.take();
    args.setMemory(reply, new DataView(reply.buffer, reply.byteOffset, reply.byteLength));
    args.count = 2;
    args.offsets[1] = 0;
    args.lengths[1] = reply.length;
    encodeOperation(made.operations, rawReplyCommand.id, 0, 0, args);
  }
  return made;
}

function multi(session: Session, _args: Args, reply: Reply): void {
  if (session.state.transaction !== null) {
    reply.error("ERR MULTI calls can not be nested");
    return;
  }
  session.state.transaction = {
    failed: false,
    operations: new OperationBuffer(),
    starts: [],
    sessionCommands: new Map(),
    writes: false,
  };
  reply.ok();
}

function exec(session: Session, _args: Args, reply: Reply): void {
  const { transaction } = session.state;
  if (transaction === null) reply.error("ERR EXEC without MULTI");
  else WaitingExec.begin(session, transaction);
}

function discard(session: Session, _args: Args, reply: Reply): void {
  if (session.state.transaction === null) {
    reply.error("ERR DISCARD without MULTI");
    return;
  }
  session.state.transaction = null;
  session.state.watched = null;
  reply.ok();
}

function watch(session: Session, args: Args, reply: Reply): void {
  if (session.state.transaction !== null) reply.error("ERR WATCH inside MULTI is not allowed");
  else WatchRequest.begin(session, args);
}

function unwatch(session: Session, _args: Args, reply: Reply): void {
  session.state.watched = null;
  reply.ok();
}

/** An EXEC with SELECT in it: input waits, and an abort leaves the session in its old database. */
class WaitingExec implements ReplyTarget {
  readonly protocol: number;
  readonly sessionId: number;
  readonly acknowledged: number;
  readonly #session: Session;
  readonly #databaseBefore: number;
  readonly #writer = new RespWriter(1024);
  readonly #finish: (write: (reply: Reply) => void) => void;

  static begin(session: Session, transaction: OpenTransaction): WaitingExec {
    return new WaitingExec(session, transaction);
  }

  constructor(session: Session, transaction: OpenTransaction) {
    this.#session = session;
    this.protocol = session.protocol;
    this.#writer.protocol = session.protocol;
    this.sessionId = session.sessionId;
    this.acknowledged = session.acknowledged;
    const { state, server } = session;
    this.#databaseBefore = state.database;
    this.#finish = deferReply(session);
    const { watched } = state;
    state.transaction = null;
    state.watched = null;
    const args = execArguments(watched, withReplies(session, transaction));
    const sequence = session.lastSequence;
    const { writes } = transaction;
    server.backend.submit(execCommand, writes, this.#databaseBefore, args, this, sequence);
  }

  openReply(_sequence: number): Reply {
    return this.#writer;
  }

  closeReply(sequence: number): void {
    this.rawReply(sequence, this.#writer.take());
  }

  failReply(_sequence: number, error: string): void {
    this.#session.state.database = this.#databaseBefore;
    this.#finish((reply) => reply.error(error));
  }

  ran(command: DataCommand, usec: number, args: Args): void {
    this.#session.ran(command, usec, args);
  }

  rawReply(_sequence: number, bytes: Uint8Array): void {
    const isRun = bytes[0] === 0x2a && bytes[1] !== 0x2d;
    if (!isRun) this.#session.state.database = this.#databaseBefore;
    this.#finish((reply) => reply.raw(bytes));
  }
}

/** Asks the leader, in order with the session's other operations, for the versions of the keys. */
class WatchRequest implements ReplyTarget {
  readonly protocol = 2;
  readonly sessionId: number;
  readonly acknowledged: number;
  readonly #session: Session;
  readonly #database: number;
  readonly #args: Args;
  readonly #writer = new RespWriter(1024);
  readonly #finish: (write: (reply: Reply) => void) => void;

  static begin(session: Session, args: Args): WatchRequest {
    return new WatchRequest(session, args);
  }

  constructor(session: Session, args: Args) {
    this.#session = session;
    this.sessionId = session.sessionId;
    this.acknowledged = session.acknowledged;
    this.#database = session.state.database;
    this.#args = args.copy();
    this.#finish = deferReply(session);
    const { backend } = session.server;
    const sequence = session.lastSequence;
    backend.submit(watchVersionsCommand, false, this.#database, args, this, sequence);
  }

  openReply(_sequence: number): Reply {
    return this.#writer;
  }

  closeReply(sequence: number): void {
    this.rawReply(sequence, this.#writer.take());
  }

  failReply(_sequence: number, error: string): void {
    this.#finish((reply) => reply.error(error));
  }

  rawReply(_sequence: number, bytes: Uint8Array): void {
    const start = bytes.indexOf(0x0a) + 1;
    const args = this.#args;
    const expected = (args.count - 1) * WATCH_VERSION_BYTES;
    if (bytes[0] !== 0x24 || bytes.length < start + expected) {
      const error = Buffer.from(bytes).toString("latin1", 1).trimEnd();
      this.#finish((reply) => reply.error(error));
      return;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + start, expected);
    const list = (this.#session.state.watched ??= new OperationBuffer(WATCH_BYTES_FIRST));
    for (let key = 1; key < args.count; key++) {
      const at = (key - 1) * WATCH_VERSION_BYTES;
      const version = {
        database: this.#database,
        present: view.getUint8(at) === 1,
        index: view.getFloat64(at + 1, true),
        position: view.getUint16(at + 9, true),
      };
      addToWatchList(list, version, args.bytes, args.view, args.offset(key), args.length(key));
    }
    this.#finish((reply) => reply.ok());
  }
}

/** The commands of this file, for the server's table. */
export const transactionCommands: readonly SessionCommand[] = family("transactions", [
  {
    name: "multi",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    summary: "Starts a transaction.",
    since: "1.2.0",
    run: multi,
  },
  {
    name: "exec",
    arity: 1,
    // In the log they are whole commands, encoded.
    hidesArguments: true,
    flags: ["noscript", "loading", "stale"],
    summary: "Executes all commands of a transaction.",
    complexity: "The sum of its commands",
    since: "1.2.0",
    run: exec,
  },
  {
    name: "discard",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    summary: "Drops a transaction.",
    complexity: "O(N) in queued commands",
    since: "2.0.0",
    run: discard,
  },
  {
    name: "watch",
    arity: -2,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    keys: ALL_KEYS,
    summary: "Makes EXEC fail if one of these keys changes before it.",
    syntax: "key [key ...]",
    complexity: "O(1) for each key",
    since: "2.2.0",
    run: watch,
  },
  {
    name: "unwatch",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    summary: "Forgets the watched keys.",
    since: "2.2.0",
    run: unwatch,
  },
]);
