// Time as an argument: two kinds of time, and timers. The only source of time above `platform/`.

/**
 * Two kinds of time, named apart. Production uses the system's, tests and the simulator a virtual
 * one.
 */
export interface Clock {
  /** Milliseconds (with fraction) since an arbitrary origin; never goes backwards. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. Use only where users see or gave the time. */
  wallMs(): number;
}

/** A timer that was set. */
export interface Timer {
  /** Stops the timer; harmless when it has fired. */
  cancel(): void;
}

/** Runs callbacks later, on the one loop of the node. */
export interface Scheduler {
  /**
   * Calls `run` once after `delayMs` (0 or more) of monotonic time. Does not keep a process alive
   * by itself.
   */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` in this turn of the loop after all input that is ready now has been handed out. */
  soon(run: () => void): void;
}
