// Notices that one session writes alone and waits for each answer: then handing its write to
// another thread only costs time (a quarter of the latency, measured), since there is nothing to do
// meanwhile.
import type { ReplyTarget } from "./reply-target.ts";

/** So many batches in a row must be of the same session alone. */
const BATCHES_MIN = 8;
/** A write that took longer shows a disk that may stall: then no turn of the loop waits for it. */
const WRITE_MS_MAX = 1;
/** Batches after such a write that go the ordinary way. */
const BATCHES_SLOW = 2_000;

/** Judges batch by batch. */
export class LoneWriter {
  #target: ReplyTarget | null = null;
  #batches = 0;

  /** A batch with operations of this session, or of several (null), was proposed. */
  note(target: ReplyTarget | null): void {
    if (target !== null && target === this.#target) {
      this.#batches++;
      return;
    }
    this.#target = target;
    this.#batches = Math.min(this.#batches, 0);
  }

  /** Whether the present batch should be written without leaving the turn. */
  get isAlone(): boolean {
    return this.#batches >= BATCHES_MIN;
  }

  /** Such a write has taken so long. */
  took(ms: number): void {
    if (ms > WRITE_MS_MAX) this.#batches = -BATCHES_SLOW;
  }
}
