// Kvorum itself, started from outside as a user would (design.md, section 12).
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { filesOpenedSynced } from "../proc.ts";
import { type Child, type Children, until } from "./children.ts";
import { freePort } from "./ports.ts";
import { answersPing, existingKeys, findLeaderPort, roleOf } from "./resp-control.ts";
import { RespWriter } from "./resp-writer.ts";
import type {
  FailoverCluster,
  RestartableNode,
  RunningServer,
  ServerKind,
  StartContext,
} from "./server.ts";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The launcher, built by `npm run build`. */
export const kvorumPath: string = join(repository, "bin", "kvorum");

const NODES = 3;
const PEER_PORT_DISTANCE = 10_000;
const HTTP_PORT_DISTANCE = 2_000;
const READY = /\bready\b/i;

/** A Kvorum process with its data folder, started again with the same arguments after a kill. */
export class KvorumProcess implements RestartableNode {
  readonly port: number;
  readonly folder: string;
  readonly #children: Children;
  readonly #command: readonly string[];
  #child: Child | null = null;

  constructor(children: Children, port: number, folder: string, command: readonly string[]) {
    this.#children = children;
    this.port = port;
    this.folder = folder;
    this.#command = command;
    mkdirSync(folder);
  }

  get child(): Child {
    if (this.#child === null) throw new Error("Kvorum was not started");
    return this.#child;
  }

  get roots(): readonly number[] {
    return [this.child.pid];
  }

  start(): void {
    const [program, ...args] = this.#command;
    this.#child = this.#children.start(program!, args);
  }

  async kill(): Promise<void> {
    await this.#children.kill(this.child);
  }

  async stop(): Promise<void> {
    await this.#children.stop(this.child);
  }
}

/** Starts a single Kvorum node, not waiting until it serves. */
export async function startKvorumNode(
  context: StartContext,
  fsync: "no" | "always",
): Promise<KvorumProcess> {
  const port = await freePort([0, HTTP_PORT_DISTANCE, PEER_PORT_DISTANCE]);
  const folder = join(context.children.folder, `kvorum-${port}`);
  const own = ["server", "--port", String(port), "--data", folder, "--fsync", fsync];
  const command = standInCommand(context.standIn, port, folder) ?? [kvorumPath, ...own];
  const node = new KvorumProcess(context.children, port, folder, command);
  node.start();
  return node;
}

/** Starts one of the Kvorum set-ups and waits until it serves. */
export async function startKvorum(kind: ServerKind, context: StartContext): Promise<RunningServer> {
  if (kind === "kvorum-three") return startThree(context);
  const isDurable = kind === "kvorum-durable";
  const node = await startKvorumNode(context, isDurable ? "always" : "no");
  await untilReady(context, node, [node.port]);
  return {
    kind,
    version: kvorumVersion(),
    roots: node.roots,
    leaderPort: async () => node.port,
    problems: async () => (isDurable ? unsynced(node, 1) : []),
    stop: () => node.stop(),
  };
}

/** Version of the working tree that is measured: commit, `+` when there are changes on top. */
export function kvorumVersion(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", repository, ...args], { encoding: "utf8" }).trim();
  const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
  return git("rev-parse", "--short", "HEAD") + (isChanged ? "+" : "");
}

/** Starts three Kvorum servers that form a cluster by themselves, for killing one at a time. */
export async function startKvorumFailover(context: StartContext): Promise<FailoverCluster> {
  const { children } = context;
  const ports: number[] = [];
  for (let node = 0; node < NODES; node++) {
    ports.push(await freePort([0, HTTP_PORT_DISTANCE, PEER_PORT_DISTANCE]));
  }
  const peers = ports.map((port) => `127.0.0.1:${port + PEER_PORT_DISTANCE}`);
  const nodes = ports.map((port, index) => {
    const folder = join(children.folder, `kvorum-${port}`);
    const join_ = peers.filter((_, other) => other !== index).join(",");
    const own = ["server", "--port", String(port), "--data", folder, "--fsync", "always"];
    const group = ["--join", join_, "--bootstrap-expect", String(NODES)];
    return new KvorumProcess(children, port, folder, [kvorumPath, ...own, ...group]);
  });
  for (const node of nodes) node.start();
  const leader = async (): Promise<number> => ports.indexOf(await findLeaderPort(ports));
  const isWhole = async (): Promise<boolean> => {
    const roles = await Promise.all(ports.map(roleOf));
    return roles.filter((role) => role === "master").length === 1;
  };
  const processes = nodes.map(({ child }) => child);
  await until("three Kvorum servers form a cluster", processes, isWhole);
  return {
    family: "kvorum",
    nodes,
    leader,
    isWhole,
    writer: (node, timeoutMs) => RespWriter.open(ports[node]!, timeoutMs),
    existing: async (prefix, count) => existingKeys(ports[await leader()]!, prefix, count),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** The stand-in's command line with `{port}` and `{dir}` filled in; null without a stand-in. */
export function standInCommand(
  template: string | null,
  port: number,
  folder: string,
): string[] | null {
  if (template === null) return null;
  const filled = template.replaceAll("{port}", String(port)).replaceAll("{dir}", folder);
  return filled.split(/\s+/);
}

async function startThree(context: StartContext): Promise<RunningServer> {
  const nodes = Array.from({ length: NODES }, (_, node) => node);
  const distances = [0, HTTP_PORT_DISTANCE, PEER_PORT_DISTANCE];
  const port = await freePort(distances.flatMap((by) => nodes.map((node) => node + by)));
  const ports = nodes.map((node) => port + node);
  const folder = join(context.children.folder, `kvorum-${port}`);
  const own = ["dev", "--nodes", String(NODES), "--port", String(port), "--data", folder];
  const command = [kvorumPath, ...own];
  const cluster = new KvorumProcess(context.children, port, folder, command);
  cluster.start();
  await untilReady(context, cluster, ports);
  const hasLeader = async (): Promise<boolean> => (await findLeaderPort(ports)) > 0;
  await until("Kvorum elects a leader", [cluster.child], hasLeader);
  return {
    kind: "kvorum-three",
    version: kvorumVersion(),
    roots: cluster.roots,
    leaderPort: () => findLeaderPort(ports),
    problems: async () => unsynced(cluster, NODES),
    stop: () => cluster.stop(),
  };
}

async function untilReady(
  context: StartContext,
  node: KvorumProcess,
  ports: readonly number[],
): Promise<void> {
  const saysReady = (): boolean => context.standIn !== null || READY.test(node.child.log());
  await until("Kvorum becomes ready", [node.child], async () => {
    const answers = await Promise.all(ports.map(answersPing));
    return saysReady() && answers.every(Boolean);
  });
}

/**
 * Whether the log really is synced, seen from outside: an open file under the data folder with
 * O_DSYNC for each node. The server's own word for it would prove nothing.
 */
function unsynced(node: KvorumProcess, nodes: number): string[] {
  const files = new Set(filesOpenedSynced(node.roots, node.folder));
  if (files.size >= nodes) return [];
  return [`Kvorum holds ${files.size} files open with O_DSYNC, ${nodes} at least are expected`];
}
