// The state machine of a shard: applies log entries to the keyspace, and runs reads at their place.
import { viewOf } from "../base/bytes.ts";
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { takesCount } from "../commands/access.ts";
import type { CommandContext, DataCommand } from "../commands/command.ts";
import {
  decodeOperation,
  firstArgumentAt,
  OPERATION_ORIGIN,
  operationFlags,
  readOrigin,
  type OperationOrigin,
} from "../commands/operation.ts";
import type { CommandTable } from "../commands/table.ts";
import { DATABASE_COUNT, type KeyPrefetch, LOOK_AHEAD_MAX } from "../keyspace/keyspace.ts";
import type { MemoryKeyspace } from "../keyspace/memory/memory-keyspace.ts";
import type { Clock } from "../platform/clock.ts";
import { Args } from "../resp/args.ts";
import { NullReply } from "../resp/null-reply.ts";
import type { Reply } from "../resp/reply.ts";
import { RespWriter } from "../resp/writer.ts";
import { type Batch, LOGGED } from "./batch.ts";
import { ENTRY_HEADER_BYTES, type EntryHeader, readEntryHeader } from "./entry-header.ts";
import type { ReplyTarget } from "./reply-target.ts";
import { SessionTable } from "./session-table.ts";

/** Operations of at least so many bytes are timed: they may be slow. */
const TIMED_BYTES = 4096;
const NOT_TIMED = -1;
const COMMAND_ID_AT = 4;
const DATABASE_AT = 6;
/** Answer to a retried write whose reply is no longer known. */
const FORGOTTEN_ERROR = "UNCERTAIN the reply of this retried write is no longer known";

/** Chance and time of the command that runs: a function of the entry alone. */
class ApplyContext implements CommandContext {
  readonly keyspace: MemoryKeyspace;
  database = 0;
  nowMs = 0;
  index = 0;
  position = 0;
  hits = 0;
  misses = 0;
  #state0 = 0;
  #state1 = 0;

  constructor(keyspace: MemoryKeyspace) {
    this.keyspace = keyspace;
  }

  seed(seed1: number, seed2: number): void {
    this.#state0 = seed1 | 0;
    this.#state1 = seed2 | 1;
  }

  /** xoroshiro64*: 32 bits a call, never a zero state. */
  random32(): number {
    const result = Math.imul(this.#state0, 0x9e3779bb) >>> 0;
    const mixed = this.#state1 ^ this.#state0;
    this.#state0 = ((this.#state0 << 26) | (this.#state0 >>> 6)) ^ mixed ^ (mixed << 9);
    this.#state1 = (mixed << 13) | (mixed >>> 19);
    return result;
  }
}

/** Lookups of keys that found something, and those that did not. */
export interface Lookups {
  readonly hits: number;
  readonly misses: number;
}

/** Applies entries in order. Deterministic: depends on the entries alone. */
export class Applier {
  readonly keyspace: MemoryKeyspace;
  readonly sessions: SessionTable = new SessionTable();
  readonly context: ApplyContext;
  /** For reads, here alone: what they draw must not shift what the replicas share. */
  readonly reading: ApplyContext;
  /** Highest shard time in an applied entry, Unix ms. */
  timeMs = 0;
  /** Highest ceiling in an applied entry, Unix ms. */
  ceilingMs = 0;
  appliedIndex = 0;
  appliedTerm = 0;
  /** Whether any key has an expiry: then entries carry a ceiling for the leader's clock. */
  holdsExpiries = false;
  /** Tells how long slow operations take; what they do does not depend on it. */
  clock: Clock | null = null;
  /** Addresses of members as the cluster layer wrote them into configuration entries. */
  members = "";
  readonly #commands: CommandTable<DataCommand>;
  /** By command id: 1 when its operations are timed whatever their length. */
  readonly #timed: Uint8Array;
  readonly #args = new Args();
  readonly #header: EntryHeader = { operations: 0, timeMs: 0, ceilingMs: 0, seed1: 0, seed2: 0 };
  readonly #origin: OperationOrigin = { session: 0, sequence: 0, acknowledged: 0, protocol: 2 };
  readonly #nothing = new NullReply();
  /** Catches the replies of retried writes, the same bytes on every replica. */
  readonly #capture = new RespWriter(4096);

  constructor(keyspace: MemoryKeyspace, commands: CommandTable<DataCommand>) {
    this.keyspace = keyspace;
    this.#commands = commands;
    this.#timed = new Uint8Array(Math.max(...commands.all.map(({ id }) => id)) + 1);
    for (const { id, costsByValue } of commands.all) this.#timed[id] = costsByValue ? 1 : 0;
    this.context = new ApplyContext(keyspace);
    this.reading = new ApplyContext(keyspace);
  }

  /** How many keys were looked for to be read, by clients of this node or from the log. */
  get lookups(): Lookups {
    const { context, reading } = this;
    return { hits: context.hits + reading.hits, misses: context.misses + reading.misses };
  }

  set lookups({ hits, misses }: Lookups) {
    this.context.hits = hits;
    this.context.misses = misses;
    this.reading.hits = 0;
    this.reading.misses = 0;
  }

