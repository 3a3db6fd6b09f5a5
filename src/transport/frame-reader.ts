// Cuts a stream of bytes, in whatever chunks it comes, into checked frames.
import { Buffer } from "node:buffer";
import { viewOf } from "../base/bytes.ts";
import { crc32 } from "../base/checksum.ts";
import { FRAME_HEADER_BYTES, type FrameFault } from "./frame.ts";

const TYPE_AT = 4;
const CRC_AT = 8;
const KEEP_BYTES_MIN = 4096;

/** Takes frames one by one. */
export interface FrameSink {
  /**
   * One frame: its body is `bytes[from, to)`, valid only during the call; `view` looks at the same
   * memory.
   *
   * @returns False to stop: nothing more is handed out, the rest of the input is dropped.
   */
  onFrame(type: number, bytes: Uint8Array, view: DataView, from: number, to: number): boolean;
}

/** One connection's incoming frames. Keeps bytes only while a frame is incomplete. */
export class FrameReader {
  readonly #bodyBytesMax: number;
  readonly #sink: FrameSink;
  #stopped = false;
  /** Beginning of a frame whose rest has not come yet. */
  #kept: Uint8Array = new Uint8Array(0);
  #keptView: DataView = viewOf(this.#kept);
  #keptLength = 0;

  /** @param bodyBytesMax A longer frame is refused at its header. */
  constructor(bodyBytesMax: number, sink: FrameSink) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#sink = sink;
  }

  /** Bytes of an incomplete frame that are held now. */
  get heldBytes(): number {
    return this.#keptLength;
  }

  /**
   * Takes `bytes[from, to)`; `view` looks at the same memory from the same start.
   *
   * @returns What is wrong with the stream, after which it must be closed; null while all is well.
   */
  push(bytes: Uint8Array, view: DataView, from: number, to: number): FrameFault | null {
    let at = from;
    while (at < to && !this.#stopped) {
      if (this.#keptLength > 0) {
        at = this.#topUp(bytes, at, to);
        const fault = this.#maybeReadKept();
        if (fault !== null) return this.#stop(fault);
        continue;
      }
      const available = to - at;
      if (available < FRAME_HEADER_BYTES) return this.#keep(bytes, at, to, FRAME_HEADER_BYTES);
      const length = view.getUint32(at, true);
      if (length > this.#bodyBytesMax) return this.#stop("oversized");
      const frameBytes = FRAME_HEADER_BYTES + length;
      if (available < frameBytes) return this.#keep(bytes, at, to, frameBytes);
      const fault = this.#read(bytes, view, at, length);
      if (fault !== null) return this.#stop(fault);
      at += frameBytes;
    }
    return null;
  }

  /** Lets go of memory while no frame is incomplete. */
  release(): void {
    if (this.#keptLength === 0 && this.#kept.length > 0) this.#reserve(0);
  }

  /** Copies what the incomplete frame still lacks: first its header, then its body. */
  #topUp(bytes: Uint8Array, from: number, to: number): number {
    const wanted = this.#wantedBytes();
    this.#reserve(wanted);
    const taken = Math.min(wanted - this.#keptLength, to - from);
    this.#kept.set(bytes.subarray(from, from + taken), this.#keptLength);
    this.#keptLength += taken;
    return from + taken;
  }

  #wantedBytes(): number {
    if (this.#keptLength < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    return FRAME_HEADER_BYTES + this.#keptView.getUint32(0, true);
  }

  #maybeReadKept(): FrameFault | null {
    if (this.#keptLength < FRAME_HEADER_BYTES) return null;
    const length = this.#keptView.getUint32(0, true);
    if (length > this.#bodyBytesMax) return "oversized";
    if (this.#keptLength < FRAME_HEADER_BYTES + length) return null;
    this.#keptLength = 0;
    return this.#read(this.#kept, this.#keptView, 0, length);
  }

  #keep(bytes: Uint8Array, from: number, to: number, frameBytes: number): null {
    this.#reserve(frameBytes);
    this.#kept.set(bytes.subarray(from, to), 0);
    this.#keptLength = to - from;
    return null;
  }

  /** Makes room for a whole frame; what is kept moves along. */
  #reserve(wanted: number): void {
    if (wanted > 0 && this.#kept.length >= wanted) return;
    const grown = wanted === 0 ? new Uint8Array(0) : newBuffer(wanted);
    grown.set(this.#kept.subarray(0, this.#keptLength), 0);
    this.#kept = grown;
    this.#keptView = viewOf(grown);
  }

  #read(bytes: Uint8Array, view: DataView, at: number, length: number): FrameFault | null {
    const bodyAt = at + FRAME_HEADER_BYTES;
    const headerCrc = crc32(bytes, at, CRC_AT);
    if (crc32(bytes, bodyAt, length, headerCrc) !== view.getUint32(at + CRC_AT, true)) {
      return "checksum";
    }
    const type = view.getUint32(at + TYPE_AT, true);
    if (type > 0xff) return "malformed";
    this.#stopped = !this.#sink.onFrame(type, bytes, view, bodyAt, bodyAt + length);
    return null;
  }

  #stop(fault: FrameFault): FrameFault {
    this.#stopped = true;
    return fault;
  }
}

function newBuffer(bytesMin: number): Uint8Array {
  let bytes = KEEP_BYTES_MIN;
  while (bytes < bytesMin) bytes *= 2;
  return Buffer.allocUnsafeSlow(bytes);
}
