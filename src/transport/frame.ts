// The unit of what peers send once they trust each other: length, type, checksum, body.
// The layout is drawn in docs/internals/peer-format.md.
import { viewOf } from "../base/bytes.ts";
import { crc32 } from "../base/checksum.ts";

export const FRAME_HEADER_BYTES = 12;
const TYPE_AT = 4;
const CRC_AT = 8;

/** Why a frame was refused. */
export type FrameFault = "oversized" | "checksum" | "malformed" | "unexpected";

/** Fills in the header of the frame at `bytes[at]`, whose body of `length` bytes is in place. */
export function sealFrame(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  type: number,
  length: number,
): void {
  view.setUint32(at, length, true);
  view.setUint32(at + TYPE_AT, type, true);
  const headerCrc = crc32(bytes, at, CRC_AT);
  view.setUint32(at + CRC_AT, crc32(bytes, at + FRAME_HEADER_BYTES, length, headerCrc), true);
}

/**
 * Fills in the header of a frame whose body lies in two places.
 *
 * @param head Room for the header, and behind it the beginning of the body.
 * @param rest The end of the body.
 */
export function sealFrameBefore(head: Uint8Array, type: number, rest: Uint8Array): void {
  const view = viewOf(head);
  const headBodyBytes = head.length - FRAME_HEADER_BYTES;
  view.setUint32(0, headBodyBytes + rest.length, true);
  view.setUint32(TYPE_AT, type, true);
  const crc = crc32(head, FRAME_HEADER_BYTES, headBodyBytes, crc32(head, 0, CRC_AT));
  view.setUint32(CRC_AT, crc32(rest, 0, rest.length, crc), true);
}
