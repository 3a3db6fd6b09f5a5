// Load generator program for RESP servers: a closed loop of bursts per connection. It covers what
// redis-benchmark cannot: mixed pipelines, SET followed by WAIT, an exact window for CPU time.
//
// It shares two cores with the servers, so it does next to nothing per operation: request bytes
// are made ahead of time, all sockets read into one buffer, and there is no promise or object per
// operation. Run as a child process: resp-load.ts SPEC-AS-JSON; prints one LoadResult as JSON.
import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { Histogram } from "./histogram.ts";
import { type BurstShape, type Bursts, makeBursts } from "./keys.ts";
import { ReplyScanner, type Tally } from "./reply-scanner.ts";
import { type LoadResult, Stretch } from "./result.ts";

/** Commands written ahead of time; more than the keys, so that nearly every key is touched. */
const READY_COMMANDS = 200_000;
const READ_BUFFER_BYTES = 1 << 20;

/** What to send, where, for how long. */
export interface RespLoadSpec extends BurstShape {
  readonly port: number;
  readonly clients: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly seed: number;
  /** Roots of the server process trees whose CPU time is counted. */
  readonly roots: readonly number[];
}

/**
 * Runs one load to its end.
 *
 * @throws Error when a connection fails or is closed by the server.
 */
export async function runRespLoad(spec: RespLoadSpec): Promise<LoadResult> {
  const burstCount = Math.ceil(READY_COMMANDS / spec.pipeline);
  const load = new RespLoad(spec, makeBursts(spec, burstCount, spec.seed));
  return load.run();
}

class RespLoad {
  readonly #spec: RespLoadSpec;
  readonly #bursts: Bursts;
  readonly #repliesPerBurst: number;
  readonly #histogram = new Histogram();
  readonly #tally: Tally = { errors: 0, firstError: "" };
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly #failed: Promise<never>;
  #fail!: (error: Error) => void;
  #nextBurst = 0;
  #ops = 0;
  #isMeasuring = false;
  #isStopped = false;

  constructor(spec: RespLoadSpec, bursts: Bursts) {
    this.#spec = spec;
    this.#bursts = bursts;
    this.#repliesPerBurst = spec.pipeline + (spec.wait ? 1 : 0);
    this.#failed = new Promise((_, reject) => (this.#fail = reject));
  }

  async run(): Promise<LoadResult> {
    const opening = Array.from({ length: this.#spec.clients }, () => this.#open());
    const sockets = await Promise.race([Promise.all(opening), this.#failed]);
    try {
      await Promise.race([pause(this.#spec.warmupMs), this.#failed]);
      const stretch = new Stretch(this.#spec.roots);
      this.#isMeasuring = true;
      await Promise.race([pause(this.#spec.measureMs), this.#failed]);
      this.#isMeasuring = false;
      const { errors, firstError } = this.#tally;
      return stretch.end(this.#ops, this.#histogram, errors, firstError);
    } finally {
      this.#isStopped = true;
      for (const socket of sockets) socket.destroy();
    }
  }

  #open(): Promise<Socket> {
    const expected = { bulkBytes: this.#spec.valueBytes, integerMin: 1 };
    const scanner = new ReplyScanner(this.#tally, expected);
    let waitingFor = this.#repliesPerBurst;
    let sentAtMs = 0;
    const send = (): void => {
      waitingFor = this.#repliesPerBurst;
      sentAtMs = performance.now();
      socket.write(this.#takeBurst());
    };
    const onBytes = (length: number, bytes: Uint8Array): boolean => {
      waitingFor -= scanner.feed(bytes, length);
      if (waitingFor > 0) return true;
      if (waitingFor < 0) this.#fail(new Error("more replies than commands"));
      if (this.#isMeasuring) this.#record(performance.now() - sentAtMs);
      if (!this.#isStopped) send();
      return true;
    };
    const onread = { buffer: this.#readBuffer, callback: onBytes };
    const socket = connect({ port: this.#spec.port, host: "127.0.0.1", noDelay: true, onread });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => {
      if (!this.#isStopped) this.#fail(new Error("the server closed a connection"));
    });
    return new Promise((resolve) => {
      socket.on("connect", () => {
        resolve(socket);
        send();
      });
    });
  }

  #takeBurst(): Buffer {
    const burst = this.#nextBurst;
    const { bytes, ends } = this.#bursts;
    this.#nextBurst = burst + 1 === ends.length ? 0 : burst + 1;
    return bytes.subarray(burst === 0 ? 0 : ends[burst - 1], ends[burst]);
  }

  /** A burst's commands share its latency, as in redis-benchmark. */
  #record(latencyMs: number): void {
    this.#ops += this.#spec.pipeline;
    this.#histogram.record(latencyMs * 1000, this.#spec.pipeline);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const spec = JSON.parse(process.argv[2]!) as RespLoadSpec;
  process.stdout.write(`${JSON.stringify(await runRespLoad(spec))}\n`);
}
