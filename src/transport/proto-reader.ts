// Strict reading on top of pbf: what a peer sends may be anything, and a read must end inside its
// frame.
import { Buffer } from "node:buffer";
import { PbfReader } from "pbf";

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/**
 * Bytes that no honest peer sends. Caught by the decoder's caller alone, which closes the
 * connection.
 */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

/** pbf's reader, pointed at ranges of shared buffers and checked at every step. */
export class ProtoReader extends PbfReader {
  constructor() {
    super(new Uint8Array(0));
  }

  /** Begins to read `bytes[from, to)`; `view` looks at the same memory from the same start. */
  aim(bytes: Uint8Array, view: DataView, from: number, to: number): void {
    this.buf = bytes;
    this.dataView = view;
    this.pos = from;
    this.length = to;
    this._valueStart = -1;
  }

  /** Number of the next field, 0 at the end, which must be met exactly. */
  field(end: number): number {
    const number = this.nextField(end);
    if (this.pos > end) throw new MalformedMessage("a field passes its message's end");
    if (number === 0 && this.pos < end) throw new MalformedMessage("field number 0");
    return number;
  }

  /** A number below 2^53. */
  safe(): number {
    if (this.type !== VARINT) throw new MalformedMessage("a number of another wire type");
    const value = this.readVarint();
    if (value > Number.MAX_SAFE_INTEGER) throw new MalformedMessage("a number of 2^53 or more");
    return value;
  }

  /** A truth value. */
  flag(): boolean {
    return this.safe() !== 0;
  }

  /** Where the bytes or the message that begin here end. */
  valueEnd(end: number): number {
    if (this.type !== LENGTH_DELIMITED) throw new MalformedMessage("bytes of another wire type");
    const length = this.readVarint();
    if (length > end - this.pos) throw new MalformedMessage("bytes pass their message's end");
    return this.pos + length;
  }

  /** A view of bytes: a plain array even on a Buffer, whose `slice` would not copy. */
  view(end: number): Uint8Array {
    const to = this.valueEnd(end);
    const bytes = new Uint8Array(this.buf.buffer, this.buf.byteOffset + this.pos, to - this.pos);
    this.pos = to;
    return bytes;
  }

  /** For the generated readers, which do not know their message's end: bounded by the frame's. */
  override readBytes(): Uint8Array {
    return this.view(this.length);
  }

  /** As UTF-8, wrong sequences as U+FFFD; pbf's own drops a leading byte order mark. */
  override readString(): string {
    const bytes = this.view(this.length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  }
}
