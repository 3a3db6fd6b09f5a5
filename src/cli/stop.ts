// The wish to stop a node: from a signal, or from SHUTDOWN.

/** Exit status after a second signal: the operator does not wait. */
const EXIT_IMPATIENT = 130;

/** SIGTERM and SIGINT, turned into one promise; a second signal ends the process at once. */
export class Stop {
  /** Resolves with whether to save a snapshot first. */
  readonly wanted: Promise<boolean>;
  #resolve: (save: boolean) => void = () => {};
  #begun = false;
  #signals = 0;

  /** @param withStdin Also when standard input ends: then whoever started this process is gone. */
  constructor(withStdin: boolean) {
    this.wanted = new Promise((resolvePromise) => {
      this.#resolve = resolvePromise;
    });
    process.on("SIGTERM", () => this.#onSignal());
    process.on("SIGINT", () => this.#onSignal());
    if (withStdin) process.stdin.resume().on("close", () => this.#onSignal());
  }

  /**
   * From now on there is something to end in good order; before, a signal just ends the process.
   */
  begin(): void {
    this.#begun = true;
  }

  want(save: boolean): void {
    this.#resolve(save);
  }

  #onSignal(): void {
    this.#signals++;
    if (!this.#begun) process.exit(0);
    if (this.#signals > 1) process.exit(EXIT_IMPATIENT);
    this.want(false);
  }
}
