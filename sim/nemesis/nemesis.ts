// Decides by the seed which fault comes next, begins it and ends it. Each class of faults goes its
// own way beside the others; the seed fixes the order within a class, not the times.
import { setTimeout as pause } from "node:timers/promises";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { CLOCK_FAULTS } from "./clocks.ts";
import { DISK_FAULTS } from "./damage.ts";
import { NETWORK_FAULTS } from "./network.ts";
import { PROCESS_FAULTS } from "./processes.ts";
import { errorText } from "./report.ts";
import type { FaultClass, FaultKind, Stage } from "./stage.ts";

const FAULTS: readonly FaultKind[] = [
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...CLOCK_FAULTS,
  ...DISK_FAULTS,
];

/** Calm between two faults of a class, ms. */
const CALM_MS = [300, 2_000] as const;
const POLL_MS = 20;

/** Does harm from its start to its stop. */
export class Nemesis {
  /** How often each kind of fault has happened. */
  readonly counts: Map<string, number> = new Map();
  readonly #stage: Stage;
  readonly #classes: readonly FaultClass[];
  readonly #random: SimRandom;
  readonly #onFault: (text: string) => void;
  readonly #stopping = new AbortController();
  #lanes: Promise<void>[] = [];
  /** Faults that are going on; and whether one wants to be, or is, the only one. */
  #open = 0;
  #isAlone = false;

  constructor(
    stage: Stage,
    classes: readonly FaultClass[],
    random: SimRandom,
    onFault: (text: string) => void,
  ) {
    this.#stage = stage;
    this.#classes = classes;
    this.#random = random;
    this.#onFault = onFault;
  }

  /** Begins to do harm. */
  start(): void {
    this.#lanes = this.#classes.map((kind) => {
      const faults = FAULTS.filter((fault) => fault.kind === kind);
      return this.#run(faults, this.#random.fork()).catch((error: unknown) => {
        this.#stage.found(`the nemesis broke: ${errorText(error)}`);
      });
    });
  }

  /** Ends all faults; resolves when they are undone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#lanes);
  }

  async #run(faults: readonly FaultKind[], random: SimRandom): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await this.#pause(random.between(...CALM_MS));
      if (signal.aborted) return;
      const fault = draw(faults, random);
      const own = random.fork();
      if (fault.isAlone === true) await this.#happenAlone(fault, own);
      else if (!this.#isAlone) await this.#happen(fault, own);
    }
  }

  /** Waits until nothing else is going on. */
  async #happenAlone(fault: FaultKind, random: SimRandom): Promise<void> {
    this.#isAlone = true;
    while (this.#open > 0 && !this.#stopping.signal.aborted) await pause(POLL_MS);
    if (this.#open === 0) await this.#happen(fault, random);
    this.#isAlone = false;
  }

  async #happen(fault: FaultKind, random: SimRandom): Promise<void> {
    const forMs = random.between(...fault.forMs);
    this.#open++;
    const places = await this.#stage.take(fault.takes, random);
    if (fault.takes === "none" || places.length > 0) {
      const begun = await fault.begin(this.#stage, places, random);
      if (begun !== null) {
        this.counts.set(fault.name, (this.counts.get(fault.name) ?? 0) + 1);
        const who = places.length === 0 ? "" : `, node ${places.join(" ")}`;
        const text = `${fault.name}${who}: ${begun.what}`;
        this.#onFault(text);
        if (begun.undo !== null) {
          await this.#pause(forMs);
          await begun.undo();
          this.#onFault(`${text}: over`);
        }
      }
    }
    this.#stage.give(places);
    this.#open--;
  }

  /** Shorter when all is to end. */
  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(ignore);
  }
}

function draw(faults: readonly FaultKind[], random: SimRandom): FaultKind {
  const total = faults.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.fraction() * total;
  return faults.find(({ weight }) => (left -= weight) < 0) ?? faults[0]!;
}

/** A pause that is cut short is over. */
function ignore(): void {}
