// Clients on real sockets that run all workloads and record what they saw.
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { NodeNetwork } from "../../src/platform/node/node-network.ts";
import { nodeScheduler } from "../../src/platform/node/node-scheduler.ts";
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { type Asked, LoadClient, outcomeOf } from "../load/client.ts";
import type { Outcome } from "../judges/history.ts";
import type { Workload } from "../load/workload.ts";
import { drawWorkloads } from "../load/workloads.ts";

const CLIENTS = 8;
/** Share of large values in the load that has some. */
const LARGE_PART = 0.05;
/** A client waits up to so long after each step: judges search what happens at once. */
const THINK_MS = 30;
/** After a loss it waits longer: commands of unknown outcome are what makes judging hard. */
const LOST_MS = [200, 1_000] as const;
const REPLY_TIMEOUTS_MS = [1_000, 2_000, 5_000] as const;
const RETRY_MS = 20;
const HOST = "127.0.0.1";

/** Ms of true time, Unix: of one clock that never jumps. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** The clients of a round. */
export class Clients {
  /** Commands by what became of them. */
  readonly outcomes: Record<Outcome, number> = { ok: 0, failed: 0, unknown: 0 };
  readonly workloads: readonly Workload[];
  readonly #ports: readonly number[];
  readonly #random: SimRandom;
  readonly #replyTimeoutMs: number;
  readonly #network = new NodeNetwork();
  readonly #first: LoadClient;
  #numbers = 0;
  #isStopped = false;
  #isClosed = false;
  #running: Promise<void>[] = [];
  #failure: Error | null = null;

  /** @param skewMs How far the clock of a node may be off. */
  constructor(ports: readonly number[], random: SimRandom, skewMs: number) {
    this.#ports = ports;
    this.#random = random;
    this.#replyTimeoutMs = REPLY_TIMEOUTS_MS[random.between(0, REPLY_TIMEOUTS_MS.length - 1)]!;
    this.workloads = drawWorkloads(random.fork(), skewMs, LARGE_PART);
    this.#first = this.#newClient();
  }

  /** Writes what workloads need to be there. */
  async prepare(): Promise<void> {
    for (const workload of this.workloads) {
      await this.#untilReady();
      await workload.prepare?.(this.#first);
    }
  }

  start(): void {
    this.#running = Array.from({ length: CLIENTS }, () =>
      this.#work(this.#newClient()).catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
      }),
    );
  }

  /**
   * Resolves when the last commands are answered or given up.
   *
   * @throws What a client could not make sense of.
   */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    if (this.#failure !== null) throw this.#failure;
  }

  /** Resolves when a write is acknowledged. */
  async probe(): Promise<void> {
    for (;;) {
      await this.#untilReady();
      const { replies } = await this.#first.ask(["SET", "probe", "1"]);
      if (replies?.[0]?.kind === "simple") return;
      this.#first.leave();
      await pause(RETRY_MS);
    }
  }

  /** Reads all that workloads have written, for the judges. */
  async readAll(): Promise<void> {
    for (const workload of this.workloads) {
      await this.#untilReady();
      await workload.readAll(this.#first);
    }
  }

  /** Nobody asks any more, whatever else is waited for. */
  close(): void {
    this.#isStopped = true;
    this.#isClosed = true;
    this.#first.leave();
  }

  async #untilReady(): Promise<void> {
    while (!(await this.#first.ready())) {
      if (this.#isClosed) throw new Error("the clients were closed");
    }
  }

  async #work(client: CountingClient): Promise<void> {
    const { random } = client;
    while (!this.#isStopped) {
      if (!(await client.ready())) continue;
      await this.workloads[random.between(0, this.workloads.length - 1)]!.step(client);
      if (random.chance(0.02)) client.leave();
      await pause(client.isLost ? random.between(...LOST_MS) : random.between(0, THINK_MS));
    }
    client.leave();
  }

  #newClient(): CountingClient {
    const setting = {
      process: { network: this.#network, scheduler: nodeScheduler },
      random: this.#random.fork(),
      servers: () => this.#ports.map((port) => ({ host: HOST, port })),
      nowMs,
      nextClientNumber: () => ++this.#numbers,
      replyTimeoutMs: this.#replyTimeoutMs,
    };
    return new CountingClient(setting, this.outcomes);
  }
}

/** Counts what becomes of its commands. */
class CountingClient extends LoadClient {
  /** Whether the last commands were not answered. */
  isLost = false;
  readonly #outcomes: Record<Outcome, number>;

  constructor(
    setting: ConstructorParameters<typeof LoadClient>[0],
    outcomes: Record<Outcome, number>,
  ) {
    super(setting);
    this.#outcomes = outcomes;
  }

  override async ask(...commands: readonly (readonly string[])[]): Promise<Asked> {
    const asked = await super.ask(...commands);
    this.isLost = asked.replies === null;
    for (const at of commands.keys()) this.#outcomes[outcomeOf(asked.replies?.[at])]++;
    return asked;
  }
}
