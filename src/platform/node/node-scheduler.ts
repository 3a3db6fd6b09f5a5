// Timers of the Node event loop. None of them keeps the process alive: open sockets do that.
import type { Scheduler, Timer } from "../clock.ts";

/** Longest delay Node takes; a longer one would fire at once. */
const DELAY_MS_MAX = 0x7fffffff;

class NodeTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(delayMs: number, run: () => void) {
    this.#timeout = setTimeout(run, Math.min(delayMs, DELAY_MS_MAX));
    this.#timeout.unref();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }
}

/**
 * Timers of this process. Delays count whole milliseconds (rounded as `setTimeout` does) and are
 * cut at 24.8 days; `soon` runs in the check phase, after every socket that is readable now was
 * read.
 */
export const nodeScheduler: Scheduler = {
  after: (delayMs, run) => new NodeTimer(delayMs, run),
  soon: (run) => {
    setImmediate(run);
  },
};

/** Resolves after all promise callbacks that are due have run (the simulator's pump uses it). */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
