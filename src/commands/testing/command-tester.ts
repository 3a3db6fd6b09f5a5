// Runs commands on a memory keyspace in tests, by the way they take from the log: encoded and
// decoded.
import { viewOf } from "../../base/bytes.ts";
import { invariant } from "../../base/invariant.ts";
import { MemoryKeyspace } from "../../keyspace/memory/memory-keyspace.ts";
import { Args } from "../../resp/args.ts";
import { appliedCommands } from "../applied-commands.ts";
import type { CommandContext, DataCommand } from "../command.ts";
import { wrongArity } from "../errors.ts";
import { decodeOperation, encodeOperation, OperationBuffer } from "../operation.ts";
import { addToWatchList, execCommand, type WatchedVersion } from "../transaction.ts";
import { WATCH_VERSION_BYTES, watchVersionsCommand } from "../watch-versions.ts";
import { ErrorText, type Recorded, ReplyRecorder } from "./reply-recorder.ts";

/** A word of a command: text of one character per byte, a number written in decimal, or bytes. */
export type Word = string | number | bigint | Uint8Array;

/** A key under WATCH. */
export interface WatchedKey extends WatchedVersion {
  readonly key: Uint8Array;
}

const START_MS = 1_700_000_000_000;

/** One shard's data with a clock and a log index of its own. */
export class CommandTester {
  readonly keyspace: MemoryKeyspace = new MemoryKeyspace({ seed0: 1, seed1: 2 });
  readonly context: CommandContext;
  readonly reply: ReplyRecorder = new ReplyRecorder();
  readonly #args = new Args();
  #random = 1;

  constructor() {
    this.context = {
      keyspace: this.keyspace,
      database: 0,
      nowMs: START_MS,
      index: 0,
      position: 0,
      hits: 0,
      misses: 0,
      random32: () => (this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0),
    };
    this.keyspace.nowMs = START_MS;
  }

  /** Moves the clock. */
  advance(ms: number): void {
    this.context.nowMs += ms;
    this.keyspace.nowMs = this.context.nowMs;
  }

  select(database: number): void {
    this.context.database = database;
  }

  /** Runs one command as an entry of its own and gives its reply. */
  run(name: string, ...words: Word[]): Recorded {
    const bytes = Buffer.from(name, "latin1");
    const command = appliedCommands.lookup(bytes, 0, bytes.length);
    invariant(command !== undefined, `there is a command ${name}`);
    const count = words.length + 1;
    const { arity } = command;
    if (arity > 0 ? count !== arity : count < -arity) return new ErrorText(wrongArity(name));
    return this.apply(command, words);
  }

  /** Applies any command through the codec of operations. */
  apply(command: DataCommand, words: readonly Word[]): Recorded {
    this.nextEntry();
    return this.applyHere(command, words);
  }

  /** Moves on to the next log entry. */
  nextEntry(): void {
    this.context.index++;
    this.context.position = 0;
    this.keyspace.writeIndex = this.context.index;
  }

  /** Applies a command in the entry that is open. */
  applyHere(command: DataCommand, words: readonly Word[]): Recorded {
    this.keyspace.writePosition = this.context.position;
    const buffer = new OperationBuffer();
    encodeOperation(buffer, command.id, this.context.database, 0, argsOf(words));
    const bytes = Uint8Array.from(buffer.bytes.subarray(0, buffer.length));
    const next = decodeOperation(bytes, viewOf(bytes), 0, this.#args);
    invariant(next === bytes.length, "an operation ends where it was written to");
    command.apply(this.context, this.#args, this.reply);
    this.context.position++;
    return this.reply.take();
  }

  /** Puts a record of any type, with a value of zeros, into the present database. */
  putRecord(name: string, type: number): void {
    const key = Buffer.from(name, "latin1");
    const { database } = this.context;
    this.nextEntry();
    const ref = this.keyspace.create(database, key, viewOf(key), 0, key.length, type, 4, 0);
    const offset = this.keyspace.valueOffsetOf(ref);
    this.keyspace.bytesOf(ref).fill(0, offset, offset + 4);
  }

  /** What WATCH notes for keys of the present database. */
  watch(...keys: string[]): WatchedKey[] {
    const database = this.context.database;
    const versions = Buffer.from(this.applyHere(watchVersionsCommand, keys) as string, "latin1");
    const view = viewOf(versions);
    return keys.map((key, place) => {
      const at = place * WATCH_VERSION_BYTES;
      return {
        database,
        key: Buffer.from(key, "latin1"),
        present: view.getUint8(at) === 1,
        index: view.getFloat64(at + 1, true),
        position: view.getUint16(at + 9, true),
      };
    });
  }

  /** Runs a transaction of commands (database 0 unless a number stands first). */
  exec(watched: readonly WatchedKey[], ...commands: Word[][]): Recorded {
    const steps = commands.map(encodeStep);
    return this.apply(execCommand, [encodeWatchList(watched), ...steps]);
  }
}

/** The keys under WATCH as argument 1 of EXEC. */
export function encodeWatchList(watched: readonly WatchedKey[]): Uint8Array {
  const list = new OperationBuffer();
  for (const version of watched) {
    const { key } = version;
    addToWatchList(list, version, key, viewOf(key), 0, key.length);
  }
  return Uint8Array.from(list.bytes.subarray(0, list.length));
}

/** A command as the operation that MULTI queues; a number in front names the database. */
export function encodeStep(words: readonly Word[]): Uint8Array {
  const database = typeof words[0] === "number" ? words[0] : 0;
  const [name, ...rest] = typeof words[0] === "number" ? words.slice(1) : words;
  const command = appliedCommands.byName(String(name));
  invariant(command !== undefined, `there is a command ${String(name)}`);
  const buffer = new OperationBuffer();
  encodeOperation(buffer, command.id, database, 0, argsOf(rest));
  return Uint8Array.from(buffer.bytes.subarray(0, buffer.length));
}

/** Arguments as a parser would leave them, argument 0 a name nobody reads. */
export function argsOf(words: readonly Word[]): Args {
  const parts = [Buffer.from("NAME"), ...words.map(bytesOf)];
  const args = new Args(1);
  args.reserve(parts.length);
  const bytes = Uint8Array.from(Buffer.concat(parts));
  args.setMemory(bytes, viewOf(bytes));
  args.count = parts.length;
  let at = 0;
  parts.forEach((part, index) => {
    args.offsets[index] = at;
    args.lengths[index] = part.length;
    at += part.length;
  });
  return args;
}

function bytesOf(word: Word): Uint8Array {
  return word instanceof Uint8Array ? word : Buffer.from(String(word), "latin1");
}
