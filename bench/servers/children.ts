// Starts and ends the processes of a benchmark. Each server is the leader of its own process
// group, so that ending it ends its children too; a reaper process ends all if we die first.
import { type ChildProcess, spawn } from "node:child_process";
import { openSync, closeSync, readFileSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { livingTree } from "../proc.ts";
import { typescriptArgs } from "../typescript.ts";

const REAPER = join(dirname(fileURLToPath(import.meta.url)), "reaper.ts");
const TMPFS_MAGIC = 0x01021994;
const LOG_TAIL_CHARS = 2000;
const STOP_TIMEOUT_MS = 10_000;

/** A started process with its log file. */
export interface Child {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** What it has written to standard output and error so far. */
  log(): string;
  /** False once it has ended. */
  isAlive(): boolean;
}

/** The processes and folders of one benchmark run. */
export class Children {
  /** A fresh folder on a real disk; all data directories lie in it. */
  readonly folder: string;
  readonly #reaper: ChildProcess;
  readonly #children = new Set<Child>();
  #logCount = 0;

  /**
   * @param parent Folder to make the fresh folder in; the system's folder for temporary files by
   *   default, or /var/tmp when that one lies in memory.
   * @throws Error when the folder lies in memory, where syncing costs nothing.
   */
  constructor(parent: string = isInMemory(tmpdir()) ? "/var/tmp" : tmpdir()) {
    if (isInMemory(parent)) throw new Error(`${parent} lies in memory: use a folder on a disk`);
    this.folder = mkdtempSync(join(parent, "kvorum-bench-"));
    this.#reaper = spawn(process.execPath, [...typescriptArgs, REAPER], {
      detached: true,
      stdio: ["pipe", "ignore", "inherit"],
    });
    this.#reaper.unref();
    this.#tell("folder", this.folder);
  }

  /** Starts `command` in a process group of its own. */
  start(command: string, args: readonly string[], environment?: Record<string, string>): Child {
    const logPath = join(this.folder, `log-${this.#logCount++}.txt`);
    const log = openSync(logPath, "a");
    const env = { ...process.env, ...environment };
    const stdio = ["ignore", log, log] as const;
    const process_ = spawn(command, args, { detached: true, stdio: [...stdio], env });
    closeSync(log);
    const { pid } = process_;
    if (pid === undefined) throw new Error(`cannot start ${command}`);
    this.#tell("group", pid);
    let isAlive = true;
    const ended = new Promise<void>((resolve) => {
      process_.on("exit", () => {
        isAlive = false;
        resolve();
      });
    });
    const child: Child = {
      pid,
      ended,
      log: () => readFileSync(logPath, "utf8"),
      isAlive: () => isAlive,
    };
    this.#children.add(child);
    return child;
  }

  /** Ends a child: SIGTERM, and after 10 s SIGKILL for it and whatever is left of its group. */
  async stop(child: Child): Promise<void> {
    if (child.isAlive()) signal(child.pid, "SIGTERM");
    await Promise.race([child.ended, pause(STOP_TIMEOUT_MS)]);
    await this.kill(child);
  }

  /** Ends a child and its whole group at once with SIGKILL. */
  async kill(child: Child): Promise<void> {
    const tree = child.isAlive() ? livingTree([child.pid]) : [];
    for (const target of [-child.pid, ...tree]) signal(target, "SIGKILL");
    await child.ended;
    this.#children.delete(child);
    this.#tell("group-ended", child.pid);
  }

  /** Does `work`; when that fails, kills every process that was started in the course of it. */
  async orNone<T>(work: () => Promise<T>): Promise<T> {
    const before = new Set(this.#children);
    try {
      return await work();
    } catch (error) {
      const started = [...this.#children].filter((child) => !before.has(child));
      await Promise.all(started.map((child) => this.kill(child)));
      throw error;
    }
  }

  /** Kills what still runs, removes the folder and lets the reaper go. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.kill(child)));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20 });
    this.#tell("folder-removed", this.folder);
    this.#reaper.stdin?.end();
  }

  #tell(verb: string, what: string | number): void {
    this.#reaper.stdin?.write(`${verb}\t${what}\n`);
  }
}

/** Resolves after `ms` milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks `isDone` again and again until it says yes; a failure of the question counts as no.
 *
 * @throws Error with the last failure and the tail of the log when a child has ended or time is up.
 */
export async function until(
  what: string,
  children: readonly Child[],
  isDone: () => Promise<boolean>,
  { timeoutMs = 60_000, everyMs = 20 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let lastFailure: unknown = "the answer was no";
  for (;;) {
    try {
      if (await isDone()) return;
    } catch (error) {
      lastFailure = error;
    }
    const dead = children.find((child) => !child.isAlive());
    if (dead !== undefined || Date.now() > deadline) {
      const log = (dead ?? children[0])?.log().slice(-LOG_TAIL_CHARS) ?? "";
      const reason = dead === undefined ? `not within ${timeoutMs} ms` : "the process ended";
      throw new Error(`${what}: ${reason}; ${String(lastFailure)}\n${log}`);
    }
    await pause(everyMs);
  }
}

/** Sends a signal to a process, or to a group by its negative number; gone already is fine. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function isInMemory(folder: string): boolean {
  return statfsSync(folder).type === TMPFS_MAGIC;
}
