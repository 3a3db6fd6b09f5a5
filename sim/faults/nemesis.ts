// Decides by the seed when which fault begins and ends.
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { CLOCK_FAULTS } from "./clocks.ts";
import { COMBINED_FAULTS } from "./combined.ts";
import { DAMAGE_FAULTS } from "./damage.ts";
import { DISK_FAULTS } from "./disks.ts";
import { MEMBERSHIP_FAULTS } from "./membership.ts";
import { NETWORK_FAULTS } from "./network.ts";
import { PROCESS_FAULTS } from "./processes.ts";
import type { FaultClass, FaultKind, Stage } from "./stage.ts";

/** All kinds of faults. */
export const FAULTS: readonly FaultKind[] = [
  ...NETWORK_FAULTS,
  ...PROCESS_FAULTS,
  ...DISK_FAULTS,
  ...DAMAGE_FAULTS,
  ...CLOCK_FAULTS,
  ...MEMBERSHIP_FAULTS,
  ...COMBINED_FAULTS,
];

/** How often and which faults a run has. */
export interface FaultPlan {
  readonly classes: readonly FaultClass[];
  /** Kinds by name; null: all of the classes. */
  readonly names: readonly string[] | null;
  /** Shortest and longest time between the beginnings of two faults, ms. */
  readonly everyMs: readonly [number, number];
  /** Numbers of faults that are left out: to find out which ones matter. */
  readonly without: ReadonlySet<number>;
}

/** A fault that was begun. Times in ms of the world. */
export interface Happened {
  readonly number: number;
  readonly name: string;
  readonly kind: FaultClass;
  readonly what: string;
  readonly fromMs: number;
  toMs: number;
}

/** The one that does it. */
export class Nemesis {
  readonly happened: Happened[] = [];
  readonly #stage: Stage;
  readonly #plan: FaultPlan;
  readonly #seed: number;
  readonly #kinds: readonly FaultKind[];
  readonly #onFault: (text: string) => void;
  readonly #open = new Map<Happened, () => void>();
  #number = 0;
  #running = false;

  /**
   * @param more Kinds of faults that belong to one run.
   */
  constructor(
    stage: Stage,
    plan: FaultPlan,
    more: readonly FaultKind[],
    seed: number,
    onFault: (text: string) => void,
  ) {
    this.#stage = stage;
    this.#plan = plan;
    this.#seed = seed;
    this.#onFault = onFault;
    this.#kinds = [...FAULTS, ...more].filter(
      ({ kind, name }) => plan.classes.includes(kind) && plan.names?.includes(name) !== false,
    );
  }

  /** Begins to do harm. */
  start(): void {
    this.#running = this.#kinds.length > 0;
    if (this.#running) this.#next();
  }

  /** Ends all faults. */
  stop(): void {
    this.#running = false;
    for (const [happened, undo] of this.#open) this.#end(happened, undo);
  }

  // Each fault draws from a source of its own: leaving one out does not change the others.
  #next(): void {
    const random = new SimRandom(this.#seed + Math.imul(++this.#number, 0x9e3779b1));
    const number = this.#number;
    const [min, max] = this.#plan.everyMs;
    this.#stage.world.schedule(random.between(min, max), () => {
      if (!this.#running) return;
      if (!this.#plan.without.has(number)) this.#begin(number, random);
      this.#next();
    });
  }

  #begin(number: number, random: SimRandom): void {
    const kind = this.#draw(random);
    const { world } = this.#stage;
    const begun = kind.begin(this.#stage, random.fork());
    if (begun === null) return;
    const { what, undo } = begun;
    const fromMs = world.nowMs;
    const { name } = kind;
    const happened = { number, name, kind: kind.kind, what, fromMs, toMs: fromMs };
    this.happened.push(happened);
    this.#onFault(`fault ${number}: ${what}`);
    if (undo === null) return;
    this.#open.set(happened, undo);
    world.schedule(random.between(...kind.forMs), () => this.#end(happened, undo));
  }

  #end(happened: Happened, undo: () => void): void {
    if (!this.#open.delete(happened)) return;
    happened.toMs = this.#stage.world.nowMs;
    this.#onFault(`fault ${happened.number} ends: ${happened.what}`);
    undo();
  }

  #draw(random: SimRandom): FaultKind {
    const total = this.#kinds.reduce((sum, { weight }) => sum + weight, 0);
    let left = random.fraction() * total;
    return this.#kinds.find(({ weight }) => (left -= weight) < 0) ?? this.#kinds[0]!;
  }
}
