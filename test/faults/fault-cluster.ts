// Three real nodes that are killed, stopped, cut off and started again.
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { KvorumServer } from "../support/kvorum-server.ts";
import type { Lab } from "../support/lab.ts";
import { RespConnection } from "../support/resp-connection.ts";
import type { PeerNetwork } from "./peer-network.ts";

const POLL_MS = 15;
/** For a cluster to be whole, or to have a leader. Bounds that matter are asserted by the tests. */
const WAIT_MS_MAX = 30_000;
const INFO_MS_MAX = 1_000;

/** What a node says of itself in `INFO kvorum`; null when it does not answer. */
export type NodeInfo = ReadonlyMap<string, string>;

/** How to make a cluster. */
export interface FaultClusterOptions {
  readonly nodes?: number;
  readonly fsync?: "always" | "no";
  /** Puts this between the nodes. */
  readonly network?: PeerNetwork;
  /** Options for node itself. */
  readonly nodeOptions?: readonly string[];
  /** By place a command and its arguments to run the node under, read at each of its starts. */
  readonly under?: readonly (readonly string[])[];
}

/** The nodes by place: 0, 1, 2. */
export class FaultCluster {
  readonly nodes: readonly KvorumServer[];
  /** Places of nodes that run and are not stopped by a signal. */
  readonly #running = new Set<number>();

  private constructor(nodes: readonly KvorumServer[]) {
    this.nodes = nodes;
  }

  /** Starts a cluster and waits until all its nodes vote. */
  static async start(lab: Lab, options: FaultClusterOptions = {}): Promise<FaultCluster> {
    const { nodes: count = 3, fsync = "always", network, nodeOptions = [], under = [] } = options;
    const nodes: KvorumServer[] = [];
    const flagsByPlace = Array.from({ length: count }, (): string[] => []);
    for (const [place, flags] of flagsByPlace.entries()) {
      if (place > 0) flags.push("--join", `127.0.0.1:${nodes[0]!.peerPort}`);
      if (network !== undefined) flags.push("--announce", network.hostOf(place));
      const own = { fsync, flags, nodeOptions, under: under[place] ?? [] };
      nodes.push(await KvorumServer.prepare(lab, own));
      await network?.listen(place, nodes[place]!.peerPort);
    }
    const cluster = new FaultCluster(nodes);
    await cluster.startNode(0);
    await Promise.all(nodes.slice(1).map((_, place) => cluster.startNode(place + 1)));
    await cluster.whole();
    network?.name(await cluster.nodeIds());
    // From now on whoever loses its data finds the others, the first one too.
    const addresses = nodes.map(({ peerPort }) => `127.0.0.1:${peerPort}`);
    for (const flags of flagsByPlace) flags.push("--join", addresses.join(","));
    return cluster;
  }

  get ports(): readonly number[] {
    return this.nodes.map(({ port }) => port);
  }

  /** Node ids by place. */
  async nodeIds(): Promise<number[]> {
    const infos = await Promise.all(this.nodes.map((_, place) => this.info(place)));
    return infos.map((info) => Number(info?.get("node_id") ?? 0));
  }

  /** Places other than these. */
  others(...places: number[]): number[] {
    return this.nodes.map((_, place) => place).filter((place) => !places.includes(place));
  }

  /** Starts a node and waits until it is ready. */
  async startNode(place: number): Promise<void> {
    this.#running.add(place);
    await this.nodes[place]!.restart();
  }

  /** SIGKILL. */
  async kill(place: number): Promise<void> {
    this.#running.delete(place);
    await this.nodes[place]!.kill();
  }

  /** SIGTERM, and waits for the end. */
  async stop(place: number): Promise<void> {
    this.#running.delete(place);
    const { code } = await this.nodes[place]!.stop();
    if (code !== 0) throw new Error(`node ${place} ended with ${code}`);
  }

  /** SIGSTOP: its sockets stay open, and nobody reads them. */
  freeze(place: number): void {
    this.#running.delete(place);
    this.nodes[place]!.program.signal("SIGSTOP");
  }

  /** SIGCONT. */
  thaw(place: number): void {
    this.#running.add(place);
    this.nodes[place]!.program.signal("SIGCONT");
  }

  /** `INFO kvorum` of a node; null when it is down or does not answer. */
  async info(place: number): Promise<NodeInfo | null> {
    if (!this.#running.has(place)) return null;
    let connection: RespConnection | null = null;
    try {
      connection = await RespConnection.open(this.nodes[place]!.port);
      connection.write("INFO kvorum\r\n");
      const { text } = await connection.read(INFO_MS_MAX);
      const lines = text.split("\r\n").map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1)];
      });
      return new Map(lines);
    } catch {
      // Down, or on its way: the caller asks again.
      return null;
    } finally {
      connection?.close();
    }
  }

  /** Waits until a node holds a leader's lease, not one of `except`; returns its place. */
  async leader(...except: number[]): Promise<number> {
    let leader = -1;
    await this.until("there is a leader", async () => {
      for (const place of this.others(...except)) {
        const info = await this.info(place);
        if (info?.get("role") === "leader" && Number(info.get("lease_ms")) > 0) leader = place;
      }
      return leader >= 0;
    });
    return leader;
  }

  /** Waits until all nodes vote, follow one leader and have the same log. */
  async whole(): Promise<void> {
    await this.until("all nodes vote and have the same log", async () => {
      const infos = await Promise.all(this.nodes.map((_, place) => this.info(place)));
      const same = (field: string): boolean => {
        const values = infos.map((info) => info?.get(field));
        return values[0] !== undefined && values.every((value) => value === values[0]);
      };
      const voters = String(this.nodes.length);
      const all = infos.every(
        (info) => info?.get("voters") === voters && info.get("members_online") === voters,
      );
      return all && ["leader_id", "term"].every(same) && infos[0]?.get("leader_id") !== "0";
    });
  }

  /** Waits until all nodes have applied the same entries; nobody may write meanwhile. */
  async equal(): Promise<void> {
    await this.until("all nodes have applied the same", async () => {
      const infos = await Promise.all(this.nodes.map((_, place) => this.info(place)));
      const indexes = infos.flatMap((info) => [
        info?.get("applied_index"),
        info?.get("last_index"),
      ]);
      return indexes[0] !== undefined && indexes.every((index) => index === indexes[0]);
    });
  }

  /** Polls: what other processes have come to cannot be awaited. */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const endMs = performance.now() + WAIT_MS_MAX;
    while (!(await isSo())) {
      if (performance.now() > endMs) throw new Error(`not within ${WAIT_MS_MAX} ms: ${what}`);
      await pause(POLL_MS);
    }
  }

  /** Reads strings at a node, one connection for all; null: not there. */
  async reader(place: number): Promise<(key: string) => Promise<string | null>> {
    const connection = await this.nodes[place]!.connect();
    return async (key) => {
      const reply = await connection.call("GET", key);
      if (reply.kind === "error") throw new Error(`GET ${key}: ${reply.text}`);
      return reply.kind === "null" ? null : reply.text;
    };
  }
}
