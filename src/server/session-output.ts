// What one session has to send: gathered over a turn, sent in one write, held to the limits of
// readers.
import type { Session } from "./session.ts";

const NOTHING = Buffer.alloc(0);
/** Bytes in the socket's outgoing buffer above which a session's input is paused. */
const UNSENT_BYTES_PAUSE = 1024 * 1024;

/** Replies of one session in order, on their way to its socket. */
export class SessionOutput {
  readonly #session: Session;
  #first: Buffer | null = null;
  #more: Buffer[] | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Takes bytes to send; true when these are the first of the turn. */
  gather(bytes: Buffer): boolean {
    const session = this.#session;
    if (session.closed) return false;
    const muted = session.state.repliesOff;
    // A session that ends has its last `send`, with replies or without.
    if (muted && !session.ends) return false;
    if (this.#first === null) {
      this.#first = muted ? NOTHING : bytes;
      return true;
    }
    if (muted) return false;
    this.#more ??= [];
    this.#more.push(bytes);
    return false;
  }

  /** Sends what was gathered in one write. */
  send(): void {
    const session = this.#session;
    const bytes = this.#take();
    if (bytes === null || session.closed) return;
    session.server.stats.outputBytes += bytes.length;
    const connection = session.connection;
    const flowing = connection.write(bytes);
    if (session.ends && session.openOperations === 0) {
      connection.end();
      return;
    }
    if (!flowing) this.#onSlowReader();
  }

  /** Ends a session that is to end and has sent all; its last reply may have been a silent one. */
  endWhenDone(): void {
    const session = this.#session;
    if (session.ends && session.openOperations === 0) session.connection.end();
  }

  #take(): Buffer | null {
    const first = this.#first;
    this.#first = null;
    if (this.#more === null || first === null) return first;
    const bytes = Buffer.concat([first, ...this.#more]);
    this.#more = null;
    return bytes;
  }

  #onSlowReader(): void {
    const session = this.#session;
    const { connection, server } = session;
    if (!session.state.authenticated) {
      // CVE-2025-21605: who does not read refusals gets no memory for more of them.
      server.reportClosed(session, "output buffer limit before login");
      session.destroy();
      return;
    }
    if (connection.bufferedBytes <= UNSENT_BYTES_PAUSE) return;
    if (connection.bufferedBytes > server.options.outputBufferBytesMax) {
      server.reportClosed(session, "output buffer limit");
      session.destroy();
      return;
    }
    session.holds.awaitsDrain = true;
    session.holds.pause();
  }
}