  /** Takes over the place in the log of a snapshot that was loaded. */
  restore(index: number, term: number, timeMs: number, ceilingMs: number): void {
    this.appliedIndex = index;
    this.appliedTerm = term;
    this.timeMs = timeMs;
    this.ceilingMs = ceilingMs;
    this.#noteExpiries();
  }

  #noteExpiries(): void {
    for (let database = 0; database < DATABASE_COUNT; database++) {
      if (this.keyspace.sizeWithExpiry(database) > 0) {
        this.holdsExpiries = true;
        return;
      }
    }
    this.holdsExpiries = false;
  }

  /** Moves past an entry without operations. */
  skip(index: number, term: number): void {
    failpoints.reached?.("apply.skipped");
    this.appliedIndex = index;
    this.appliedTerm = term;
  }

  /**
   * Applies one normal entry.
   *
   * @param batch The operations' askers when this node proposed the entry; null elsewhere.
   * @throws DbError `BAD_ENTRY` for bytes that are no entry of this release: a poison entry stops
   * the replica.
   */
  apply(index: number, term: number, data: Uint8Array, batch: Batch | null): void {
    failpoints.reached?.("apply.before");
    const view = viewOf(data);
    const header = this.#header;
    readEntryHeader(view, header);
    const context = this.context;
    context.seed(header.seed1, header.seed2);
    if (header.timeMs > this.timeMs) this.timeMs = header.timeMs;
    if (header.ceilingMs > this.ceilingMs) this.ceilingMs = header.ceilingMs;
    this.reading.seed(header.seed2, header.seed1);
    this.reading.nowMs = this.timeMs;
    context.nowMs = this.timeMs;
    context.index = index;
    context.position = 0;
    const keyspace = this.keyspace;
    keyspace.nowMs = this.timeMs;
    keyspace.writeIndex = index;
    if (batch === null) this.#applyAlone(data, view, header.operations);
    else this.#applyBatch(data, view, batch);
    keyspace.prefetch.forget();
    this.sessions.sweep(this.timeMs);
    this.appliedIndex = index;
    this.appliedTerm = term;
    this.#noteExpiries();
    failpoints.reached?.("apply.after");
  }

  /** Runs the reads of a batch that stand after all writes of the log so far. */
  runLocal(batch: Batch, nowMs: number): void {
    this.reading.nowMs = nowMs;
    this.keyspace.nowMs = nowMs;
    const view = batch.local.view;
    let at = 0;
    for (let i = 0; i < batch.count; i++) {
      at = this.#readFor(batch.local.bytes, view, at, batch, i);
    }
  }

  /**
   * Runs reads as {@link runLocal} does, but keeps the replies: nobody may see them before it is
   * certain that this state was the latest one.
   */
  captureLocal(batch: Batch, nowMs: number): Uint8Array[] {
    this.reading.nowMs = nowMs;
    this.keyspace.nowMs = nowMs;
    const { bytes, view } = batch.local;
    const capture = this.#capture;
    const replies: Uint8Array[] = [];
    let at = 0;
    for (let i = 0; i < batch.count; i++) {
      capture.protocol = batch.targets[i]!.protocol;
      at = this.#read(bytes, view, at, capture);
      replies.push(capture.take());
    }
    return replies;
  }

