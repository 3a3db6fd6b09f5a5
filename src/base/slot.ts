// Maps keys to the 16384 hash slots of Redis Cluster.

/** Number of hash slots, as in the Redis Cluster specification. */
export const SLOT_COUNT = 16384;
const SLOT_MASK = SLOT_COUNT - 1;
const LEFT_BRACE = 0x7b;
const RIGHT_BRACE = 0x7d;
/** Four braces, one a byte. */
const LEFT_BRACES = 0x7b7b7b7b;
/** In row k: the CRC of each byte with k zero bytes behind it. Rows make four bytes one step. */
const CRC16_TABLE = makeCrc16Table();

/**
 * Maps a key, given as a range of bytes, to its hash slot.
 *
 * If the first `{` has a later `}` and bytes between them, only those are hashed (a hash tag).
 *
 * @param view Holds the key; read, never kept or changed.
 * @param offset First byte of the key.
 * @param length Bytes of the key, 0 or more.
 * @returns Slot number, an integer from 0 to 16383.
 * @remarks O(n) in key bytes, allocation-free. CRC16/XMODEM modulo 16384, as in the Redis Cluster
 *   specification, section "Key distribution model".
 * @example
 * const key = viewOf(Buffer.from("{user:1}.age"));
 * slotOf(key, 0, key.byteLength); // the slot of "user:1"
 */
export function slotOf(view: DataView, offset: number, length: number): number {
  const end = offset + length;
  const wordsEnd = end - 3;
  let crc = 0;
  let at = offset;
  for (; at < wordsEnd; at += 4) {
    const word = view.getInt32(at, true);
    // A zero byte in `braces` is a brace; the sum finds one without looking at each byte.
    const braces = word ^ LEFT_BRACES;
    if (((braces - 0x01010101) & ~braces & 0x80808080) !== 0) {
      return slotOfTagged(view, offset, end, at);
    }
    const mixed = crc ^ (((word & 0xff) << 8) | ((word >>> 8) & 0xff));
    crc =
      CRC16_TABLE[0x300 + (mixed >>> 8)]! ^
      CRC16_TABLE[0x200 + (mixed & 0xff)]! ^
      CRC16_TABLE[0x100 + ((word >>> 16) & 0xff)]! ^
      CRC16_TABLE[word >>> 24]!;
  }
  for (; at < end; at++) {
    const byte = view.getUint8(at);
    if (byte === LEFT_BRACE) return slotOfTagged(view, offset, end, at);
    crc = addByte(crc, byte);
  }
  return crc & SLOT_MASK;
}

/** The slot of a key whose first brace stands at `from` or a little later. */
function slotOfTagged(view: DataView, offset: number, end: number, from: number): number {
  let open = from;
  while (open < end && view.getUint8(open) !== LEFT_BRACE) open++;
  let close = open + 1;
  while (close < end && view.getUint8(close) !== RIGHT_BRACE) close++;
  const isTagged = close < end && close > open + 1;
  return crc16(view, isTagged ? open + 1 : offset, isTagged ? close : end) & SLOT_MASK;
}

function crc16(view: DataView, from: number, to: number): number {
  let crc = 0;
  for (let at = from; at < to; at++) crc = addByte(crc, view.getUint8(at));
  return crc;
}

function addByte(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ CRC16_TABLE[(crc >>> 8) ^ byte]!;
}

function makeCrc16Table(): Uint16Array {
  const table = new Uint16Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const shorter = table[at - 256]!;
    table[at] = ((shorter << 8) & 0xffff) ^ table[shorter >>> 8]!;
  }
  return table;
}
