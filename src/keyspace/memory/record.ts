// Layout of a record in the arena; drawn in docs/internals/keyspace.md.

/** Bits of a record's first word. */
export const TYPE_MASK = 0x0f;
/** The record has a time field: expiry and its two links in the expiry index. */
export const FLAG_TIME = 0x10;
/** The key's length does not fit the first word and stands in a field of its own. */
export const FLAG_LONG_KEY = 0x20;
/** The record left its table and is kept for a snapshot alone. */
export const FLAG_IMAGE = 0x40;
/** On a record without type: it stands in a free list. */
export const FLAG_LISTED = 0x10;

export const DATABASE_SHIFT = 8;
export const DATABASE_MASK = 0xff;
export const KEY_LENGTH_SHIFT = 16;
/** Key length in the first word that says: see the field. */
export const LONG_KEY_MARK = 0xffff;

/** Bytes of the header, and of each field behind it. */
export const HEADER_BYTES = 16;
export const FIELD_BYTES = 16;

/** Words of the header. */
export const WORD_VALUE_LENGTH = 1;
export const WORD_VERSION_LOW = 2;
/** Upper 16 bits of the version's index, and its position in bits 16 to 31. */
export const WORD_VERSION_HIGH = 3;
/** Words of the time field, which comes straight after the header. */
export const WORD_EXPIRY_LOW = 4;
export const WORD_EXPIRY_HIGH = 5;
export const WORD_NEXT = 6;
export const WORD_PREVIOUS = 7;

/** Words of a dead record: its size and, in a free list, its neighbours there. */
export const WORD_DEAD_UNITS = 1;
export const WORD_FREE_NEXT = 2;
export const WORD_FREE_PREVIOUS = 3;

/**
 * References below this number of units are no records: they stand for the lists of the expiry
 * index.
 */
export const RESERVED_UNITS = 2048;

/** Records of more units than this get a buffer of their own (256 KiB). */
export const SHARED_UNITS_MAX = 16384;
/**
 * Records of at least this many units always have a time field, so that an expiry never moves them.
 */
export const TIMED_UNITS_MIN = 4096;

export const TWO_32 = 0x1_0000_0000;
