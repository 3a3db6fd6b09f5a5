// Sends each data command to the replica of its shard. One shard holds all slots now.
import type { CommandContext, DataCommand } from "../commands/command.ts";
import type { LongReads } from "../replica/long-reads.ts";
import type { KeyPrefetch } from "../keyspace/keyspace.ts";
import type { Replica } from "../replica/replica.ts";
import type { ReplyTarget } from "../replica/reply-target.ts";
import type { Args } from "../resp/args.ts";

/** The first shard, which holds all slots until it is split. */
export const FIRST_SHARD = 1;

const LOG_FULL =
  "MISCONF the disk of the log is full: writes are refused until there is room again; reads go on";
const OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

/** The database behind the sessions of one node. */
export class Router {
  readonly longReads: LongReads;
  readonly #replica: Replica;
  /** The log cannot grow. */
  logFull = false;
  /** Bytes of data above which commands that grow memory are refused; 0: no limit. */
  memoryBytesMax = 0;
  /** Whether another node of the cluster is over its limit. */
  peersOverMemory: () => boolean = () => false;

  constructor(replica: Replica, longReads: LongReads) {
    this.#replica = replica;
    this.longReads = longReads;
  }

  readable(): boolean {
    return this.#replica.readable();
  }

  readContext(database: number): CommandContext {
    return this.#replica.readContext(database);
  }

  get prefetch(): KeyPrefetch {
    return this.#replica.applier.keyspace.prefetch;
  }

  submit(
    command: DataCommand,
    isWrite: boolean,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void {
    this.#replica.submit(command, isWrite, database, args, target, sequence);
  }

  isLong(command: DataCommand, database: number, args: Args): boolean {
    return this.longReads.isLong(command, database, args);
  }

  submitLong(
    command: DataCommand,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void {
    if (this.longReads.take(command, database, args, target, sequence)) return;
    this.#replica.submit(command, false, database, args, target, sequence);
  }

  get pendingBytes(): number {
    return this.#replica.pendingBytes + this.longReads.pendingBytes;
  }

  get openMax(): number {
    return this.#replica.openMax;
  }

  /** Null, or the error that refuses a write now. */
  writeRefusal(growsMemory: boolean): string | null {
    if (this.logFull) return LOG_FULL;
    if (growsMemory && (this.memoryPressurePermille > 1000 || this.peersOverMemory())) {
      return OUT_OF_MEMORY;
    }
    return null;
  }

  /** Used part of the memory limit in thousandths; 0 without a limit. */
  get memoryPressurePermille(): number {
    if (this.memoryBytesMax === 0) return 0;
    return Math.floor((this.usedBytes * 1000) / this.memoryBytesMax);
  }

  /** Bytes that count against `memoryBytesMax`: data, and operations on their way. */
  get usedBytes(): number {
    return this.#replica.applier.keyspace.stats().liveBytes + this.pendingBytes;
  }
}
