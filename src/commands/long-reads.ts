// Reads that may take long: of very many keys (MGET, EXISTS, TOUCH), over a whole database (KEYS).
import { type DatabaseView, RecordType, type Ref } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { replyValue } from "./access.ts";
import type { CommandContext, LongForm, LongRead } from "./command.ts";
import { globMatches, isMatchAll } from "./glob.ts";

/** Keys above which a read is run in steps: up to here it takes some milliseconds. */
export const LONG_READ_KEYS = 8192;
/** Keys that a step looks for or at: 1 to 4 ms, by what is in the processor's caches. */
const STEP_KEYS = 4096;
/** Bytes of values, or of keys that are matched, after which a step ends early. */
const STEP_BYTES = 1024 * 1024;

/** How many times dearer a match can be because the pattern is long: 1 for usual ones. */
export function patternWorkOf(patternLength: number): number {
  return 1 + (patternLength >>> 4);
}

/** Replies with a key's value, null for no key or no string. Returns the bytes of the value. */
export function replyElement(context: CommandContext, ref: Ref, reply: Reply): number {
  const { keyspace } = context;
  const isString = ref !== 0 && keyspace.typeOf(ref) === RecordType.string;
  replyValue(context, isString ? ref : 0, reply);
  return isString ? keyspace.valueLengthOf(ref) : 0;
}

/** How a read of the keys in all arguments replies. */
interface ManyKeysReply {
  /** For each key; returns the bytes written, more or less. */
  element(context: CommandContext, ref: Ref, reply: Reply): number;
  /** Before the elements. */
  head(reply: Reply, keys: number, found: number): void;
}

/** MGET, EXISTS, TOUCH. */
class ManyKeysRead implements LongRead {
  readonly #context: CommandContext;
  readonly #args: Args;
  readonly #view: DatabaseView;
  readonly #reply: ManyKeysReply;
  #next = 1;
  #found = 0;

  constructor(context: CommandContext, args: Args, reply: ManyKeysReply) {
    this.#context = context;
    this.#args = args;
    this.#view = context.keyspace.view(context.database);
    this.#reply = reply;
  }

  step(reply: Reply): boolean {
    const context = this.#context;
    const args = this.#args;
    const end = Math.min(this.#next + STEP_KEYS, args.count);
    let room = STEP_BYTES;
    for (; this.#next < end && room > 0; this.#next++) {
      const offset = args.offset(this.#next);
      const ref = this.#view.find(args.bytes, args.view, offset, args.length(this.#next));
      if (ref !== 0) this.#found++;
      room -= this.#reply.element(context, ref, reply);
    }
    return this.#next < args.count;
  }

  head(reply: Reply): void {
    const keys = this.#args.count - 1;
    this.#context.hits += this.#found;
    this.#context.misses += keys - this.#found;
    this.#reply.head(reply, keys, this.#found);
  }

  release(): void {
    this.#view.release();
  }
}

/** KEYS: the keys that match a pattern. */
class KeysRead implements LongRead {
  readonly #context: CommandContext;
  readonly #args: Args;
  readonly #view: DatabaseView;
  readonly #all: boolean;
  #found = 0;

  constructor(context: CommandContext, args: Args) {
    this.#context = context;
    this.#args = args;
    this.#all = isMatchAll(args.bytes, args.offset(1), args.length(1));
    this.#view = context.keyspace.view(context.database);
  }

  step(reply: Reply): boolean {
    const { keyspace } = this.#context;
    const patternWork = patternWorkOf(this.#args.length(1));
    let room = STEP_BYTES;
    return this.#view.walk(STEP_KEYS, (ref) => {
      const bytes = keyspace.bytesOf(ref);
      const offset = keyspace.keyOffsetOf(ref);
      const length = keyspace.keyLengthOf(ref);
      room -= length * patternWork;
      if (!this.#matches(bytes, offset, length)) return room > 0;
      reply.bulk(bytes, keyspace.viewOf(ref), offset, length);
      this.#found++;
      return room > 0;
    });
  }

  head(reply: Reply): void {
    reply.array(this.#found);
  }

  release(): void {
    this.#view.release();
  }

  #matches(bytes: Uint8Array, offset: number, length: number): boolean {
    const args = this.#args;
    if (this.#all) return true;
    return globMatches(args.bytes, args.offset(1), args.length(1), bytes, offset, length);
  }
}

/** MGET. */
export const longValues: LongForm = manyKeys({
  element: replyElement,
  head: (reply, keys) => reply.array(keys),
});

/** EXISTS and TOUCH. */
export const longCount: LongForm = manyKeys({
  element: () => 0,
  head: (reply, _keys, found) => reply.integer(found),
});

/** KEYS. */
export const longKeys: LongForm = {
  isLong: (args, keys) => keys * patternWorkOf(args.length(1)) > LONG_READ_KEYS,
  begin: (context, args) => new KeysRead(context, args),
};

function manyKeys(reply: ManyKeysReply): LongForm {
  return {
    isLong: (args) => args.count > LONG_READ_KEYS,
    begin: (context, args) => new ManyKeysRead(context, args, reply),
  };
}
