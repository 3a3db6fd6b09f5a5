// Writes RESP2 and RESP3 replies into one growing buffer.
import { copyBytes } from "../base/bytes.ts";
import type { Reply } from "./reply.ts";

const CR = 0x0d;
const LF = 0x0a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const COLON = 0x3a;
const DOLLAR = 0x24;
const STAR = 0x2a;
const UNDERSCORE = 0x5f;
const HASH = 0x23;
/** A buffer that grew beyond this is dropped by `clear`. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
const LOOP_BYTES_MAX = 96;

/** Codes of errors that are counted one by one; any further ones are counted together. */
const ERROR_CODES_MAX = 128;
const ERROR_CODE_BYTES_MAX = 32;
/** Ends a line, or is no single byte. */
const UNFIT_FOR_LINE = /[\r\n\u0100-\uffff]/g;

/** Replies as bytes. One instance serves all clients of a node in turn: `take` what was written. */
export class RespWriter implements Reply {
  protocol = 2;
  bytes: Buffer;
  view: DataView;
  length = 0;
  /** Errors written, in all and by their first word. */
  errors = 0;
  readonly errorsByCode: Map<string, number> = new Map();
  readonly #initialBytes: number;

  constructor(initialBytes: number = 1024 * 1024) {
    this.#initialBytes = initialBytes;
    this.bytes = Buffer.allocUnsafeSlow(initialBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** A copy of what was written from `start` on, fit to be sent; what lies before stays. */
  take(start = 0): Buffer {
    const size = this.length - start;
    const copy = Buffer.allocUnsafe(size);
    // Most replies are so short that a loop beats the way into C++.
    if (size > LOOP_BYTES_MAX) this.bytes.copy(copy, 0, start, this.length);
    else for (let at = 0; at < size; at++) copy[at] = this.bytes[start + at]!;
    this.length = start;
    if (start === 0 && this.bytes.length > KEPT_BYTES_MAX) this.#replace(this.#initialBytes);
    return copy;
  }

  ok(): void {
    const at = this.#room(5);
    const bytes = this.bytes;
    bytes[at] = PLUS;
    bytes[at + 1] = 0x4f;
    bytes[at + 2] = 0x4b;
    bytes[at + 3] = CR;
    bytes[at + 4] = LF;
    this.length = at + 5;
  }

  simple(text: string): void {
    this.#line(PLUS, text);
  }

  error(text: string): void {
    this.#countError(text);
    this.#line(MINUS, withoutLineEnd(text).replace(UNFIT_FOR_LINE, " "));
  }

  integer(value: number): void {
    if (value >= 0 && value <= 0x7fffffff) {
      this.#header(COLON, value);
      return;
    }
    this.#line(COLON, String(value));
  }

  integerText(digits: string): void {
    this.#line(COLON, digits);
  }

  bulk(bytes: Uint8Array, view: DataView, offset: number, length: number): void {
    this.#header(DOLLAR, length);
    const at = this.#room(length + 2);
    copyBytes(bytes, view, offset, this.bytes, this.view, at, length);
    this.bytes[at + length] = CR;
    this.bytes[at + length + 1] = LF;
    this.length = at + length + 2;
  }

  bulkText(text: string): void {
    this.#text(DOLLAR, "", text);
  }

  nil(): void {
    if (this.protocol === 3) this.#null();
    else this.#line(DOLLAR, "-1");
  }

  nilArray(): void {
    if (this.protocol === 3) this.#null();
    else this.#line(STAR, "-1");
  }

  array(count: number): void {
    this.#header(STAR, count);
  }

  map(count: number): void {
    if (this.protocol === 3) this.#header(0x25, count);
    else this.#header(STAR, count * 2);
  }

  set(count: number): void {
    this.#header(this.protocol === 3 ? 0x7e : STAR, count);
  }

  double(text: string): void {
    if (this.protocol === 3) this.#line(0x2c, text);
    else this.bulkText(text);
  }

  boolean(value: boolean): void {
    if (this.protocol === 3) this.#line(HASH, value ? "t" : "f");
    else this.integer(value ? 1 : 0);
  }

  verbatim(format: string, text: string): void {
    if (this.protocol === 3) this.#text(0x3d, format + ":", text);
    else this.bulkText(text);
  }

  push(count: number): void {
    this.#header(this.protocol === 3 ? 0x3e : STAR, count);
  }

  /** Appends bytes that are RESP already. */
  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.bytes.set(bytes, at);
    this.length = at + bytes.length;
  }

  /** A reply of one type byte and a non-negative integer below 2^31. */
  #header(type: number, value: number): void {
    let at = this.#room(13);
    const bytes = this.bytes;
    bytes[at++] = type;
    if (value >= 1000) at = this.#digits(at, value);
    else {
      if (value >= 100) bytes[at++] = 48 + ((value / 100) | 0);
      if (value >= 10) bytes[at++] = 48 + (((value / 10) | 0) % 10);
      bytes[at++] = 48 + (value % 10);
    }
    bytes[at] = CR;
    bytes[at + 1] = LF;
    this.length = at + 2;
  }

  #digits(at: number, value: number): number {
    let end = at + 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
    let cursor = end;
    let rest = value;
    while (cursor > at) {
      this.bytes[--cursor] = 48 + (rest % 10);
      rest = (rest / 10) | 0;
    }
    return end;
  }

  #countError(text: string): void {
    this.errors++;
    const space = text.indexOf(" ");
    let code = text.slice(0, Math.min(space < 0 ? text.length : space, ERROR_CODE_BYTES_MAX));
    const counts = this.errorsByCode;
    if (counts.size >= ERROR_CODES_MAX && !counts.has(code)) code = "OTHER";
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }

  /** A line of text, one byte per character: what clients sent goes back to them as it was. */
  #line(type: number, text: string): void {
    const at = this.#room(text.length + 3);
    this.bytes[at] = type;
    const end = at + 1 + this.bytes.write(text, at + 1, "latin1");
    this.bytes[end] = CR;
    this.bytes[end + 1] = LF;
    this.length = end + 2;
  }

  #text(type: number, prefix: string, text: string): void {
    const size = prefix.length + Buffer.byteLength(text);
    this.#header(type, size);
    const at = this.#room(size + 2);
    this.bytes.write(prefix + text, at);
    this.bytes[at + size] = CR;
    this.bytes[at + size + 1] = LF;
    this.length = at + size + 2;
  }

  #null(): void {
    const at = this.#room(3);
    this.bytes[at] = UNDERSCORE;
    this.bytes[at + 1] = CR;
    this.bytes[at + 2] = LF;
    this.length = at + 3;
  }

  /** Makes room for `size` bytes more; returns where they start. */
  #room(size: number): number {
    const at = this.length;
    if (at + size > this.bytes.length) this.#grow(at + size);
    return at;
  }

  #grow(needed: number): void {
    const old = this.bytes;
    this.#replace(Math.max(needed, old.length * 2));
    old.copy(this.bytes, 0, 0, this.length);
  }

  #replace(size: number): void {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer);
  }
}

/** Redis drops line ends behind an error's text. */
function withoutLineEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === "\n" || text[end - 1] === "\r")) end--;
  return text.slice(0, end);
}
