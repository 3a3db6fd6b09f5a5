// Reads the frames of one segment file, checks each, and tells what stands where they end.
import { Buffer } from "node:buffer";
import { viewOf } from "../base/bytes.ts";
import type { DiskFile } from "../platform/disk.ts";
import {
  emptyFrameHeader,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_LIMIT,
  frameDiskBytes,
  FrameFlag,
  type FrameHeader,
  isFrameSound,
  isZero,
  readFrameHeader,
  readSegmentHeader,
  type SegmentHeader,
  type SegmentHeaderResult,
} from "./wal-format.ts";
import { SECTOR_BYTES } from "./wal-types.ts";

const WINDOW_BYTES = 1024 * 1024;

/** One sound frame. `bytes`, `view` and `header` are valid during the call only. */
export type FrameVisitor = (
  header: FrameHeader,
  bytes: Buffer,
  view: DataView,
  payloadAt: number,
  offset: number,
) => void;

/** Where the sound frames of a segment end. */
export interface SegmentEnd {
  /** First byte behind the last sound frame. */
  readonly offset: number;
  readonly nextSequence: number;
  readonly frames: number;
  /** Something stands there that looks like the next frame and is damaged. */
  readonly damaged: boolean;
  /** Bytes of the damaged frame, as far as its header can be believed, else one sector. */
  readonly damagedBytes: number;
  /** The damaged frame says that it is empty. */
  readonly damagedIsEmpty: boolean;
}

/** A file that is only read. */
export type ReadableFile = Pick<DiskFile, "path" | "read" | "close">;

/** Memory that readers share in turn; it grows with the frames that are read. */
export class ReadWindow {
  bytes: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  view: DataView = viewOf(this.bytes);
  owner: SegmentReader | null = null;
  /** Part of the owner's file that is in memory. */
  at = 0;
  length = 0;

  reserve(length: number): void {
    if (length <= this.bytes.length) return;
    this.bytes = Buffer.allocUnsafeSlow(length + WINDOW_BYTES);
    this.view = viewOf(this.bytes);
    this.owner = null;
  }
}

/** Reads one file. One reader of a window is used at a time. */
export class SegmentReader {
  readonly path: string;
  readonly fileBytes: number;
  readonly #file: ReadableFile;
  readonly #frame = emptyFrameHeader();
  readonly #window: ReadWindow;

