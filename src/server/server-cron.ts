// What a server does once a second: measures its traffic, closes connections that were idle for too
// long.
import type { Timer } from "../platform/clock.ts";
import type { RespServer } from "./resp-server.ts";

const PERIOD_MS = 1_000;

/** Rates over about the last second. */
export interface TrafficRates {
  commandsPerSecond: number;
  inputBytesPerSecond: number;
  outputBytesPerSecond: number;
}

/** The periodic work of one server. */
export class ServerCron {
  readonly rates: TrafficRates = {
    commandsPerSecond: 0,
    inputBytesPerSecond: 0,
    outputBytesPerSecond: 0,
  };
  readonly #server: RespServer;
  #timer: Timer | null = null;
  #sampledAtMs = 0;
  #commands = 0;
  #inputBytes = 0;
  #outputBytes = 0;

  constructor(server: RespServer) {
    this.#server = server;
  }

  /** Begins, unless it runs already. */
  start(): void {
    if (this.#timer !== null) return;
    this.#remember();
    this.#wait();
  }

  /** Stops for good or until {@link start}. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #wait(): void {
    this.#timer = this.#server.scheduler.after(PERIOD_MS, () => {
      this.#wait();
      this.#measure();
      this.#closeIdle();
    });
  }

  #measure(): void {
    const { stats, clock } = this.#server;
    const seconds = Math.max(1, clock.monotonicMs() - this.#sampledAtMs) / 1000;
    const perSecond = (now: number, before: number): number =>
      Math.max(0, Math.round((now - before) / seconds));
    this.rates.commandsPerSecond = perSecond(this.#server.commandsProcessed(), this.#commands);
    this.rates.inputBytesPerSecond = perSecond(stats.inputBytes, this.#inputBytes);
    this.rates.outputBytesPerSecond = perSecond(stats.outputBytes, this.#outputBytes);
    this.#remember();
  }

  #remember(): void {
    const { stats, clock } = this.#server;
    this.#sampledAtMs = clock.monotonicMs();
    this.#commands = this.#server.commandsProcessed();
    this.#inputBytes = stats.inputBytes;
    this.#outputBytes = stats.outputBytes;
  }

  #closeIdle(): void {
    const { idleMsMax } = this.#server.options;
    if (idleMsMax === 0) return;
    const since = this.#server.clock.monotonicMs() - idleMsMax;
    for (const session of [...this.#server.sessions.values()]) {
      if (session.openOperations > 0 || session.state.lastInteractionMs > since) continue;
      this.#server.reportClosed(session, "idle");
      session.destroy();
    }
  }
}
