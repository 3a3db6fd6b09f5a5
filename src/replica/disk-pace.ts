// Whether the loop writes the log itself. Handing a write to another thread costs some 50 us of
// latency and 20 us of processor time, and lets the next batch start with half of the clients.

/** A write that took longer makes the next ones go to another thread, in milliseconds. */
const SLOW_MS = 10;
/** Above this average, in milliseconds, the loop has better things to do than wait. */
const AVERAGE_MS_MAX = 1;
/** Weight of the newest write in the average. */
const NEWEST_PART = 1 / 16;
/** Writes that go to another thread after a slow one, and at most when slow ones keep coming. */
const PAUSE_WRITES = 256;
const PAUSE_WRITES_MAX = 4_096;
/** Quick writes in a row after which a slow one counts as the first. */
const QUICK_ROW = 1_024;

/** Judges the disk by the writes that the loop waited for. */
export class DiskPace {
  #averageMs = 0;
  #pauseLeft = 0;
  #nextPause = PAUSE_WRITES;
  #quickRow = 0;

  /** Whether the loop should wait for the next write. Asked once per write: a no counts it. */
  waitsForNext(): boolean {
    if (this.#pauseLeft === 0) return true;
    this.#pauseLeft--;
    return false;
  }

  /** The loop waited so long for a write. */
  took(ms: number): void {
    this.#averageMs += (ms - this.#averageMs) * NEWEST_PART;
    if (ms <= SLOW_MS && this.#averageMs <= AVERAGE_MS_MAX) {
      if (++this.#quickRow === QUICK_ROW) this.#nextPause = PAUSE_WRITES;
      return;
    }
    this.#quickRow = 0;
    this.#averageMs = 0;
    this.#pauseLeft = this.#nextPause;
    this.#nextPause = Math.min(PAUSE_WRITES_MAX, this.#nextPause * 2);
  }
}
