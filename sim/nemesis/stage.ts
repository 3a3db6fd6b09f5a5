// What faults act upon: three real nodes, the network between them, their clocks. Knows which node
// is in the hands of which fault, and notices a node that ends though nobody ended it.
import { rmSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { FaultCluster, NodeInfo } from "../../test/faults/fault-cluster.ts";
import type { PeerNetwork } from "../../test/faults/peer-network.ts";
import type { Ending, Program } from "../../test/support/program.ts";
import type { Clocks } from "./clocks.ts";

const POLL_MS = 20;
const SHOWN_CHARACTERS = 2_000;

/** Classes of faults; in mode `all` each goes on beside the others. */
export const FAULT_CLASSES = ["kill", "pause", "partition", "clock", "disk", "membership"] as const;

/** A class of faults. */
export type FaultClass = (typeof FAULT_CLASSES)[number];

/** Which nodes a fault takes for itself: any one, the leader, all that are free, or none. */
export type Taking = "one" | "leader" | "free" | "none";

/** A fault in words, and how it ends. */
export interface Begun {
  readonly what: string;
  /** Undoes it; null for one that is over as soon as it has happened. */
  readonly undo: (() => void | Promise<void>) | null;
}

/** One kind of fault. */
export interface FaultKind {
  readonly name: string;
  readonly kind: FaultClass;
  /** How often it is drawn, compared with others of its class. */
  readonly weight: number;
  /** Shortest and longest time until it is undone, ms. */
  readonly forMs: readonly [number, number];
  readonly takes: Taking;
  /** Whether no other fault may be going on while it begins. */
  readonly isAlone?: boolean;
  /** Does it to the nodes it took; null when it cannot be done now. */
  begin(
    stage: Stage,
    places: readonly number[],
    random: SimRandom,
  ): Begun | null | Promise<Begun | null>;
}

/** A process of a node, from its start to its end. */
export interface Life {
  readonly place: number;
  readonly program: Program;
}

/** The cluster as faults see it. Nodes go by their places, 0 to 2. */
export class Stage {
  readonly cluster: FaultCluster;
  readonly network: PeerNetwork;
  /** Null: clocks are left alone. */
  readonly clocks: Clocks | null;
  /** All processes so far, for their output. */
  readonly lives: Life[] = [];
  /** Takes note of what must not be. */
  readonly found: (text: string) => void;
  readonly #taken = new Set<number>();
  readonly #down = new Set<number>();
  /** Processes whose end is nothing to wonder about. */
  readonly #mayEnd = new WeakSet<Program>();
  readonly #ids: number[] = [];

  constructor(
    cluster: FaultCluster,
    network: PeerNetwork,
    clocks: Clocks | null,
    found: (text: string) => void,
  ) {
    this.cluster = cluster;
    this.network = network;
    this.clocks = clocks;
    this.found = found;
    for (const place of cluster.others()) this.#watch(place);
  }

  // ---- who is whose

  /** Takes nodes for a fault; none when another fault has them. Of any, half are the leader. */
  async take(which: Taking, random: SimRandom): Promise<readonly number[]> {
    const any = random.between(0, this.cluster.nodes.length - 1);
    const isLeader = which === "leader" || (which === "one" && random.chance(0.5));
    if (which === "none") return [];
    if (which === "free") return this.#hold(this.cluster.others(...this.#taken));
    return this.#hold([isLeader ? ((await this.leader()) ?? any) : any]);
  }

  /** The leader's place, if there is one. */
  async leader(): Promise<number | null> {
    const infos = await this.#infos(this.cluster.others());
    const place = infos.findIndex((info) => info !== null && leads(info));
    return place < 0 ? null : place;
  }

  /** Gives nodes back. */
  give(places: readonly number[]): void {
    for (const place of places) this.#taken.delete(place);
  }

  #hold(places: readonly number[]): readonly number[] {
    if (places.some((place) => this.#taken.has(place))) return [];
    for (const place of places) this.#taken.add(place);
    return places;
  }

  // ---- processes

  /** SIGKILL. */
  async kill(place: number): Promise<void> {
    this.mayEnd(place);
    await this.cluster.kill(place);
  }

  /** SIGTERM: it must end in good order, and in time. */
  async stop(place: number): Promise<void> {
    const { program } = this.cluster.nodes[place]!;
    this.mayEnd(place);
    try {
      await this.cluster.stop(place);
    } catch (error) {
      // Right after its start the signal itself ends a process.
      if (program.ending?.signal === "SIGTERM") return;
      this.found(`SIGTERM: ${String(error)}`);
      await program.kill();
    }
  }

  /** Starts a node that is down; does not wait. Whether it comes to serve is seen later. */
  start(place: number): void {
    if (!this.#down.delete(place)) return;
    this.cluster.startNode(place).catch(ignore);
    this.#watch(place);
  }

  /** Whether the end of this node's present process is nothing to wonder about. */
  mayEnd(place: number, isSo = true): void {
    const { program } = this.cluster.nodes[place]!;
    if (isSo) this.#mayEnd.add(program);
    else this.#mayEnd.delete(program);
  }

  /** Asks a node to save a snapshot; false when it cannot be asked. */
  async save(place: number): Promise<boolean> {
    try {
      await this.cluster.nodes[place]!.with((connection) => connection.ask("BGSAVE"));
      return true;
    } catch {
      // It is down, or on its way.
      return false;
    }
  }

  /** Removes all data of a node that has ended. */
  wipe(place: number): void {
    const { data } = this.cluster.nodes[place]!;
    rmSync(data, { recursive: true, force: true });
  }

  #watch(place: number): void {
    const { program } = this.cluster.nodes[place]!;
    this.lives.push({ place, program });
    void program.ended.then((ending) => this.#onEnded(place, program, ending));
  }

  #onEnded(place: number, program: Program, ending: Ending): void {
    this.clocks?.forget(program.pid);
    this.#down.add(place);
    if (this.#mayEnd.has(program)) return;
    const tail = program.output.slice(-SHOWN_CHARACTERS);
    this.found(`node ${place} ended by itself, ${JSON.stringify(ending)}:\n${tail}`);
  }

  // ---- states

  /** Tells the network which node has which id now. */
  async nameNodes(): Promise<void> {
    const infos = await this.#infos(this.cluster.others());
    for (const [place, info] of infos.entries()) {
      const id = Number(info?.get("node_id") ?? 0);
      if (id > 0) this.#ids[place] = id;
      else this.#ids[place] ??= 0;
    }
    this.network.name(this.#ids);
  }

  /** Whether three vote, all of them are there, and have all that was written up to now. */
  async whole(limitMs: number): Promise<boolean> {
    const places = this.cluster.others();
    // Once more: only then a change of members that is seen has come to its end as well.
    return (await this.#settled(places, limitMs)) && this.#settled(places, limitMs);
  }

  /** Whether the others hold all that was ever acknowledged with a node that is down. */
  holdAllWithout(place: number, limitMs: number): Promise<boolean> {
    return this.#settled(this.cluster.others(place), limitMs);
  }

  /** Ends all nodes. */
  async end(): Promise<void> {
    await Promise.all(this.cluster.others().map((place) => this.kill(place)));
  }

  /** Undoes what was done to nodes, wires and clocks. */
  heal(): void {
    this.network.heal();
    this.clocks?.reset();
    for (const place of this.cluster.others()) {
      if (!this.#down.has(place)) this.cluster.thaw(place);
      this.start(place);
    }
  }

  /**
   * Waits until one of the nodes leads, and all have applied what it had when it was first seen to:
   * an entry that was committed before is among that.
   */
  async #settled(places: readonly number[], limitMs: number): Promise<boolean> {
    const endMs = performance.now() + limitMs;
    let goal = { term: "", index: 0 };
    while (performance.now() < endMs) {
      const infos = await this.#infos(places);
      const leader = infos.find((info) => info !== null && leads(info));
      const term = leader?.get("term") ?? "";
      if (goal.term !== term) goal = { term, index: Number(leader?.get("last_index") ?? 0) };
      // Members that are no voters, or too many: a node that was replaced is still on its way out.
      const isThere =
        leader?.get("voters") === String(this.cluster.nodes.length) &&
        leader.get("members") === leader.get("voters") &&
        Number(leader.get("members_online")) >= places.length;
      const isSame = infos.every(
        (info) => info?.get("term") === term && Number(info.get("applied_index")) >= goal.index,
      );
      if (isThere && isSame) return true;
      await pause(POLL_MS);
    }
    return false;
  }

  #infos(places: readonly number[]): Promise<(NodeInfo | null)[]> {
    return Promise.all(places.map((place) => this.cluster.info(place)));
  }
}

function leads(info: NodeInfo): boolean {
  return info.get("role") === "leader" && Number(info.get("lease_ms")) > 0;
}

/** What a start comes to is judged by what is seen later, and by {@link Program.ended}. */
function ignore(): void {}
