// Ping program: one connection that sends PING every millisecond until SIGTERM, and then prints the
// latencies: the event loop of a server seen from outside. Run as ping-load.ts SPEC-AS-JSON.
import { connect } from "node:net";
import { setPriority } from "node:os";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { Histogram } from "./histogram.ts";
import { respCommand } from "./keys.ts";

const PACE_MS = 1;
/** Ahead of the load generator, which shares the cores; takes root, and is tried without. */
const PRIORITY = -15;

/** What the program prints. */
export interface PingResult {
  readonly pings: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

function run(port: number): void {
  raisePriority();
  const ping = respCommand("PING");
  const histogram = new Histogram();
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let sentAtMs = 0;
  let isOut = false;
  const send = (): void => {
    isOut = true;
    sentAtMs = performance.now();
    socket.write(ping);
  };
  socket.on("connect", send);
  socket.on("data", () => {
    const latencyMs = performance.now() - sentAtMs;
    isOut = false;
    histogram.record(latencyMs * 1000);
    setTimeout(send, Math.max(0, PACE_MS - latencyMs));
  });
  process.on("SIGTERM", () => {
    // A PING that is still out has waited so long already: it counts.
    if (isOut) histogram.record((performance.now() - sentAtMs) * 1000);
    const [p50Ms, p99Ms] = [histogram.quantile(0.5) / 1000, histogram.quantile(0.99) / 1000];
    const { count, maxUs } = histogram;
    const result: PingResult = { pings: count, p50Ms, p99Ms, maxMs: maxUs / 1000 };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
  });
}

function raisePriority(): void {
  try {
    setPriority(PRIORITY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException & { info?: { code?: string } };
    if (code !== "ERR_SYSTEM_ERROR") throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  run((JSON.parse(process.argv[2]!) as { port: number }).port);
}
