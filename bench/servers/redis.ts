// Redis as a peer: alone without persistence, alone with every write synced, with two replicas.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Child, type Children, until } from "./children.ts";
import { freePort } from "./ports.ts";
import { answersPing, ask, infoFields } from "./resp-control.ts";
import type { RestartableNode, RunningServer, ServerKind, StartContext } from "./server.ts";

/** Without persistence; with every write synced before it is acknowledged. */
export const redisSettings: Readonly<Record<"relaxed" | "durable", readonly string[]>> = {
  relaxed: ["--save", "", "--appendonly", "no"],
  durable: ["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
};

/** A Redis node in a folder of its own, not started yet. */
export class RedisNode implements RestartableNode {
  readonly port: number;
  readonly #children: Children;
  readonly #args: readonly string[];
  #child: Child | null = null;

  private constructor(children: Children, port: number, args: readonly string[]) {
    this.#children = children;
    this.port = port;
    this.#args = args;
  }

  /** Makes the folder, chooses the port and starts it. */
  static async start(children: Children, settings: readonly string[]): Promise<RedisNode> {
    const port = await freePort();
    const folder = join(children.folder, `redis-${port}`);
    mkdirSync(folder);
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, ...settings];
    const node = new RedisNode(children, port, args);
    node.start();
    return node;
  }

  get child(): Child {
    if (this.#child === null) throw new Error("the Redis node was not started");
    return this.#child;
  }

  get roots(): readonly number[] {
    return [this.child.pid];
  }

  start(): void {
    this.#child = this.#children.start("redis-server", this.#args);
  }

  async kill(): Promise<void> {
    await this.#children.kill(this.child);
  }

  async stop(): Promise<void> {
    await this.#children.stop(this.child);
  }
}

/** Starts one of the Redis set-ups and waits until it serves (and its replicas follow). */
export async function startRedis(kind: ServerKind, context: StartContext): Promise<RunningServer> {
  const { children } = context;
  const settings = redisSettings[kind === "redis-relaxed" ? "relaxed" : "durable"];
  const master = await RedisNode.start(children, settings);
  const nodes = [master];
  const processes = (): Child[] => nodes.map((node) => node.child);
  await until("redis-server starts", processes(), () => answersPing(master.port));
  if (kind === "redis-three") {
    const follow = [...settings, "--replicaof", "127.0.0.1", String(master.port)];
    for (let replica = 0; replica < 2; replica++) {
      nodes.push(await RedisNode.start(children, follow));
    }
    await until("Redis replicas follow", processes(), () => areFollowing(nodes.slice(1)));
  }
  return {
    kind,
    version: (await infoFields(master.port, "server")).get("redis_version") ?? "unknown",
    roots: nodes.flatMap((node) => [...node.roots]),
    leaderPort: async () => master.port,
    problems: async () => (await Promise.all(nodes.map((node) => problemsOf(kind, node)))).flat(),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function areFollowing(replicas: readonly RedisNode[]): Promise<boolean> {
  const infos = await Promise.all(replicas.map(({ port }) => infoFields(port, "replication")));
  return infos.every((info) => info.get("master_link_status") === "up");
}

async function problemsOf(kind: ServerKind, node: RedisNode): Promise<string[]> {
  const wanted =
    kind === "redis-relaxed"
      ? [["appendonly", "no"] as const, ["save", ""] as const]
      : [["appendonly", "yes"] as const, ["appendfsync", "always"] as const];
  const problems: string[] = [];
  for (const [name, value] of wanted) {
    const reply = await ask(node.port, "CONFIG", "GET", name);
    const given = Array.isArray(reply) ? reply[1] : undefined;
    if (given !== value) problems.push(`Redis on ${node.port}: ${name} is ${String(given)}`);
  }
  return problems;
}
