// One command inside a log entry: layout in docs/internals/entry-format.md.
import { copyBytes } from "../base/bytes.ts";
import { DbError } from "../base/errors.ts";
import { DATABASE_COUNT } from "../keyspace/keyspace.ts";
import type { Args } from "../resp/args.ts";

/** Flag: the operation carries its origin, so that a retry runs once. */
export const OPERATION_ORIGIN = 1;
/** Flag: the origin's client speaks RESP3. */
export const OPERATION_RESP3 = 2;
/** Bytes before the origin or the arguments: length, command, database, flags. */
export const OPERATION_HEADER_BYTES = 8;
/** Bytes of an origin: session, sequence, acknowledged. */
export const OPERATION_ORIGIN_BYTES = 24;

const ID_AT = 4;
const DATABASE_AT = 6;
const FLAGS_AT = 7;
const BYTES_FIRST = 16 * 1024;
const NO_BYTES = Buffer.alloc(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** Who sent a write, for exactly-once. */
export interface OperationOrigin {
  /** Below 2^53, unique over clients, nodes and restarts. */
  session: number;
  /** Rises with each operation of the session. */
  sequence: number;
  /** The client has the replies of everything below. */
  acknowledged: number;
  /** 2 or 3. */
  protocol: number;
}

/** A growing buffer of operations. */
export class OperationBuffer {
  bytes: Buffer;
  view: DataView;
  length = 0;

  /** Bytes to take when the first operation comes: a buffer that waits to be used holds none. */
  readonly #bytesFirst: number;

  /** @param bytesFirst Bytes to begin with; it grows. */
  constructor(bytesFirst: number = BYTES_FIRST) {
    this.#bytesFirst = bytesFirst;
    this.bytes = NO_BYTES;
    this.view = NO_VIEW;
  }

  /** Makes room for `size` bytes more; returns where they start. */
  reserve(size: number): number {
    const at = this.length;
    if (at + size > this.bytes.length) this.#grow(at + size);
    return at;
  }

  /** Leaves `size` bytes to be written later. */
  skip(size: number): void {
    this.length = this.reserve(size) + size;
  }

  clear(): void {
    this.length = 0;
  }

  #grow(needed: number): void {
    const wanted = Math.max(needed, this.bytes.length * 2, this.#bytesFirst);
    const grown = Buffer.allocUnsafeSlow(wanted);
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** Appends an operation: the arguments but the first, which is the command's name. */
export function encodeOperation(
  buffer: OperationBuffer,
  commandId: number,
  database: number,
  flags: number,
  args: Args,
): void {
  const count = args.count;
  const offsets = args.offsets;
  const lengths = args.lengths;
  let size = OPERATION_HEADER_BYTES + 4;
  for (let i = 1; i < count; i++) size += 4 + lengths[i]!;
  let at = buffer.reserve(size);
  const { bytes, view } = buffer;
  view.setUint32(at, size, true);
  view.setUint16(at + ID_AT, commandId, true);
  bytes[at + DATABASE_AT] = database;
  bytes[at + FLAGS_AT] = flags;
  view.setUint32(at + OPERATION_HEADER_BYTES, count - 1, true);
  at += OPERATION_HEADER_BYTES + 4;
  for (let i = 1; i < count; i++) {
    const length = lengths[i]!;
    view.setUint32(at, length, true);
    copyBytes(args.bytes, args.view, offsets[i]!, bytes, view, at + 4, length);
    at += 4 + length;
  }
  buffer.length = at;
}

/** Appends an operation that is encoded already, with an origin put into it; null: as it is. */
export function encodeWithOrigin(
  buffer: OperationBuffer,
  source: Uint8Array,
  sourceView: DataView,
  at: number,
  length: number,
  origin: OperationOrigin | null,
): void {
  const hasOrigin = (source[at + FLAGS_AT]! & OPERATION_ORIGIN) !== 0;
  const extra = origin === null || hasOrigin ? 0 : OPERATION_ORIGIN_BYTES;
  const to = buffer.reserve(length + extra);
  const { bytes, view } = buffer;
  const head = OPERATION_HEADER_BYTES;
  copyBytes(source, sourceView, at, bytes, view, to, head);
  copyBytes(source, sourceView, at + head, bytes, view, to + head + extra, length - head);
  buffer.length = to + length + extra;
  if (extra === 0) return;
  view.setUint32(to, length + extra, true);
  bytes[to + FLAGS_AT] = OPERATION_ORIGIN | (origin!.protocol === 3 ? OPERATION_RESP3 : 0);
  view.setFloat64(to + head, origin!.session, true);
  view.setFloat64(to + head + 8, origin!.sequence, true);
  view.setFloat64(to + head + 16, origin!.acknowledged, true);
}

/**
 * Where the first argument of the operation at `at` begins, behind its length in four bytes; beyond
 * the end of `bytes` when it has none or they end before.
 */
export function firstArgumentAt(bytes: Uint8Array, at: number): number {
  if (at + OPERATION_HEADER_BYTES > bytes.length) return Number.POSITIVE_INFINITY;
  const origin = (bytes[at + FLAGS_AT]! & OPERATION_ORIGIN) === 0 ? 0 : OPERATION_ORIGIN_BYTES;
  return at + OPERATION_HEADER_BYTES + origin + 8;
}

/** Flags of the operation at `at`. */
export function operationFlags(bytes: Uint8Array, at: number): number {
  return bytes[at + FLAGS_AT]!;
}

/** Command id of the operation at `at`. */
export function operationCommandId(view: DataView, at: number): number {
  return view.getUint16(at + ID_AT, true);
}

/** Database of the operation at `at`. */
export function operationDatabase(bytes: Uint8Array, at: number): number {
  return bytes[at + DATABASE_AT]!;
}

/** Reads the origin of an operation that has one. */
export function readOrigin(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  origin: OperationOrigin,
): void {
  const from = at + OPERATION_HEADER_BYTES;
  origin.session = view.getFloat64(from, true);
  origin.sequence = view.getFloat64(from + 8, true);
  origin.acknowledged = view.getFloat64(from + 16, true);
  origin.protocol = (bytes[at + FLAGS_AT]! & OPERATION_RESP3) === 0 ? 2 : 3;
}

/**
 * Points `args` at the arguments of the operation at `at`; argument 0 is an empty range.
 *
 * @param bytes The whole entry and nothing behind it, with `view` over the same memory from the
 *   same start.
 * @returns Where the next operation starts.
 * @throws DbError `BAD_ENTRY` when lengths do not add up or there is no such database; nothing
 *   outside `bytes` is read. What the command id means is for the caller to check.
 */
export function decodeOperation(bytes: Uint8Array, view: DataView, at: number, args: Args): number {
  const end = bytes.length;
  if (at + OPERATION_HEADER_BYTES + 4 > end) throw badOperation(at, "header beyond the end");
  const length = view.getUint32(at, true);
  const next = at + length;
  if (next > end) throw badOperation(at, "length beyond the end");
  if (bytes[at + DATABASE_AT]! >= DATABASE_COUNT) throw badOperation(at, "no such database");
  const origin = (bytes[at + FLAGS_AT]! & OPERATION_ORIGIN) === 0 ? 0 : OPERATION_ORIGIN_BYTES;
  let cursor = at + OPERATION_HEADER_BYTES + origin;
  if (cursor + 4 > next) throw badOperation(at, "no arguments");
  const count = view.getUint32(cursor, true) + 1;
  cursor += 4;
  if ((count - 1) * 4 > next - cursor) throw badOperation(at, "too many arguments");
  args.setMemory(bytes, view);
  args.reserve(count);
  args.count = count;
  const offsets = args.offsets;
  const lengths = args.lengths;
  offsets[0] = cursor;
  lengths[0] = 0;
  for (let i = 1; i < count; i++) {
    if (cursor + 4 > next) throw badOperation(at, "argument beyond the end");
    const size = view.getUint32(cursor, true);
    cursor += 4;
    if (size > next - cursor) throw badOperation(at, "argument beyond the end");
    offsets[i] = cursor;
    lengths[i] = size;
    cursor += size;
  }
  if (cursor !== next) throw badOperation(at, "bytes left over");
  return next;
}

function badOperation(at: number, what: string): DbError {
  return new DbError("BAD_ENTRY", `operation in a log entry is damaged: ${what}`, { at });
}
