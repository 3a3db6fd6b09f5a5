// Where this node believes its peers are: the replicated address book, a copy of it on disk for the
// next start, and what peers that moved have told since.
import { failpoints } from "../base/failpoints.ts";
import type { Disk } from "../platform/disk.ts";
import type { PeerAddress } from "../transport/dialer.ts";
import {
  type AddressBook,
  decodeBook,
  EMPTY_BOOK,
  encodeBook,
  type Member,
  memberOf,
} from "./membership-types.ts";
import { readWhole, replaceFile } from "./small-file.ts";

/** Name of the copy in the data directory. Only a hint: it may be old or missing. */
const COPY_FILE = "addresses.json";

/** The newest book that is known, with corrections. */
export class AddressList {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #onFailure: (error: unknown) => void;
  #book: AddressBook = EMPTY_BOOK;
  /** Nodes that said themselves where they are, unlike in the book. */
  readonly #moved = new Map<number, Member>();
  #saving: Promise<void> = Promise.resolve();

  /** @param onFailure Hears that the copy could not be written. */
  constructor(disk: Disk, directory: string, onFailure: (error: unknown) => void) {
    this.#disk = disk;
    this.#directory = directory;
    this.#onFailure = onFailure;
  }

  get book(): AddressBook {
    return this.#book;
  }

  /** Reads the copy of the last run. One that cannot be read is as good as none. */
  async load(): Promise<void> {
    const bytes = await readWhole(this.#disk, this.#directory, COPY_FILE);
    if (bytes === null) return;
    try {
      this.take(decodeBook(Buffer.from(bytes).toString("utf8")), false);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Takes a book unless it is older than the one at hand; returns whether anything changed. */
  take(book: AddressBook, keep = true): boolean {
    if (book.version <= this.#book.version) return false;
    for (const member of book.members) {
      const before = memberOf(this.#book, member.id);
      if (before === undefined || !samePlace(before, member)) this.#moved.delete(member.id);
    }
    this.#book = book;
    if (keep) this.#save(book);
    return true;
  }

  /** A node has said where it is; returns whether that is news. */
  correct(member: Member): boolean {
    const known = this.#moved.get(member.id) ?? memberOf(this.#book, member.id);
    if (known !== undefined && samePlace(known, member)) return false;
    this.#moved.set(member.id, member);
    return true;
  }

  /** Where a node is, as far as known. */
  find(id: number): Member | undefined {
    return this.#moved.get(id) ?? memberOf(this.#book, id);
  }

  /** Where to connect to, by node id. */
  peers(): Map<number, PeerAddress> {
    const peers = new Map<number, PeerAddress>();
    for (const { id, host, peerPort } of [...this.#book.members, ...this.#moved.values()]) {
      peers.set(id, { host, port: peerPort });
    }
    return peers;
  }

  /** Resolves when the copy on disk is the present one, or could not be written. */
  saved(): Promise<void> {
    return this.#saving;
  }

  #save(book: AddressBook): void {
    const bytes = Buffer.from(`${encodeBook(book)}\n`);
    this.#saving = this.#saving
      .then(() => replaceFile(this.#disk, this.#directory, COPY_FILE, bytes))
      .then(() => failpoints.reached?.("addresses.saved"))
      .catch(this.#onFailure);
  }
}

function samePlace(left: Member, right: Member): boolean {
  return left.host === right.host && left.peerPort === right.peerPort;
}
