// Simulated machines: what survives a kill, what a power cut takes along, and how clocks go wrong.
import { invariant } from "../../base/invariant.ts";
import { HostTime, strobeWall, type Strobe } from "./host-time.ts";
import { SimProcess } from "./sim-process.ts";
import type { SimRandom } from "./sim-random.ts";
import { SimStorage } from "./sim-storage.ts";
import type { SimWorld } from "./sim-world.ts";
import { TraceKind } from "./trace.ts";

/** A machine: its storage outlives its processes. One process at a time runs on it. */
export class SimHost {
  readonly world: SimWorld;
  readonly name: string;
  readonly random: SimRandom;
  /** What is on the platter and in the page cache; faults are injected here. */
  readonly storage: SimStorage;
  /** The machine's clocks. */
  readonly time: HostTime;
  #process: SimProcess | null = null;
  #powered = true;
  #boots = 1;

  constructor(world: SimWorld, name: string, random: SimRandom) {
    this.world = world;
    this.name = name;
    this.random = random;
    this.time = new HostTime(world);
    this.storage = new SimStorage(world, name, random.fork());
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

  /** Wall clock error of this machine, in milliseconds. Changing it is a jump. */
  get wallSkewMs(): number {
    return this.time.wallSkewMs;
  }

  set wallSkewMs(skewMs: number) {
    this.world.fault("wallJump", `${this.name} by ${skewMs - this.time.wallSkewMs} ms`);
    this.time.wallSkewMs = skewMs;
  }

  /**
   * How many milliseconds this machine's clocks count per true millisecond. They go on from where
   * they are; a timer that is set already is not earlier for a clock that became faster.
   */
  get clockRate(): number {
    return this.time.rate;
  }

  set clockRate(rate: number) {
    this.world.fault("clockRate", `${this.name} ${rate}`);
    this.time.rate = rate;
  }

  /** The wall clock jumps to and fro for a while. */
  strobeWall(strobe: Strobe): void {
    strobeWall(this.world, this.time, strobe);
  }

  /** Starts a process; the one that ran before must have been killed. */
  start(): SimProcess {
    invariant(this.#process === null, "one process runs on a simulated host at a time");
    this.resume();
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
    this.#traceDeath("kill");
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
    this.#traceDeath("power");
    process?.die();
    this.world.fabric.processDied(this.name, "power");
    this.storage.crash();
    this.resume();
  }

  /**
   * The machine stands still, as a virtual machine that is suspended: nothing runs, nothing
   * arrives, its monotonic clock stops.
   */
  suspend(): void {
    if (this.time.asleep) return;
    this.world.fault("suspend", this.name);
    this.time.sleep();
    this.world.fabric.setAsleep(this.name, true);
  }

  /** It goes on; its wall clock shows the time again, what was sent to it arrives. */
  resume(): void {
    if (!this.time.asleep) return;
    this.world.fault("resume", this.name);
    this.time.wake();
    this.world.fabric.setAsleep(this.name, false);
    this.#process?.goOn();
  }

  /** The disk is replaced by an empty one. The machine must be down. */
  wipe(): void {
    invariant(this.#process === null, "a disk is replaced while nothing runs");
    this.world.fault("wipe", this.name);
    this.storage.wipe();
  }

  #traceDeath(how: "kill" | "power"): void {
    const { trace } = this.world;
    if (trace === null) return;
    trace.mixText(TraceKind.crash, this.name, how === "kill" ? 0 : 1);
    trace.note?.(`${this.world.stamp} ${this.name} ${how === "kill" ? "killed" : "power cut"}`);
  }
}
