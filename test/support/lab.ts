// One test file's processes and folders: everything that is started here ends with it, in all
// cases.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { typescriptArgs } from "../../bench/typescript.ts";
import { Program } from "./program.ts";

/** The repository's folder. */
export const repository: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const REAPER = join(repository, "bench", "servers", "reaper.ts");

/** Starts processes and makes folders; {@link close} ends and removes them all. */
export class Lab {
  /** A fresh folder. */
  readonly folder: string = mkdtempSync(join(tmpdir(), "kvorum-test-"));
  readonly #programs = new Set<Program>();
  readonly #reaper: ChildProcess;
  #folders = 0;

  constructor() {
    // Ends the processes and removes the folder when this one is killed before it can.
    this.#reaper = spawn(process.execPath, [...typescriptArgs, REAPER], {
      detached: true,
      stdio: ["pipe", "ignore", "inherit"],
    });
    this.#reaper.unref();
    this.#tell("folder", this.folder);
  }

  /** A fresh folder inside {@link folder}. */
  freshFolder(name: string): string {
    const path = join(this.folder, `${name}-${this.#folders++}`);
    mkdirSync(path);
    return path;
  }

  /** Starts a process in a process group of its own. */
  start(command: string, args: readonly string[], environment?: NodeJS.ProcessEnv): Program {
    const program = new Program(command, args, environment);
    this.#programs.add(program);
    this.#tell("group", program.pid);
    void this.#forget(program);
    return program;
  }

  /** Kills what still runs and removes the folder. */
  async close(): Promise<void> {
    await Promise.all([...this.#programs].map((program) => program.kill()));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20 });
    this.#tell("folder-removed", this.folder);
    this.#reaper.stdin?.end();
  }

  async #forget(program: Program): Promise<void> {
    await program.ended;
    this.#programs.delete(program);
    this.#tell("group-ended", program.pid);
  }

  #tell(verb: string, what: string | number): void {
    this.#reaper.stdin?.write(`${verb}\t${what}\n`);
  }
}
