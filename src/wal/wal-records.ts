// The records inside a frame. Drawn in docs/internals/wal-format.md.
import { getUint53, setUint53 } from "../base/bytes.ts";
import { invariant } from "../base/invariant.ts";

/** What a record is. */
export const RecordKind = {
  entry: 1,
  /**
   * A live entry of an old segment, repeated: it belongs where its index says and replaces nothing.
   */
  copy: 2,
  /** A part of an entry that is too long for one frame; parts of one entry follow each other. */
  piece: 3,
  hardState: 4,
  mark: 5,
  drop: 6,
} as const;

/** The mark says that entries after it are void too. */
const MARK_REPLACES_LOG = 1;
/** The mark is a repetition: it belongs before the entries it is found behind. */
const MARK_COPIED = 2;

const PREFIX_BYTES = 8;
export const ENTRY_HEADER_BYTES = 32;
export const PIECE_HEADER_BYTES = 48;
export const HARD_STATE_BYTES = 40;
export const MARK_BYTES = 32;
export const DROP_BYTES = 16;

/** Up to here a loop beats `TypedArray.set`. */
const LOOP_BYTES_MAX = 48;

/** Kind, entry type or flags, bytes of data. */
function writePrefix(
  view: DataView,
  at: number,
  kind: number,
  detail: number,
  length: number,
): void {
  view.setUint32(at, kind | (detail << 8), true);
  view.setUint32(at + 4, length, true);
}

function writeData(bytes: Uint8Array, at: number, data: Uint8Array): void {
  if (data.length > LOOP_BYTES_MAX) {
    bytes.set(data, at);
    return;
  }
  for (let from = 0; from < data.length; from++) bytes[at + from] = data[from]!;
}

/** An entry, whole: `ENTRY_HEADER_BYTES` and the data. `kind` is `entry` or `copy`. */
export function writeEntry(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  kind: number,
  shard: number,
  term: number,
  index: number,
  type: number,
  data: Uint8Array,
): void {
  writePrefix(view, at, kind, type, data.length);
  setUint53(view, at + 8, shard);
  setUint53(view, at + 16, term);
  setUint53(view, at + 24, index);
  writeData(bytes, at + ENTRY_HEADER_BYTES, data);
}

/** `length` bytes of an entry from `offset` on: `PIECE_HEADER_BYTES` and the data. */
export function writePiece(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  shard: number,
  term: number,
  index: number,
  type: number,
  data: Uint8Array,
  offset: number,
  length: number,
): void {
  writePrefix(view, at, RecordKind.piece, type, length);
  setUint53(view, at + 8, shard);
  setUint53(view, at + 16, term);
  setUint53(view, at + 24, index);
  setUint53(view, at + 32, data.length);
  setUint53(view, at + 40, offset);
  bytes.set(data.subarray(offset, offset + length), at + PIECE_HEADER_BYTES);
}

/** Writes a shard's term, vote and commit index. */
export function writeHardState(
  view: DataView,
  at: number,
  shard: number,
  term: number,
  vote: number,
  commit: number,
): void {
  writePrefix(view, at, RecordKind.hardState, 0, 0);
  setUint53(view, at + 8, shard);
  setUint53(view, at + 16, term);
  setUint53(view, at + 24, vote);
  setUint53(view, at + 32, commit);
}

/** Writes that entries up to an index are in a snapshot. */
export function writeMark(
  view: DataView,
  at: number,
  shard: number,
  index: number,
  term: number,
  replacesLog: boolean,
  copied: boolean,
): void {
  const flags = (replacesLog ? MARK_REPLACES_LOG : 0) | (copied ? MARK_COPIED : 0);
  writePrefix(view, at, RecordKind.mark, flags, 0);
  setUint53(view, at + 8, shard);
  setUint53(view, at + 16, term);
  setUint53(view, at + 24, index);
}

/** Writes that a shard has left the node. */
export function writeDrop(view: DataView, at: number, shard: number): void {
  writePrefix(view, at, RecordKind.drop, 0, 0);
  setUint53(view, at + 8, shard);
}

/** Walks the records of one payload; its fields are those of the record it stands on. */
export class RecordReader {
  kind = 0;
  /** Entry type; 0 for other records. */
  type = 0;
  shard = 0;
  term = 0;
  index = 0;
  vote = 0;
  commit = 0;
  replacesLog = false;
  copied = false;
  /** Of a piece: bytes of the whole entry, and where in it this piece belongs. */
  totalBytes = 0;
  pieceOffset = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;
  #dataAt = 0;
  #dataBytes = 0;

  /** Stands before the first record of `bytes[at, at + length)`. */
  start(bytes: Uint8Array, view: DataView, at: number, length: number): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = at;
    this.#end = at + length;
  }

  /** The bytes of an entry or piece: a view, valid as long as the payload. */
  get data(): Uint8Array {
    return this.#bytes.subarray(this.#dataAt, this.#dataAt + this.#dataBytes);
  }

  get dataBytes(): number {
    return this.#dataBytes;
  }

  /** Goes to the next record; false at the end. The checksum was right, so bad bytes are a bug. */
  next(): boolean {
    const view = this.#view;
    const at = this.#at;
    if (at === this.#end) return false;
    invariant(at + DROP_BYTES <= this.#end, "a frame ends where a record ends");
    const prefix = view.getUint32(at, true);
    this.kind = prefix & 0xff;
    const detail = (prefix >>> 8) & 0xff;
    this.#dataBytes = view.getUint32(at + 4, true);
    this.shard = getUint53(view, at + PREFIX_BYTES);
    this.type = detail;
    const headerBytes = this.#readFields(view, at, detail);
    this.#dataAt = at + headerBytes;
    this.#at = this.#dataAt + this.#dataBytes;
    invariant(this.#at <= this.#end, "a frame ends where a record ends");
    return true;
  }

  #readFields(view: DataView, at: number, detail: number): number {
    if (this.kind === RecordKind.drop) return DROP_BYTES;
    this.term = getUint53(view, at + 16);
    switch (this.kind) {
      case RecordKind.entry:
      case RecordKind.copy:
        this.index = getUint53(view, at + 24);
        return ENTRY_HEADER_BYTES;
      case RecordKind.piece:
        this.index = getUint53(view, at + 24);
        this.totalBytes = getUint53(view, at + 32);
        this.pieceOffset = getUint53(view, at + 40);
        return PIECE_HEADER_BYTES;
      case RecordKind.hardState:
        this.vote = getUint53(view, at + 24);
        this.commit = getUint53(view, at + 32);
        return HARD_STATE_BYTES;
      case RecordKind.mark:
        this.index = getUint53(view, at + 24);
        this.replacesLog = (detail & MARK_REPLACES_LOG) !== 0;
        this.copied = (detail & MARK_COPIED) !== 0;
        return MARK_BYTES;
      default:
        invariant(false, "a record has a kind that this release or an earlier one wrote");
    }
  }
}
