// A reply as JavaScript values, for tests: what a command replied, and that it replied exactly
// once.
import { invariant } from "../../base/invariant.ts";
import type { Reply } from "../../resp/reply.ts";

/** A simple string such as `+OK`. */
export class SimpleText {
  readonly simple: string;
  constructor(text: string) {
    this.simple = text;
  }
}

/** An error reply, text with its code. */
export class ErrorText {
  readonly error: string;
  constructor(text: string) {
    this.error = text;
  }
}

/** A map, as pairs in the order written. */
export class RecordedMap {
  readonly pairs: [Recorded, Recorded][];
  constructor(pairs: [Recorded, Recorded][]) {
    this.pairs = pairs;
  }
}

/** A set, in the order written. */
export class RecordedSet {
  readonly members: Recorded[];
  constructor(members: Recorded[]) {
    this.members = members;
  }
}

/** A null array (`*-1`), told apart from null. */
export const NIL_ARRAY: unique symbol = Symbol("nil array");

/**
 * A reply as a value. Bulk strings are strings of one character per byte; 64-bit integers beyond
 * 2^53 are bigints.
 */
export type Recorded =
  | null
  | typeof NIL_ARRAY
  | string
  | number
  | bigint
  | boolean
  | SimpleText
  | ErrorText
  | RecordedMap
  | RecordedSet
  | Recorded[];

/** The value of `+OK`. */
export const OK: SimpleText = new SimpleText("OK");

/** An aggregate that is being filled. */
interface Open {
  readonly items: Recorded[];
  readonly count: number;
  readonly close: (items: Recorded[]) => Recorded;
}

/** Records one reply; `take` gives it and starts over. */
export class ReplyRecorder implements Reply {
  protocol = 3;
  readonly #open: Open[] = [];
  readonly #done: Recorded[] = [];

  /** The recorded reply; a bug when there is none, more than one, or one that lacks elements. */
  take(): Recorded {
    invariant(this.#open.length === 0, "an announced aggregate is filled");
    invariant(this.#done.length === 1, "a command writes exactly one reply");
    return this.#done.pop()!;
  }

  ok(): void {
    this.#add(new SimpleText("OK"));
  }

  simple(text: string): void {
    this.#add(new SimpleText(text));
  }

  error(text: string): void {
    this.#add(new ErrorText(text));
  }

  integer(value: number): void {
    invariant(Number.isSafeInteger(value), "integer replies are safe integers");
    this.#add(value);
  }

  integerText(digits: string): void {
    this.#add(Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits));
  }

  bulk(bytes: Uint8Array, view: DataView, offset: number, length: number): void {
    invariant(offset >= 0 && offset + length <= bytes.length, "a bulk lies in its memory");
    invariant(view.byteLength === bytes.length, "view and bytes are one memory");
    this.#add(Buffer.from(bytes.subarray(offset, offset + length)).toString("latin1"));
  }

  bulkText(text: string): void {
    this.#add(Buffer.from(text, "utf8").toString("latin1"));
  }

  nil(): void {
    this.#add(null);
  }

  nilArray(): void {
    this.#add(NIL_ARRAY);
  }

  array(count: number): void {
    this.#start(count, (items) => items);
  }

  map(count: number): void {
    this.#start(count * 2, (items) => {
      const pairs: [Recorded, Recorded][] = [];
      for (let at = 0; at < items.length; at += 2) pairs.push([items[at]!, items[at + 1]!]);
      return new RecordedMap(pairs);
    });
  }

  set(count: number): void {
    this.#start(count, (items) => new RecordedSet(items));
  }

  double(text: string): void {
    this.#add(text);
  }

  boolean(value: boolean): void {
    this.#add(value);
  }

  verbatim(_format: string, text: string): void {
    this.bulkText(text);
  }

  push(count: number): void {
    this.array(count);
  }

  raw(bytes: Uint8Array): void {
    this.#add(Buffer.from(bytes).toString("latin1"));
  }

  #start(count: number, close: (items: Recorded[]) => Recorded): void {
    invariant(Number.isInteger(count) && count >= 0, "aggregates have a count");
    if (count === 0) this.#add(close([]));
    else this.#open.push({ items: [], count, close });
  }

  #add(value: Recorded): void {
    const open = this.#open.at(-1);
    if (open === undefined) {
      this.#done.push(value);
      return;
    }
    open.items.push(value);
    if (open.items.length < open.count) return;
    this.#open.pop();
    this.#add(open.close(open.items));
  }
}
