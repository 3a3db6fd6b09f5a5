// Throughput rows: the same load on each server in turn, round after round.
import { type Finding, makeFinding, type Latency, type Side } from "../finding.ts";
import { runGenerator } from "../load/child.ts";
import { runRedisBenchmark } from "../load/redis-benchmark.ts";
import type { LoadResult } from "../load/result.ts";
import { cpuBars, KEYS, serversOf, type ThroughputRow, VALUE_BYTES } from "../rows.ts";
import { familyOf, type RunningServer, type ServerKind } from "../servers/server.ts";
import { median } from "../stats.ts";
import { attempt, type Bench } from "./bench.ts";

const WARMUP_MS = 700;
const US_PER_SECOND = 1e6;

/** All rounds of one server in one row. */
interface Series {
  readonly server: ServerKind;
  readonly results: LoadResult[];
  readonly problems: string[];
}

/** Runs a row on all its servers that are there, and judges it against each peer. */
export async function runThroughput(row: ThroughputRow, bench: Bench): Promise<Finding[]> {
  const kinds = serversOf(row).filter((kind) => bench.families.includes(familyOf(kind)));
  const all = kinds.map((server): Series => ({ server, results: [], problems: [] }));
  for (let round = 0; round < bench.options.rounds; round++) {
    // Who goes first changes every round: nobody always runs on the warm (or tired) machine.
    const order = all.map((_, at) => all[(at + round) % all.length]!);
    for (const series of order) await runRound(row, bench, series, round);
  }
  const kvorum = all.find(({ server }) => server === row.kvorum) ?? null;
  return row.peers.flatMap(({ server, must, aim }) => {
    const peer = all.find((series) => series.server === server) ?? null;
    const family = familyOf(server) === "etcd" ? "etcd" : "redis";
    const common = { row: row.name, title: row.title, judged: "ratio" } as const;
    const problems = [...(kvorum?.problems ?? []), ...(peer?.problems ?? [])];
    if (kvorum === null && peer === null) return [];
    return [
      makeFinding({
        ...common,
        unit: "ops/s",
        better: "higher",
        kvorum: sideOf(kvorum, opsPerSecond),
        peer: sideOf(peer, opsPerSecond),
        bar: { must, aim },
        problems,
      }),
      makeFinding({
        ...common,
        unit: "cpu us/op",
        better: "lower",
        kvorum: sideOf(kvorum, cpuUsPerOp),
        peer: sideOf(peer, cpuUsPerOp),
        bar: cpuBars[family],
        problems,
      }),
    ];
  });
}

/** One round on one server; what goes wrong is kept with the series and fails the row. */
async function runRound(
  row: ThroughputRow,
  bench: Bench,
  series: Series,
  round: number,
): Promise<void> {
  if (series.problems.length > 0) return;
  const who = `${row.name} round ${round + 1} ${series.server}`;
  const result = await attempt(bench, series.problems, who, async () => {
    const server = await bench.servers.get(series.server);
    series.problems.push(...(await server.problems()));
    const port = await server.leaderPort();
    const measured = await loadOnce(row, bench, server, port, round);
    if ((await server.leaderPort()) !== port) series.problems.push(`${who}: another leader at end`);
    return measured;
  });
  if (result === null) return bench.servers.drop(series.server);
  if (result.errors > 0) {
    series.problems.push(`${who}: ${result.errors} wrong replies, first: ${result.firstError}`);
  }
  series.results.push(result);
  bench.raw.push({ row: row.name, server: series.server, round, ...result });
  const speed = Math.round(opsPerSecond(result)).toLocaleString("en");
  const generator = ((result.generatorCpuSeconds * US_PER_SECOND) / result.ops).toFixed(1);
  bench.log(
    `  ${who}: ${speed} ops/s, cpu ${cpuUsPerOp(result).toFixed(1)} us/op (generator ${generator})`,
  );
}

function loadOnce(
  row: ThroughputRow,
  bench: Bench,
  server: RunningServer,
  port: number,
  round: number,
): Promise<LoadResult> {
  const { mix, clients, pipeline } = row;
  const { seconds } = bench.options;
  const common = { port, clients, keys: KEYS, valueBytes: VALUE_BYTES, roots: server.roots };
  const window = { warmupMs: WARMUP_MS, measureMs: seconds * 1000, seed: round + 1 };
  if (familyOf(server.kind) === "etcd") {
    const call = mix === "get" ? "get" : "put";
    return runGenerator("etcd-load.ts", { ...common, ...window, call });
  }
  if (row.generator === "redis-benchmark" && bench.hasRedisBenchmark && mix !== "mixed") {
    return runRedisBenchmark({ ...common, command: mix, pipeline, seconds });
  }
  // Redis acknowledges a write of the master alone: WAIT is how a client asks for a second node.
  const wait = server.kind === "redis-three" && mix !== "get";
  return runGenerator("resp-load.ts", { ...common, ...window, mix, pipeline, wait });
}

function sideOf(series: Series | null, figure: (result: LoadResult) => number): Side | null {
  if (series === null) return null;
  const { server, results } = series;
  if (results.length === 0) return { name: server, rounds: [] };
  return { name: server, rounds: results.map(figure), latency: latencyOf(results) };
}

function latencyOf(results: readonly LoadResult[]): Latency {
  return {
    p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
  };
}

function opsPerSecond(result: LoadResult): number {
  return result.ops / result.seconds;
}

function cpuUsPerOp(result: LoadResult): number {
  return (result.serverCpuSeconds * US_PER_SECOND) / result.ops;
}
