// Gathers the frames of one turn for one connection, so that they leave in one socket write.
import { Buffer } from "node:buffer";
import { viewOf } from "../base/bytes.ts";
import { invariant } from "../base/invariant.ts";
import { FRAME_HEADER_BYTES, sealFrame } from "./frame.ts";
import { ProtoWriter } from "./proto-writer.ts";

/** Room for the frames of several turns; what was handed to a socket is never written over. */
const SLAB_BYTES = 64 * 1024;

/** Encodes frames straight into the memory that goes to the socket. */
export class FrameWriter {
  /** Bytes of finished frames that were not taken by `flush` yet. */
  pendingBytes = 0;
  readonly #encoder: ProtoWriter = new ProtoWriter(new Uint8Array(0));
  #slab: Uint8Array = new Uint8Array(0);
  #slabView: DataView = viewOf(this.#slab);
  /** The slab's bytes from here to `#end` wait for `flush`. */
  #start = 0;
  #end = 0;
  /** What waits in slabs that were full. */
  #full: Uint8Array[] = [];

  /**
   * Begins a frame; the caller writes at most `bodyBytesMax` bytes into the encoder, then calls
   * `end`.
   */
  begin(bodyBytesMax: number): ProtoWriter {
    const needed = FRAME_HEADER_BYTES + bodyBytesMax;
    if (this.#slab.length - this.#end < needed) this.#replaceSlab(needed);
    const encoder = this.#encoder;
    encoder.pos = this.#end + FRAME_HEADER_BYTES;
    return encoder;
  }

  /** Finishes the frame. */
  end(type: number): void {
    const encoder = this.#encoder;
    invariant(encoder.buf === this.#slab, "a message fits into the bytes it asked for");
    const bodyBytes = encoder.pos - this.#end - FRAME_HEADER_BYTES;
    sealFrame(this.#slab, this.#slabView, this.#end, type, bodyBytes);
    this.#end = encoder.pos;
    this.pendingBytes += FRAME_HEADER_BYTES + bodyBytes;
  }

  /** Hands out all finished frames, in one piece unless a slab ran full since the last call. */
  flush(write: (bytes: Uint8Array) => void): void {
    if (this.pendingBytes === 0) return;
    this.pendingBytes = 0;
    if (this.#full.length > 0) {
      for (const bytes of this.#full) write(bytes);
      this.#full = [];
    }
    const from = this.#start;
    this.#start = this.#end;
    if (from < this.#end) write(this.#slab.subarray(from, this.#end));
  }

  /** Lets go of the memory while nothing is being sent. */
  release(): void {
    if (this.pendingBytes === 0 && this.#slab.length > 0) this.#useSlab(new Uint8Array(0));
  }

  #replaceSlab(needed: number): void {
    if (this.#start < this.#end) this.#full.push(this.#slab.subarray(this.#start, this.#end));
    this.#useSlab(Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, needed)));
  }

  #useSlab(slab: Uint8Array): void {
    this.#slab = slab;
    this.#slabView = viewOf(slab);
    this.#start = 0;
    this.#end = 0;
    this.#encoder.buf = slab;
    this.#encoder.dataView = this.#slabView;
    this.#encoder.length = slab.length;
  }
}
