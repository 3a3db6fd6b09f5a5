// One background file operation at a time, so that the log's own writes find a thread and a quiet
// disk.

/** Lets one operation pass after the other, in order of asking. */
export class FileGate {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything asked for before has ended, well or badly. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    // The caller hears of a failure; those behind only wait for the end.
    this.#tail = result.catch(() => null);
    return result;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
