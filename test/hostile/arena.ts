// A server under attack, with somebody else's connection that must not notice.
import { setTimeout as pause } from "node:timers/promises";
import { residentBytes } from "../../bench/proc.ts";
import type { KvorumServer } from "../support/kvorum-server.ts";
import type { RespConnection } from "../support/resp-connection.ts";

export const MIB: number = 1024 * 1024;
/** Longest wait of the bystander that passes, on a loaded machine. */
const SLOWEST_MS = 3000;
const ASKS_EVERY_MS = 10;
const CANARY = "canary\r\n\u0000";

/** What an attack may cost. */
export interface Allowance {
  /** Resident memory above what it was before, in bytes. */
  readonly growthBytes?: number;
  readonly slowestMs?: number;
}

/**
 * Runs an attack while another client goes on; afterwards the server is the same process, answers
 * old and new connections, has its data, and has not grown by more than allowed.
 */
export async function survives(
  server: KvorumServer,
  attack: () => Promise<void>,
  { growthBytes = 150 * MIB, slowestMs = SLOWEST_MS }: Allowance = {},
): Promise<"unharmed"> {
  const { program } = server;
  const before = memoryOf(server);
  const bystander = await Bystander.watch(server);
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, memoryOf(server));
  }, 50);
  try {
    await attack();
  } finally {
    clearInterval(watch);
    await bystander.stop();
  }
  if (program.ending !== null) throw new Error(`it ended: ${program.output.slice(-2000)}`);
  await server.with(async (connection) => {
    const canary = (await connection.call("GET", "canary")).text;
    if (canary !== CANARY) throw new Error(`the canary is ${canary}`);
  });
  atMost("slowest answer to another client, ms", bystander.slowestMs, slowestMs);
  atMost("growth of resident memory, MiB", (peak - before) / MIB, growthBytes / MIB);
  return "unharmed";
}

function atMost(what: string, value: number, limit: number): void {
  if (value > limit) throw new Error(`${what}: ${Math.round(value)}, at most ${limit}`);
}

/** Resident bytes of the server's process. */
export function memoryOf(server: KvorumServer): number {
  return residentBytes([server.program.pid]);
}

/** A client that asks for one key again and again. */
class Bystander {
  slowestMs = 0;
  readonly #connection: RespConnection;
  #stopped = false;
  #failure: Error | null = null;
  readonly #loop: Promise<void>;

  private constructor(connection: RespConnection) {
    this.#connection = connection;
    this.#loop = this.#ask();
  }

  static async watch(server: KvorumServer): Promise<Bystander> {
    const connection = await server.connect();
    await connection.call("SET", "canary", CANARY);
    return new Bystander(connection);
  }

  /** @throws Error when an answer was wrong or did not come. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
    this.#connection.close();
    if (this.#failure !== null) throw this.#failure;
  }

  async #ask(): Promise<void> {
    try {
      while (!this.#stopped) {
        const sentMs = performance.now();
        const reply = await this.#connection.call("GET", "canary");
        if (reply.text !== CANARY) throw new Error(`the bystander got ${reply.kind} ${reply.text}`);
        this.slowestMs = Math.max(this.slowestMs, performance.now() - sentMs);
        await pause(ASKS_EVERY_MS);
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }
}
