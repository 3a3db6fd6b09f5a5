// Ends a process at a named place of the product, and counts how often each place was reached.
import { type Failpoint, FAILPOINTS, failpoints } from "../../src/base/failpoints.ts";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { SimProcess } from "../../src/platform/simulated/sim-process.ts";
import type { Machine } from "../cluster/machine.ts";
import type { Begun, FaultKind, Stage } from "./stage.ts";

/** The n-th time from now on at which the place is reached ends the process. */
const HITS_MAX = 4;

/** What happens when an armed place is reached. */
interface Armed {
  readonly name: Failpoint;
  left: number;
  strike(process: SimProcess): void;
}

/** Hears of all places that are reached in a run. */
export class FailpointMeter {
  readonly counts: Map<Failpoint, number> = new Map();
  readonly #running: () => SimProcess | null;
  readonly #armed = new Set<Armed>();

  /** @param running The process whose code runs now. */
  constructor(running: () => SimProcess | null) {
    this.#running = running;
  }

  /** Listens; one meter at a time. */
  open(): void {
    failpoints.reached = (name) => this.#reached(name);
  }

  close(): void {
    failpoints.reached = null;
    this.#armed.clear();
  }

  arm(armed: Armed): () => void {
    this.#armed.add(armed);
    return () => this.#armed.delete(armed);
  }

  #reached(name: Failpoint): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    if (this.#armed.size === 0) return;
    const process = this.#running();
    if (process === null || !process.alive) return;
    for (const armed of this.#armed) {
      if (armed.name !== name || --armed.left > 0) continue;
      this.#armed.delete(armed);
      armed.strike(process);
    }
  }
}

/** Its name in plans and reports. */
export const FAILPOINT_FAULT = "failpoint";

/** The fault: one place, drawn; whoever reaches it ends there. */
export function failpointFault(meter: FailpointMeter): FaultKind {
  const begin = (stage: Stage, random: SimRandom): Begun => {
    const name = FAILPOINTS[random.between(0, FAILPOINTS.length - 1)]!;
    const isPower = random.chance(0.5);
    const struck: Machine[] = [];
    const strike = (process: SimProcess): void => {
      const machine = stage.fleet.machines.find(({ host }) => host === process.host);
      if (machine === undefined) return;
      struck.push(machine);
      if (isPower) stage.powerCut(machine);
      else stage.kill(machine);
    };
    const disarm = meter.arm({ name, left: random.between(1, HITS_MAX), strike });
    const undo = (): void => {
      disarm();
      for (const machine of struck) stage.restart(machine);
    };
    return { what: `${isPower ? "power cut" : "kill"} at ${name}`, undo };
  };
  return { name: FAILPOINT_FAULT, kind: "process", weight: 8, forMs: [100, 3_000], begin };
}
