// Where commands write their replies: no intermediate objects. RESP2, RESP3 and JavaScript values
// implement it.

/**
 * A writer of one reply at a time; aggregates are announced by count, then written element by
 * element.
 */
export interface Reply {
  /** 2 or 3: the protocol the client speaks. */
  readonly protocol: number;
  /** `+OK`. */
  ok(): void;
  /** `+TEXT`; text without CR or LF. */
  simple(text: string): void;
  /** `-TEXT`, text starting with its code (`ERR ...`); CR and LF are replaced by spaces. */
  error(text: string): void;
  /** `:N`; a safe integer. */
  integer(value: number): void;
  /** `:N` from decimal digits, for 64-bit integers beyond 2^53. */
  integerText(digits: string): void;
  /** A bulk string, copied from `bytes[offset, offset + length)`. */
  bulk(bytes: Uint8Array, view: DataView, offset: number, length: number): void;
  /** A bulk string from text (UTF-8). */
  bulkText(text: string): void;
  /** Null: `$-1` in RESP2, `_` in RESP3. */
  nil(): void;
  /** A null array: `*-1` in RESP2, `_` in RESP3. */
  nilArray(): void;
  array(count: number): void;
  /** A map of `count` pairs: an array of 2 x count in RESP2. */
  map(count: number): void;
  /** A set: an array in RESP2. */
  set(count: number): void;
  /** A double: a bulk string in RESP2. `text` is the number as Redis prints it. */
  double(text: string): void;
  /** `#t`/`#f`; `:1`/`:0` in RESP2. */
  boolean(value: boolean): void;
  /** A text with a format of three letters (`txt`, `mkd`); a bulk string in RESP2. */
  verbatim(format: string, text: string): void;
  /** Out-of-band data of RESP3 (`>N`); an array in RESP2. */
  push(count: number): void;
  /** A whole reply, or a part of one, that is bytes in the client's protocol already. */
  raw(bytes: Uint8Array): void;
}
