// The clocks of one simulated machine: how fast they run, how wrong they are, when they stand
// still.
import type { SimWorld } from "./sim-world.ts";

/** A machine's monotonic and wall clock. Both count on through changes: neither jumps by itself. */
export class HostTime {
  /** Wall clock error, in milliseconds. */
  wallSkewMs = 0;
  /** How often rate or sleep have changed: timers that are older look at the clock again. */
  changes = 0;
  readonly #world: SimWorld;
  #rate = 1;
  #sinceMs = 0;
  #countedMs = 0;
  #asleepSinceMs = -1;
  #sleptMs = 0;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Milliseconds that these clocks count per true millisecond. */
  get rate(): number {
    return this.#rate;
  }

  set rate(rate: number) {
    this.#countOn();
    this.#rate = rate;
  }

  get asleep(): boolean {
    return this.#asleepSinceMs >= 0;
  }

  /** Milliseconds for which the machine was suspended in all: its monotonic clock lacks them. */
  get sleptMs(): number {
    return this.#sleptMs;
  }

  /** The monotonic clock at a true time that is not before the last change. */
  monotonicAt(nowMs: number): number {
    return this.asleep ? this.#countedMs : this.#countedMs + (nowMs - this.#sinceMs) * this.#rate;
  }

  /** The monotonic clock stops. */
  sleep(): void {
    if (this.asleep) return;
    this.#countOn();
    this.#asleepSinceMs = this.#world.nowMs;
  }

  /** It goes on where it stopped. */
  wake(): void {
    if (!this.asleep) return;
    this.#sleptMs += this.#world.nowMs - this.#asleepSinceMs;
    this.#countOn();
    this.#asleepSinceMs = -1;
  }

  #countOn(): void {
    const { nowMs } = this.#world;
    this.#countedMs = this.monotonicAt(nowMs);
    this.#sinceMs = nowMs;
    this.changes++;
  }
}

/** How a wall clock goes mad for a while. */
export interface Strobe {
  /** How far it jumps forward and, the next time, back; milliseconds. */
  readonly jumpMs: number;
  readonly everyMs: number;
  readonly forMs: number;
}

/** Lets a machine's wall clock jump to and fro; in the end it is as wrong as before. */
export function strobeWall(world: SimWorld, time: HostTime, strobe: Strobe): void {
  const endMs = world.nowMs + strobe.forMs;
  const jump = (byMs: number): void => {
    const isLast = byMs < 0 && world.nowMs + strobe.everyMs > endMs;
    time.wallSkewMs += byMs;
    if (!isLast) world.schedule(strobe.everyMs, () => jump(-byMs));
  };
  world.fault("strobe", `wall clock by ${strobe.jumpMs} ms`);
  jump(strobe.jumpMs);
}
