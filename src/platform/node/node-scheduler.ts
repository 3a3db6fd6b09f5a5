// Timers of the Node event loop. None of them keeps the process alive: open sockets do that.
import { promiseHooks } from "node:v8";
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

/** How much promises have done so far in this process. */
export interface PromiseWatch {
  /** Grows whenever a promise is made or settled: while it stands still, no callback is due. */
  readonly activity: number;
}

let watch: { activity: number } | null = null;

/** Begins to watch promises, for the simulator's pump; makes them a little slower from then on. */
export function watchPromises(): PromiseWatch {
  if (watch === null) {
    const made = { activity: 0 };
    watch = made;
    const count = (): void => {
      made.activity++;
    };
    promiseHooks.onInit(count);
    promiseHooks.onSettled(count);
  }
  return watch;
}

/** Runs `run` after all promise callbacks that are due now; those that they make due come later. */
export function afterPromises(run: () => void): void {
  queueMicrotask(run);
}

/** Runs `run` after all promise callbacks, in the next turn of the real loop. */
export function inNextTurn(run: () => void): void {
  setImmediate(run);
}
