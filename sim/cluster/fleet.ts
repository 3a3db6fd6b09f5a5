// The machines of one run.
import { isJoint } from "../../src/raft/conf-change.ts";
import type { ConfState } from "../../src/raft/types.ts";
import type { SimWorld } from "../../src/platform/simulated/sim-world.ts";
import { type FleetSetting, Machine, type MachineEvents } from "./machine.ts";

/** Time within which machines without faults must form a cluster, in ms. */
const FORMING_MS = 30_000;

/** What everybody can see of a cluster: there is a new leader, or a leader has other voters. */
export type Change = "leader" | "voters";

/** Hears of a change; the machine is the leader. */
export type OnChange = (change: Change, machine: Machine) => void;

/** All machines, by number from 1. */
export class Fleet {
  readonly world: SimWorld;
  readonly machines: Machine[] = [];
  readonly #setting: FleetSetting;
  readonly #events: MachineEvents;

  constructor(world: SimWorld, setting: FleetSetting, events: MachineEvents) {
    this.world = world;
    this.#setting = setting;
    this.#events = events;
  }

  /** A machine more; it joins through those there are. Not started. */
  add(): Machine {
    const number = this.machines.length + 1;
    const host = this.world.host(`n${number}`);
    const machine = new Machine(number, host, this.#setting, this.#events);
    machine.join = this.machines.map(({ name }) => name);
    this.machines.push(machine);
    return machine;
  }

  get names(): string[] {
    return this.machines.map(({ name }) => name);
  }

  /** The machine that leads and serves, or null. */
  get leader(): Machine | null {
    return (
      this.machines.find(({ server }) => server?.cluster.node.replica.serving === true) ?? null
    );
  }

  /** Who belongs to the group, by the leader; null without one. */
  get conf(): ConfState | null {
    return this.leader?.server?.cluster.node.replica.raft.conf ?? null;
  }

  get serving(): Machine[] {
    return this.machines.filter(({ server }) => server !== null);
  }

  /**
   * Starts `count` machines and waits until all of them vote (of two, one).
   *
   * @param atOnce They find each other (`--bootstrap-expect`); else one begins, the others join it.
   * @throws Error when that takes too long.
   */
  async form(count: number, atOnce: boolean): Promise<void> {
    while (this.machines.length < count) this.add();
    for (const machine of this.machines) {
      if (atOnce) {
        machine.bootstrapExpect = count;
        machine.join = this.names.filter((name) => name !== machine.name);
      }
      machine.start();
    }
    const voters = count % 2 === 1 ? count : count - 1;
    const formed = await this.world.runUntil(() => this.voters === voters, FORMING_MS);
    if (!formed) throw new Error(`no cluster of ${count} within ${FORMING_MS} ms`);
  }

  /** How many vote, by the leader; 0 without a leader, or while that is being changed. */
  get voters(): number {
    const { conf } = this;
    return conf === null || isJoint(conf) ? 0 : conf.voters.length;
  }

  /** Whether all voters are machines that serve. */
  get whole(): boolean {
    const { conf } = this;
    if (conf === null) return false;
    const ids = new Set(this.serving.map(({ server }) => server!.cluster.node.identity.nodeId));
    return !isJoint(conf) && conf.voters.every((id) => ids.has(id));
  }

  /** Whether all machines serve and have applied all that the leader has. */
  get equal(): boolean {
    const { leader } = this;
    if (leader === null) return false;
    const last = leader.server!.cluster.node.replica.raft.lastIndex;
    return this.machines.every(
      ({ server }) => server?.cluster.node.replica.applier.appliedIndex === last,
    );
  }

  /** How far each machine is, on one line. */
  describe(): string {
    return this.machines
      .map(({ name, server, starting, down }) => {
        if (server === null) return `${name} ${down ? "down" : starting ? "starting" : "lost"}`;
        const { raft, applier } = server.cluster.node.replica;
        return [
          `${name} ${raft.role} of ${raft.leader} term ${raft.term}`,
          `log ${raft.firstIndex}..${raft.lastIndex} voters ${raft.conf.voters.join(" ")}`,
          `committed ${raft.commitIndex} applied ${applier.appliedIndex}`,
        ].join(" ");
      })
      .join("; ");
  }
}
