// Replies of a server from bytes in any pieces: RESP2 and RESP3, as values. For tools, not for the
// hot path.
import { DbError } from "../base/errors.ts";

/** One reply. */
export type ReplyValue =
  | { readonly kind: "simple" | "error" | "double" | "number"; readonly text: string }
  /** `verbatim` without its three letters of format. */
  | { readonly kind: "bulk" | "verbatim"; readonly bytes: Buffer }
  | { readonly kind: "integer"; readonly text: string }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "nil" }
  /** A map's keys and values take turns. */
  | { readonly kind: "array" | "set" | "push" | "map"; readonly items: readonly ReplyValue[] };

type Aggregate = "array" | "set" | "push" | "map";

interface Frame {
  /** Null: attributes, which are read and dropped. */
  readonly kind: Aggregate | null;
  readonly items: ReplyValue[];
  left: number;
}

const NIL: ReplyValue = { kind: "nil" };
const EMPTY = Buffer.alloc(0);
const CR = 0x0d;
const LF = 0x0a;
/** Longest line without an end: no server sends one. */
const LINE_BYTES_MAX = 1024 * 1024;
const DEPTH_MAX = 1024;
const COUNT_MAX = 2 ** 31;

/** Reads replies from a stream. */
export class ReplyReader {
  #buffer: Buffer = EMPTY;
  /** Pieces that came behind `#buffer`. */
  #more: Buffer[] = [];
  #moreBytes = 0;
  #at = 0;
  /** So many bytes must be there before it is worth looking again. */
  #neededBytes = 0;
  readonly #stack: Frame[] = [];

  /** Takes bytes; they are kept, so they must not change. */
  push(bytes: Buffer): void {
    this.#more.push(bytes);
    this.#moreBytes += bytes.length;
  }

  /**
   * The next complete reply, or null.
   *
   * @throws DbError `BAD_REPLY` for what no server sends; the stream is of no use afterwards.
   */
  next(): ReplyValue | null {
    if (this.#buffer.length - this.#at + this.#moreBytes < this.#neededBytes) return null;
    this.#join();
    for (;;) {
      const value = this.#token();
      if (value === null) return null;
      if (value === undefined) continue;
      const whole = this.#place(value);
      if (whole !== null) return whole;
    }
  }

  #join(): void {
    if (this.#more.length === 0) return;
    this.#buffer = Buffer.concat([this.#buffer.subarray(this.#at), ...this.#more]);
    this.#at = 0;
    this.#more = [];
    this.#moreBytes = 0;
  }

  /**
   * The next value without parts; undefined when an aggregate began; null when more bytes are
   * needed.
   */
  #token(): ReplyValue | null | undefined {
    const end = this.#lineEnd();
    if (end < 0) return null;
    const type = String.fromCharCode(this.#buffer[this.#at]!);
    const line = this.#buffer.toString("utf8", this.#at + 1, end);
    const after = end + 2;
    if (type === "$" || type === "=" || type === "!") return this.#blob(type, line, after);
    this.#at = after;
    switch (type) {
      case "+":
        return { kind: "simple", text: line };
      case "-":
        return { kind: "error", text: line };
      case ":":
        return { kind: "integer", text: line };
      case ",":
        return { kind: "double", text: line };
      case "(":
        return { kind: "number", text: line };
      case "#":
        return { kind: "boolean", value: line === "t" };
      case "_":
        return NIL;
      case "*":
        return this.#begin("array", line, 1);
      case "~":
        return this.#begin("set", line, 1);
      case ">":
        return this.#begin("push", line, 1);
      case "%":
        return this.#begin("map", line, 2);
      case "|":
        return this.#begin(null, line, 2);
      default:
        throw bad(`a reply of unknown type ${JSON.stringify(type)}`);
    }
  }

  #blob(type: string, line: string, from: number): ReplyValue | null {
    const length = countOf(line);
    if (length < 0) {
      this.#at = from;
      return NIL;
    }
    const end = from + length;
    if (this.#buffer.length < end + 2) {
      this.#neededBytes = end + 2 - this.#at;
      return null;
    }
    if (this.#buffer[end] !== CR || this.#buffer[end + 1] !== LF) throw bad("a string without end");
    this.#at = end + 2;
    const bytes = Buffer.from(this.#buffer.subarray(from, end));
    if (type === "$") return { kind: "bulk", bytes };
    if (type === "=") return { kind: "verbatim", bytes: bytes.subarray(4) };
    return { kind: "error", text: bytes.toString("utf8") };
  }

  #begin(kind: Aggregate | null, line: string, partsEach: number): ReplyValue | undefined {
    const count = countOf(line);
    if (count < 0) return NIL;
    if (count === 0 && kind !== null) return { kind, items: [] };
    if (this.#stack.length >= DEPTH_MAX) throw bad("a reply that is nested too deep");
    if (count > 0) this.#stack.push({ kind, items: [], left: count * partsEach });
    return undefined;
  }

  /** Puts a value where it belongs; the whole reply when that was its last part. */
  #place(value: ReplyValue): ReplyValue | null {
    let part = value;
    for (;;) {
      const frame = this.#stack.at(-1);
      if (frame === undefined) return part;
      frame.items.push(part);
      frame.left--;
      if (frame.left > 0) return null;
      this.#stack.pop();
      if (frame.kind === null) return null;
      part = { kind: frame.kind, items: frame.items };
    }
  }

  #lineEnd(): number {
    this.#neededBytes = 0;
    const end = this.#buffer.indexOf("\r\n", this.#at, "latin1");
    if (end >= 0) return end;
    const length = this.#buffer.length - this.#at;
    if (length > LINE_BYTES_MAX) throw bad("a line without end");
    this.#neededBytes = length + 1;
    return -1;
  }
}

function countOf(line: string): number {
  const count = Number(line);
  if (!/^(-1|\d+)$/.test(line) || count > COUNT_MAX) {
    throw bad(`a length of ${JSON.stringify(line.slice(0, 32))}`);
  }
  return count;
}

function bad(what: string): DbError {
  return new DbError("BAD_REPLY", `the server sent ${what}: is it a Redis-compatible server?`);
}
