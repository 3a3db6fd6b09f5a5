// A real redis-server to compare with, where there is one.
import { spawnSync } from "node:child_process";
import { freePort } from "../../bench/servers/ports.ts";
import type { Lab } from "./lab.ts";
import type { Program } from "./program.ts";
import { RespConnection } from "./resp-connection.ts";

/**
 * Whether a program these tests drive is on the PATH. Says so loudly when it is not; then the
 * caller skips.
 *
 * @throws Error when it is missing and `KVORUM_REQUIRE_PEERS=1`.
 */
export function isInstalled(program: string): boolean {
  if (spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined) return true;
  const hint = `${program} is not on the PATH (Debian packages: redis-server, redis-tools, strace)`;
  if (process.env["KVORUM_REQUIRE_PEERS"] === "1") throw new Error(hint);
  process.stderr.write(`\nSKIPPED: ${hint}\n`);
  return false;
}

/** Redis without persistence, with Kvorum's limits. */
export class RedisServer {
  readonly port: number;
  readonly #program: Program;

  private constructor(port: number, program: Program) {
    this.port = port;
    this.#program = program;
  }

  /** Starts it and waits until it serves. */
  static async start(lab: Lab): Promise<RedisServer> {
    const port = await freePort();
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", lab.freshFolder("redis")];
    args.push("--save", "", "--appendonly", "no", "--proto-max-bulk-len", String(64 * 1024 * 1024));
    const program = lab.start("redis-server", args);
    await program.seen(/Ready to accept connections/);
    return new RedisServer(port, program);
  }

  /** A new connection. */
  async connect(): Promise<RespConnection> {
    return RespConnection.open(this.port);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#program.kill();
  }
}
