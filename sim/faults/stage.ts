// What faults act upon, and the limits within which a cluster must survive them.
import type { LinkDelay } from "../../src/platform/simulated/sim-link.ts";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { SimWorld } from "../../src/platform/simulated/sim-world.ts";
import type { MessageFaults } from "../../src/transport/testing/message-faults.ts";
import type { Change, Fleet, OnChange } from "../cluster/fleet.ts";
import type { Machine } from "../cluster/machine.ts";

/** A fault in words, and how it ends. */
export interface Begun {
  readonly what: string;
  /** Undoes it; null for one that is over as soon as it has happened. */
  readonly undo: (() => void) | null;
}

/** Classes that a run switches on or off as a whole. */
export const FAULT_CLASSES = ["network", "process", "disk", "clock", "membership"] as const;

/** A class of faults. */
export type FaultClass = (typeof FAULT_CLASSES)[number];

/** One kind of fault. */
export interface FaultKind {
  readonly name: string;
  readonly kind: FaultClass;
  /** How often it is drawn, compared with others. */
  readonly weight: number;
  /** Shortest and longest time until it is undone, ms. */
  readonly forMs: readonly [number, number];
  /** Does it; null when it cannot be done now. */
  begin(stage: Stage, random: SimRandom): Begun | null;
}

/** How quick cables and disks are without faults. */
export interface Pace {
  readonly delayMs: LinkDelay;
  readonly diskMs: { readonly min: number; readonly max: number };
}

/** One of so many voters may lose its files. */
const VOTERS_MIN = 3;

/** The cluster as faults see it. */
export class Stage {
  readonly world: SimWorld;
  readonly fleet: Fleet;
  /** Faults of whole messages between nodes. */
  readonly messages: MessageFaults;
  readonly pace: Pace;
  /** No more harm is done: whoever ends is started again. */
  healed = false;
  /** A fault that consists of several is under way: one at a time, or none has its way. */
  scripted = false;
  readonly #onDamage: (machine: Machine) => void;
  readonly #onChange = new Set<OnChange>();

  constructor(
    fleet: Fleet,
    messages: MessageFaults,
    pace: Pace,
    onDamage: (machine: Machine) => void,
  ) {
    this.world = fleet.world;
    this.fleet = fleet;
    this.messages = messages;
    this.pace = pace;
    this.#onDamage = onDamage;
  }

  /** Calls `heard` at each change until the function that is returned is called. */
  whenChanged(heard: OnChange): () => void {
    this.#onChange.add(heard);
    return () => this.#onChange.delete(heard);
  }

  /** Tells who wants to know. */
  changed(change: Change, machine: Machine): void {
    for (const heard of this.#onChange) heard(change, machine);
  }

  /** A machine, drawn; in half of the cases the leader. */
  draw(random: SimRandom): Machine {
    const { leader, machines } = this.fleet;
    if (leader !== null && random.chance(0.5)) return leader;
    return machines[random.between(0, machines.length - 1)]!;
  }

  kill(machine: Machine): void {
    machine.kill();
  }

  /**
   * With relaxed sync a power cut may take what was acknowledged: the user chose so. Then a kill.
   */
  powerCut(machine: Machine): void {
    if (machine.knobs.sync === "always") machine.powerCut();
    else machine.kill();
  }

  /** As SIGTERM. */
  stop(machine: Machine): void {
    machine.stop(() => {
      // It may have taken until the end of all faults.
      if (this.healed) this.restart(machine);
    });
  }

  restart(machine: Machine): void {
    if (machine.down) machine.start();
  }

  /**
   * A machine whose files may be damaged: nobody else's are, and all the others have on their disks
   * what was acknowledged. Null when there is none.
   */
  drawVictim(random: SimRandom): Machine | null {
    const { machines } = this.fleet;
    const victim = this.draw(random);
    const isWeak = machines.some(({ damaged }) => damaged) || this.fleet.voters < VOTERS_MIN;
    if (isWeak || victim.down) return null;
    const commits = machines.map(
      ({ server }) => server?.cluster.node.replica.raft.commitIndex ?? 0,
    );
    const committed = Math.max(...commits);
    const isWhole = ({ server }: Machine): boolean => {
      const raft = server?.cluster.node.replica.raft;
      return raft !== undefined && raft.trusted && raft.persistedIndex >= committed;
    };
    return machines.every((machine) => machine === victim || isWhole(machine)) ? victim : null;
  }

  /** All files of a machine that is down are gone; it will ask the others to take it in again. */
  wipe(machine: Machine): void {
    machine.host.wipe();
    machine.touched = false;
    machine.join = this.fleet.names.filter((name) => name !== machine.name);
    machine.damaged = true;
    this.#onDamage(machine);
  }

  /** Marks a machine as damaged until it has caught up. */
  damaged(machine: Machine): void {
    machine.damaged = true;
    machine.touched = true;
    this.#onDamage(machine);
  }
}
