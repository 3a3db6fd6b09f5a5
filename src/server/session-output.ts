// What one session has to send: gathered over a turn, sent in one write, held to the limits of
// readers.
import type { Session } from "./session.ts";

const NOTHING = Buffer.alloc(0);
/** A piece of more bytes is written by itself, not copied to stand beside others. */
const JOINED_BYTES_MAX = 16 * 1024;
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

  /** Sends what was gathered: in one write, unless it is too long to be put together. */
  send(): void {
    const session = this.#session;
    const first = this.#first;
    const more = this.#more;
    if (first === null) return;
    this.#first = null;
    this.#more = null;
    if (session.closed) return;
    let flowing = true;
    if (more === null) flowing = this.#write(first);
    else {
      const all = [first, ...more];
      const isLong = all.some((bytes) => bytes.length > JOINED_BYTES_MAX);
      const writes = isLong ? all : [Buffer.concat(all)];
      for (const bytes of writes) flowing = this.#write(bytes);
    }
    if (session.ends && session.openOperations === 0) {
      session.connection.end();
      return;
    }
    if (!flowing) this.#onSlowReader();
  }

  #write(bytes: Buffer): boolean {
    this.#session.server.stats.outputBytes += bytes.length;
    return this.#session.connection.write(bytes);
  }

  /** Ends a session that is to end and has sent all; its last reply may have been a silent one. */
  endWhenDone(): void {
    const session = this.#session;
    if (session.ends && session.openOperations === 0) session.connection.end();
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
