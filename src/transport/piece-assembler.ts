// Puts a message together from its pieces: one at a time per connection, bounded, in order.
import { Buffer } from "node:buffer";
import type { FrameFault } from "./frame.ts";
import { PIECE_PREFIX_BYTES } from "./outbox.ts";

/** The message being gathered on one connection. */
export class PieceAssembler {
  /** Type of the frame that the pieces make up. */
  type = 0;
  /** The message, once `isComplete`. */
  body: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #gathering = false;
  readonly #messageBytesMax: number;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Whether a message is being gathered and all of it is there. */
  get isComplete(): boolean {
    return this.#gathering && this.#filled === this.body.length;
  }

  /** Takes the first piece, `bytes[from, to)`. */
  first(bytes: Uint8Array, view: DataView, from: number, to: number): FrameFault | null {
    if (this.#gathering) return "unexpected";
    if (to - from < PIECE_PREFIX_BYTES) return "malformed";
    const type = view.getUint32(from, true);
    const length = view.getUint32(from + 4, true);
    if (length > this.#messageBytesMax) return "oversized";
    this.type = type;
    this.body = Buffer.allocUnsafeSlow(length);
    this.#filled = 0;
    this.#gathering = true;
    return this.#add(bytes, from + PIECE_PREFIX_BYTES, to);
  }

  /** Takes a further piece. */
  next(bytes: Uint8Array, from: number, to: number): FrameFault | null {
    return this.#gathering ? this.#add(bytes, from, to) : "unexpected";
  }

  /** Forgets the message. */
  clear(): void {
    this.#gathering = false;
    this.body = new Uint8Array(0);
    this.#filled = 0;
  }

  #add(bytes: Uint8Array, from: number, to: number): FrameFault | null {
    if (to - from > this.body.length - this.#filled) return "malformed";
    this.body.set(bytes.subarray(from, to), this.#filled);
    this.#filled += to - from;
    return null;
  }
}
