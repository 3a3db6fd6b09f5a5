// A client of a cluster, simulated or real: keeps a connection to some server, and finds another
// when that one fails.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { ReplyValue } from "../../src/cli/reply-reader.ts";
import type { Outcome } from "../judges/history.ts";
import { type ClientProcess, LoadConnection } from "./connection.ts";

const CONNECT_TIMEOUT_MS = 1_000;
/** Until the next try after a server could not be reached, at most. */
const RETRY_MS = 200;

/** What a client sent, and what came of it. Times in ms of true time. */
export interface Asked {
  /**
   * Number of the connection among all of the run: a client goes on under a new one after a loss.
   */
  readonly client: number;
  readonly invokedAt: number;
  /** Infinity when not all replies came. */
  readonly returnedAt: number;
  /** One for each command; null when not all came. */
  readonly replies: readonly ReplyValue[] | null;
}

/** Where a server is reached. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** What a run gives to its clients. */
export interface ClientSetting {
  readonly process: ClientProcess;
  readonly random: SimRandom;
  /** Addresses of servers that may be asked. */
  servers(): readonly ServerAddress[];
  /** True time, Unix ms. */
  nowMs(): number;
  nextClientNumber(): number;
  readonly replyTimeoutMs: number;
}

/** One client, which does one thing after the other. */
export class LoadClient {
  readonly random: SimRandom;
  readonly #setting: ClientSetting;
  #connection: LoadConnection | null = null;
  #number = 0;

  constructor(setting: ClientSetting) {
    this.#setting = setting;
    this.random = setting.random;
  }

  nowMs(): number {
    return this.#setting.nowMs();
  }

  /** Number of the present connection. */
  get number(): number {
    return this.#number;
  }

  /** Waits a while. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#setting.process.scheduler.after(ms, resolve);
    });
  }

  /** Connects if need be; false when no server took the connection (after a little wait). */
  async ready(): Promise<boolean> {
    if (this.#connection?.open === true) return true;
    const { process, random } = this.#setting;
    const servers = this.#setting.servers();
    const server = servers[random.between(0, servers.length - 1)]!;
    const connection = new LoadConnection(process);
    this.#connection = connection;
    this.#number = this.#setting.nextClientNumber();
    if (await connection.connect(server.host, server.port, CONNECT_TIMEOUT_MS)) return true;
    await this.sleep(random.between(1, RETRY_MS));
    return false;
  }

  /** Leaves the server: the next command goes to any of them. */
  leave(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  /**
   * Reads that are repeated until all replies came and none is an error. The times are those of the
   * last try.
   */
  async askUntilAnswered(...commands: readonly (readonly string[])[]): Promise<Asked> {
    for (;;) {
      if (!(await this.ready())) continue;
      const asked = await this.ask(...commands);
      if (asked.replies?.every(({ kind }) => kind !== "error") === true) return asked;
      this.leave();
      await this.sleep(this.random.between(1, RETRY_MS));
    }
  }

  /** Sends commands in one write and waits for all replies. To be called when `ready`. */
  async ask(...commands: readonly (readonly string[])[]): Promise<Asked> {
    const client = this.#number;
    const invokedAt = this.nowMs();
    const connection = this.#connection;
    const replies = (await connection?.ask(commands, this.#setting.replyTimeoutMs)) ?? null;
    return { client, invokedAt, returnedAt: replies === null ? Infinity : this.nowMs(), replies };
  }
}

/** What a reply says of the command's fate. */
export function outcomeOf(reply: ReplyValue | undefined): Outcome {
  if (reply === undefined) return "unknown";
  if (reply.kind !== "error") return "ok";
  return reply.text.startsWith("UNCERTAIN") ? "unknown" : "failed";
}

/** Strings, integers and nil as plain values; throws for any other kind. */
export function plainReply(reply: ReplyValue): string | number | null {
  if (reply.kind === "simple") return reply.text;
  if (reply.kind === "integer") return Number(reply.text);
  if (reply.kind === "bulk") return reply.bytes.toString("latin1");
  if (reply.kind === "nil") return null;
  throw new Error(`a reply of a kind that was not asked for: ${reply.kind}`);
}
