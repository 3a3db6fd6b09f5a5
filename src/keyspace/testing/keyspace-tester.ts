// Drives a keyspace with strings, and reads records back as plain objects. For tests.
import { Buffer } from "node:buffer";
import { viewOf } from "../../base/bytes.ts";
import { type Keyspace, NO_EXPIRY, RecordType, type Ref } from "../keyspace.ts";
import type { ModelRecord } from "./model.ts";

/** Where each string stands inside a bigger memory, so that offsets are tested. */
const MARGIN = 5;

/** Calls a keyspace with Latin-1 strings for keys and values. */
export class KeyspaceTester {
  readonly keyspace: Keyspace;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = viewOf(this.#bytes);

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
  }

  find(database: number, key: string): Ref {
    this.#load(key);
    return this.keyspace.find(database, this.#view, MARGIN, key.length);
  }

  /** A key's record with its contents, or undefined. */
  read(database: number, key: string): ModelRecord | undefined {
    const ref = this.find(database, key);
    return ref === 0 ? undefined : this.recordOf(ref);
  }

  recordOf(ref: Ref): ModelRecord {
    const { keyspace } = this;
    return {
      type: keyspace.typeOf(ref),
      value: this.valueOf(ref),
      expireAt: keyspace.expireAtOf(ref),
      index: keyspace.versionIndexOf(ref),
      position: keyspace.versionPositionOf(ref),
    };
  }

  keyOf(ref: Ref): string {
    const { keyspace } = this;
    return textAt(keyspace.bytesOf(ref), keyspace.keyOffsetOf(ref), keyspace.keyLengthOf(ref));
  }

  valueOf(ref: Ref): string {
    const { keyspace } = this;
    return textAt(keyspace.bytesOf(ref), keyspace.valueOffsetOf(ref), keyspace.valueLengthOf(ref));
  }

  put(database: number, key: string, value: string, expireAtMs: number = NO_EXPIRY): void {
    this.#load(key);
    const bytes = Buffer.from(`..${value}`, "latin1");
    const view = viewOf(bytes);
    this.keyspace.putString(
      database,
      this.#bytes,
      this.#view,
      MARGIN,
      key.length,
      bytes,
      view,
      2,
      value.length,
      expireAtMs,
    );
  }

  create(
    database: number,
    key: string,
    value: string,
    expireAtMs: number = NO_EXPIRY,
    type: number = RecordType.hash,
  ): Ref {
    this.#load(key);
    const { keyspace } = this;
    const ref = keyspace.create(
      database,
      this.#bytes,
      this.#view,
      MARGIN,
      key.length,
      type,
      value.length,
      expireAtMs,
    );
    const target = keyspace.bytesOf(ref);
    target.set(Buffer.from(value, "latin1"), keyspace.valueOffsetOf(ref));
    return ref;
  }

  remove(database: number, key: string): boolean {
    this.#load(key);
    return this.keyspace.remove(database, this.#bytes, this.#view, MARGIN, key.length);
  }

  setExpiry(database: number, key: string, expireAtMs: number): boolean {
    this.#load(key);
    return this.keyspace.setExpiry(
      database,
      this.#bytes,
      this.#view,
      MARGIN,
      key.length,
      expireAtMs,
    );
  }

  /** Live keys of a database in the order of the walk. */
  keys(database: number): string[] {
    const keys: string[] = [];
    this.keyspace.walk(database, { slot: 0, hash: 0 }, (ref) => {
      keys.push(this.keyOf(ref));
      return true;
    });
    return keys;
  }

  #load(key: string): void {
    this.#bytes = Buffer.from(`${"-".repeat(MARGIN)}${key}-`, "latin1");
    this.#view = viewOf(this.#bytes);
  }
}

function textAt(bytes: Uint8Array, offset: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString("latin1");
}
