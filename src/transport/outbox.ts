// What waits for one connection: small frames gathered per turn, large messages cut into pieces
// that leave only as fast as the socket takes them.
import { Buffer } from "node:buffer";
import { viewOf } from "../base/bytes.ts";
import type { Connection } from "../platform/network.ts";
import { FRAME_HEADER_BYTES, sealFrame, sealFrameBefore } from "./frame.ts";
import { FrameWriter } from "./frame-writer.ts";
import { FrameType } from "./generated/messages.ts";
import { BULK_BODY_BYTES_MAX, PIECE_BYTES } from "./limits.ts";
import { ProtoWriter } from "./proto-writer.ts";

/** Pieces are handed to the socket until it holds this much. */
const SOCKET_BYTES_WANTED: number = 2 * PIECE_BYTES;
/** In front of the first piece: type of the message, three zeros, its length. */
export const PIECE_PREFIX_BYTES = 8;

/** Room in front of a large message for the header of its first frame. */
const HEAD_BYTES = FRAME_HEADER_BYTES + PIECE_PREFIX_BYTES;

/** A message that waits to be cut; `sent` bytes of its body, behind `HEAD_BYTES`, have left. */
interface LargeMessage {
  readonly type: number;
  readonly bytes: Uint8Array;
  sent: number;
}

/** The outgoing side of a connection. Order is kept: what is begun first leaves first. */
export class Outbox {
  readonly #connection: Connection;
  readonly #frames = new FrameWriter();
  readonly #write: (bytes: Uint8Array) => void;
  /** From `#largeAt` on; what is before has left. */
  #large: LargeMessage[] = [];
  #largeAt = 0;
  #largeBytes = 0;
  #handedBytes = 0;
  /** Set between `begin` and `end` of a message that joins the large ones. */
  #encoder: ProtoWriter | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#write = (bytes) => {
      this.#handedBytes += bytes.length;
      connection.write(bytes);
    };
  }

  /** Bytes that the system has not taken yet. */
  get queuedBytes(): number {
    return this.#connection.bufferedBytes + this.#frames.pendingBytes + this.#largeBytes;
  }

  /** Bytes that the system has taken so far. */
  get takenBytes(): number {
    return this.#handedBytes - this.#connection.bufferedBytes;
  }

  /**
   * Begins a message of at most `bodyBytesMax` bytes, written into the returned encoder before
   * `end`.
   */
  begin(bodyBytesMax: number): ProtoWriter {
    if (bodyBytesMax <= BULK_BODY_BYTES_MAX && this.#largeAt === this.#large.length) {
      return this.#frames.begin(bodyBytesMax);
    }
    this.#encoder = new ProtoWriter(Buffer.allocUnsafeSlow(HEAD_BYTES + bodyBytesMax));
    this.#encoder.pos = HEAD_BYTES;
    return this.#encoder;
  }

  /** Finishes the message. */
  end(type: number): void {
    const encoder = this.#encoder;
    if (encoder === null) {
      this.#frames.end(type);
      return;
    }
    this.#encoder = null;
    const bytes = encoder.buf.subarray(0, encoder.pos);
    this.#large.push({ type, bytes, sent: 0 });
    this.#largeBytes += bytes.length - HEAD_BYTES;
  }

  /** A frame without a body, which may pass between the pieces of a large message. */
  sendEmpty(type: number): void {
    this.#frames.begin(0);
    this.#frames.end(type);
  }

  /** Hands to the socket what it may have now. */
  flush(): void {
    this.#frames.flush(this.#write);
    this.pump();
  }

  /** Hands over pieces while the socket holds little. */
  pump(): void {
    while (this.#largeAt < this.#large.length) {
      if (this.#connection.bufferedBytes >= SOCKET_BYTES_WANTED) return;
      this.#sendPiece(this.#large[this.#largeAt]!);
    }
    if (this.#largeAt > 0) {
      this.#large = [];
      this.#largeAt = 0;
    }
  }

  /** Lets go of memory while nothing is being sent. */
  release(): void {
    this.#frames.release();
  }

  /** Header and first piece lie in a row and leave in one write. */
  #sendPiece(message: LargeMessage): void {
    const { type, bytes, sent } = message;
    const bodyBytes = bytes.length - HEAD_BYTES;
    const isWhole = bodyBytes <= BULK_BODY_BYTES_MAX;
    const to = isWhole ? bodyBytes : Math.min(sent + PIECE_BYTES, bodyBytes);
    if (sent > 0) {
      const head = new Uint8Array(FRAME_HEADER_BYTES);
      const piece = bytes.subarray(HEAD_BYTES + sent, HEAD_BYTES + to);
      sealFrameBefore(head, FrameType.pieceNext, piece);
      this.#write(head);
      this.#write(piece);
    } else {
      const view = viewOf(bytes);
      const from = isWhole ? PIECE_PREFIX_BYTES : 0;
      if (isWhole) {
        sealFrame(bytes, view, from, type, bodyBytes);
      } else {
        view.setUint32(FRAME_HEADER_BYTES, type, true);
        view.setUint32(FRAME_HEADER_BYTES + 4, bodyBytes, true);
        sealFrame(bytes, view, from, FrameType.pieceFirst, PIECE_PREFIX_BYTES + to);
      }
      this.#write(bytes.subarray(from, HEAD_BYTES + to));
    }
    message.sent = to;
    this.#largeBytes -= to - sent;
    if (to === bodyBytes) {
      this.#large[this.#largeAt] = SENT;
      this.#largeAt++;
    }
  }
}

/** Takes the place of a message that has left, so that its bytes are free. */
const SENT: LargeMessage = { type: 0, bytes: new Uint8Array(0), sent: 0 };
