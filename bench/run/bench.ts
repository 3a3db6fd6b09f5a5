// What all procedures share: the options, the processes, the servers that rows run on, progress.
import { EtcdClient } from "../load/etcd-client.ts";
import { preload } from "../load/fill.ts";
import type { LoadResult } from "../load/result.ts";
import type { BenchOptions } from "../options.ts";
import { KEYS, VALUE_BYTES } from "../rows.ts";
import { startEtcd } from "../servers/etcd.ts";
import { startKvorum } from "../servers/kvorum.ts";
import { startRedis } from "../servers/redis.ts";
import {
  type Family,
  familyOf,
  type RunningServer,
  type ServerKind,
  type StartContext,
} from "../servers/server.ts";

/** One measured stretch, kept for the JSON file. */
export interface RawResult extends LoadResult {
  readonly row: string;
  readonly server: ServerKind;
  readonly round: number;
}

/** The surroundings of every procedure. */
export interface Bench extends StartContext {
  readonly options: BenchOptions;
  /** Families to run: asked for and installed. */
  readonly families: readonly Family[];
  readonly servers: ServerPool;
  readonly raw: RawResult[];
  /** Whether `redis-benchmark` is installed; without it our own generator does its rows. */
  readonly hasRedisBenchmark: boolean;
  /** Prints a line of progress. */
  log(text: string): void;
}

/** Servers with the common keys loaded, kept from row to row. */
export class ServerPool {
  readonly #context: StartContext;
  readonly #servers = new Map<ServerKind, RunningServer>();

  constructor(context: StartContext) {
    this.#context = context;
  }

  /** The running server of a kind; starts it and loads the keys first when there is none. */
  async get(kind: ServerKind): Promise<RunningServer> {
    const running = this.#servers.get(kind);
    if (running !== undefined) return running;
    const server = await this.#context.children.orNone(() => this.#startLoaded(kind));
    this.#servers.set(kind, server);
    return server;
  }

  /** Stops a server that has failed: the next row starts it anew. */
  async drop(kind: ServerKind): Promise<void> {
    await this.keepOnly([...this.#servers.keys()].filter((running) => running !== kind));
  }

  /** Stops all servers but those of these kinds. */
  async keepOnly(kinds: readonly ServerKind[]): Promise<void> {
    for (const [kind, server] of this.#servers) {
      if (kinds.includes(kind)) continue;
      this.#servers.delete(kind);
      await server.stop();
    }
  }

  async #startLoaded(kind: ServerKind): Promise<RunningServer> {
    const server = await startServer(kind, this.#context);
    const port = await server.leaderPort();
    if (familyOf(kind) === "etcd") await preloadEtcd(port);
    else await preload(port, KEYS, VALUE_BYTES);
    return server;
  }
}

/** What went wrong, as one text. */
export function inWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The outcome of `work`; null when it fails, which is printed and added to `problems`: a row
 * goes on with its other servers, and says `FAILED` at the end.
 */
export async function attempt<T>(
  bench: Bench,
  problems: string[],
  who: string,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    const words = `${who}: ${inWords(error)}`;
    problems.push(words);
    bench.log(`  ${words}`);
    return null;
  }
}

function startServer(kind: ServerKind, context: StartContext): Promise<RunningServer> {
  const family = familyOf(kind);
  if (family === "kvorum") return startKvorum(kind, context);
  return family === "redis" ? startRedis(kind, context) : startEtcd(context);
}

async function preloadEtcd(port: number): Promise<void> {
  const client = await EtcdClient.open(port);
  try {
    await client.preload(KEYS, VALUE_BYTES);
  } finally {
    client.close();
  }
}
