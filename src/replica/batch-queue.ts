// Proposed batches in log order, from the oldest not yet applied to the newest.
import { invariant } from "../base/invariant.ts";
import type { Batch } from "./batch.ts";

const COMPACT_AT = 1024;

/** A queue with a moving head; nothing is shifted per batch. */
export class BatchQueue {
  readonly #batches: Batch[] = [];
  #head = 0;
  #bytes = 0;

  /** Bytes of all operations in the queue. */
  get bytes(): number {
    return this.#bytes;
  }

  get first(): Batch | null {
    return this.#batches[this.#head] ?? null;
  }

  get last(): Batch | null {
    return this.#head < this.#batches.length ? this.#batches[this.#batches.length - 1]! : null;
  }

  push(batch: Batch): void {
    const last = this.last;
    invariant(last === null || last.index < batch.index, "proposals have rising indexes");
    this.#batches.push(batch);
    this.#bytes += batch.bytes;
  }

  /** Takes the oldest batch. */
  shift(): Batch {
    const batch = this.#batches[this.#head]!;
    this.#head++;
    this.#bytes -= batch.bytes;
    if (this.#head === this.#batches.length) {
      this.#batches.length = 0;
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT) {
      this.#batches.splice(0, this.#head);
      this.#head = 0;
    }
    return batch;
  }

  /** Takes the oldest batches, as long as `isTaken` says so. */
  dropWhile(isTaken: (batch: Batch) => boolean, take: (batch: Batch) => void): void {
    for (let first = this.first; first !== null && isTaken(first); first = this.first) {
      take(this.shift());
    }
  }

  /** Takes all batches. */
  drain(take: (batch: Batch) => void): void {
    while (this.first !== null) take(this.shift());
  }
}
