// Frames between append and disk: one that fills, those that are full and wait, entries cut into
// pieces.
import { failpoints } from "../base/failpoints.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import type { ShardTrack } from "./shard-track.ts";
import { ENTRY_HEADER_BYTES, PIECE_HEADER_BYTES, writePiece } from "./wal-records.ts";

/** Buffers kept for later frames. */
const SPARE_BUFFERS = 2;

/**
 * A long entry, given out frame by frame; its last piece is in the frame that was opened behind it.
 */
interface PieceRun {
  readonly track: ShardTrack;
  readonly term: number;
  readonly index: number;
  readonly type: number;
  readonly data: Uint8Array;
  /** Bytes of data in each of its frames. */
  readonly pieceBytes: number;
  /** Where the last piece, which is not of this run, begins. */
  readonly end: number;
  offset: number;
  sequence: number;
}

/** The frames that are not on their way yet, in order. */
export class FrameQueue {
  /** The frame that is being filled. */
  open: FrameBuffer = new FrameBuffer();
  /** Bytes that wait, the open frame's and the unsent part of long entries included. */
  pendingBytes = 0;
  readonly #frameBytesMax: number;
  readonly #waiting: (FrameBuffer | PieceRun)[] = [];
  readonly #spare: FrameBuffer[] = [];

  /**
   * @param frameBytesMax Payload limit of a frame in bytes.
   * @param sequence Number of the first frame.
   */
  constructor(frameBytesMax: number, sequence: number) {
    this.#frameBytesMax = frameBytesMax;
    this.open.start(sequence);
  }

  get empty(): boolean {
    return this.#waiting.length === 0 && this.open.recordCount === 0;
  }

  /** Takes room for one record of at most a frame; returns where it goes in the open frame. */
  reserve(bytes: number): number {
    const open = this.open;
    if (open.payloadBytes + bytes > this.#frameBytesMax && open.recordCount > 0) {
      this.#waiting.push(open);
      this.#openNext(open.sequence + 1);
    }
    this.pendingBytes += bytes;
    return this.open.reserve(bytes);
  }

  /** Whether an entry with that much data goes into one frame. */
  fits(dataBytes: number): boolean {
    return dataBytes + ENTRY_HEADER_BYTES <= this.#frameBytesMax;
  }

  /**
   * Queues an entry that is longer than a frame. `data` is kept until it is written: never change
   * it.
   */
  addLong(track: ShardTrack, term: number, index: number, type: number, data: Uint8Array): void {
    const pieceBytes = this.#frameBytesMax - PIECE_HEADER_BYTES;
    const runFrames = Math.ceil(data.length / pieceBytes) - 1;
    const end = runFrames * pieceBytes;
    let sequence = this.open.sequence;
    if (this.open.recordCount > 0) {
      this.#waiting.push(this.open);
      sequence++;
      this.#openNext(sequence + runFrames);
    } else {
      this.open.start(sequence + runFrames);
    }
    this.#waiting.push({ track, term, index, type, data, pieceBytes, end, offset: 0, sequence });
    this.pendingBytes += end + runFrames * PIECE_HEADER_BYTES;
    this.#addPiece(this.open, track, term, index, type, data, end, data.length - end);
    this.pendingBytes += data.length - end + PIECE_HEADER_BYTES;
  }

  /** The next frame to write, or null. Its bytes count as pending until {@link release}. */
  take(): FrameBuffer | null {
    const head = this.#waiting[0];
    if (head === undefined) return this.open.recordCount === 0 ? null : this.takeOpen();
    if (head instanceof FrameBuffer) {
      this.#waiting.shift();
      return head;
    }
    const frame = this.#spare.pop() ?? new FrameBuffer();
    frame.start(head.sequence++);
    const { track, term, index, type, data, offset, pieceBytes } = head;
    this.#addPiece(frame, track, term, index, type, data, offset, pieceBytes);
    head.offset += pieceBytes;
    if (head.offset === head.end) this.#waiting.shift();
    return frame;
  }

  /** The open frame, even when it is empty; nothing else may wait. */
  takeOpen(): FrameBuffer {
    const frame = this.open;
    this.#openNext(frame.sequence + 1);
    return frame;
  }

  /** A frame was written: its memory is used again. */
  release(frame: FrameBuffer): void {
    failpoints.reached?.("wal.frame.done");
    this.pendingBytes -= frame.payloadBytes;
    frame.shrink();
    frame.start(0);
    if (this.#spare.length < SPARE_BUFFERS) this.#spare.push(frame);
  }

  /** Entries of a shard from `index` on are void: frames that wait must not claim to hold them. */
  cutTouches(track: ShardTrack, index: number): void {
    this.open.cutTouches(track, index);
    for (const waiting of this.#waiting) {
      if (waiting instanceof FrameBuffer) waiting.cutTouches(track, index);
    }
  }

  #openNext(sequence: number): void {
    this.open = this.#spare.pop() ?? new FrameBuffer();
    this.open.start(sequence);
  }

  #addPiece(
    frame: FrameBuffer,
    track: ShardTrack,
    term: number,
    index: number,
    type: number,
    data: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const at = frame.reserve(PIECE_HEADER_BYTES + length);
    writePiece(frame.bytes, frame.view, at, track.shard, term, index, type, data, offset, length);
    frame.touchLong(track, index);
  }
}
