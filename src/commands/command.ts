// What a command is: one record of data and, for data commands, one function that applies it.
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";

/**
 * What a command may use besides its arguments. One instance per shard, reused for every command.
 */
export interface CommandContext {
  readonly keyspace: Keyspace;
  /** Database of the client, 0 to 15. */
  database: number;
  /**
   * Shard time in Unix ms: the only time a command may use (reads at the leader get its own clock,
   * capped).
   */
  nowMs: number;
  /** Log index and position of the command, 0 for a read that is not in the log. */
  index: number;
  position: number;
  /** Keys that commands looked for to read them, found and not found: for INFO. */
  hits: number;
  misses: number;
  /** A fresh uniform 32-bit number, the same on every replica. */
  random32(): number;
}

/** Flags of a command, in the words of Redis's `COMMAND`. */
export type CommandFlag =
  | "write"
  | "readonly"
  | "denyoom"
  | "admin"
  | "pubsub"
  | "noscript"
  | "blocking"
  | "loading"
  | "stale"
  | "fast"
  | "no_auth"
  | "no_multi"
  | "movablekeys"
  | "allow_busy";

/**
 * Which arguments are keys: first, last (negative: from the end) and step; all 0 when there are
 * none.
 */
export interface KeySpecification {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** What the table knows of every command, data command or not. */
export interface CommandDescription {
  /** Lower case, as in Redis; subcommands as `client|list`. */
  readonly name: string;
  /** Arguments with the name; negative: at least so many. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly keys: KeySpecification;
  /**
   * What happens to the keys, in the words of `COMMAND`'s key specifications: `RO access`, `RW
   * update`. One entry for all keys, or one for each when the command has a fixed number of keys.
   */
  readonly keyAccess?: readonly string[];
  /** Hints of `COMMAND` for clients and proxies: `request_policy:multi_shard`. */
  readonly tips?: readonly string[];
  /** Group in the documentation: string, generic, transactions, connection, server, cluster. */
  readonly group: string;
  /** ACL categories beyond those that flags and group give, without `@`. */
  readonly categories?: readonly string[];
  readonly summary: string;
  /**
   * Arguments without the name, in the notation of `syntax.ts`: `key [NX|XX] [EX seconds:integer]`.
   * The source of `COMMAND DOCS` and of the reference pages.
   */
  readonly syntax?: string;
  /** Version of Redis that had it first. */
  readonly since: string;
  readonly complexity: string;
}

/**
 * A read under way that is run in steps, on the state of the data at its beginning, whatever is
 * written meanwhile.
 */
export interface LongRead {
  /** A few milliseconds of work; elements of the reply go to `reply`. False when that was all. */
  step(reply: Reply): boolean;
  /** After the last step: what stands in the reply before those elements, or the whole of it. */
  head(reply: Reply): void;
  /** Lets go of the state; always the last call. */
  release(): void;
}

/** How a read is run that would take too long in one piece. */
export interface LongForm {
  /**
   * Whether it would.
   *
   * @param keys How many keys the database has.
   */
  readonly isLong: (args: Args, keys: number) => boolean;
  /** Begins on the present state; the arguments stay as they are until it is released. */
  readonly begin: (context: CommandContext, args: Args) => LongRead;
}

/**
 * A command on data: runs on every replica from the log (writes) or at the leader (reads).
 *
 * `apply` must be a function of the context, the arguments and the keyspace alone. It checks
 * everything before its first change, so that a command that fails changes nothing, and writes
 * exactly one reply.
 */
export interface DataCommand extends CommandDescription {
  /** Number in log entries, 1 to 65535: never changed, never used again for something else. */
  readonly id: number;
  readonly apply: (context: CommandContext, args: Args, reply: Reply) => void;
  /** Its time depends on how long values are: it is measured, however short its arguments. */
  readonly costsByValue?: boolean;
  /** Of a read whose work may be long: gives the same reply in steps. */
  readonly long?: LongForm;
}
