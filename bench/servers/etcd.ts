// etcd as a peer: three nodes with the settings it comes with (every write synced).
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { EtcdClient } from "../load/etcd-client.ts";
import type { MemberStatus } from "../load/etcd-messages.ts";
import { type Child, type Children, until } from "./children.ts";
import { freePort } from "./ports.ts";
import type {
  FailoverCluster,
  RestartableNode,
  RunningServer,
  StartContext,
  Writer,
} from "./server.ts";

const NODES = 3;
/** Entries a restarted member may still lack to count as caught up while writes go on. */
const BEHIND_MAX = 1000n;
/** etcd 3.4 calls ARM64 unsupported unless told otherwise; Debian ships it there all the same. */
const environment: Record<string, string> =
  process.arch === "arm64" ? { ETCD_UNSUPPORTED_ARCH: "arm64" } : {};

class EtcdNode implements RestartableNode {
  readonly port: number;
  readonly #children: Children;
  readonly #args: readonly string[];
  #child: Child | null = null;

  constructor(children: Children, port: number, args: readonly string[]) {
    this.#children = children;
    this.port = port;
    this.#args = args;
  }

  get child(): Child {
    if (this.#child === null) throw new Error("the etcd node was not started");
    return this.#child;
  }

  get roots(): readonly number[] {
    return [this.child.pid];
  }

  start(): void {
    this.#child = this.#children.start("etcd", this.#args, environment);
  }

  async kill(): Promise<void> {
    await this.#children.kill(this.child);
  }

  async stop(): Promise<void> {
    await this.#children.stop(this.child);
  }
}

/** Starts three etcd nodes and waits until they agree on a leader. */
export async function startEtcd(context: StartContext): Promise<RunningServer> {
  const nodes = await startNodes(context.children);
  return {
    kind: "etcd-three",
    version: await versionOf(nodes),
    roots: nodes.flatMap((node) => [...node.roots]),
    leaderPort: async () => nodes[await leaderOf(nodes)]!.port,
    // Syncing is off only with --unsafe-no-fsync, which is not passed.
    problems: async () => [],
    stop: () => stopAll(nodes),
  };
}

/** Starts three etcd nodes for killing one at a time. */
export async function startEtcdFailover(context: StartContext): Promise<FailoverCluster> {
  const nodes = await startNodes(context.children);
  const existing = async (prefix: string, count: number): Promise<Set<number>> => {
    const keys = await withClient(nodes[await leaderOf(nodes)]!, (client) =>
      client.keysWithPrefix(prefix),
    );
    const numbers = keys.map((key) => Number(key.slice(prefix.length)));
    return new Set(numbers.filter((number) => number < count));
  };
  return {
    family: "etcd",
    nodes,
    leader: () => leaderOf(nodes),
    isWhole: () => isWhole(nodes),
    writer: (node, timeoutMs) => openWriter(nodes[node]!, timeoutMs),
    existing,
    stop: () => stopAll(nodes),
  };
}

/** Version of the etcd on the PATH. */
export function etcdVersion(): string {
  const text = execFileSync("etcd", ["--version"], { encoding: "utf8" });
  return /etcd Version: (\S+)/.exec(text)?.[1] ?? "unknown";
}

async function startNodes(children: Children): Promise<EtcdNode[]> {
  const ports: number[] = [];
  for (let node = 0; node < NODES; node++) ports.push(await freePort([0, 1]));
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  const members = ports.map((port, node) => `n${node}=${url(port + 1)}`).join(",");
  const nodes = ports.map((port, node) => {
    const args = ["--name", `n${node}`, "--data-dir", join(children.folder, `etcd-${port}`)];
    args.push("--listen-client-urls", url(port), "--advertise-client-urls", url(port));
    args.push("--listen-peer-urls", url(port + 1), "--initial-advertise-peer-urls", url(port + 1));
    args.push("--initial-cluster", members, "--initial-cluster-state", "new");
    return new EtcdNode(children, port, args);
  });
  for (const node of nodes) node.start();
  const processes = nodes.map(({ child }) => child);
  await until("three etcd nodes form a cluster", processes, () => isWhole(nodes));
  return nodes;
}

async function isWhole(nodes: readonly EtcdNode[]): Promise<boolean> {
  const statuses = await Promise.all(nodes.map(statusOf));
  const leaders = new Set(statuses.map(({ leaderId }) => leaderId));
  const applied = statuses.map(({ appliedIndex }) => appliedIndex).sort(compareBigints);
  return leaders.size === 1 && !leaders.has(0n) && applied.at(-1)! - applied[0]! < BEHIND_MAX;
}

async function leaderOf(nodes: readonly EtcdNode[]): Promise<number> {
  const statuses = await Promise.all(
    nodes.map((node) => statusOf(node).catch((error: unknown) => String(error))),
  );
  const leader = statuses.findIndex(
    (status) => typeof status !== "string" && status.leaderId === status.memberId,
  );
  if (leader < 0) throw new Error("etcd has no leader");
  return leader;
}

function statusOf(node: EtcdNode): Promise<MemberStatus> {
  return withClient(node, (client) => client.status());
}

async function versionOf(nodes: readonly EtcdNode[]): Promise<string> {
  return (await statusOf(nodes[0]!)).version;
}

async function openWriter(node: EtcdNode, timeoutMs: number): Promise<Writer> {
  const client = await EtcdClient.open(node.port);
  return {
    write: (key) => client.put(key, key, timeoutMs),
    close: () => client.close(),
  };
}

async function withClient<T>(node: EtcdNode, use: (client: EtcdClient) => Promise<T>): Promise<T> {
  const client = await EtcdClient.open(node.port);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

async function stopAll(nodes: readonly EtcdNode[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.stop()));
}

function compareBigints(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
