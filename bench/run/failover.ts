// Failover row: kill -9 of the leader under load, again and again: how long until a write is
// acknowledged by the others, and whether every acknowledged write is still there at the end.
import { performance } from "node:perf_hooks";
import { type Finding, makeFinding, type Side } from "../finding.ts";
import type { SpecialRow } from "../rows.ts";
import { pause, until } from "../servers/children.ts";
import { startEtcdFailover } from "../servers/etcd.ts";
import { startKvorumFailover } from "../servers/kvorum.ts";
import type { FailoverCluster, Writer } from "../servers/server.ts";
import { quantile } from "../stats.ts";
import { attempt, type Bench } from "./bench.ts";

const WRITERS = 12;
const WRITE_PACE_MS = 1;
/** A write without an answer is given up after this time, and the next node is tried. */
const WRITE_TIMEOUT_MS = 250;
const RETRY_MS = 5;
const BACK_TIMEOUT_MS = 60_000;
const ACKS_KEPT = 16;
/** Load before each kill: it falls at a different moment of the leader's work every time. */
const CALM_MS = [300, 900] as const;

/** What the kills did to one cluster. */
interface Outcome {
  /** Seconds from each kill to the next acknowledged write that was sent after it. */
  readonly secondsToWrite: number[];
  readonly acknowledged: number;
  readonly lost: number;
}

/** Kills the leaders of Kvorum and etcd in turn. */
export async function runFailover(row: SpecialRow, bench: Bench): Promise<Finding[]> {
  const outcomes = new Map<string, Outcome>();
  const problems: string[] = [];
  for (const family of ["kvorum", "etcd"] as const) {
    if (!bench.families.includes(family)) continue;
    const outcome = await attempt(bench, problems, family, () => killLeaders(bench, family));
    if (outcome !== null) outcomes.set(family, outcome);
  }
  const { kills } = bench.options;
  const side = (family: string, figures: (outcome: Outcome) => number[]): Side | null => {
    const outcome = outcomes.get(family);
    return outcome === undefined ? null : { name: `${family}-three`, rounds: figures(outcome) };
  };
  const notes = [...outcomes].map(([family, outcome]) => describe(family, outcome));
  const common = { row: row.name, better: "lower", judged: "value", problems } as const;
  const p99 = (outcome: Outcome): number[] => [quantile(outcome.secondsToWrite, 0.99)];
  const lost = (outcome: Outcome): number[] => [outcome.lost];
  return [
    makeFinding({
      ...common,
      title: `${row.title}, p99 of ${kills} kills until the next acknowledged write`,
      unit: "s",
      kvorum: side("kvorum", p99),
      peer: side("etcd", p99),
      bar: row.bars[0] ?? null,
      notes,
    }),
    makeFinding({
      ...common,
      title: `${row.title}, acknowledged writes lost in ${kills} kills`,
      unit: "lost writes",
      kvorum: side("kvorum", lost),
      peer: side("etcd", lost),
      bar: row.bars[1] ?? null,
    }),
  ];
}

async function killLeaders(bench: Bench, family: "kvorum" | "etcd"): Promise<Outcome> {
  const start = family === "kvorum" ? startKvorumFailover : startEtcdFailover;
  const cluster = await bench.children.orNone(() => start(bench));
  const secondsToWrite: number[] = [];
  const lanes = Array.from({ length: WRITERS }, (_, lane) => new WriterLane(cluster, lane));
  const running = lanes.map((lane) => lane.run());
  try {
    for (let kill = 0; kill < bench.options.kills; kill++) {
      await calm(cluster);
      secondsToWrite.push(await killOnce(cluster, lanes));
      bench.log(`  failover ${family} kill ${kill + 1}: ${secondsToWrite.at(-1)!.toFixed(3)} s`);
    }
    for (const lane of lanes) lane.stop();
    await Promise.all(running);
    const processes = [cluster.nodes[0]!.child];
    await until("the cluster is whole", processes, () => cluster.isWhole());
    let lost = 0;
    for (const lane of lanes) lost += await lane.countLost();
    const acknowledged = lanes.reduce((sum, lane) => sum + lane.acknowledged, 0);
    return { secondsToWrite, acknowledged, lost };
  } finally {
    for (const lane of lanes) lane.stop();
    await cluster.stop();
  }
}

