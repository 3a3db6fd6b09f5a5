// Looks ahead over pipelined reads: while the first of them runs, nobody knows the keys of those
// behind it, and each would wait for memory in turn.
import { type KeyPrefetch, LOOK_AHEAD_MAX } from "../keyspace/keyspace.ts";
import { KeyScanner } from "../resp/key-scanner.ts";
import type { Backend } from "./backend.ts";

/** The commands behind the present one, in the input of a session. */
export class ReadAhead {
  /** A read ran at once: those behind it most likely do, too. */
  wanted = false;
  /** Commands that were looked at and have not run. */
  left = 0;
  #prefetch: KeyPrefetch | null = null;
  readonly #scanner = new KeyScanner();

  /**
   * Tells the keyspace of the keys in `bytes[from, end)`, which do not change until `forget`. Only
   * while reads may run at once.
   */
  look(
    backend: Backend,
    database: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    end: number,
  ): void {
    this.wanted = false;
    if (from === end) return;
    const { prefetch } = backend;
    const scanner = this.#scanner;
    let count = 0;
    let at = from;
    while (count < LOOK_AHEAD_MAX && (at = scanner.next(bytes, at, end)) > 0) {
      prefetch.expect(count++, database, view, scanner.keyAt, scanner.keyLength);
    }
    if (count === 0) return;
    prefetch.load(count);
    prefetch.place = 0;
    this.left = count;
    this.#prefetch = prefetch;
  }

  /** The next command runs. */
  advance(): void {
    this.#prefetch!.place++;
    this.left--;
  }

  /** The bytes may change from now on. */
  forget(): void {
    this.wanted = false;
    if (this.#prefetch === null) return;
    this.#prefetch.forget();
    this.#prefetch = null;
    this.left = 0;
  }
}
