// Maps keys to the 16384 hash slots of Redis Cluster.

/** Number of hash slots, as in the Redis Cluster specification. */
export const SLOT_COUNT = 16384;
const SLOT_MASK = SLOT_COUNT - 1;
const LEFT_BRACE = 0x7b;
const RIGHT_BRACE = 0x7d;
const CRC16_TABLE = makeCrc16Table();

/**
 * Maps a key, given as a range of bytes, to its hash slot.
 *
 * If the first `{` has a later `}` and bytes between them, only those are hashed (a hash tag).
 *
 * @param bytes Holds the key; read, never kept or changed.
 * @param offset First byte of the key.
 * @param length Bytes of the key, 0 or more.
 * @returns Slot number, an integer from 0 to 16383.
 * @remarks O(n) in key bytes, allocation-free. CRC16/XMODEM modulo 16384, as in the Redis Cluster
 *   specification, section "Key distribution model".
 * @example
 * const key = Buffer.from("{user:1}.age");
 * slotOf(key, 0, key.length); // the slot of "user:1"
 */
export function slotOf(bytes: Uint8Array, offset: number, length: number): number {
  const end = offset + length;
  let crc = 0;
  for (let at = offset; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === LEFT_BRACE) return slotOfTagged(bytes, offset, end, at);
    crc = ((crc << 8) & 0xffff) ^ CRC16_TABLE[(crc >>> 8) ^ byte]!;
  }
  return crc & SLOT_MASK;
}

function slotOfTagged(bytes: Uint8Array, offset: number, end: number, open: number): number {
  let close = open + 1;
  while (close < end && bytes[close] !== RIGHT_BRACE) close++;
  const tagged = close < end && close > open + 1;
  return crc16(bytes, tagged ? open + 1 : offset, tagged ? close : end) & SLOT_MASK;
}

function crc16(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0;
  for (let at = from; at < to; at++) {
    crc = ((crc << 8) & 0xffff) ^ CRC16_TABLE[(crc >>> 8) ^ bytes[at]!]!;
  }
  return crc;
}

function makeCrc16Table(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[byte] = crc;
  }
  return table;
}
