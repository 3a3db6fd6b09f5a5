// The nodes of `kvorum dev`: child processes that are watched, told to stop, and never restarted.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { votersWanted } from "../cluster/membership-rules.ts";
import { readInfo } from "./cluster-status.ts";
import { RespClient } from "./resp-client.ts";
import { neighbourPort } from "./server-config.ts";

const MAIN = fileURLToPath(new URL("../../bin/kvorum", import.meta.url));
const PEER_PORT_OFFSET = 10_000;
const LOOK_MS = 100;
/** How long nodes may take to end before they are killed. */
const STOP_MS_MAX = 10_000;
/** Lines of a node's log that are shown when it dies. */
const TAIL_LINES = 8;

/** Settings of a development cluster. */
export interface DevOptions {
  readonly nodes: number;
  readonly port: number;
  readonly data?: string;
  readonly fsync: string;
  readonly logs: boolean;
}

interface DevNode {
  readonly port: number;
  readonly child: ChildProcess;
  readonly tail: string[];
  alive: boolean;
}

/** A cluster of child processes. */
export class DevCluster {
  readonly #options: DevOptions;
  readonly #directory: string;
  readonly #isTemporary: boolean;
  readonly #nodes: DevNode[] = [];
  #stopping = false;
  #end: (code: number) => void = () => {};

  constructor(options: DevOptions) {
    this.#options = options;
    this.#isTemporary = options.data === undefined;
    this.#directory =
      options.data === undefined
        ? mkdtempSync(join(tmpdir(), "kvorum-dev-"))
        : resolve(options.data);
  }

  /** Runs until a signal, or until no node is left; resolves with the exit code. */
  async run(): Promise<number> {
    const ended = new Promise<number>((resolveEnd) => {
      this.#end = resolveEnd;
    });
    process.on("SIGTERM", () => this.#stop("SIGTERM"));
    process.on("SIGINT", () => this.#stop("SIGTERM"));
    mkdirSync(this.#directory, { recursive: true });
    for (let number = 1; number <= this.#options.nodes; number++) this.#start(number);
    const ready = this.#whenReady().then((isReady) => this.#sayReady(isReady));
    const code = await Promise.race([ended, ready.then(() => ended)]);
    if (this.#isTemporary) rmSync(this.#directory, { recursive: true, force: true });
    return code;
  }

  #start(number: number): void {
    const { nodes, port: firstPort, fsync } = this.#options;
    const port = firstPort + number - 1;
    const args = ["server", "--port", String(port), "--fsync", fsync, "--stop-with-stdin", "yes"];
    args.push("--data", join(this.#directory, `node-${number}`));
    if (nodes > 1) {
      const peers = Array.from({ length: nodes }, (_, at) => {
        return `127.0.0.1:${neighbourPort(firstPort + at, PEER_PORT_OFFSET)}`;
      });
      args.push("--join", peers.join(","), "--bootstrap-expect", String(nodes));
    }
    // A group of its own: Ctrl-C reaches this process alone, which then ends its nodes in order.
    // Should it be killed, the end of their standard input tells them.
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    const node: DevNode = { port, child, tail: [], alive: true };
    this.#nodes.push(node);
    this.#follow(node);
    child.on("exit", (code, signal) => this.#onExit(node, code, signal));
  }

  /** Keeps the last lines of a node, and shows them all when asked to. */
  #follow(node: DevNode): void {
    for (const stream of [node.child.stdout!, node.child.stderr!]) {
      createInterface({ input: stream }).on("line", (line) => {
        if (this.#options.logs) process.stdout.write(`[${node.port}] ${line}\n`);
        node.tail.push(line);
        if (node.tail.length > TAIL_LINES) node.tail.shift();
      });
    }
  }

  #onExit(node: DevNode, code: number | null, signal: NodeJS.Signals | null): void {
    node.alive = false;
    const left = this.#nodes.filter((each) => each.alive).length;
    if (!this.#stopping) this.#explain(node, code, signal, left);
    if (left === 0) this.#end(this.#stopping ? 0 : 1);
  }

  #explain(node: DevNode, code: number | null, signal: string | null, left: number): void {
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    const needed = Math.floor(votersWanted(this.#options.nodes) / 2) + 1;
    const rest =
      left >= needed
        ? `${left} of ${this.#options.nodes} go on`
        : `${left} of ${this.#options.nodes} are left, too few to write`;
    process.stdout.write(`kvorum dev: the node on port ${node.port} ${how}; ${rest}\n`);
    if (signal === null && code !== 0) {
      for (const line of node.tail) process.stdout.write(`  [${node.port}] ${line}\n`);
    }
  }

  #stop(signal: NodeJS.Signals): void {
    if (this.#stopping) {
      for (const node of this.#nodes) if (node.alive) node.child.kill("SIGKILL");
      return;
    }
    this.#stopping = true;
    for (const node of this.#nodes) if (node.alive) node.child.kill(signal);
    if (this.#nodes.every((node) => !node.alive)) this.#end(0);
    setTimeout(() => {
      for (const node of this.#nodes) if (node.alive) node.child.kill("SIGKILL");
    }, STOP_MS_MAX).unref();
  }

  /**
   * Resolves with true when all nodes serve and all that should vote do; false when that cannot be.
   */
  async #whenReady(): Promise<boolean> {
    for (;;) {
      if (this.#stopping || this.#nodes.some((node) => !node.alive)) return false;
      const states = await Promise.all(this.#nodes.map((node) => this.#isReady(node)));
      if (states.every(Boolean)) return true;
      await new Promise((resolveLook) => {
        setTimeout(resolveLook, LOOK_MS);
      });
    }
  }

  async #isReady(node: DevNode): Promise<boolean> {
    let client: RespClient | null = null;
    try {
      const address = { host: "127.0.0.1", port: node.port, password: "", user: "" };
      client = await RespClient.connect(address);
      const info = await readInfo(client);
      return info.leaderId !== 0 && info.voters === votersWanted(this.#options.nodes);
    } catch {
      // Not there yet: asked again soon, and its death is reported by itself.
      return false;
    } finally {
      client?.close();
    }
  }

  #sayReady(isReady: boolean): void {
    if (!isReady) return;
    const ports = this.#nodes.map(({ port, child }) => `127.0.0.1:${port} (pid ${child.pid})`);
    const kept = this.#isTemporary
      ? "data is thrown away at the end"
      : `data in ${this.#directory}`;
    process.stdout.write(`kvorum dev ready: ${ports.join(", ")}; ${kept}\n`);
  }
}
