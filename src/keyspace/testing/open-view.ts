// A view of one database beside what the model held when it was opened. For the random play.
import { Buffer } from "node:buffer";
import { viewOf } from "../../base/bytes.ts";
import type { DatabaseView, Keyspace } from "../keyspace.ts";
import { KeyspaceTester } from "./keyspace-tester.ts";
import { isLive, type ModelRecord } from "./model.ts";
import { same } from "./same.ts";

const SEARCHES = 10;
const KEYS_PER_SEARCH = 20;

/** A view that is walked or searched while the keyspace changes. */
export class OpenView {
  readonly #tester: KeyspaceTester;
  readonly #view: DatabaseView;
  readonly #nowMs: number;
  readonly #state: ReadonlyMap<string, ModelRecord>;
  readonly #isWalk: boolean;
  readonly #walked: string[] = [];
  #searches = 0;

  constructor(
    keyspace: Keyspace,
    database: number,
    state: ReadonlyMap<string, ModelRecord>,
    isWalk: boolean,
  ) {
    this.#tester = new KeyspaceTester(keyspace);
    this.#view = keyspace.view(database);
    this.#nowMs = keyspace.nowMs;
    this.#state = new Map(state);
    this.#isWalk = isWalk;
  }

  release(): void {
    this.#view.release();
  }

  /** Reads on; false when that was the end. A walk is compared with the state at its end. */
  read(below: (limit: number) => number, anyKey: () => string): boolean {
    if (!this.#isWalk) {
      for (let round = 0; round < KEYS_PER_SEARCH; round++) this.#search(anyKey());
      return ++this.#searches < SEARCHES;
    }
    let room = 1 + below(30);
    const hasMore = this.#view.walk(1 + below(30), (ref) => {
      this.#walked.push(`${this.#tester.keyOf(ref)}=${this.#tester.valueOf(ref)}`);
      return --room > 0;
    });
    if (hasMore) return true;
    const live = [...this.#state].filter(([, record]) => isLive(record, this.#nowMs));
    const expected = live.map(([key, { value }]) => `${key}=${value}`);
    same(this.#walked.sort(), expected.sort(), "keys of a view that was walked");
    return false;
  }

  #search(key: string): void {
    const bytes = Buffer.from(`-${key}`, "latin1");
    const ref = this.#view.find(bytes, viewOf(bytes), 1, key.length);
    const record = this.#state.get(key);
    const expected = isLive(record, this.#nowMs) ? record : undefined;
    const actual = ref === 0 ? undefined : this.#tester.recordOf(ref);
    same(actual, expected, `record of ${key} in a view`);
  }
}
