// Measures the process: memory, processor time, and how long its loop stood still.
import { totalmem } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ProcessView } from "../server/node-view.ts";

/** How often the loop is asked whether it still turns. */
const RESOLUTION_MS = 10;

/** Figures for INFO. */
export class ProcessMeter {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #rssPeakBytes = 0;

  start(): void {
    this.#delay.enable();
  }

  reset(): void {
    this.#delay.reset();
    this.#rssPeakBytes = 0;
  }

  read(): ProcessView {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    this.#rssPeakBytes = Math.max(this.#rssPeakBytes, memory.rss);
    return {
      rssBytes: memory.rss,
      rssPeakBytes: this.#rssPeakBytes,
      heapUsedBytes: memory.heapUsed,
      heapTotalBytes: memory.heapTotal,
      externalBytes: memory.external,
      systemBytes: totalmem(),
      cpuUserSeconds: cpu.user / 1e6,
      cpuSystemSeconds: cpu.system / 1e6,
      eventLoopStallMsMax: Math.max(0, this.#delay.max / 1e6 - RESOLUTION_MS),
    };
  }
}
