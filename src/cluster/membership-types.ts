// The address book of a cluster, as it travels in configuration entries and snapshots.
import { DbError } from "../base/errors.ts";

/** A node and where to reach it. Ports 0: none. */
export interface Member {
  readonly id: number;
  readonly host: string;
  readonly peerPort: number;
  readonly clientPort: number;
  readonly clusterPort: number;
  readonly httpPort: number;
  /** Drawn once by a joining node: a repeated question to join gets the same id. */
  readonly token: string;
}

/** Encodes an address book. */
export function encodeMembers(members: readonly Member[]): string {
  return JSON.stringify({ format: 1, members });
}

/** Decodes an address book; empty text is an empty one. */
export function decodeMembers(text: string): readonly Member[] {
  if (text === "") return [];
  const book = JSON.parse(text) as { format: number; members: Member[] };
  if (book.format !== 1) {
    throw new DbError("BAD_ENTRY", "address book of a later release", { format: book.format });
  }
  return book.members;
}
