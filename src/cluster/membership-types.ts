// The address book of a cluster, as it travels in configuration entries and snapshots.
import { DbError } from "../base/errors.ts";

/** Where a node is reached. Ports 0: none. */
export interface MemberAddress {
  readonly host: string;
  readonly peerPort: number;
  readonly clientPort: number;
  readonly clusterPort: number;
  readonly httpPort: number;
}

/** A node and where to reach it. */
export interface Member extends MemberAddress {
  readonly id: number;
  /** Drawn once by a joining node: a repeated question to join gets the same id. */
  readonly token: string;
}

/** All nodes of a cluster. */
export interface AddressBook {
  /** Counts changes: the higher of two books is the newer one. */
  readonly version: number;
  /** The highest node id ever granted: ids of removed nodes are not given again. */
  readonly lastId: number;
  /** By rising id. */
  readonly members: readonly Member[];
}

/** A book with nobody in it. */
export const EMPTY_BOOK: AddressBook = Object.freeze({ version: 0, lastId: 0, members: [] });

const FORMAT = 1;

/** Encodes an address book. */
export function encodeBook(book: AddressBook): string {
  return JSON.stringify({ format: FORMAT, ...book });
}

/**
 * Decodes an address book; empty text is an empty one.
 *
 * @throws DbError `BAD_ENTRY` for a book of a later release.
 */
export function decodeBook(text: string): AddressBook {
  if (text === "") return EMPTY_BOOK;
  const { format, ...book } = JSON.parse(text) as AddressBook & { format: number };
  if (format !== FORMAT) {
    const message = "the address book is of a later release of Kvorum";
    throw new DbError("BAD_ENTRY", message, { format });
  }
  return book;
}

/** The member with this id. */
export function memberOf(book: AddressBook, id: number): Member | undefined {
  return book.members.find((member) => member.id === id);
}

/** The book with this member added, or in place of its former entry. */
export function withMember(book: AddressBook, member: Member): AddressBook {
  const others = book.members.filter((other) => other.id !== member.id);
  const members = [...others, member].toSorted((left, right) => left.id - right.id);
  return { version: book.version + 1, lastId: Math.max(book.lastId, member.id), members };
}

/** The book without this member. */
export function withoutMember(book: AddressBook, id: number): AddressBook {
  const members = book.members.filter((member) => member.id !== id);
  return { version: book.version + 1, lastId: book.lastId, members };
}

/** Whether both say the same host and ports. */
export function sameAddress(left: MemberAddress, right: MemberAddress): boolean {
  return (
    left.host === right.host &&
    left.peerPort === right.peerPort &&
    left.clientPort === right.clientPort &&
    left.clusterPort === right.clusterPort &&
    left.httpPort === right.httpPort
  );
}
