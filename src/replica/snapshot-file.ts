// Bytes of a snapshot: a sequence of checksummed sections, the same on disk and on the wire.
// Layout: docs/internals/snapshot-file-format.md.
import { viewOf } from "../base/bytes.ts";
import { crc32 } from "../base/checksum.ts";
import { DbError } from "../base/errors.ts";
import type { ConfState } from "../raft/types.ts";

/** Kinds of sections, in the order they come. */
export const Section = { meta: 1, sessions: 2, keyspace: 3, end: 4 } as const;

const FORMAT_VERSION = 2;
const NAME: Uint8Array = Uint8Array.from(Buffer.from("KVSNAP\x00", "latin1"));
/** First bytes of every snapshot: name and format version. */
export const SNAPSHOT_MAGIC: Uint8Array = Uint8Array.from([...NAME, FORMAT_VERSION]);
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
  /** The beginning of a section of which the rest has not come. */
  #held: Uint8Array = new Uint8Array(0);
  #heldBytes = 0;
  /** Bytes of the stream before the section that comes next. */
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
    const view = viewOf(chunk);
    let at = 0;
    while (at < chunk.length) {
      const there = chunk.length - at;
      const length = this.#heldBytes === 0 ? this.#lengthAt(view, at, there) : 0;
      if (length === 0 || length > there) {
        at += this.#hold(chunk, at);
      } else {
        this.#take(chunk, view, at, length);
        at += length;
      }
    }
  }

  /**
   * The stream has ended.
   *
   * @throws DbError `SNAPSHOT_CORRUPT` when something is missing, or more than a whole snapshot
   * came.
   */
  finish(): void {
    if (!this.complete) throw corrupt("its end is missing", this.#consumed + this.#heldBytes);
    if (this.#heldBytes > 0) throw corrupt("bytes behind the end", this.#consumed);
  }

  /**
   * Bytes of the section (or magic) that begins at `at`; of its header alone while that is not
   * there.
   */
  #lengthAt(view: DataView, at: number, there: number): number {
    if (!this.#started) return SNAPSHOT_MAGIC.length;
    if (there < SECTION_HEADER_BYTES) return SECTION_HEADER_BYTES;
    const length = view.getUint32(at + 4, true);
    if (length > SECTION_BYTES_MAX) throw corrupt("section too long", this.#consumed);
    return SECTION_HEADER_BYTES + length;
  }

  /** Puts bytes of a section aside, and takes it when it is whole; returns how many. */
  #hold(chunk: Uint8Array, at: number): number {
    const held = this.#heldBytes;
    const wanted = this.#lengthAt(viewOf(this.#held), 0, held);
    const length = Math.min(wanted - held, chunk.length - at);
    this.#reserve(held + length);
    this.#held.set(chunk.subarray(at, at + length), held);
    this.#heldBytes += length;
    const view = viewOf(this.#held);
    if (this.#lengthAt(view, 0, this.#heldBytes) === this.#heldBytes) {
      this.#take(this.#held, view, 0, this.#heldBytes);
      this.#heldBytes = 0;
    }
    return length;
  }

  /** Memory follows what has come, not what a header says is coming. */
  #reserve(bytes: number): void {
    if (bytes <= this.#held.length) return;
    const grown = new Uint8Array(Math.max(bytes, this.#held.length * 2));
    grown.set(this.#held.subarray(0, this.#heldBytes));
    this.#held = grown;
  }

  /** Takes a whole section, or the magic. */
  #take(bytes: Uint8Array, view: DataView, at: number, length: number): void {
    if (this.#started) this.#takeSection(bytes, view, at, length - SECTION_HEADER_BYTES);
    else checkMagic(bytes, at);
    this.#started = true;
    this.#consumed += length;
  }

  #takeSection(bytes: Uint8Array, view: DataView, at: number, length: number): void {
    const offset = this.#consumed;
    if (this.complete) throw corrupt("bytes behind the end", offset);
    const from = at + SECTION_HEADER_BYTES;
    if (crc32(bytes, at, 8, crc32(bytes, from, length)) !== view.getUint32(at + 8, true)) {
      throw corrupt("checksum mismatch", offset);
    }
    const kind = view.getUint32(at, true);
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
}

function checkMagic(bytes: Uint8Array, at: number): void {
  for (const [place, byte] of NAME.entries()) {
    if (bytes[at + place] !== byte) throw corrupt("it is no snapshot", place);
  }
  const version = bytes[at + NAME.length];
  if (version === FORMAT_VERSION) return;
  const what = `its format is ${version}, and this release reads ${FORMAT_VERSION}`;
  throw corrupt(what, NAME.length);
}

function corrupt(what: string, offset: number): DbError {
  return new DbError("SNAPSHOT_CORRUPT", `snapshot is damaged: ${what} at offset ${offset}`, {
    offset,
  });
}
