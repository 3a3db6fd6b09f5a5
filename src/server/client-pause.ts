// CLIENT PAUSE: holds all sessions, or those that want to write, until a time or UNPAUSE.
import type { Clock, Scheduler, Timer } from "../platform/clock.ts";
import type { CommandEntry } from "./command-entry.ts";
import type { Session } from "./session.ts";

/** Longest delay that timers take. */
const PAUSE_MS_MAX = 2 ** 31 - 1;

/** What a pause needs of its server. */
export interface PauseHost {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly sessions: ReadonlyMap<number, Session>;
  /** Sends replies and lets released sessions go on. */
  flush(): void;
}

/**
 * The pause of one server: none, writes or all. A second one makes it longer and stricter, never
 * less.
 */
export class ClientPause {
  /** Writes are held: asked for every command. */
  holdsWrites = false;
  #holdsAll = false;
  #endsAtMs = 0;
  #timer: Timer | null = null;
  readonly #held = new Set<Session>();
  readonly #host: PauseHost;

  constructor(host: PauseHost) {
    this.#host = host;
  }

  /** Begins a pause of `timeoutMs`, or makes the present one stricter and, if need be, longer. */
  begin(writesOnly: boolean, timeoutMs: number): void {
    const delayMs = Math.min(timeoutMs, PAUSE_MS_MAX);
    const endsAtMs = this.#host.clock.monotonicMs() + delayMs;
    if (writesOnly) this.holdsWrites = true;
    else {
      this.#holdsAll = true;
      for (const session of this.#host.sessions.values()) this.#hold(session);
    }
    if (this.#timer !== null && endsAtMs <= this.#endsAtMs) return;
    this.#timer?.cancel();
    this.#endsAtMs = endsAtMs;
    this.#timer = this.#host.scheduler.after(delayMs, () => {
      this.end();
      this.#host.flush();
    });
  }

  /** Ends the pause; held sessions go on with the next flush. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.holdsWrites = false;
    this.#holdsAll = false;
    for (const session of this.#held) session.release();
    this.#held.clear();
  }

  /** Whether this command has to wait; then its session is held. Ask when {@link holdsWrites}. */
  mustHold(session: Session, entry: CommandEntry): boolean {
    const writes = entry.isWrite || (entry.name === "exec" && session.state.transaction?.writes);
    if (writes !== true) return false;
    this.#hold(session);
    return true;
  }

  /** A client has connected. */
  onAccepted(session: Session): void {
    if (this.#holdsAll) this.#hold(session);
  }

  /** A client has gone. */
  onClosed(session: Session): void {
    this.#held.delete(session);
  }

  #hold(session: Session): void {
    this.#held.add(session);
    session.hold();
  }
}
