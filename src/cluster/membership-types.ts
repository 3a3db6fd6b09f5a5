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
  /** The highest node id ever granted: ids of removed nodes are not given again. */
  readonly lastId: number;
  /** By rising id. */
  readonly members: readonly Member[];
}

/** A book with nobody in it. */
export const EMPTY_BOOK: AddressBook = Object.freeze({ lastId: 0, members: [] });

const FORMAT = 1;

/** Encodes an address book. */
export function encodeBook(book: AddressBook): string {
  return JSON.stringify({ format: FORMAT, lastId: book.lastId, members: book.members });
}

/**
 * Decodes an address book; empty text is an empty one.
 *
 * @throws DbError `BAD_ENTRY` for a book of a later release.
 */
export function decodeBook(text: string): AddressBook {
  if (text === "") return EMPTY_BOOK;
  const book = JSON.parse(text) as { format: number; lastId: number; members: Member[] };
  if (book.format !== FORMAT) {
    throw new DbError("BAD_ENTRY", "the address book is of a later release of Kvorum", {
      format: book.format,
    });
  }
  return { lastId: book.lastId, members: book.members };
}

/** The member with this id. */
export function memberOf(book: AddressBook, id: number): Member | undefined {
  return book.members.find((member) => member.id === id);
}

/** The book with this member added, or in place of its former entry. */
export function withMember(book: AddressBook, member: Member): AddressBook {
  const others = book.members.filter((other) => other.id !== member.id);
  const members = [...others, member].toSorted((left, right) => left.id - right.id);
  return { lastId: Math.max(book.lastId, member.id), members };
}

/** The book without this member. */
export function withoutMember(book: AddressBook, id: number): AddressBook {
  return { ...book, members: book.members.filter((member) => member.id !== id) };
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