  #applyAlone(data: Uint8Array, view: DataView, operations: number): void {
    const { prefetch } = this.keyspace;
    let at = ENTRY_HEADER_BYTES;
    for (let i = 0; i < operations; i++) {
      const place = i % LOOK_AHEAD_MAX;
      if (place === 0) this.#expectAlone(data, view, at, operations - i);
      prefetch.place = place;
      at = this.#run(data, view, at, this.#nothing);
    }
  }

  #applyBatch(data: Uint8Array, view: DataView, batch: Batch): void {
    const kinds = batch.kinds;
    const local = batch.local;
    let loggedAt = ENTRY_HEADER_BYTES;
    let localAt = 0;
    const { prefetch } = this.keyspace;
    for (let i = 0; i < batch.count; i++) {
      const place = i % LOOK_AHEAD_MAX;
      if (place === 0) this.#expectBatch(data, view, loggedAt, batch, localAt, i);
      prefetch.place = place;
      if (kinds[i] === LOGGED) loggedAt = this.#runFor(data, view, loggedAt, batch, i);
      else localAt = this.#readFor(local.bytes, local.view, localAt, batch, i);
    }
  }

  /** Tells the keyspace of the keys of the next operations of an entry. */
  #expectAlone(data: Uint8Array, view: DataView, from: number, left: number): void {
    const { prefetch } = this.keyspace;
    const count = Math.min(left, LOOK_AHEAD_MAX);
    let at = from;
    for (let place = 0; place < count; place++) at = expectKey(prefetch, place, data, view, at);
    prefetch.load(count);
  }

  /** The same for a batch with reads between the operations. */
  #expectBatch(
    data: Uint8Array,
    view: DataView,
    loggedFrom: number,
    batch: Batch,
    localFrom: number,
    from: number,
  ): void {
    const { prefetch } = this.keyspace;
    const { kinds, local } = batch;
    const count = Math.min(batch.count - from, LOOK_AHEAD_MAX);
    let loggedAt = loggedFrom;
    let localAt = localFrom;
    for (let place = 0; place < count; place++) {
      if (kinds[from + place] === LOGGED) {
        loggedAt = expectKey(prefetch, place, data, view, loggedAt);
      } else {
        localAt = expectKey(prefetch, place, local.bytes, local.view, localAt);
      }
    }
    prefetch.load(count);
  }

  #runFor(data: Uint8Array, view: DataView, at: number, batch: Batch, place: number): number {
    const target = batch.targets[place]!;
    const sequence = batch.sequences[place]!;
    const startMs = this.#startOf(view, at);
    const next = this.#run(data, view, at, target.openReply(sequence));
    target.closeReply(sequence);
    if (startMs !== NOT_TIMED) this.#tellTime(view, at, target, startMs);
    return next;
  }

  /** A read between the operations of an entry: leaves no trace in what the replicas share. */
  #readFor(data: Uint8Array, view: DataView, at: number, batch: Batch, place: number): number {
    const target = batch.targets[place]!;
    const sequence = batch.sequences[place]!;
    const startMs = this.#startOf(view, at);
    const next = this.#read(data, view, at, target.openReply(sequence));
    target.closeReply(sequence);
    if (startMs !== NOT_TIMED) this.#tellTime(view, at, target, startMs);
    return next;
  }

  /** The time, before an operation that may be slow. */
  #startOf(view: DataView, at: number): number {
    const mayBeSlow =
      view.getUint32(at, true) >= TIMED_BYTES ||
      this.#timed[view.getUint16(at + COMMAND_ID_AT, true)] === 1;
    return mayBeSlow && this.clock !== null ? this.clock.monotonicMs() : NOT_TIMED;
  }

  #tellTime(view: DataView, at: number, target: ReplyTarget, startMs: number): void {
    const command = this.#commands.byId(view.getUint16(at + COMMAND_ID_AT, true));
    const usec = (this.clock!.monotonicMs() - startMs) * 1000;
    if (command !== undefined) target.ran?.(command, usec, this.#args);
  }

  #read(data: Uint8Array, view: DataView, at: number, reply: Reply): number {
    const args = this.#args;
    const next = decodeOperation(data, view, at, args);
    const { reading } = this;
    reading.database = data[at + DATABASE_AT]!;
    this.#commandAt(view, at, args).apply(reading, args, reply);
    return next;
  }

  #run(data: Uint8Array, view: DataView, at: number, reply: Reply): number {
    const args = this.#args;
    const next = decodeOperation(data, view, at, args);
    const command = this.#commandAt(view, at, args);
    const context = this.context;
    context.database = data[at + DATABASE_AT]!;
    this.keyspace.writePosition = context.position;
    if ((operationFlags(data, at) & OPERATION_ORIGIN) === 0) command.apply(context, args, reply);
    else this.#runOnce(command, data, view, at, args, reply);
    context.position++;
    return next;
  }

  #commandAt(view: DataView, at: number, args: Args): DataCommand {
    const id = view.getUint16(at + COMMAND_ID_AT, true);
    const command = this.#commands.byId(id);
    if (command !== undefined && takesCount(command.arity, args.count)) return command;
    throw new DbError("BAD_ENTRY", "log entry holds a command this release does not know", {
      id,
      at,
      arguments: args.count,
    });
  }

  /** Runs a write that may come more than once; the second time it only answers. */
  #runOnce(
    command: DataCommand,
    data: Uint8Array,
    view: DataView,
    at: number,
    args: Args,
    reply: Reply,
  ): void {
    const origin = this.#origin;
    readOrigin(data, view, at, origin);
    const { session, sequence, acknowledged } = origin;
    const delivery = this.sessions.arrive(session, sequence, acknowledged, this.timeMs);
    if (delivery.kind === "forgotten") {
      reply.error(FORGOTTEN_ERROR);
      return;
    }
    if (delivery.kind === "duplicate") {
      reply.raw(delivery.reply);
      return;
    }
    const capture = this.#capture;
    capture.protocol = origin.protocol;
    command.apply(this.context, args, capture);
    const bytes = capture.take();
    this.sessions.remember(session, sequence, bytes);
    reply.raw(bytes);
  }
}

/**
 * Tells of the first argument of an operation, which most often is its key. Returns where the next
 * operation starts. Bytes are not trusted: what does not add up is left to the decoder.
 */
function expectKey(
  prefetch: KeyPrefetch,
  place: number,
  data: Uint8Array,
  view: DataView,
  at: number,
): number {
  const end = data.length;
  const keyAt = firstArgumentAt(data, at);
  if (keyAt > end) {
    prefetch.expectNothing(place);
    return at;
  }
  const length = view.getUint32(keyAt - 4, true);
  const database = data[at + DATABASE_AT]!;
  if (length > end - keyAt || database >= DATABASE_COUNT) prefetch.expectNothing(place);
  else prefetch.expect(place, database, view, keyAt, length);
  return Math.min(end, at + view.getUint32(at, true));
}
