// The order of one session's replies: each has a sequence, and one that is ready early waits its
// turn.
import type { RespWriter } from "../resp/writer.ts";

/** Stands for no sequence. */
const NONE = -1;

/** Sequences given out and answered, and replies that are parked. */
export class ReplyOrder {
  /** Sequence of the next operation. */
  issued = 0;
  /** Sequence of the next operation to be answered. */
  answered = 0;
  /** Sequence whose reply is not sent (`CLIENT REPLY SKIP`). */
  #skipped = NONE;
  #parked: Map<number, Uint8Array> | null = null;
  #parkFrom = 0;

  /** Operations without an answer. */
  get open(): number {
    return this.issued - this.answered;
  }

  /**
   * Nothing is open, and the next reply goes out as it is: a read may write it without ceremony.
   */
  get plain(): boolean {
    return this.issued === this.answered && this.#skipped === NONE;
  }

  /** The reply of this operation goes out as it is, behind what was written. */
  isPlainNext(sequence: number): boolean {
    return sequence === this.answered && sequence !== this.#skipped;
  }

  /** The reply of the next operation is not sent. */
  skipNext(): void {
    this.#skipped = this.issued;
  }

  skipNone(): void {
    this.#skipped = NONE;
  }

  /** The reply of an operation is about to be written. */
  begin(sequence: number, writer: RespWriter): void {
    if (sequence !== this.answered || sequence === this.#skipped) this.#parkFrom = writer.length;
  }

  /**
   * It was written: it stays in the writer, with parked ones behind it, or is parked. True: in
   * turn.
   */
  end(sequence: number, writer: RespWriter): boolean {
    if (sequence === this.#skipped) {
      this.#skipped = NONE;
      writer.length = this.#parkFrom;
    }
    if (sequence === this.answered) {
      this.answered++;
      if (this.#parked !== null) this.#unpark(this.#parked, writer);
      return true;
    }
    this.#parked ??= new Map();
    this.#parked.set(sequence, writer.take(this.#parkFrom));
    return false;
  }

  #unpark(parked: Map<number, Uint8Array>, writer: RespWriter): void {
    for (;;) {
      const bytes = parked.get(this.answered);
      if (bytes === undefined) break;
      parked.delete(this.answered);
      writer.raw(bytes);
      this.answered++;
    }
    if (parked.size === 0) this.#parked = null;
  }
}
