// The bytes of the log: segment headers, frame headers, records. Drawn in
// docs/internals/wal-format.md.
import { getUint53, setUint53 } from "../base/bytes.ts";
import { crc32 } from "../base/checksum.ts";
import { SECTOR_BYTES } from "./wal-types.ts";

/** Version of everything in this file; a later release reads this one. */
export const FORMAT_VERSION = 1;
/** "KVWS" and "KVWF", as bytes in this order. */
const SEGMENT_MAGIC = 0x5357_564b;
const FRAME_MAGIC = 0x4657_564b;
/** The checksum is the first field, and covers everything after itself. */
const CRC_BYTES = 4;

/** Bytes of a frame before its records. */
export const FRAME_HEADER_BYTES = 64;
/** No frame has more payload, whatever the settings of the run that wrote it. */
export const FRAME_PAYLOAD_LIMIT: number = 16 * 1024 * 1024;

/** What a frame is besides its records; bits. */
export const FrameFlag = {
  /** Empty: says that the frame before it was acknowledged. */
  seal: 1,
  /** First frame of a run. */
  open: 2,
  /** Last frame of a run that was closed in order. */
  close: 4,
  /** The run does not sync every frame. */
  relaxed: 8,
} as const;

/** The first sector of a segment. */
export interface SegmentHeader {
  readonly number: number;
  /**
   * Number of the segment that the log comes from, 0 when it begins here. Numbers may leave gaps.
   */
  readonly previous: number;
  /** Random: frames of earlier uses of the file have another one and are dead. */
  readonly salt: number;
  /** Sequence of the first frame in it. */
  readonly firstSequence: number;
  /** All frames up to this one were durable when the segment was begun. */
  readonly durableSequence: number;
  readonly capacityBytes: number;
  /** Length of the file when the segment was begun: it is never shorter. */
  readonly filledBytes: number;
}

/** Reads of a frame's fixed part. */
export interface FrameHeader {
  salt: number;
  flags: number;
  sequence: number;
  /** All frames up to this one were durable when this one was issued. */
  durableSequence: number;
  /** Segments before this one are not part of the log any more. */
  oldestSegment: number;
  segment: number;
  payloadBytes: number;
  recordCount: number;
}

/** What the first sector of a file turned out to be. */
export type SegmentHeaderResult =
  | { kind: "header"; header: SegmentHeader }
  | { kind: "empty" }
  | { kind: "damaged" }
  | { kind: "version"; version: number };

/** Fills one sector with a segment header. */
export function writeSegmentHeader(bytes: Uint8Array, view: DataView, header: SegmentHeader): void {
  bytes.fill(0, 0, SECTOR_BYTES);
  view.setUint32(4, SEGMENT_MAGIC, true);
  view.setUint16(8, FORMAT_VERSION, true);
  view.setUint32(12, header.salt, true);
  setUint53(view, 16, header.number);
  setUint53(view, 24, header.firstSequence);
  setUint53(view, 32, header.capacityBytes);
  setUint53(view, 40, header.filledBytes);
  setUint53(view, 48, header.previous);
  setUint53(view, 56, header.durableSequence);
  view.setUint32(0, crc32(bytes, CRC_BYTES, SECTOR_BYTES - CRC_BYTES), true);
}

/** Reads a file's first sector; `length` is how much of it there is. */
export function readSegmentHeader(
  bytes: Uint8Array,
  view: DataView,
  length: number,
): SegmentHeaderResult {
  if (length < SECTOR_BYTES || isZero(bytes, 0, SECTOR_BYTES)) return { kind: "empty" };
  const sound = view.getUint32(0, true) === crc32(bytes, CRC_BYTES, SECTOR_BYTES - CRC_BYTES);
  if (!sound || view.getUint32(4, true) !== SEGMENT_MAGIC) return { kind: "damaged" };
  const version = view.getUint16(8, true);
  if (version !== FORMAT_VERSION) return { kind: "version", version };
  const header = {
    salt: view.getUint32(12, true),
    number: getUint53(view, 16),
    firstSequence: getUint53(view, 24),
    capacityBytes: getUint53(view, 32),
    filledBytes: getUint53(view, 40),
    previous: getUint53(view, 48),
    durableSequence: getUint53(view, 56),
  };
  return { kind: "header", header };
}

/** Completes a frame at `at`: header before the payload, zeros up to the next sector, checksum. */
export function writeFrame(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  header: FrameHeader,
): void {
  view.setUint32(at + 4, FRAME_MAGIC, true);
  view.setUint32(at + 8, FORMAT_VERSION | (header.flags << 8), true);
  view.setUint32(at + 12, header.salt, true);
  setUint53(view, at + 16, header.sequence);
  setUint53(view, at + 24, header.durableSequence);
  setUint53(view, at + 32, header.oldestSegment);
  setUint53(view, at + 40, header.segment);
  view.setUint32(at + 48, header.payloadBytes, true);
  view.setUint32(at + 52, header.recordCount, true);
  setUint53(view, at + 56, 0);
  const covered = FRAME_HEADER_BYTES + header.payloadBytes;
  view.setUint32(at, crc32(bytes, at + CRC_BYTES, covered - CRC_BYTES), true);
  bytes.fill(0, at + covered, at + frameDiskBytes(header.payloadBytes));
}

/** A header to read into again and again. */
export function emptyFrameHeader(): FrameHeader {
  return {
    salt: 0,
    flags: 0,
    sequence: 0,
    durableSequence: 0,
    oldestSegment: 0,
    segment: 0,
    payloadBytes: 0,
    recordCount: 0,
  };
}

/** Reads the fixed part of a frame, unchecked. False when the magic or version is another. */
export function readFrameHeader(view: DataView, at: number, into: FrameHeader): boolean {
  into.flags = view.getUint8(at + 9);
  into.salt = view.getUint32(at + 12, true);
  into.sequence = getUint53(view, at + 16);
  into.durableSequence = getUint53(view, at + 24);
  into.oldestSegment = getUint53(view, at + 32);
  into.segment = getUint53(view, at + 40);
  into.payloadBytes = view.getUint32(at + 48, true);
  into.recordCount = view.getUint32(at + 52, true);
  return beginsFrame(view, at);
}

/** Whether a frame's magic and version stand there. */
export function beginsFrame(view: DataView, at: number): boolean {
  return view.getUint32(at + 4, true) === FRAME_MAGIC && view.getUint8(at + 8) === FORMAT_VERSION;
}

/** Whether the checksum of a frame holds; header and payload must be in memory. */
export function isFrameSound(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  payloadBytes: number,
): boolean {
  const covered = FRAME_HEADER_BYTES + payloadBytes - CRC_BYTES;
  return view.getUint32(at, true) === crc32(bytes, at + CRC_BYTES, covered);
}

/** Bytes a frame takes on disk: whole sectors. */
export function frameDiskBytes(payloadBytes: number): number {
  const bytes = FRAME_HEADER_BYTES + payloadBytes;
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES;
}

/** Whether a range holds only zeros. */
export function isZero(bytes: Uint8Array, from: number, length: number): boolean {
  for (let at = from; at < from + length; at++) if (bytes[at] !== 0) return false;
  return true;
}
