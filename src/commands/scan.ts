// Commands that walk a database: SCAN, KEYS.
import { SLOT_COUNT } from "../base/slot.ts";
import type { Keyspace, Ref, ScanPosition } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { integerArgument, NO_KEYS } from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { BAD_CURSOR, NOT_AN_INTEGER, SYNTAX_ERROR } from "./errors.ts";
import { globMatches, isMatchAll } from "./glob.ts";
import { CommandId } from "./ids.ts";
import { LONG_READ_KEYS, longKeys, patternWorkOf } from "./long-reads.ts";
import { TYPE_NAMES } from "./keys.ts";

const DEFAULT_COUNT = 10;
const HASH_RANGE = 2 ** 32;
const UINT64_MAX: bigint = 2n ** 64n - 1n;
/**
 * Longer cursors are refused unread: 64 bits have 20 digits, the rest leaves room for leading
 * zeros.
 */
const CURSOR_BYTES_MAX = 64;
/** Decimal digits up to which a cursor is surely exact as a number. */
const SAFE_DIGITS = 15;
/** No filter on the type; other values are record types, or -1 for a name that no type has. */
const ANY_TYPE = 0;
const REFS_KEPT_MAX = 65536;

/** Commands that walk a database. */
export const scanCommands: readonly DataCommand[] = [
  {
    id: CommandId.keys,
    name: "keys",
    arity: 2,
    flags: ["readonly"],
    keys: NO_KEYS,
    tips: ["request_policy:all_shards", "nondeterministic_output_order"],
    group: "generic",
    categories: ["dangerous"],
    summary: "All keys that match a pattern; SCAN does it in small steps.",
    syntax: "pattern:pattern",
    since: "1.0.0",
    complexity: "O(N) in the keys of the database",
    apply: keys,
    long: longKeys,
  },
  {
    id: CommandId.scan,
    name: "scan",
    arity: -2,
    flags: ["readonly"],
    keys: NO_KEYS,
    tips: ["nondeterministic_output", "request_policy:special"],
    group: "generic",
    summary: "Walks the keys of the database in steps, from cursor to cursor.",
    syntax: "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type]",
    since: "2.8.0",
    complexity: "O(1) per call with the default COUNT, O(N) for a whole walk",
    apply: scan,
  },
];

/** One walk with its filters; a single instance serves all, one after the other. */
class KeyWalk {
  readonly position: ScanPosition = { slot: 0, hash: 0 };
  refs: Uint32Array = new Uint32Array(64);
  found = 0;
  /** Keys still to look at. */
  budget = 0;
  type = ANY_TYPE;
  /** Index of the argument that holds the pattern, 0 for none. */
  patternIndex = 0;
  #args: Args | null = null;
  #keyspace: Keyspace | null = null;

  readonly #visit = (ref: Ref): boolean => {
    if (this.#passes(ref, this.#keyspace!, this.#args!)) this.#add(ref);
    this.budget--;
    return this.budget > 0;
  };

  reset(slot: number, hash: number, budget: number): void {
    this.position.slot = slot;
    this.position.hash = hash;
    this.budget = budget;
    this.found = 0;
    this.type = ANY_TYPE;
    this.patternIndex = 0;
  }

  /** Takes an argument as the pattern; a lone `*` is none. */
  setPattern(args: Args, index: number): void {
    const all = isMatchAll(args.bytes, args.offset(index), args.length(index));
    this.patternIndex = all ? 0 : index;
  }

  run(context: CommandContext, args: Args): void {
    this.#args = args;
    this.#keyspace = context.keyspace;
    context.keyspace.walk(context.database, this.position, this.#visit);
    this.#args = null;
    this.#keyspace = null;
  }

  /** Replies with the keys found and lets go of a list that grew large. */
  replyKeys(keyspace: Keyspace, reply: Reply): void {
    reply.array(this.found);
    for (let index = 0; index < this.found; index++) {
      const ref = this.refs[index]!;
      reply.bulk(
        keyspace.bytesOf(ref),
        keyspace.viewOf(ref),
        keyspace.keyOffsetOf(ref),
        keyspace.keyLengthOf(ref),
      );
    }
    if (this.refs.length > REFS_KEPT_MAX) this.refs = new Uint32Array(64);
  }

  #passes(ref: Ref, keyspace: Keyspace, args: Args): boolean {
    if (this.type !== ANY_TYPE && keyspace.typeOf(ref) !== this.type) return false;
    if (this.patternIndex === 0) return true;
    return globMatches(
      args.bytes,
      args.offset(this.patternIndex),
      args.length(this.patternIndex),
      keyspace.bytesOf(ref),
      keyspace.keyOffsetOf(ref),
      keyspace.keyLengthOf(ref),
    );
  }

