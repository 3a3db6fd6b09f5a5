// A command as the server runs it: the table's description with its hot facts as plain fields.
import type { CommandDescription, DataCommand } from "../commands/command.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import type { Session } from "./session.ts";

/**
 * A command that concerns the connection or the server, not the data: runs at once, on this node.
 */
export interface SessionCommand extends CommandDescription {
  /**
   * Waits until all earlier commands of the session are answered, and holds back later ones: for
   * what changes the protocol, ends the session or needs the replies before it.
   */
  readonly barrier?: boolean;
  /** Its arguments may be secrets: they are shown nowhere. */
  readonly hidesArguments?: boolean;
  /** Only a name for subcommands (`client` for `client|list`), which are rows of their own. */
  readonly isContainer?: boolean;
  /**
   * Runs the command; writes exactly one reply, unless it took charge of the reply by
   * `deferReply`.
   */
  readonly run: (session: Session, args: Args, reply: Reply) => void;
}

/** One row of the server's command table. */
export class CommandEntry {
  readonly description: CommandDescription;
  readonly data: DataCommand | null;
  readonly session: SessionCommand | null;
  readonly name: string;
  readonly isWrite: boolean;
  readonly deniesOutOfMemory: boolean;
  readonly needsNoLogin: boolean;
  readonly notInTransaction: boolean;
  readonly isBarrier: boolean;
  readonly isContainer: boolean;
  readonly hidesArguments: boolean;
  /** Constant time: its run time is not measured for the slow log. */
  readonly isFast: boolean;
  /** It has a long form, for when it would take too long in one piece. */
  readonly mayBeLong: boolean;
  /** Place of the first key among the arguments; 0: none. */
  readonly firstKey: number;
  readonly argumentsMin: number;
  readonly argumentsMax: number;
  /** How often it ran and failed, for `INFO commandstats`. */
  calls = 0;
  rejectedCalls = 0;
  failedCalls = 0;
  /** Microseconds in timed runs. */
  usec = 0;

  /** For CONFIG RESETSTAT. */
  resetStats(): void {
    this.calls = 0;
    this.rejectedCalls = 0;
    this.failedCalls = 0;
    this.usec = 0;
  }

  constructor(command: DataCommand | SessionCommand) {
    this.description = command;
    this.data = "apply" in command ? command : null;
    this.session = "run" in command ? command : null;
    this.name = command.name;
    const flags = new Set(command.flags);
    this.isWrite = flags.has("write");
    this.deniesOutOfMemory = flags.has("denyoom");
    this.needsNoLogin = flags.has("no_auth");
    this.notInTransaction = flags.has("no_multi");
    this.isFast = flags.has("fast");
    this.mayBeLong = this.data?.long !== undefined;
    this.isBarrier = this.session?.barrier === true;
    this.isContainer = this.session?.isContainer === true;
    this.hidesArguments = this.session?.hidesArguments === true;
    this.firstKey = command.keys.first;
    this.argumentsMin = Math.abs(command.arity);
    this.argumentsMax = command.arity > 0 ? command.arity : Number.MAX_SAFE_INTEGER;
  }
}
