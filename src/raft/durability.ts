// Which writes are on disk, what they cover of today's log, and the messages that wait for them.
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import type { Draft, Index, Message } from "./types.ts";

interface Write {
  readonly number: number;
  /** The write makes today's log durable up to here; lowered when a later append cuts the log. */
  coversIndex: Index;
  readonly commit: Index;
}

/**
 * The core as seen from outside is a node with an instant disk whose promises arrive late: what a
 * message promises was in memory when the message was made, writes become durable in order, so
 * once the write issued after it is durable, it may leave.
 *
 * An index counts as durable by write, not by (term, index): an entry may be written, cut, and
 * written again, and the first write's completion must not vouch for the third while the second
 * can still be the last to reach the disk. Cutting the log therefore lowers what older writes
 * cover.
 */
export class Durability {
  /** Entries up to here were handed out for writing. */
  handedIndex: Index;
  /** Today's log is on disk up to here. */
  persistedIndex: Index;
  /** Commit index on disk. */
  persistedCommit: Index;
  /** Number of the newest write handed out, and of the newest one known to be durable. */
  writeIssued = 0;
  writeDone = 0;
  readonly #writes: Write[] = [];
  /** Waiting for a write that is under way: message i waits for write `#heldFor[i]`. */
  readonly #held: Draft[] = [];
  readonly #heldFor: number[] = [];
  /** Made since the last `ready()`: the write they wait for has no number yet. */
  #fresh: Draft[] = [];

  constructor(lastIndex: Index, commit: Index) {
    this.handedIndex = lastIndex;
    this.persistedIndex = lastIndex;
    this.persistedCommit = commit;
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** Keeps `message` back until everything that is in memory now is durable. */
  hold(message: Draft): void {
    this.#fresh.push(message);
  }

  /** The newest message held since the last `ready()`, for merging; undefined when none. */
  lastFresh(): Draft | undefined {
    return this.#fresh[this.#fresh.length - 1];
  }

  replaceLastFresh(message: Draft): void {
    this.#fresh[this.#fresh.length - 1] = message;
  }

  /** The log is cut before `index`. */
  onTruncate(index: Index): void {
    this.handedIndex = Math.min(this.handedIndex, index - 1);
    this.persistedIndex = Math.min(this.persistedIndex, index - 1);
    for (const write of this.#writes) write.coversIndex = Math.min(write.coversIndex, index - 1);
  }

  /** The log is replaced by a snapshot at `index`, which is not durable yet. */
  onReset(index: Index): void {
    this.handedIndex = index;
    this.persistedIndex = 0;
    for (const write of this.#writes) write.coversIndex = 0;
  }

  /** Numbers a write that makes the log durable up to `lastIndex`. */
  begin(lastIndex: Index, commit: Index): number {
    this.handedIndex = lastIndex;
    this.writeIssued++;
    this.#writes.push({ number: this.writeIssued, coversIndex: lastIndex, commit });
    failpoints.reached?.("raft.write.handedOut");
    return this.writeIssued;
  }

  /**
   * Ties what was held since the last `ready()` to the newest write; frees it if that is durable.
   */
  tagFresh(out: Message[]): void {
    if (this.#fresh.length === 0) return;
    const free = this.writeDone === this.writeIssued;
    for (const message of this.#fresh) {
      if (free) out.push(message);
      else {
        this.#held.push(message);
        this.#heldFor.push(this.writeIssued);
      }
    }
    this.#fresh = [];
  }

  /** All writes up to `write` are durable: moves the messages that waited for them to `out`. */
  done(write: number, out: Draft[]): void {
    invariant(write <= this.writeIssued, "only writes that were handed out become durable");
    if (write <= this.writeDone) return;
    this.writeDone = write;
    let finished = 0;
    for (; finished < this.#writes.length; finished++) {
      const { number, coversIndex, commit } = this.#writes[finished]!;
      if (number > write) break;
      this.persistedIndex = Math.max(this.persistedIndex, coversIndex);
      this.persistedCommit = Math.max(this.persistedCommit, commit);
    }
    this.#writes.splice(0, finished);
    failpoints.reached?.("raft.write.done");
    const upTo = plantedBugs.staleCompletionCounted ? this.writeIssued : write;
    let freed = 0;
    while (freed < this.#held.length && this.#heldFor[freed]! <= upTo) freed++;
    for (let at = 0; at < freed; at++) out.push(this.#held[at]!);
    this.#held.splice(0, freed);
    this.#heldFor.splice(0, freed);
  }
}
