// Active expiry: the leader finds keys whose time has come and proposes their removal in batches.
import { failpoints } from "../base/failpoints.ts";
import { expireKeysCommand } from "../commands/expire-keys.ts";
import { Args } from "../resp/args.ts";
import { NullReply } from "../resp/null-reply.ts";
import type { Reply } from "../resp/reply.ts";
import type { Replica } from "./replica.ts";
import type { ReplyTarget } from "./reply-target.ts";

/** Keys proposed at a time; the next ones wait until these are gone. */
const KEYS_MAX = 512;

interface ExpiredKey {
  readonly database: number;
  readonly key: Uint8Array;
}

/** Proposes removals for one replica; runs with the node's tick. */
export class Expirer implements ReplyTarget {
  readonly protocol = 2;
  readonly sessionId: number;
  readonly #replica: Replica;
  readonly #nothing = new NullReply();
  readonly #args = new Args(KEYS_MAX + 1);
  /** Removals that are proposed and not applied. */
  #open = 0;
  #sequence = 0;
  /** Keys removed because their time had come, since start. */
  expiredKeys = 0;

  /** @param sessionId Identity of its writes, unlike that of any client session. */
  constructor(replica: Replica, sessionId: number) {
    this.#replica = replica;
    this.sessionId = sessionId;
  }

  get acknowledged(): number {
    return this.#sequence - this.#open;
  }

  /** Looks for expired keys, unless earlier ones are still on their way out. */
  run(): void {
    const replica = this.#replica;
    if (!replica.serving || this.#open > 0 || !replica.applier.holdsExpiries) return;
    const { keyspace } = replica.applier;
    keyspace.nowMs = replica.clock.readMs();
    const found: ExpiredKey[] = [];
    keyspace.expired(KEYS_MAX, (database, ref) => {
      const offset = keyspace.keyOffsetOf(ref);
      const key = keyspace.bytesOf(ref).slice(offset, offset + keyspace.keyLengthOf(ref));
      found.push({ database, key: new Uint8Array(key) });
    });
    const databases = new Set(found.map(({ database }) => database));
    for (const database of databases) {
      this.#propose(
        database,
        found.filter((one) => one.database === database),
      );
    }
  }

  #propose(database: number, keys: readonly ExpiredKey[]): void {
    const args = this.#args;
    const bytes = Buffer.concat(keys.map(({ key }) => key));
    args.setMemory(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    args.reserve(keys.length + 1);
    args.count = keys.length + 1;
    let at = 0;
    keys.forEach(({ key }, place) => {
      args.offsets[place + 1] = at;
      args.lengths[place + 1] = key.length;
      at += key.length;
    });
    this.#open++;
    this.expiredKeys += keys.length;
    this.#replica.submit(expireKeysCommand, true, database, args, this, this.#sequence++);
    failpoints.reached?.("expiry.proposed");
  }

  openReply(_sequence: number): Reply {
    return this.#nothing;
  }

  closeReply(_sequence: number): void {
    this.#open--;
  }

  failReply(_sequence: number, _error: string): void {
    this.#open--;
  }

  rawReply(_sequence: number, _bytes: Uint8Array): void {
    this.#open--;
  }
}
