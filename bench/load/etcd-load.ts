// Load generator program for etcd: put and linearizable range, as many calls in flight as clients.
//
// gRPC is written by hand over node:http2 with ready-made protobuf bytes: a gRPC library adds a
// message object, a deadline, interceptors and promises to every call, and on two cores that work
// would be taken from the servers. For the same reason the calls share a few sessions, as etcd's
// own clients do. Run as a child: etcd-load.ts SPEC-AS-JSON; prints one LoadResult as JSON.
import { type ClientHttp2Session, connect } from "node:http2";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { grpcHeaders } from "./etcd-client.ts";
import { etcdPaths, getRequest, putRequest } from "./etcd-messages.ts";
import { Histogram } from "./histogram.ts";
import { keyOf, randomSource, valueOf } from "./keys.ts";
import { type LoadResult, Stretch } from "./result.ts";

const READY_CALLS = 50_000;
const SESSIONS_MAX = 8;
const WINDOW_BYTES = 1 << 24;

/** What to call, where, for how long. */
export interface EtcdLoadSpec {
  readonly port: number;
  readonly call: "put" | "get";
  readonly clients: number;
  readonly keys: number;
  readonly valueBytes: number;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly seed: number;
  /** Roots of the server process trees whose CPU time is counted. */
  readonly roots: readonly number[];
}

/** Runs one load to its end. Throws when a session fails. */
export async function runEtcdLoad(spec: EtcdLoadSpec): Promise<LoadResult> {
  return new EtcdLoad(spec).run();
}

class EtcdLoad {
  readonly #spec: EtcdLoadSpec;
  readonly #requests: Buffer[];
  readonly #headers: Record<string, string>;
  /** A reply shorter than this lacks what was asked for: a range's value. */
  readonly #replyBytesMin: number;
  readonly #histogram = new Histogram();
  readonly #failed: Promise<never>;
  #fail!: (error: Error) => void;
  #nextRequest = 0;
  #ops = 0;
  #errors = 0;
  #firstError = "";
  #isMeasuring = false;
  #isStopped = false;

  constructor(spec: EtcdLoadSpec) {
    this.#spec = spec;
    const random = randomSource(spec.seed);
    const isPut = spec.call === "put";
    this.#requests = Array.from({ length: READY_CALLS }, () => {
      const key = keyOf(random() % spec.keys);
      return isPut ? putRequest(key, valueOf(spec.valueBytes, random())) : getRequest(key);
    });
    this.#headers = grpcHeaders(isPut ? etcdPaths.put : etcdPaths.range);
    this.#replyBytesMin = isPut ? 1 : spec.valueBytes;
    this.#failed = new Promise((_, reject) => (this.#fail = reject));
  }

  async run(): Promise<LoadResult> {
    const sessions = Array.from({ length: Math.min(SESSIONS_MAX, this.#spec.clients) }, () =>
      this.#open(),
    );
    for (let client = 0; client < this.#spec.clients; client++) {
      this.#call(sessions[client % sessions.length]!);
    }
    try {
      await Promise.race([pause(this.#spec.warmupMs), this.#failed]);
      const stretch = new Stretch(this.#spec.roots);
      this.#isMeasuring = true;
      await Promise.race([pause(this.#spec.measureMs), this.#failed]);
      this.#isMeasuring = false;
      return stretch.end(this.#ops, this.#histogram, this.#errors, this.#firstError);
    } finally {
      this.#isStopped = true;
      for (const session of sessions) session.destroy();
    }
  }

  #open(): ClientHttp2Session {
    const session = connect(`http://127.0.0.1:${this.#spec.port}`, {
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    });
    session.on("connect", () => session.setLocalWindowSize(WINDOW_BYTES));
    session.on("error", (error) => this.#fail(error));
    session.on("close", () => {
      if (!this.#isStopped) this.#fail(new Error("etcd closed a session"));
    });
    return session;
  }

  /** One call, then the next one on the same session, until stopped. */
  #call(session: ClientHttp2Session): void {
    const sentAtMs = performance.now();
    const stream = session.request(this.#headers);
    let replyBytes = 0;
    let status: unknown = "none";
    stream.on("response", (headers) => (status = headers["grpc-status"] ?? status));
    stream.on("trailers", (headers) => (status = headers["grpc-status"] ?? status));
    stream.on("data", (part: Buffer) => (replyBytes += part.length));
    stream.on("error", () => (status = "stream error")); // Counted when it closes.
    stream.on("close", () => {
      if (this.#isStopped) return;
      if (status !== "0" || replyBytes < this.#replyBytesMin) {
        this.#errors++;
        this.#firstError ||= `grpc-status ${String(status)}, reply of ${replyBytes} bytes`;
      }
      if (this.#isMeasuring) {
        this.#ops++;
        this.#histogram.record((performance.now() - sentAtMs) * 1000);
      }
      this.#call(session);
    });
    stream.end(this.#requests[this.#nextRequest]!);
    this.#nextRequest = (this.#nextRequest + 1) % READY_CALLS;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const spec = JSON.parse(process.argv[2]!) as EtcdLoadSpec;
  process.stdout.write(`${JSON.stringify(await runEtcdLoad(spec))}\n`);
}
