// Who asked: the side of a client session, or of a forwarding peer, that replicas answer to.
import type { DataCommand } from "../commands/command.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";

/**
 * Receives the reply of each operation it submitted, identified by the sequence it gave.
 *
 * Calls come as `openReply`, exactly one reply written to the result, `closeReply`; or one
 * `failReply`. Never interleaved with another target's.
 */
export interface ReplyTarget {
  /** Makes ready for the reply of operation `sequence`; returns where to write it. */
  openReply(sequence: number): Reply;
  closeReply(sequence: number): void;
  /** The operation gets an error as its reply: text with its code, `ERR ...`. */
  failReply(sequence: number, error: string): void;
  /**
   * A reply that is RESP bytes already (from the leader that ran the operation); bytes are kept.
   */
  rawReply(sequence: number, bytes: Uint8Array): void;
  /** As `rawReply` for a reply in pieces: of one that does not want it put together. */
  longReply?(sequence: number, pieces: readonly Buffer[]): void;
  /**
   * One of its operations, of a kind that may be slow, took so long to run; comes behind its reply.
   *
   * @param args Without the command's name; good only during the call.
   */
  ran?(command: DataCommand, usec: number, args: Args): void;
  /** Nobody waits for replies any more: a long read may be given up, without a reply. */
  readonly closed?: boolean;
  /** The protocol its replies are in, 2 or 3. */
  readonly protocol: number;
  /** Identity for writes that are retried: the same for all operations of one client session. */
  readonly sessionId: number;
  /** Every operation below this sequence has been answered to the client. */
  readonly acknowledged: number;
}
