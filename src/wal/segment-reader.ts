// Reads the frames of one segment file, checks each, and tells what stands where they end.
import { Buffer } from "node:buffer";
import { viewOf } from "../base/bytes.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { DiskFile } from "../platform/disk.ts";
import { readAhead } from "../platform/read-ahead.ts";
import {
  beginsFrame,
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

/**
 * One sound frame. `header` is valid during the call only. `bytes` and `view` are never written
 * again: whoever keeps them keeps a window of the file in memory, about 1 MiB.
 */
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

/** Reads one file. */
export class SegmentReader {
  readonly path: string;
  readonly fileBytes: number;
  readonly #file: ReadableFile;
  readonly #frame = emptyFrameHeader();

  constructor(file: ReadableFile, fileBytes: number) {
    this.#file = file;
    this.path = file.path;
    this.fileBytes = fileBytes;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** What the first sector says; and whether a frame seems to begin behind it. */
  async inspect(): Promise<{ result: SegmentHeaderResult; frameFollows: boolean }> {
    const { bytes, view } = await this.#load(0, 2 * SECTOR_BYTES);
    const result = readSegmentHeader(bytes, view, Math.min(this.fileBytes, SECTOR_BYTES));
    return { result, frameFollows: beginsFrame(view, SECTOR_BYTES) };
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
    const windows = new Windows(this.#file, SECTOR_BYTES, limit);
    const frame = this.#frame;
    let offset = SECTOR_BYTES;
    let sequence = segment.firstSequence;
    try {
      while (offset + SECTOR_BYTES <= limit) {
        const head =
          windows.peek(offset, FRAME_HEADER_BYTES) ??
          (await windows.find(offset, FRAME_HEADER_BYTES));
        if (head === null || !this.#isNext(head, segment, offset, sequence, limit)) break;
        const length = FRAME_HEADER_BYTES + frame.payloadBytes;
        const whole = windows.peek(offset, length) ?? (await windows.find(offset, length));
        if (whole === null) break;
        const { bytes, view, at } = whole;
        const isSound = isFrameSound(bytes, view, offset - at, frame.payloadBytes);
        if (!isSound && !plantedBugs.tornTailAccepted) break;
        onFrame(frame, bytes, view, offset - at + FRAME_HEADER_BYTES, offset);
        offset += frameDiskBytes(frame.payloadBytes);
        sequence++;
      }
    } finally {
      await windows.close();
    }
    const frames = sequence - segment.firstSequence;
    const looks =
      offset + SECTOR_BYTES <= limit && (await this.#looksDamaged(segment, offset, sequence));
    return {
      offset,
      nextSequence: sequence,
      frames,
      damaged: looks,
      damagedBytes: looks ? this.#believableBytes(offset, limit) : 0,
      damagedIsEmpty: looks && looksEmpty(frame),
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
    let start = from;
    const pieces = readAhead(this.#file, from, this.fileBytes, WINDOW_BYTES, true);
    for await (const piece of pieces) {
      const view = viewOf(piece);
      for (let at = 0; at + SECTOR_BYTES <= piece.length; at += SECTOR_BYTES) {
        if (!beginsFrame(view, at)) continue;
        readFrameHeader(view, at, frame);
        const ours = salt === null ? frame.segment > segmentNumber : frame.salt === salt;
        if (!ours || frame.sequence <= sequence || frame.durableSequence < sequence) continue;
        if (await this.#isSound(start + at)) return true;
      }
      start += piece.length;
    }
    return false;
  }

  /** Whether the frame that a segment goes on with seems to begin at `offset`, and would fit. */
  #isNext(
    { view, at }: Window,
    segment: SegmentHeader,
    offset: number,
    sequence: number,
    limit: number,
  ): boolean {
    const frame = this.#frame;
    const known = readFrameHeader(view, offset - at, frame);
    if (!known || frame.salt !== segment.salt || frame.sequence !== sequence) return false;
    return frame.segment === segment.number && this.#fits(offset, limit);
  }

  /** Whether the frame whose header was just read ends at `limit` or before it. */
  #fits(offset: number, limit: number): boolean {
    const { payloadBytes } = this.#frame;
    return payloadBytes <= FRAME_PAYLOAD_LIMIT && offset + frameDiskBytes(payloadBytes) <= limit;
  }

  /** Whether the frame whose header was just read is there, with a right checksum. */
  async #isSound(offset: number): Promise<boolean> {
    if (!this.#fits(offset, this.fileBytes)) return false;
    const { payloadBytes } = this.#frame;
    const { bytes, view } = await this.#load(offset, FRAME_HEADER_BYTES + payloadBytes);
    return isFrameSound(bytes, view, 0, payloadBytes);
  }

  /**
   * Tells a damaged frame from what was there before: zeros, or remains of an earlier use of the
   * file. Two of magic, salt and sequence are as they should be.
   */
  async #looksDamaged(segment: SegmentHeader, offset: number, sequence: number): Promise<boolean> {
    const { bytes, view } = await this.#load(offset, SECTOR_BYTES);
    if (isZero(bytes, 0, SECTOR_BYTES)) return false;
    const frame = this.#frame;
    const magic = readFrameHeader(view, 0, frame) ? 1 : 0;
    const salt = frame.salt === segment.salt ? 1 : 0;
    const number = frame.sequence === sequence ? 1 : 0;
    return magic + salt + number >= 2;
  }

  #believableBytes(offset: number, limit: number): number {
    return this.#fits(offset, limit) ? frameDiskBytes(this.#frame.payloadBytes) : SECTOR_BYTES;
  }

  /** Bytes from anywhere; what the file does not have is zeros. */
  async #load(offset: number, length: number): Promise<Window> {
    const bytes = Buffer.alloc(length);
    const there = Math.min(length, Math.max(0, this.fileBytes - offset));
    await this.#file.read(bytes, 0, there, offset);
    return windowOf(bytes, offset);
  }
}

/** A part of a file in memory; `at` is the place of its first byte in the file. */
interface Window {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly at: number;
}

function windowOf(bytes: Buffer, at: number): Window {
  return { bytes, view: viewOf(bytes), at };
}

/** Windows that pass over a file from front to back. They begin with a sector. */
class Windows {
  readonly #pieces: AsyncGenerator<Buffer, void, void>;
  #window: Window;

  constructor(file: ReadableFile, from: number, to: number) {
    this.#pieces = readAhead(file, from, to, WINDOW_BYTES, false);
    this.#window = windowOf(Buffer.alloc(0), from);
  }

  /** The present window, if it has all of a range. */
  peek(offset: number, length: number): Window | null {
    const { at, bytes } = this.#window;
    return offset >= at && offset + length <= at + bytes.length ? this.#window : null;
  }

  /**
   * A window with all of a range, which begins in the present one or behind it. A range that spans
   * windows gets one of its own. Null where the file ends too early.
   */
  async find(offset: number, length: number): Promise<Window | null> {
    while (offset >= this.#end) if (!(await this.#step())) return null;
    const found = this.peek(offset, length);
    if (found !== null) return found;
    const bytes = Buffer.allocUnsafeSlow(length);
    let done = this.#window.bytes.copy(bytes, 0, offset - this.#window.at);
    while (done < length) {
      if (!(await this.#step())) return null;
      done += this.#window.bytes.copy(bytes, done);
    }
    return windowOf(bytes, offset);
  }

  async close(): Promise<void> {
    await this.#pieces.return();
  }

  get #end(): number {
    return this.#window.at + this.#window.bytes.length;
  }

  /** Goes to the next window; false at the end. */
  async #step(): Promise<boolean> {
    const { value } = await this.#pieces.next();
    if (value === undefined) return false;
    this.#window = windowOf(value, this.#end);
    return true;
  }
}

/** Two of three fields say so: one of them may be what is damaged. */
function looksEmpty(frame: FrameHeader): boolean {
  const flag = (frame.flags & (FrameFlag.seal | FrameFlag.open | FrameFlag.close)) === 0 ? 0 : 1;
  const payload = frame.payloadBytes === 0 ? 1 : 0;
  const records = frame.recordCount === 0 ? 1 : 0;
  return flag + payload + records >= 2;
}
