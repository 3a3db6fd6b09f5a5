// Several `kvorum server` processes that form a cluster, to be killed, stopped and started again.
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../../bench/servers/ports.ts";
import { kvorumPath } from "../support/kvorum-server.ts";
import type { Lab } from "../support/lab.ts";
import type { Ending, Program } from "../support/program.ts";
import { RespConnection } from "../support/resp-connection.ts";

const PEER_PORT_DISTANCE = 10_000;
const CLUSTER_PORT_DISTANCE = 5_000;
const READY = /^kvorum\b.*\bready\b/m;
const LOOK_MS = 20;

/** One process of a cluster. */
export interface ClusterProcess {
  readonly port: number;
  readonly clusterPort: number;
  readonly data: string;
  readonly args: readonly string[];
  program: Program;
}

/** A cluster of processes on this machine. */
export class ProcessCluster {
  readonly nodes: ClusterProcess[] = [];
  readonly #lab: Lab;

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** Starts `count` nodes with `--bootstrap-expect` and waits until all are voters. */
  static async start(lab: Lab, count = 3, flags: readonly string[] = []): Promise<ProcessCluster> {
    const cluster = new ProcessCluster(lab);
    const places = Array.from({ length: count }, (_, at) => at);
    const offsets = places.flatMap((at) => [
      at,
      at + CLUSTER_PORT_DISTANCE,
      at + PEER_PORT_DISTANCE,
    ]);
    const first = await freePort(offsets);
    const peers = places.map((at) => `127.0.0.1:${first + at + PEER_PORT_DISTANCE}`).join(",");
    for (const at of places) {
      const port = first + at;
      const clusterPort = port + CLUSTER_PORT_DISTANCE;
      const data = lab.freshFolder("node");
      const args = ["server", "--port", `${port}`, "--data", data, "--join", peers, ...flags];
      args.push("--cluster-port", `${clusterPort}`, "--bootstrap-expect", `${count}`);
      const program = lab.start(process.execPath, [kvorumPath, ...args]);
      cluster.nodes.push({ port, clusterPort, data, args, program });
    }
    await Promise.all(cluster.nodes.map(({ program }) => program.seen(READY)));
    await cluster.untilVoters(count);
    return cluster;
  }

  /** Starts a node again on its data and waits until it serves. */
  async restart(place: number): Promise<void> {
    const node = this.nodes[place]!;
    node.program = this.#lab.start(process.execPath, [kvorumPath, ...node.args]);
    await node.program.seen(READY);
  }

  async kill(place: number): Promise<Ending> {
    return this.nodes[place]!.program.kill();
  }

  async connect(place: number): Promise<RespConnection> {
    return RespConnection.open(this.nodes[place]!.port);
  }

  /** Sends one command on a connection of its own; shows the reply. */
  async ask(place: number, ...words: string[]): Promise<string> {
    const connection = await this.connect(place);
    try {
      return await connection.ask(...words);
    } finally {
      connection.close();
    }
  }

  /** A field of `INFO`; empty when the node does not answer. */
  async info(place: number, field: string): Promise<string> {
    try {
      const text = await this.ask(place, "INFO", "kvorum");
      return new RegExp(`n${field}:([^\\\\]*)`).exec(text)?.[1] ?? "";
    } catch {
      // It is down: that is the answer.
      return "";
    }
  }

  /** Place of the node that leads; waits for one, other than `except`. */
  async leader(except = -1): Promise<number> {
    for (;;) {
      for (let place = 0; place < this.nodes.length; place++) {
        if (place === except) continue;
        if ((await this.info(place, "role")) === "leader") return place;
      }
      await pause(LOOK_MS);
    }
  }

  async untilVoters(count: number): Promise<void> {
    const leader = await this.leader();
    while ((await this.info(leader, "voters")) !== `${count}`) await pause(LOOK_MS);
  }

  /** Waits until a node has applied what the leader has. */
  async untilCaughtUp(place: number): Promise<void> {
    for (;;) {
      const wanted = Number(await this.info(await this.leader(), "commit_index"));
      const applied = Number(await this.info(place, "applied_index"));
      if (applied >= wanted && wanted > 0) return;
      await pause(LOOK_MS);
    }
  }
}
