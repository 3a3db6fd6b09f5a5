// Sessions whose burst of commands was cut: one after the other, each in a turn of the loop of its
// own, so that those who came with little need not wait for all of them.
import type { Scheduler } from "../platform/clock.ts";
import type { Session } from "./session.ts";

/** The queue of one server. */
export class CutSessions {
  readonly #scheduler: Scheduler;
  readonly #waiting = new Set<Session>();
  readonly #next = (): void => {
    const [session] = this.#waiting;
    if (session === undefined) return;
    this.#waiting.delete(session);
    if (this.#waiting.size > 0) this.#scheduler.soon(this.#next);
    session.continue();
  };

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Stops a session's input until its turn comes. */
  add(session: Session): void {
    session.holds.continues = true;
    session.holds.pause();
    this.#waiting.add(session);
    if (this.#waiting.size === 1) this.#scheduler.soon(this.#next);
  }
}
