// A whole world on one seed: virtual time, hosts with disks, a network, processes that can be
// killed. The pump is here; disk and network are in their own files.
import { invariant } from "../../base/invariant.ts";
import type { Clock } from "../clock.ts";
import { EventQueue, type SimEvent } from "./sim-event-queue.ts";
import { SimFabric } from "./sim-fabric.ts";
import { SimHost } from "./sim-host.ts";
import { pump } from "./sim-pump.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { SimProcess } from "./sim-process.ts";
import { SimRandom } from "./sim-random.ts";
import { hashText, type Trace, TraceKind } from "./trace.ts";

/** Wall time at the start of every world: 2025-01-01T00:00:00Z. */
export const WORLD_EPOCH_MS = 1_735_689_600_000;

/** Events after which a run that should have ended is taken to be endless. */
const EVENTS_MAX = 50_000_000;
/** How fine a trace sees time. */
const TRACE_STEPS_PER_MS = 1_000_000;

/**
 * Virtual time and everything that happens in it, in order of (time, sequence).
 *
 * Two ways to run it: the `...Sync` calls run callbacks only, for code without promises; the others
 * let all promise callbacks finish after each event, so that `await` takes no virtual time.
 *
 * @example
 * const world = new SimWorld(7);
 * const process = world.host("a").start();
 * await world.settle(process.disk.makeDirectory("/data"));
 */
export class SimWorld {
  readonly seed: number;
  /** The world's own chance: for scenarios. Processes get sources of their own. */
  readonly random: SimRandom;
  /** True time; processes have clocks of their own, which may be wrong. */
  readonly clock: Clock;
  /** Links, delays, cuts. */
  readonly fabric: SimFabric;
  /** Takes everything that happens; null: nobody looks. Set it before the first event. */
  trace: Trace | null = null;
  /**
   * Set by processes: whose event runs now, or ran last; what promises do since is its doing, too.
   */
  running: SimProcess | null = null;
  /** How many faults of each kind were put in so far. */
  readonly faultCounts: Map<string, number> = new Map();
  readonly #hosts = new Map<string, SimHost>();
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #eventsRun = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.random = new SimRandom(seed);
    this.clock = {
      monotonicMs: () => this.#nowMs,
      wallMs: () => WORLD_EPOCH_MS + this.#nowMs,
    };
    this.fabric = new SimFabric(this, this.random.fork());
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events run so far: with the seed, a fingerprint of the run. */
  get eventsRun(): number {
    return this.#eventsRun;
  }

  /** The host of that name, made on first use. */
  host(name: string): SimHost {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      host = new SimHost(this, name, this.random.fork());
      this.#hosts.set(name, host);
    }
    return host;
  }

  /** Two machines that are down get each other's disk. */
  swapDisks(left: string, right: string): void {
    const [one, other] = [this.host(left), this.host(right)];
    invariant(one.process === null && other.process === null, "disks are swapped while down");
    this.fault("swapDisks", `${left} and ${right}`);
    one.storage.swapWith(other.storage);
  }

  /** The network as the running process of a host sees it; starts one when none runs. */
  network(hostName: string): SimNetwork {
    const host = this.host(hostName);
    return (host.process ?? host.start()).network;
  }

  /** Runs `run` after `delayMs` of true time. */
  schedule(delayMs: number, run: () => void): SimEvent {
    return this.#queue.push(this.#nowMs + Math.max(0, delayMs), null, run);
  }

  /** As {@link schedule}, for a process: the event dies with it, and waits while it is held up. */
  scheduleFor(process: SimProcess, delayMs: number, run: () => void): SimEvent {
    return this.#queue.push(this.#nowMs + delayMs, process, run);
  }

  /** The time, as lines of a transcript begin with it. */
  get stamp(): string {
    return this.#nowMs.toFixed(3);
  }

  /** Counts and tells a fault that is put in. For the simulated machines and for scenarios. */
  fault(kind: string, what: string): void {
    this.faultCounts.set(kind, (this.faultCounts.get(kind) ?? 0) + 1);
    const { trace } = this;
    if (trace === null) return;
    trace.mixText(TraceKind.fault, kind, hashText(what));
    trace.note?.(`${this.stamp} fault ${kind}: ${what}`);
  }

  /** Runs the next event, moving time to it. Returns false when there is none. */
  step(): boolean {
    const event = this.#queue.pop();
    if (event === null) return false;
    invariant(event.atMs >= this.#nowMs, "virtual time never goes backwards");
    this.#nowMs = event.atMs;
    this.#eventsRun++;
    this.trace?.mix(TraceKind.event, event.atMs * TRACE_STEPS_PER_MS, event.sequence);
    this.running = null;
    if (event.process === null) event.run();
    else event.process.take(event);
    return true;
  }

  /** Runs everything that is due within the next `ms` milliseconds, and moves time by that much. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await pump(() => this.#queue.nextAtMs <= endMs && this.step());
    this.#nowMs = endMs;
  }

  /** As {@link advance}, without letting promise callbacks run. */
  advanceSync(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.#queue.nextAtMs <= endMs) this.step();
    this.#nowMs = endMs;
  }

  /**
   * Runs until nothing is left to happen. Periodic timers make that never: then use {@link
   * advance}.
   */
  async runUntilIdle(): Promise<void> {
    let left = EVENTS_MAX;
    await pump(() => {
      invariant(--left > 0, "a world that is run until idle becomes idle");
      return this.step();
    });
  }

  /** As {@link runUntilIdle}, without letting promise callbacks run. */
  runUntilIdleSync(): void {
    let left = EVENTS_MAX;
    while (this.step()) invariant(--left > 0, "a world that is run until idle becomes idle");
  }

  /**
   * Runs until `isDone()`; returns false when that took longer than `limitMs` or nothing is left.
   */
  async runUntil(isDone: () => boolean, limitMs = 60_000): Promise<boolean> {
    const endMs = this.#nowMs + limitMs;
    let done = false;
    await pump(() => {
      done = isDone();
      return !done && this.#queue.nextAtMs <= endMs && this.step();
    });
    return done;
  }

  /**
   * Runs the world until a promise has settled, and returns its value or throws its error.
   *
   * @throws InvariantError when nothing happens any more and the promise is still open.
   */
  async settle<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    const ended = await this.runUntil(() => settled, limitMs);
    invariant(ended, "a promise that the world is run for settles");
    return promise;
  }
}
