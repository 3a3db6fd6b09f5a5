// Bytes of a snapshot's chunks. Layout: docs/internals/snapshot-format.md.

/** "KVCH", little endian. */
export const CHUNK_MAGIC = 0x4843564b;
export const CHUNK_VERSION = 2;
/** Bytes before a chunk's items. */
export const CHUNK_HEADER_BYTES = 16;
/** Where the header's fields stand. */
export const CHUNK_VERSION_AT = 4;
export const CHUNK_NUMBER_AT = 8;
export const CHUNK_LENGTH_AT = 12;
/** Smallest chunk that a stream fills. */
export const CHUNK_BYTES_MIN = 1024;

/** First byte of an item. */
export const Item = { head: 1, removals: 2, record: 3, start: 4, part: 5, end: 6 } as const;

/** Head: index of the state, index of the last flush, and the keys of each database. */
export const HEAD_ITEM_BYTES: number = 2 + 8 + 8 + 16 * 8;
/** Removals: how many, then slot and log index of each. */
export const REMOVALS_HEADER_BYTES = 4;
export const REMOVAL_BYTES = 10;
/** Record and start: what comes before expiry, key and value. */
export const RECORD_HEADER_BYTES = 20;
export const EXPIRY_BYTES = 8;
/** Start and part: length of the piece of key and value that follows. */
export const PIECE_LENGTH_BYTES = 4;
export const PART_HEADER_BYTES: number = 4 + PIECE_LENGTH_BYTES;
export const END_ITEM_BYTES: number = 2 + 8;

/** Bit of a record item's flags: an expiry follows the header. */
export const ITEM_HAS_EXPIRY = 1;

/** Longest key or value in a snapshot: 512 MiB, as a string of Redis. */
export const FIELD_BYTES_MAX: number = 512 * 1024 * 1024;

/** Fills in the header of a chunk whose items end at `length`, counted from its first byte. */
export function sealChunk(view: DataView, number: number, length: number): void {
  view.setUint32(0, CHUNK_MAGIC, true);
  view.setUint32(CHUNK_VERSION_AT, CHUNK_VERSION, true);
  view.setUint32(CHUNK_NUMBER_AT, number, true);
  view.setUint32(CHUNK_LENGTH_AT, length, true);
}
