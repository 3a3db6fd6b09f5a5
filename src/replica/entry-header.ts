// The first bytes of a normal log entry: shard time, ceiling, seeds, number of operations.
// Layout: docs/internals/entry-format.md.
import { DbError } from "../base/errors.ts";

/** Bytes before the first operation. */
export const ENTRY_HEADER_BYTES = 32;
/** Layout of entries that this release writes. */
export const ENTRY_FORMAT = 1;
/** Meaning of commands that this release writes: raised when a command changes what it does. */
export const COMMAND_SEMANTICS = 1;

/** Fields of a header, filled by {@link readEntryHeader}; reuse one object. */
export interface EntryHeader {
  operations: number;
  /** Shard time of the entry, Unix ms. */
  timeMs: number;
  /** The leader reads with no clock beyond this, Unix ms; 0 when the shard holds no expiry. */
  ceilingMs: number;
  seed1: number;
  seed2: number;
}

/** Writes a header to the start of `view`. */
export function writeEntryHeader(view: DataView, header: EntryHeader): void {
  view.setUint8(0, ENTRY_FORMAT);
  view.setUint8(1, COMMAND_SEMANTICS);
  view.setUint16(2, 0, true);
  view.setUint32(4, header.operations, true);
  view.setFloat64(8, header.timeMs, true);
  view.setFloat64(16, header.ceilingMs, true);
  view.setUint32(24, header.seed1, true);
  view.setUint32(28, header.seed2, true);
}

/**
 * Reads a header.
 *
 * @throws DbError `BAD_ENTRY` when it is too short or of a format this release does not know.
 */
export function readEntryHeader(view: DataView, header: EntryHeader): void {
  if (view.byteLength < ENTRY_HEADER_BYTES || view.getUint8(0) !== ENTRY_FORMAT) {
    const format = view.byteLength > 0 ? view.getUint8(0) : -1;
    throw new DbError("BAD_ENTRY", "log entry of unknown format", {
      format,
      bytes: view.byteLength,
    });
  }
  if (view.getUint8(1) > COMMAND_SEMANTICS) {
    throw new DbError("BAD_ENTRY", "log entry was written by a later release", {
      semantics: view.getUint8(1),
      known: COMMAND_SEMANTICS,
    });
  }
  header.operations = view.getUint32(4, true);
  header.timeMs = view.getFloat64(8, true);
  header.ceilingMs = view.getFloat64(16, true);
  header.seed1 = view.getUint32(24, true);
  header.seed2 = view.getUint32(28, true);
}
