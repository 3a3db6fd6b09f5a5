// Reads that would hold up the loop: run at the leader in steps, other work going on between them.
import { viewOf } from "../base/bytes.ts";
import { invariant } from "../base/invariant.ts";
import type { CommandContext, DataCommand, LongRead } from "../commands/command.ts";
import { decodeOperation, operationCommandId, operationDatabase } from "../commands/operation.ts";
import type { CommandTable } from "../commands/table.ts";
import type { Clock, Scheduler } from "../platform/clock.ts";
import { Args } from "../resp/args.ts";
import { RespWriter } from "../resp/writer.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** Reads under way at once: each makes every write a little dearer. Others wait. */
const RUNNING_MAX = 2;

/** What long reads need of their replica. */
export interface LongReadsHost {
  readonly isLeader: boolean;
  readable(): boolean;
  readContext(database: number): CommandContext;
  readonly applier: { readonly keyspace: { size(database: number): number } };
  /** Takes a read that runs in one piece after all, wherever the leader is now. */
  submit(
    command: DataCommand,
    isWrite: boolean,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void;
  /** Replies were written. */
  onAnswered(): void;
}

/** What tells the time, and when it is the next read's turn. */
export interface TimeSource {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
}

/** A read that has not begun. */
interface WaitingRead {
  readonly command: DataCommand;
  readonly database: number;
  readonly args: Args;
  readonly target: ReplyTarget;
  readonly sequence: number;
}

interface RunningRead extends WaitingRead {
  readonly read: LongRead;
  readonly pieces: Buffer[];
  /** Milliseconds in steps. */
  tookMs: number;
}

/**
 * The long reads of one replica.
 *
 * A read takes effect when it begins, which needs a lease, and goes on over that state whatever
 * happens to the replica. Sessions send nothing before it that is open, and nothing behind it until
 * it is answered.
 */
export class LongReads {
  readonly #host: LongReadsHost;
  readonly #time: TimeSource;
  readonly #commands: CommandTable<DataCommand>;
  readonly #waiting: WaitingRead[] = [];
  readonly #running: RunningRead[] = [];
  readonly #args = new Args();
  readonly #writer = new RespWriter();
  #isScheduled = false;
  /** Bytes of arguments, and of replies so far. */
  pendingBytes = 0;

  constructor(host: LongReadsHost, time: TimeSource, commands: CommandTable<DataCommand>) {
    this.#host = host;
    this.#time = time;
    this.#commands = commands;
  }

  /** Whether a command is a read that takes long. Where the leader decides, it may be. */
  isLong({ long }: DataCommand, database: number, args: Args): boolean {
    if (long === undefined) return false;
    const { isLeader, applier } = this.#host;
    return long.isLong(args, isLeader ? applier.keyspace.size(database) : Infinity);
  }

  /**
   * Takes a long read, whose arguments are copied; false when this node may not read now.
   *
   * @param target Has no other operation open, and begins none before the answer.
   */
  take(
    command: DataCommand,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): boolean {
    if (!this.#host.readable()) return false;
    const copy = args.copy();
    this.#waiting.push({ command, database, args: copy, target, sequence });
    this.pendingBytes += copy.bytes.length;
    this.#schedule();
    return true;
  }

  /** As {@link take}, for any operation of another node's client: false when it is not long. */
  takeEncoded(bytes: Uint8Array, target: ReplyTarget, sequence: number): boolean {
    const view = viewOf(bytes);
    const command = this.#commands.byId(operationCommandId(view, 0));
    if (command?.long === undefined) return false;
    const args = this.#args;
    decodeOperation(bytes, view, 0, args);
    const database = operationDatabase(bytes, 0);
    if (!this.isLong(command, database, args)) return false;
    return this.take(command, database, args, target, sequence);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#time.scheduler.soon(() => {
      this.#isScheduled = false;
      this.#turn();
    });
  }

  /** One step of one read. */
  #turn(): void {
    while (this.#running.length < RUNNING_MAX && this.#waiting.length > 0) {
      this.#begin(this.#waiting.shift()!);
    }
    const running = this.#running.shift();
    if (running === undefined) return;
    if (running.target.closed === true) this.#end(running);
    else if (this.#step(running)) this.#running.push(running);
    else this.#finish(running);
    if (this.#running.length + this.#waiting.length > 0) this.#schedule();
  }

  #begin(waiting: WaitingRead): void {
    const { command, database, args, target, sequence } = waiting;
    const host = this.#host;
    const isGone = target.closed === true;
    if (isGone || !host.readable()) {
      this.pendingBytes -= args.bytes.length;
      if (!isGone) host.submit(command, false, database, args, target, sequence);
      return;
    }
    invariant(command.long !== undefined, "only reads with a long form are taken");
    const read = command.long.begin(host.readContext(database), args);
    this.#running.push({ ...waiting, read, pieces: [], tookMs: 0 });
  }

  #step(running: RunningRead): boolean {
    const { read, target, pieces } = running;
    const writer = this.#writer;
    writer.protocol = target.protocol;
    const { clock } = this.#time;
    const startMs = clock.monotonicMs();
    const hasMore = read.step(writer);
    running.tookMs += clock.monotonicMs() - startMs;
    this.pendingBytes += writer.length;
    if (writer.length > 0) pieces.push(writer.take());
    return hasMore;
  }

  #finish(running: RunningRead): void {
    const { command, args, read, target, sequence, pieces, tookMs } = running;
    const writer = this.#writer;
    writer.protocol = target.protocol;
    read.head(writer);
    this.#end(running);
    const all = [writer.take(), ...pieces];
    if (target.longReply === undefined) target.rawReply(sequence, Buffer.concat(all));
    else target.longReply(sequence, all);
    target.ran?.(command, tookMs * 1000, args);
    this.#host.onAnswered();
  }

  #end({ read, args, pieces }: RunningRead): void {
    read.release();
    this.pendingBytes -= args.bytes.length;
    for (const piece of pieces) this.pendingBytes -= piece.length;
  }
}