  constructor(file: ReadableFile, fileBytes: number, window: ReadWindow) {
    this.#file = file;
    this.#window = window;
    this.path = file.path;
    this.fileBytes = fileBytes;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** What the first sector says; and whether a frame seems to begin behind it. */
  async inspect(): Promise<{ result: SegmentHeaderResult; frameFollows: boolean }> {
    await this.#load(0, 2 * SECTOR_BYTES);
    const { bytes, view } = this.#window;
    const result = readSegmentHeader(bytes, view, Math.min(this.fileBytes, SECTOR_BYTES));
    return { result, frameFollows: readFrameHeader(view, SECTOR_BYTES, this.#frame) };
  }

  /**
   * Visits the sound frames of a segment in order.
   *
   * @param end Frames that begin here or later are left out.
   */
  async visit(
    segment: SegmentHeader,
    onFrame: FrameVisitor,
    end: number = Number.POSITIVE_INFINITY,
  ): Promise<SegmentEnd> {
    const limit = Math.min(segment.capacityBytes, this.fileBytes, end);
    let offset = SECTOR_BYTES;
    let sequence = segment.firstSequence;
    let frames = 0;
    while (offset + SECTOR_BYTES <= limit) {
      if (!(await this.#isFrame(segment, offset, sequence, limit))) break;
      const { bytes, view, at } = this.#window;
      onFrame(this.#frame, bytes, view, offset - at + FRAME_HEADER_BYTES, offset);
      offset += frameDiskBytes(this.#frame.payloadBytes);
      sequence++;
      frames++;
    }
    const looks =
      offset + SECTOR_BYTES <= limit && (await this.#looksDamaged(segment, offset, sequence));
    return {
      offset,
      nextSequence: sequence,
      frames,
      damaged: looks,
      damagedBytes: looks ? this.#believableBytes(offset, limit) : 0,
      damagedIsEmpty: looks && looksEmpty(this.#frame),
    };
  }

  /**
   * Whether a sound frame stands at `from` or behind it that was issued when `sequence` was
   * durable: then damage before it is not the torn end of the log.
   *
   * @param salt Null: take any frame of a segment numbered above `segmentNumber`.
   */
  async provesDurable(
    from: number,
    sequence: number,
    salt: number | null,
    segmentNumber: number,
  ): Promise<boolean> {
    const frame = this.#frame;
    for (let offset = from; offset + SECTOR_BYTES <= this.fileBytes; offset += SECTOR_BYTES) {
      if (!this.#has(offset, FRAME_HEADER_BYTES)) await this.#load(offset, FRAME_HEADER_BYTES);
      if (!readFrameHeader(this.#window.view, offset - this.#window.at, frame)) continue;
      const ours = salt === null ? frame.segment > segmentNumber : frame.salt === salt;
      if (!ours || frame.sequence <= sequence || frame.durableSequence < sequence) continue;
      if (await this.#isSound(offset, this.fileBytes)) return true;
    }
    return false;
  }

  async #isFrame(
    segment: SegmentHeader,
    offset: number,
    sequence: number,
    limit: number,
  ): Promise<boolean> {
    if (!this.#has(offset, FRAME_HEADER_BYTES)) await this.#load(offset, FRAME_HEADER_BYTES);
    const frame = this.#frame;
    const known = readFrameHeader(this.#window.view, offset - this.#window.at, frame);
    if (!known || frame.salt !== segment.salt || frame.sequence !== sequence) return false;
    return frame.segment === segment.number && this.#isSound(offset, limit);
  }

  /** Whether the frame whose header was just read fits below `limit` and has a right checksum. */
  async #isSound(offset: number, limit: number): Promise<boolean> {
    const { payloadBytes } = this.#frame;
    if (payloadBytes > FRAME_PAYLOAD_LIMIT) return false;
    if (offset + frameDiskBytes(payloadBytes) > limit) return false;
    const length = FRAME_HEADER_BYTES + payloadBytes;
    if (!this.#has(offset, length)) await this.#load(offset, length);
    const { bytes, view, at } = this.#window;
    return isFrameSound(bytes, view, offset - at, payloadBytes);
  }

  /**
   * Tells a damaged frame from what was there before: zeros, or remains of an earlier use of the
   * file. Two of magic, salt and sequence are as they should be.
   */
  async #looksDamaged(segment: SegmentHeader, offset: number, sequence: number): Promise<boolean> {
    await this.#load(offset, SECTOR_BYTES);
    const { bytes, view, at } = this.#window;
    if (isZero(bytes, offset - at, SECTOR_BYTES)) return false;
    const frame = this.#frame;
    const magic = readFrameHeader(view, offset - at, frame) ? 1 : 0;
    const salt = frame.salt === segment.salt ? 1 : 0;
    const number = frame.sequence === sequence ? 1 : 0;
    return magic + salt + number >= 2;
  }

  #believableBytes(offset: number, limit: number): number {
    const { payloadBytes } = this.#frame;
    const bytes = frameDiskBytes(payloadBytes);
    return payloadBytes <= FRAME_PAYLOAD_LIMIT && offset + bytes <= limit ? bytes : SECTOR_BYTES;
  }

  #has(offset: number, length: number): boolean {
    const window = this.#window;
    return (
      window.owner === this && offset >= window.at && offset + length <= window.at + window.length
    );
  }

  /** Makes `length` bytes at `offset` part of the window; what the file does not have is zeros. */
  async #load(offset: number, length: number): Promise<void> {
    if (this.#has(offset, length)) return;
    const window = this.#window;
    window.reserve(length);
    window.owner = this;
    const { bytes } = window;
    const wanted = Math.min(bytes.length, Math.max(0, this.fileBytes - offset));
    const got = await this.#file.read(bytes, 0, wanted, offset);
    window.at = offset;
    window.length = Math.max(got, length);
    bytes.fill(0, got, window.length);
  }
}

/** Two of three fields say so: one of them may be what is damaged. */
function looksEmpty(frame: FrameHeader): boolean {
  const flag = (frame.flags & (FrameFlag.seal | FrameFlag.open | FrameFlag.close)) === 0 ? 0 : 1;
  const payload = frame.payloadBytes === 0 ? 1 : 0;
  const records = frame.recordCount === 0 ? 1 : 0;
  return flag + payload + records >= 2;
}
