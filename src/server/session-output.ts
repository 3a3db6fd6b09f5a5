// What one session has to send: gathered over a turn, sent in one write.

const NOTHING = Buffer.alloc(0);

/** Replies of one session in order. */
export class SessionOutput {
  #first: Buffer | null = null;
  #more: Buffer[] | null = null;

  /**
   * Takes bytes to send.
   *
   * @param muted They are dropped, but the session has its `send` all the same.
   * @returns True when these are the first of the turn.
   */
  gather(bytes: Buffer, muted: boolean): boolean {
    if (this.#first === null) {
      this.#first = muted ? NOTHING : bytes;
      return true;
    }
    if (muted) return false;
    this.#more ??= [];
    this.#more.push(bytes);
    return false;
  }

  /** Everything gathered, in one piece; null when there was nothing. */
  take(): Buffer | null {
    const first = this.#first;
    this.#first = null;
    if (this.#more === null || first === null) return first;
    const bytes = Buffer.concat([first, ...this.#more]);
    this.#more = null;
    return bytes;
  }
}
