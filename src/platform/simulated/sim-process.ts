// One run of a program on a simulated machine: its clock, its timers, and its end.
import type { Clock, Scheduler, Timer } from "../clock.ts";
import { SimDisk } from "./sim-disk.ts";
import type { SimEvent } from "./sim-event-queue.ts";
import type { SimHost } from "./sim-host.ts";
import { SimNetwork } from "./sim-network.ts";
import type { SimRandom } from "./sim-random.ts";

/** A timer that is this little too early by a clock that was changed fires all the same. */
const EARLY_MS = 1e-6;

/** One run of a program on a host: every callback it waits for dies with it. */
export class SimProcess {
  readonly host: SimHost;
  readonly random: SimRandom;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly disk: SimDisk;
  readonly network: SimNetwork;
  /**
   * Takes what an event of this process throws, as `uncaughtException` does; null: the world does.
   */
  onUncaught: ((error: unknown) => void) | null = null;
  #alive = true;
  #paused = false;
  #busyUntilMs = 0;
  #held: { run(): void }[] = [];

  constructor(host: SimHost, random: SimRandom) {
    this.host = host;
    this.random = random;
    const { time, world } = host;
    const startMs = time.monotonicAt(world.nowMs);
    const startWallMs = world.clock.wallMs();
    const startSleptMs = time.sleptMs;
    const own = (): number => time.monotonicAt(this.nowMs) - startMs;
    const sleptMs = (): number => time.sleptMs - startSleptMs;
    this.clock = {
      monotonicMs: own,
      wallMs: () => Math.floor(startWallMs + own() + sleptMs() + host.wallSkewMs),
    };
    this.scheduler = {
      after: (delayMs, run) => new SimTimer(this, delayMs, run),
      soon: (run) => {
        this.schedule(0, run);
      },
    };
    this.disk = new SimDisk(this, host.storage);
    this.network = new SimNetwork(this, host.world.fabric);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** True time as this process lives it: while it is {@link stall | busy}, the end of that. */
  get nowMs(): number {
    return Math.max(this.host.world.nowMs, this.#busyUntilMs);
  }

  /** Whether what it does now takes until later than now. */
  get isBusy(): boolean {
    return this.#alive && this.#busyUntilMs > this.host.world.nowMs;
  }

  /** Whether events wait: it is paused, suspended, busy, or has not caught up. */
  get isHolding(): boolean {
    return (
      this.#paused || this.host.time.asleep || this.isBusy || (this.#alive && this.#held.length > 0)
    );
  }

  /** Runs `run` after `delayMs` of true time, unless the process is dead by then. */
  schedule(delayMs: number, run: () => void): SimEvent {
    const { world } = this.host;
    const busyMs = this.#busyUntilMs - world.nowMs;
    const allMs = Math.max(0, delayMs) + Math.max(0, busyMs);
    return world.scheduleFor(this, allMs, run);
  }

  /** For the world: runs an event of this process now or, when it is held up, later. */
  take(event: { run(): void }): void {
    if (!this.#alive) return;
    if (this.isHolding) this.#held.push(event);
    else this.#run(event);
  }

  #run(event: { run(): void }): void {
    this.host.world.running = this;
    if (this.onUncaught === null) {
      event.run();
      return;
    }
    try {
      event.run();
    } catch (error) {
      this.onUncaught(error);
    }
  }

  /** Runs `run` now; when the process is paused, as soon as it goes on; never when it is dead. */
  deliver(run: () => void): void {
    this.take({ run });
  }

  /** SIGSTOP: time goes on, nothing runs. */
  pause(): void {
    this.#paused = true;
  }

  /** SIGCONT: what came meanwhile runs now, in order. */
  resume(): void {
    this.#paused = false;
    this.goOn();
  }

  /**
   * What it does now takes so long: its clock is on at once, what it sends leaves afterwards, and
   * it hears nothing before. As a long computation, or a call that the system is slow to return
   * from.
   */
  stall(ms: number): void {
    this.#busyUntilMs = this.nowMs + ms;
    this.host.world.schedule(this.#busyUntilMs - this.host.world.nowMs, () => this.goOn());
  }

  /** For the host: runs what waited, unless there is another reason to wait. */
  goOn(): void {
    if (this.#paused || this.host.time.asleep || this.isBusy) return;
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.schedule(0, () => event.run());
  }

  /** As `host.kill()`; harmless when it is dead already. */
  kill(): void {
    if (this.#alive) this.host.kill();
  }

  /** For the host: marks this process as gone. */
  die(): void {
    this.#alive = false;
    this.#held = [];
  }
}

/** A timer by the machine's own clock, which may be changed before it is due. */
class SimTimer implements Timer {
  readonly #process: SimProcess;
  readonly #dueMs: number;
  readonly #run: () => void;
  #changes: number;
  #event: SimEvent;

  constructor(process: SimProcess, delayMs: number, run: () => void) {
    const { time } = process.host;
    this.#process = process;
    this.#dueMs = time.monotonicAt(process.nowMs) + delayMs;
    this.#run = run;
    this.#changes = time.changes;
    this.#event = process.schedule(delayMs / time.rate, () => this.#fire());
  }

  cancel(): void {
    this.#event.cancel();
  }

  #fire(): void {
    const { time, world } = this.#process.host;
    const leftMs = this.#dueMs - time.monotonicAt(world.nowMs);
    if (time.changes === this.#changes || leftMs <= EARLY_MS) {
      this.#run();
      return;
    }
    this.#changes = time.changes;
    this.#event = this.#process.schedule(leftMs / time.rate, () => this.#fire());
  }
}
