// Drives redis-benchmark, the C generator of the Redis project: the cheapest load there is, and
// the same binary for both sides. It counts requests, not seconds, so a short run finds the count.
import { promisify } from "node:util";
import { execFile } from "node:child_process";
import { cpuSeconds, endedChildrenCpuSeconds } from "../proc.ts";
import type { LoadResult } from "./result.ts";

const run = promisify(execFile);
/** Requests of the very first run against a server whose speed is not known yet. */
const FIRST_REQUESTS = 1000;
/** A warm-up run shorter than this says too little about the speed. */
const WARM_SECONDS_MIN = 0.25;
const RUN_TIMEOUT_MS = 120_000;

/** One redis-benchmark load: plain GETs or SETs, random keys of the preloaded ones. */
export interface RedisBenchmarkSpec {
  readonly port: number;
  readonly command: "get" | "set";
  readonly clients: number;
  readonly pipeline: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly seconds: number;
  /** Roots of the server process trees whose CPU time is counted. */
  readonly roots: readonly number[];
}

/** What one line of `redis-benchmark --csv` says. */
export interface CsvLine {
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/**
 * Warms the server up, then measures for about `spec.seconds`.
 *
 * @throws Error when redis-benchmark fails; it ends at the first error reply.
 */
export async function runRedisBenchmark(spec: RedisBenchmarkSpec): Promise<LoadResult> {
  let requests = FIRST_REQUESTS;
  let speed = 0;
  for (;;) {
    const warm = await once(spec, requests);
    speed = warm.ops / warm.seconds;
    if (warm.seconds >= WARM_SECONDS_MIN) break;
    requests = Math.max(requests * 4, Math.ceil(speed * 2 * WARM_SECONDS_MIN));
  }
  return once(spec, Math.max(FIRST_REQUESTS, Math.round(speed * spec.seconds)));
}

/** Reads the output of `redis-benchmark --csv` with one test in it. */
export function parseCsv(text: string): CsvLine {
  const lines = text.trim().split("\n");
  const names = cells(lines.at(-2) ?? "");
  const values = cells(lines.at(-1) ?? "");
  const cell = (name: string): number => {
    const value = Number(values[names.indexOf(name)] || Number.NaN);
    if (Number.isNaN(value)) throw new RangeError(`redis-benchmark printed no ${name}: ${text}`);
    return value;
  };
  return {
    opsPerSecond: cell("rps"),
    p50Ms: cell("p50_latency_ms"),
    p99Ms: cell("p99_latency_ms"),
    maxMs: cell("max_latency_ms"),
  };
}

async function once(spec: RedisBenchmarkSpec, requests: number): Promise<LoadResult> {
  const args = ["-h", "127.0.0.1", "-p", String(spec.port), "-t", spec.command, "--csv"];
  args.push("-n", String(requests), "-r", String(spec.keys), "-d", String(spec.valueBytes));
  args.push("-c", String(spec.clients), "-P", String(spec.pipeline));
  const serverBefore = cpuSeconds(spec.roots);
  const ownBefore = endedChildrenCpuSeconds();
  const { stdout } = await run("redis-benchmark", args, { timeout: RUN_TIMEOUT_MS });
  const serverCpuSeconds = cpuSeconds(spec.roots) - serverBefore;
  const line = parseCsv(stdout);
  return {
    ops: requests,
    seconds: requests / line.opsPerSecond,
    p50Ms: line.p50Ms,
    p99Ms: line.p99Ms,
    maxMs: line.maxMs,
    serverCpuSeconds,
    generatorCpuSeconds: endedChildrenCpuSeconds() - ownBefore,
    errors: 0,
    firstError: "",
  };
}

function cells(line: string): string[] {
  return line.split(",").map((cell) => cell.replaceAll('"', ""));
}
