// The bytes of a snapshot of one replica, made piece by piece while the replica goes on.
import { viewOf } from "../base/bytes.ts";
import { failpoints } from "../base/failpoints.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { SnapshotStream as KeyspaceStream } from "../keyspace/memory/snapshot-stream.ts";
import type { Applier } from "./applier.ts";
import { SessionTable } from "./session-table.ts";
import {
  encodeEnd,
  encodeMeta,
  makeSection,
  sealSection,
  Section,
  SECTION_HEADER_BYTES,
  SNAPSHOT_MAGIC,
  type SnapshotMeta,
} from "./snapshot-file.ts";

/** Bytes of one piece. */
export const PIECE_BYTES: number = 256 * 1024 - 12;

/** Memory for any piece: for one after the other, when nobody keeps them. */
export function roomForPieces(): Uint8Array {
  return Buffer.allocUnsafeSlow(SECTION_HEADER_BYTES + PIECE_BYTES);
}

/**
 * A snapshot of the state as it is when the object is made. Call `next` until it returns null;
 * `release` it in any case, since the keyspace keeps old records for it.
 */
export class SnapshotStream {
  readonly meta: SnapshotMeta;
  readonly #keyspace: KeyspaceStream;
  /** What goes out before the keyspace's chunks, already encoded. */
  #head: Uint8Array | null;
  #sections = 2;
  #ended = false;
  #released = false;

  constructor(applier: Applier, meta: SnapshotMeta) {
    this.meta = meta;
    this.#keyspace = applier.keyspace.pin();
    const sessions = plantedBugs.retriesLostInSnapshot ? new SessionTable() : applier.sessions;
    const parts = [
      SNAPSHOT_MAGIC,
      encodeMeta(meta),
      makeSection(Section.sessions, sessions.encode()),
    ];
    this.#head = Buffer.concat(parts);
  }

  /**
   * The next piece, or null at the end. About a millisecond of work.
   *
   * @param room Memory for it, from {@link roomForPieces}; by default each piece has its own.
   */
  next(room: Uint8Array = roomForPieces()): Uint8Array | null {
    if (this.#head !== null) {
      const head = this.#head;
      this.#head = null;
      return head;
    }
    if (this.#ended) return null;
    const length = this.#keyspace.next(room.subarray(SECTION_HEADER_BYTES));
    if (length === 0) {
      failpoints.reached?.("snapshot.stream.ended");
      this.#ended = true;
      this.release();
      return encodeEnd(this.#sections);
    }
    sealSection(room, viewOf(room), 0, Section.keyspace, length);
    this.#sections++;
    return room.subarray(0, SECTION_HEADER_BYTES + length);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#keyspace.release();
  }
}
