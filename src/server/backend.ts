// What sessions ask of the database behind them; the cluster layer's router implements it.
import type { CommandContext, DataCommand } from "../commands/command.ts";
import type { KeyPrefetch } from "../keyspace/keyspace.ts";
import type { ReplyTarget } from "../replica/reply-target.ts";
import type { Args } from "../resp/args.ts";

/** Where a session's data commands go. */
export interface Backend {
  /**
   * Whether reads may run here and now: this node leads and holds a lease. Ask once per batch of
   * input, after its bytes are in hand; the answer is good for that batch.
   */
  readable(): boolean;
  /** Takes hints of the keys that the next reads will ask for; only after `readable`. */
  readonly prefetch: KeyPrefetch;
  /** The context for a read that runs now; only after `readable`. */
  readContext(database: number): CommandContext;
  /**
   * Takes an operation that cannot be answered at once: a write, or a read behind writes of its own
   * session or without a lease. The arguments are copied. `target` gets exactly one reply for
   * `sequence`.
   */
  submit(
    command: DataCommand,
    isWrite: boolean,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void;
  /** Whether a command is a read that takes long, so that it goes to `submitLong`. */
  isLong(command: DataCommand, database: number, args: Args): boolean;
  /**
   * As `submit`, for a long read: it may run in steps, others being served between them. No
   * operation of its session may be open, or come before its reply.
   */
  submitLong(
    command: DataCommand,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void;
  /** Bytes of operations taken and not yet answered. */
  readonly pendingBytes: number;
  /**
   * Operations that one session may have open now before its input is paused; it goes on at half of
   * that. Small while much is on its way to another node.
   */
  readonly openMax: number;
  /**
   * Null, or the error that refuses writes now (`OOM ...`, `MISCONF ...`). Ask once per batch of
   * input.
   */
  writeRefusal(growsMemory: boolean): string | null;
}
