// Reads a file from front to back: while one piece is looked at, the next is on its way.
import { Buffer } from "node:buffer";
import type { DiskFile } from "./disk.ts";

const NOTHING = Buffer.alloc(0);

/** A range of a file, piece by piece. Close it before the file. */
export class ReadAhead {
  readonly #file: Pick<DiskFile, "read">;
  readonly #to: number;
  readonly #pieceBytes: number;
  #at: number;
  #coming: Promise<Buffer>;

  /** @param to First byte that is not read. */
  constructor(file: Pick<DiskFile, "read">, from: number, to: number, pieceBytes: number) {
    this.#file = file;
    this.#to = to;
    this.#pieceBytes = pieceBytes;
    this.#at = from;
    this.#coming = this.#read(null);
  }

  /**
   * The next piece; without bytes at the end of the range, or of a file that is shorter.
   *
   * @param done A whole piece that is not looked at any more: its memory is used again.
   */
  async next(done: Buffer | null = null): Promise<Buffer> {
    const piece = await this.#coming;
    if (piece.length > 0) this.#coming = this.#read(done);
    return piece;
  }

  /** Resolves when nothing is read any more. */
  async close(): Promise<void> {
    await this.#coming.catch(() => NOTHING);
  }

  #read(memory: Buffer | null): Promise<Buffer> {
    const length = Math.min(this.#pieceBytes, this.#to - this.#at);
    if (length <= 0) return Promise.resolve(NOTHING);
    const target = memory?.length === this.#pieceBytes ? memory : null;
    const bytes = target ?? Buffer.allocUnsafeSlow(length);
    const reading = this.#file
      .read(bytes, 0, length, this.#at)
      .then((got) => (got === bytes.length ? bytes : bytes.subarray(0, got)));
    this.#at += length;
    // Whoever asks for the piece hears of a failure; if nobody does, nobody has to.
    reading.catch(() => NOTHING);
    return reading;
  }
}