  #add(ref: Ref): void {
    if (this.found === this.refs.length) {
      const larger = new Uint32Array(this.found * 2);
      larger.set(this.refs);
      this.refs = larger;
    }
    this.refs[this.found++] = ref;
  }
}

const walk: KeyWalk = new KeyWalk();

function keys(context: CommandContext, args: Args, reply: Reply): void {
  walk.reset(0, 0, Infinity);
  walk.setPattern(args, 1);
  walk.run(context, args);
  walk.replyKeys(context.keyspace, reply);
}

function scan(context: CommandContext, args: Args, reply: Reply): void {
  const cursor = parseCursor(args, 1);
  if (Number.isNaN(cursor)) {
    reply.error(BAD_CURSOR);
    return;
  }
  const slot = Math.min(SLOT_COUNT, Math.floor(cursor / HASH_RANGE));
  walk.reset(slot, slot === SLOT_COUNT ? 0 : cursor % HASH_RANGE, DEFAULT_COUNT);
  const error = parseScanOptions(args);
  if (error !== undefined) {
    reply.error(error);
    return;
  }
  const patternWork = walk.patternIndex === 0 ? 1 : patternWorkOf(args.length(walk.patternIndex));
  // Whatever COUNT asks for, a call takes no longer than other reads in one piece.
  walk.budget = Math.min(walk.budget, Math.ceil(LONG_READ_KEYS / patternWork));
  if (slot < SLOT_COUNT) walk.run(context, args);
  const { position } = walk;
  const ended = position.slot >= SLOT_COUNT;
  reply.array(2);
  reply.bulkText(ended ? "0" : String(position.slot * HASH_RANGE + position.hash));
  walk.replyKeys(context.keyspace, reply);
}

/** Reads options from argument 2 on into the walk: the error's text, or undefined. */
function parseScanOptions(args: Args): string | undefined {
  for (let index = 2; index < args.count; index += 2) {
    if (index + 1 === args.count) return SYNTAX_ERROR;
    if (args.is(index, "COUNT")) {
      const count = integerArgument(args, index + 1);
      if (Number.isNaN(count)) return NOT_AN_INTEGER;
      if (count < 1) return SYNTAX_ERROR;
      walk.budget = count;
    } else if (args.is(index, "MATCH")) {
      walk.setPattern(args, index + 1);
    } else if (args.is(index, "TYPE")) {
      walk.type = typeArgument(args, index + 1);
    } else {
      return SYNTAX_ERROR;
    }
  }
  return undefined;
}

function typeArgument(args: Args, index: number): number {
  for (let type = 1; type < TYPE_NAMES.length; type++) {
    if (args.is(index, TYPE_NAMES[type]!.toUpperCase())) return type;
  }
  return -1;
}

/**
 * Reads a cursor: decimal digits of an unsigned 64-bit number, none of them meaning 0 as in Redis.
 *
 * @returns The number, rounded beyond 2^53 (no walk gives such a cursor); NaN for another form.
 */
function parseCursor(args: Args, index: number): number {
  const offset = args.offset(index);
  const length = args.length(index);
  for (let at = offset; at < offset + length; at++) {
    const byte = args.bytes[at]!;
    if (byte < 0x30 || byte > 0x39) return NaN;
  }
  if (length > CURSOR_BYTES_MAX) return NaN;
  const text = args.text(index);
  if (length <= SAFE_DIGITS) return Number(text);
  const exact = BigInt(text);
  return exact > UINT64_MAX ? NaN : Number(exact);
}
