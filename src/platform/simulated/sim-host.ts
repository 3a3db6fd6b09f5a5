// Simulated machines and the processes on them: what survives a kill, what a power cut takes along.
import { invariant } from "../../base/invariant.ts";
import type { Clock, Scheduler, Timer } from "../clock.ts";
import type { SimEvent } from "./sim-event-queue.ts";
import { SimDisk } from "./sim-disk.ts";
import { SimNetwork } from "./sim-network.ts";
import { SimStorage } from "./sim-storage.ts";
import type { SimRandom } from "./sim-random.ts";
import type { SimWorld } from "./sim-world.ts";

/** A machine: its storage outlives its processes. One process at a time runs on it. */
export class SimHost {
  readonly world: SimWorld;
  readonly name: string;
  readonly random: SimRandom;
  /** What is on the platter and in the page cache; faults are injected here. */
  readonly storage: SimStorage;
  /** Wall clock error of this machine, in milliseconds. */
  wallSkewMs = 0;
  /** How many milliseconds this machine's clocks count per true millisecond. */
  clockRate = 1;
  #process: SimProcess | null = null;
  #powered = true;
  #boots = 1;

  constructor(world: SimWorld, name: string, random: SimRandom) {
    this.world = world;
    this.name = name;
    this.random = random;
    this.storage = new SimStorage(world, random.fork());
  }

  /** The running process, or null. */
  get process(): SimProcess | null {
    return this.#process;
  }

  /** The machine's present start: killed processes leave it as it is, a power cut does not. */
  get bootId(): string {
    return `${this.name} boot ${this.#boots}`;
  }

  /** Whether the machine answers packets: false after a power cut, until the next start. */
  get powered(): boolean {
    return this.#powered;
  }

  /** Starts a process; the one that ran before must have been killed. */
  start(): SimProcess {
    invariant(this.#process === null, "one process runs on a simulated host at a time");
    this.#process = new SimProcess(this, this.random.fork());
    if (!this.#powered) {
      this.#powered = true;
      this.world.fabric.poweredOn(this.name);
    }
    return this.#process;
  }

  /** `kill -9`: the process is gone at once, what it has written to files stays. */
  kill(): void {
    const process = this.#process;
    this.#process = null;
    if (process === null) return;
    process.die();
    this.world.fabric.processDied(this.name, "kill");
    this.storage.processDied(process);
  }

  /**
   * The machine loses power: the process is gone, unsynced data is lost, torn or kept by the seed.
   */
  powerCut(): void {
    const process = this.#process;
    this.#process = null;
    this.#powered = false;
    this.#boots++;
    process?.die();
    this.world.fabric.processDied(this.name, "power");
    this.storage.crash();
  }
}

/** One run of a program on a host: every callback it waits for dies with it. */
export class SimProcess {
  readonly host: SimHost;
  readonly random: SimRandom;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly disk: SimDisk;
  readonly network: SimNetwork;
  #alive = true;
  #paused = false;
  #held: (() => void)[] = [];

  constructor(host: SimHost, random: SimRandom) {
    this.host = host;
    this.random = random;
    const startMs = host.world.nowMs;
    const startWallMs = host.world.clock.wallMs();
    const own = (): number => (host.world.nowMs - startMs) * host.clockRate;
    this.clock = {
      monotonicMs: own,
      wallMs: () => Math.floor(startWallMs + own() + host.wallSkewMs),
    };
    this.scheduler = {
      after: (delayMs, run) => this.#timer(delayMs / host.clockRate, run),
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

  /** Runs `run` after `delayMs` of true time, unless the process is dead by then. */
  schedule(delayMs: number, run: () => void): SimEvent {
    return this.host.world.schedule(delayMs, () => this.deliver(run));
  }

  /** Runs `run` now; when the process is paused, as soon as it goes on; never when it is dead. */
  deliver(run: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) this.#held.push(run);
    else run();
  }

  /** SIGSTOP: time goes on, nothing runs. */
  pause(): void {
    this.#paused = true;
  }

  /** SIGCONT: what came meanwhile runs now, in order. */
  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.schedule(0, run);
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

  #timer(delayMs: number, run: () => void): Timer {
    let cancelled = false;
    const event = this.schedule(delayMs, () => {
      if (!cancelled) run();
    });
    return {
      cancel: () => {
        cancelled = true;
        event.cancel();
      },
    };
  }
}
