// Why a session's input stands still: it goes on when no reason is left.
import type { Connection } from "../platform/network.ts";

/** Reasons to hold a session's input. */
export class InputHolds {
  /** Its socket is paused; the other reasons say why. */
  paused = false;
  /** A barrier command waits at the head of the input for the replies before it. */
  awaitsReplies = false;
  /** The client does not read what it is sent. */
  awaitsDrain = false;
  /** A burst was cut and goes on in a later turn. */
  continues = false;
  /** CLIENT PAUSE. */
  held = false;
  /** A command took charge of its reply; input waits until it is given. */
  deferred = false;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Stops the input, for a reason that is noted here beside. */
  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.#connection.pause();
  }

  /** Whether the input may go on, with so many open operations of which `openMax` are too many. */
  over(open: number, openMax: number): boolean {
    if (this.awaitsDrain || this.deferred || this.continues || this.held) return false;
    if (this.awaitsReplies && open > 0) return false;
    return open <= openMax;
  }
}
