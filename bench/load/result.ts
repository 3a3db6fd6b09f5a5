// What every load generator, ours or redis-benchmark, tells about one measured stretch.
import { performance } from "node:perf_hooks";
import { cpuSeconds } from "../proc.ts";
import type { Histogram } from "./histogram.ts";

/** One measured stretch of load on one server. */
export interface LoadResult {
  /** Commands answered (bursts of `WAIT` count their writes, not the `WAIT`). */
  readonly ops: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** CPU seconds of all server processes in the stretch. */
  readonly serverCpuSeconds: number;
  /** CPU seconds of the generator: it shares the machine with the servers. */
  readonly generatorCpuSeconds: number;
  /** Replies that were errors or not what was asked for. */
  readonly errors: number;
  readonly firstError: string;
}

/** The clocks of one stretch, read at its start; `end` reads them again. */
export class Stretch {
  readonly #roots: readonly number[];
  readonly #serverCpu: number;
  readonly #ownCpu: NodeJS.CpuUsage;
  readonly #startedAt: number;

  /** Starts a stretch over the server process trees under `roots`. */
  constructor(roots: readonly number[]) {
    this.#roots = roots;
    this.#serverCpu = cpuSeconds(roots);
    this.#ownCpu = process.cpuUsage();
    this.#startedAt = performance.now();
  }

  /** Ends the stretch: `ops` commands with latencies in `histogram`. */
  end(ops: number, histogram: Histogram, errors: number, firstError: string): LoadResult {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const own = process.cpuUsage(this.#ownCpu);
    return {
      ops,
      seconds,
      p50Ms: histogram.quantile(0.5) / 1000,
      p99Ms: histogram.quantile(0.99) / 1000,
      maxMs: histogram.maxUs / 1000,
      serverCpuSeconds: cpuSeconds(this.#roots) - this.#serverCpu,
      generatorCpuSeconds: (own.user + own.system) / 1e6,
      errors,
      firstError,
    };
  }
}
