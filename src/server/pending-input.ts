// Input of one session that waits: an unfinished command, or commands behind a pause.
import { viewOf } from "../base/bytes.ts";
import { Args } from "../resp/args.ts";
import { CommandParser, defaultLimits } from "../resp/parser.ts";

const FIRST_BYTES = 4096;
/** Room made at once for a value that was announced; more grows as it really arrives. */
const TRUSTED_BYTES_MAX = 1024 * 1024;
const ROOM_BEHIND_BYTES = 64 * 1024;
/** After so much of an unfinished command the other sessions have their turn. */
const REST_BYTES = 1024 * 1024;

/** A growing buffer with the parser state that belongs to it. */
export class PendingInput {
  bytes: Uint8Array;
  view: DataView;
  length: number;
  /** Nothing can be run before so many bytes are here. */
  neededBytes = 0;
  #sinceRest = 0;
  readonly args: Args = new Args();
  readonly parser: CommandParser = new CommandParser(defaultLimits);

  /** Starts with a copy of `bytes[from, end)`. */
  constructor(bytes: Uint8Array, from: number, end: number) {
    this.length = end - from;
    this.bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.length * 2));
    this.view = viewOf(this.bytes);
    this.bytes.set(bytes.subarray(from, end));
  }

  /** Adds `bytes[0, length)`; false when the buffer would pass `bytesMax`. */
  append(bytes: Uint8Array, length: number, bytesMax: number): boolean {
    const needed = this.length + length;
    if (needed > bytesMax) return false;
    if (needed > this.bytes.length) this.#grow(Math.max(needed, this.bytes.length * 2));
    this.bytes.set(bytes.subarray(0, length), this.length);
    this.length = needed;
    return true;
  }

  /** Notes that so many bytes were added; true each time when it was a MiB again. */
  mayRest(added: number): boolean {
    this.#sinceRest += added;
    if (this.#sinceRest < REST_BYTES) return false;
    this.#sinceRest = 0;
    return true;
  }

  /** The first `consumed` bytes were run; what is left waits for the bytes its command needs. */
  settle(consumed: number): void {
    this.neededBytes = this.parser.neededBytes;
    if (consumed > 0) {
      // Finished arguments are remembered by place, and the places change now.
      this.parser.reset();
      this.bytes.copyWithin(0, consumed, this.length);
      this.length -= consumed;
    }
    const wanted = Math.min(this.neededBytes + ROOM_BEHIND_BYTES, TRUSTED_BYTES_MAX);
    if (wanted > this.bytes.length) this.#grow(wanted);
  }

  #grow(size: number): void {
    const grown = Buffer.allocUnsafeSlow(size);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = viewOf(grown);
  }
}
