// Bytes of a snapshot: a sequence of checksummed sections, the same on disk and on the wire.
// Layout: docs/internals/snapshot-file-format.md.
import { viewOf } from "../base/bytes.ts";
import { crc32 } from "../base/checksum.ts";
import { DbError } from "../base/errors.ts";
import type { ConfState } from "../raft/types.ts";

/** Kinds of sections, in the order they come. */
export const Section = { meta: 1, sessions: 2, keyspace: 3, end: 4 } as const;

/** First bytes of every snapshot: name and format version. */
export const SNAPSHOT_MAGIC: Uint8Array = Uint8Array.from(Buffer.from("KVSNAP\x00\x01", "latin1"));
/** Bytes before a section's payload: kind, length, checksum. */
export const SECTION_HEADER_BYTES = 12;
/** No section is longer: larger values are cut by the keyspace's chunks. */
export const SECTION_BYTES_MAX: number = 64 * 1024 * 1024;

/** What a snapshot says of itself. */
export interface SnapshotMeta {
  readonly shard: number;
  readonly index: number;
  readonly term: number;
  readonly timeMs: number;
  readonly ceilingMs: number;
  readonly conf: ConfState;
  /** Addresses of members, as the cluster layer keeps them. */
  readonly members: string;
}

/** Writes the header of a section whose payload follows at `at + SECTION_HEADER_BYTES`. */
export function sealSection(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  kind: number,
  length: number,
): void {
  view.setUint32(at, kind, true);
  view.setUint32(at + 4, length, true);
  const payload = crc32(bytes, at + SECTION_HEADER_BYTES, length);
  view.setUint32(at + 8, crc32(bytes, at, 8, payload), true);
}

/** A whole small section in memory of its own. */
export function makeSection(kind: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SECTION_HEADER_BYTES + payload.length);
  bytes.set(payload, SECTION_HEADER_BYTES);
  sealSection(bytes, viewOf(bytes), 0, kind, payload.length);
  return bytes;
}

/** The section that tells what the snapshot is of. */
export function encodeMeta(meta: SnapshotMeta): Uint8Array {
  return makeSection(Section.meta, Buffer.from(JSON.stringify(meta)));
}

/** Reads the payload of a meta section. */
export function decodeMeta(payload: Uint8Array): SnapshotMeta {
  const meta = JSON.parse(Buffer.from(payload).toString()) as SnapshotMeta;
  if (!Number.isSafeInteger(meta.index) || !Array.isArray(meta.conf.voters)) {
    throw corrupt("its meta section makes no sense", 0);
  }
  return meta;
}

/** The last section: how many sections came before it. */
export function encodeEnd(sections: number): Uint8Array {
  const payload = new Uint8Array(8);
  viewOf(payload).setFloat64(0, sections, true);
  return makeSection(Section.end, payload);
}

/** Receives the sections of a snapshot. */
export interface SectionSink {
  /** The payload is good only during the call. */
  onSection(kind: number, payload: Uint8Array): void;
}

/** Cuts a stream of bytes into sections and checks each. */
export class SectionParser {
  readonly #sink: SectionSink;
  #rest: Uint8Array = new Uint8Array(0);
  #consumed = 0;
  #sections = 0;
  #started = false;
  /** The end section has come, and agreed. */
  complete = false;

  constructor(sink: SectionSink) {
    this.#sink = sink;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @throws DbError `SNAPSHOT_CORRUPT` with the offset at which the stream makes no sense.
   */
  add(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    const view = viewOf(bytes);
    let at = 0;
    if (!this.#started) {
      if (bytes.length < SNAPSHOT_MAGIC.length) {
        this.#rest = bytes.slice();
        return;
      }
      this.#checkMagic(bytes);
      at = SNAPSHOT_MAGIC.length;
    }
    while (at + SECTION_HEADER_BYTES <= bytes.length) {
      const length = view.getUint32(at + 4, true);
      if (length > SECTION_BYTES_MAX) throw corrupt("section too long", this.#consumed + at);
      const next = at + SECTION_HEADER_BYTES + length;
      if (next > bytes.length) break;
      this.#take(bytes, view, at, length);
      at = next;
    }
    this.#rest = bytes.slice(at);
    this.#consumed += at;
  }

  /**
   * The stream has ended.
   *
   * @throws DbError `SNAPSHOT_CORRUPT` when something is missing, or more than a whole snapshot
   * came.
   */
  finish(): void {
    if (!this.complete) throw corrupt("its end is missing", this.#consumed + this.#rest.length);
    if (this.#rest.length > 0) throw corrupt("bytes behind the end", this.#consumed);
  }

  #take(bytes: Uint8Array, view: DataView, at: number, length: number): void {
    const offset = this.#consumed + at;
    if (this.complete) throw corrupt("bytes behind the end", offset);
    const payloadCrc = crc32(bytes, at + SECTION_HEADER_BYTES, length);
    if (crc32(bytes, at, 8, payloadCrc) !== view.getUint32(at + 8, true)) {
      throw corrupt("checksum mismatch", offset);
    }
    const kind = view.getUint32(at, true);
    const from = at + SECTION_HEADER_BYTES;
    if (kind === Section.end) {
      if (length !== 8 || view.getFloat64(from, true) !== this.#sections) {
        throw corrupt("sections are missing", offset);
      }
      this.complete = true;
      return;
    }
    this.#sections++;
    this.#sink.onSection(kind, bytes.subarray(from, from + length));
  }

  #checkMagic(bytes: Uint8Array): void {
    for (let i = 0; i < SNAPSHOT_MAGIC.length; i++) {
      if (bytes[i] !== SNAPSHOT_MAGIC[i]) throw corrupt("not a snapshot of a known format", i);
    }
    this.#started = true;
  }
}

function corrupt(what: string, offset: number): DbError {
  return new DbError("SNAPSHOT_CORRUPT", `snapshot is damaged: ${what} at offset ${offset}`, {
    offset,
  });
}
