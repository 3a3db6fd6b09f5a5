// Power cuts at random moments under load: every acknowledged write is read back. Simulated disks
// lose, tear and reorder what was not synced; `kill -9` alone would prove nothing about syncing.
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { SimRandom } from "../platform/simulated/sim-random.ts";
import type { WalSync } from "../wal/wal-types.ts";
import type { NodeOptions } from "./node-environment.ts";
import { SimCluster } from "./testing/sim-cluster.ts";

/** Cuts in all: `KVORUM_POWER_CUTS` for a longer run. */
const CUTS = Number(process.env["KVORUM_POWER_CUTS"] ?? 1000);
const CUTS_PER_RUN = 10;
const CLIENTS = 4;

/** What clients were told, and what they asked for without hearing an answer. */
class History {
  readonly acknowledged = new Map<string, string>();
  readonly unknown = new Map<string, string>();
  #next = 0;

  begin(padding: number): [string, string] {
    const number = this.#next++;
    const pair: [string, string] = [`key:${number}`, `${number}`.padEnd(padding, "x")];
    this.unknown.set(...pair);
    return pair;
  }

  acknowledge(key: string, value: string): void {
    this.acknowledged.set(key, value);
    this.unknown.delete(key);
  }
}

class Run {
  readonly cluster: SimCluster;
  readonly #random: SimRandom;
  readonly #nodes: number;
  readonly #node: Partial<NodeOptions>;
  readonly history = new History();
  readonly problems: string[] = [];
  #writing = true;

  constructor(seed: number, nodes: number, sync: WalSync) {
    this.#node = { segmentBytes: 64 * 1024, sync };
    this.cluster = new SimCluster(seed);
    this.#random = new SimRandom(seed ^ 0x5eed);
    this.#nodes = nodes;
  }

  async play(): Promise<void> {
    await this.cluster.form(this.#nodes, this.#nodes, this.#node);
    for (let cut = 0; cut < CUTS_PER_RUN; cut++) {
      this.#writing = true;
      for (let client = 0; client < CLIENTS; client++) void this.#load();
      await this.#advance(1 + (this.#random.uint32() % 60));
      const victims = this.#victims();
      for (const victim of victims) this.cluster.powerCut(victim);
      if (victims.length < this.#nodes) await this.#advance(this.#random.uint32() % 1500);
      this.#writing = false;
      for (const victim of victims) this.cluster.boot(victim, { node: this.#node });
      await this.cluster.untilLeader();
      this.#check();
      await this.#untilTrusted();
    }
    await this.cluster.untilEqual();
    if (new Set(this.cluster.digests()).size !== 1) this.#wrong("replicas differ");
  }

  /** One client: writes until it is told to stop or its node goes away. */
  async #load(): Promise<void> {
    while (this.#writing) {
      const number = 1 + (this.#random.uint32() % this.#nodes);
      if (this.cluster.machine(number).node === null) return;
      const size = this.#random.uint32() % 8 === 0 ? 9000 : 40;
      const [key, value] = this.history.begin(size);
      const reply = await this.cluster.client(number).run("set", key, value);
      if (reply === "+OK\r\n") this.history.acknowledge(key, value);
    }
  }

  get #all(): number[] {
    return Array.from({ length: this.#nodes }, (_, index) => index + 1);
  }

  /** One or all; under relaxed sync one, since several may take along what they acknowledged. */
  #victims(): number[] {
    const only = 1 + (this.#random.uint32() % this.#nodes);
    const isOne = this.#random.uint32() % 3 > 0 || this.#node.sync !== "always";
    return isOne ? [only] : this.#all;
  }

  /** Until nobody lacks what the last cut took. */
  async #untilTrusted(): Promise<void> {
    const isTrusted = (number: number): boolean =>
      this.cluster.machine(number).node?.node.replica.raft.trusted === true;
    await this.cluster.until("trust", () => this.#all.every(isTrusted));
  }

  async #advance(ms: number): Promise<void> {
    await this.cluster.world.runUntil(() => false, ms);
  }

  /** Says what is not as it must be. */
  #check(): void {
    for (const [key, value] of this.history.acknowledged) {
      if (this.#read(key) !== value) this.#wrong(`${key}: acknowledged, and lost`);
    }
    for (const [key, value] of this.history.unknown) {
      const found = this.#read(key);
      if (found !== null && found !== value) this.#wrong(`${key}: half of a write`);
    }
    this.history.acknowledged.clear();
    this.history.unknown.clear();
  }

  #wrong(what: string): void {
    this.problems.push(`seed ${this.cluster.world.seed}: ${what}`);
  }

  /** What the leader, which has applied everything committed before it, holds for a key. */
  #read(key: string): string | null {
    const { keyspace } = this.cluster.machine(this.cluster.leader()).node!.node.replica.applier;
    const bytes = Buffer.from(key);
    const ref = keyspace.find(0, viewOf(bytes), 0, bytes.length);
    if (ref === 0) return null;
    const at = keyspace.valueOffsetOf(ref);
    const value = keyspace.bytesOf(ref).subarray(at, at + keyspace.valueLengthOf(ref));
    return Buffer.from(value).toString("latin1");
  }
}

describe("power cuts", () => {
  test.each([
    { nodes: 1, cuts: CUTS / 2, sync: "always" },
    { nodes: 3, cuts: CUTS / 2, sync: "always" },
    { nodes: 3, cuts: CUTS / 5, sync: "everysec" },
    { nodes: 3, cuts: CUTS / 5, sync: "no" },
  ] as const)(
    "lose no acknowledged write with $nodes nodes, --fsync $sync, $cuts times",
    async ({ nodes, cuts, sync }) => {
      const problems: string[] = [];
      for (let seed = 1; seed <= cuts / CUTS_PER_RUN; seed++) {
        const run = new Run(seed, nodes, sync);
        await run.play();
        problems.push(...run.problems);
      }
      expect(problems).toEqual([]);
    },
    300_000,
  );
});