/** Lets the load run for a moment on a cluster that is whole. */
async function calm(cluster: FailoverCluster): Promise<void> {
  const processes = cluster.nodes.map(({ child }) => child);
  const timing = { timeoutMs: BACK_TIMEOUT_MS };
  await until("the killed node is back", processes, () => cluster.isWhole(), timing);
  const [shortest, longest] = CALM_MS;
  await pause(shortest + Math.random() * (longest - shortest));
}

/** Kills the leader, waits for the next acknowledged write, starts the node again. */
async function killOnce(cluster: FailoverCluster, lanes: readonly WriterLane[]): Promise<number> {
  const leader = await cluster.leader();
  const node = cluster.nodes[leader]!;
  // The clock starts before the signal: a write sent from here on may still reach the old leader,
  // so acknowledgements count only once the process is known to be gone.
  const killedAt = performance.now();
  await node.kill();
  const goneAt = performance.now();
  const acks = (): number[] => lanes.map((lane) => lane.ackedAfter(goneAt)).filter((at) => at > 0);
  const others = cluster.nodes.filter((other) => other !== node).map(({ child }) => child);
  const timing = { timeoutMs: BACK_TIMEOUT_MS, everyMs: 2 };
  await until("a write is acknowledged", others, async () => acks().length > 0, timing);
  const firstAckAt = Math.min(...acks());
  node.start();
  return (firstAckAt - killedAt) / 1000;
}

/** One client that writes its own keys `failover:LANE:0`, `:1`, ... and moves on when refused. */
class WriterLane {
  readonly #cluster: FailoverCluster;
  readonly #prefix: string;
  /** Numbers whose write was not acknowledged: it may or may not be there. */
  readonly #unsure = new Set<number>();
  #node: number;
  #next = 0;
  #isStopped = false;
  /** The last few acknowledged writes: when sent, when acknowledged. */
  #acks: Array<{ readonly sentAt: number; readonly at: number }> = [];

  constructor(cluster: FailoverCluster, lane: number) {
    this.#cluster = cluster;
    this.#node = lane % cluster.nodes.length;
    this.#prefix = `failover:${String(lane).padStart(2, "0")}:`;
  }

  get acknowledged(): number {
    return this.#next - this.#unsure.size;
  }

  /** Writes until stopped. */
  async run(): Promise<void> {
    let writer: Writer | null = null;
    while (!this.#isStopped) {
      try {
        writer ??= await this.#cluster.writer(this.#node, WRITE_TIMEOUT_MS);
      } catch {
        // The node is down: that is the point of this row; another one is tried.
        await this.#moveOn();
        continue;
      }
      const number = this.#next++;
      const sentAt = performance.now();
      try {
        await writer.write(this.#prefix + number);
        this.#acks = [...this.#acks.slice(1 - ACKS_KEPT), { sentAt, at: performance.now() }];
        await pause(WRITE_PACE_MS);
      } catch {
        // Not acknowledged, whatever the reason: such a write may be lost.
        this.#unsure.add(number);
        writer.close();
        writer = null;
        await this.#moveOn();
      }
    }
    writer?.close();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** When the earliest remembered write sent at or after `since` was acknowledged; 0 for none. */
  ackedAfter(since: number): number {
    return this.#acks.find(({ sentAt }) => sentAt >= since)?.at ?? 0;
  }

  /** How many acknowledged writes are not there. */
  async countLost(): Promise<number> {
    const existing = await this.#cluster.existing(this.#prefix, this.#next);
    let lost = 0;
    for (let number = 0; number < this.#next; number++) {
      if (!this.#unsure.has(number) && !existing.has(number)) lost++;
    }
    return lost;
  }

  async #moveOn(): Promise<void> {
    this.#node = (this.#node + 1) % this.#cluster.nodes.length;
    await pause(RETRY_MS);
  }
}

function describe(family: string, { secondsToWrite, acknowledged, lost }: Outcome): string {
  const [p50, max] = [quantile(secondsToWrite, 0.5), quantile(secondsToWrite, 1)];
  const times = `p50 ${p50.toFixed(2)} s, longest ${max.toFixed(2)} s`;
  return `${family}: ${times}; ${lost} of ${acknowledged} acknowledged writes lost`;
}
