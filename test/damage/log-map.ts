// Where the frames of a closed log lie, read with the format's own code: to damage them on purpose.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { viewOf } from "../../src/base/bytes.ts";
import {
  emptyFrameHeader,
  FRAME_HEADER_BYTES,
  frameDiskBytes,
  FrameFlag,
  isFrameSound,
  readFrameHeader,
  readSegmentHeader,
} from "../../src/wal/wal-format.ts";

const SECTOR_BYTES = 512;

/** A sound frame. */
export interface MappedFrame {
  readonly path: string;
  readonly offset: number;
  readonly sequence: number;
  readonly payloadBytes: number;
  /** On disk, with its zeros. */
  readonly diskBytes: number;
  readonly isSeal: boolean;
  /** The whole frame, one character per byte. */
  readonly text: string;
}

/** A log's segments that count, and its frames in order. */
export interface LogMap {
  readonly segments: readonly string[];
  readonly spares: readonly string[];
  readonly frames: readonly MappedFrame[];
}

/** Maps the log of a data directory whose node does not run. */
export function mapLog(data: string): LogMap {
  const folder = join(data, "log");
  const segments: { path: string; number: number; frames: MappedFrame[] }[] = [];
  const spares: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const bytes = readFileSync(path);
    const header = readSegmentHeader(bytes, viewOf(bytes), bytes.length);
    if (header.kind !== "header") spares.push(path);
    else {
      const { number, salt } = header.header;
      segments.push({ path, number, frames: framesOf(path, bytes, salt) });
    }
  }
  segments.sort((left, right) => left.number - right.number);
  return {
    segments: segments.map(({ path }) => path),
    spares,
    frames: segments.flatMap(({ frames }) => frames),
  };
}

function framesOf(path: string, bytes: Buffer, salt: number): MappedFrame[] {
  const view = viewOf(bytes);
  const header = emptyFrameHeader();
  const frames: MappedFrame[] = [];
  let offset = SECTOR_BYTES;
  while (offset + FRAME_HEADER_BYTES <= bytes.length) {
    if (!readFrameHeader(view, offset, header) || header.salt !== salt) break;
    const { payloadBytes, sequence, flags } = header;
    if (!isFrameSound(bytes, view, offset, payloadBytes)) break;
    const diskBytes = frameDiskBytes(payloadBytes);
    const text = bytes.toString("latin1", offset, offset + diskBytes);
    const isSeal = (flags & FrameFlag.seal) !== 0;
    frames.push({ path, offset, sequence, payloadBytes, diskBytes, isSeal, text });
    offset += diskBytes;
  }
  return frames;
}
