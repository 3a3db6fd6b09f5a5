// A `kvorum server` process: started as a user would, killed and started again on its data.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../bench/servers/ports.ts";
import { type Lab, repository } from "./lab.ts";
import type { Ending, Program } from "./program.ts";
import { RespConnection } from "./resp-connection.ts";

/** `KVORUM_BIN` lets tests run another build. */
export const kvorumPath: string = process.env["KVORUM_BIN"] ?? join(repository, "bin", "kvorum");

const PEER_PORT_DISTANCE = 10_000;
const HTTP_PORT_DISTANCE = 2_000;
const READY = /^kvorum\b.*\bready\b/m;

/** How to start a node. */
export interface KvorumOptions {
  readonly fsync?: "always" | "everysec" | "no";
  /** More flags. */
  readonly flags?: readonly string[];
  /** A command and its arguments to run the node under, such as strace. */
  readonly under?: readonly string[];
  /** Options for node itself. */
  readonly nodeOptions?: readonly string[];
  /** Existing data; a fresh folder by default. */
  readonly data?: string;
}

/** One node. */
export class KvorumServer {
  readonly port: number;
  readonly data: string;
  readonly #lab: Lab;
  readonly #options: KvorumOptions;
  #program: Program | null = null;

  private constructor(lab: Lab, options: KvorumOptions, port: number) {
    this.#lab = lab;
    this.#options = options;
    this.port = port;
    this.data = options.data ?? lab.freshFolder("kvorum");
  }

  /** Starts a node on free ports and waits until it is ready. */
  static async start(lab: Lab, options: KvorumOptions = {}): Promise<KvorumServer> {
    const server = await KvorumServer.prepare(lab, options);
    await server.restart();
    return server;
  }

  /** Chooses ports and folder without starting anything. */
  static async prepare(lab: Lab, options: KvorumOptions = {}): Promise<KvorumServer> {
    if (!existsSync(kvorumPath)) throw new Error(`${kvorumPath} is not there`);
    const port = await freePort([0, HTTP_PORT_DISTANCE, PEER_PORT_DISTANCE]);
    return new KvorumServer(lab, options, port);
  }

  /** Port for other nodes. */
  get peerPort(): number {
    return this.port + PEER_PORT_DISTANCE;
  }

  /** The process that runs now or ran last. */
  get program(): Program {
    if (this.#program === null) throw new Error("this node was not started");
    return this.#program;
  }

  /** Starts the process; returns before it is ready. */
  launch(): Program {
    const { under = [], nodeOptions = [], fsync = "always", flags = [] } = this.#options;
    const node = [process.execPath, ...nodeOptions, kvorumPath, "server"];
    const addresses = ["--port", String(this.port), "--data", this.data];
    const [command, ...args] = [...under, ...node, ...addresses, "--fsync", fsync, ...flags];
    this.#program = this.#lab.start(command!, args);
    return this.#program;
  }

  /** Starts the process and waits until it is ready. */
  async restart(): Promise<void> {
    const program = this.launch();
    await program.seen(READY);
  }

  /** SIGTERM, and waits for the end. */
  async stop(): Promise<Ending> {
    return this.program.terminate();
  }

  /** SIGKILL, and waits for the end. */
  async kill(): Promise<Ending> {
    return this.program.kill();
  }

  /** A new connection. */
  async connect(): Promise<RespConnection> {
    return RespConnection.open(this.port);
  }

  /** Runs `use` with a connection of its own. */
  async with<T>(use: (connection: RespConnection) => Promise<T>): Promise<T> {
    const connection = await this.connect();
    try {
      return await use(connection);
    } finally {
      connection.close();
    }
  }
}
