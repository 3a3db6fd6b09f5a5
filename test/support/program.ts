// One started process: its output as lines that can be waited for, its end as a promise.
import { type ChildProcess, spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";

const OUTPUT_CHARACTERS_MAX = 4 * 1024 * 1024;
const SHOWN_CHARACTERS = 4000;
const END_MS_MAX = 20_000;

/** How a process ended. */
export interface Ending {
  /** Exit code, null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface LineWaiter {
  readonly pattern: RegExp;
  readonly resolve: (found: RegExpExecArray) => void;
  readonly reject: (error: Error) => void;
}

/** A running or ended process. */
export class Program {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** What it wrote to standard output and standard error, in the order it came. */
  output = "";
  readonly #child: ChildProcess;
  readonly #waiters = new Set<LineWaiter>();
  #ending: Ending | null = null;

  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const child = spawn(command, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    if (child.pid === undefined) throw new Error(`cannot start ${command}`);
    this.#child = child;
    this.pid = child.pid;
    for (const stream of [child.stdout, child.stderr]) {
      const decoder = new StringDecoder("utf8");
      stream.on("data", (bytes: Buffer) => this.#onOutput(decoder.write(bytes)));
    }
    // "close" comes when the output is complete too.
    this.ended = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#ending = { code, signal };
        this.#onEnded();
        resolve(this.#ending);
      });
    });
  }

  /** How it ended; null while it runs. */
  get ending(): Ending | null {
    return this.#ending;
  }

  /**
   * Waits for output that matches, from the start of the process on.
   *
   * @throws Error with the output when the process ends first, or after `timeoutMs`.
   */
  async seen(pattern: RegExp, timeoutMs = 30_000): Promise<RegExpExecArray> {
    const found = pattern.exec(this.output);
    if (found !== null) return found;
    if (this.#ending !== null) throw this.#failure(`ended before it printed ${pattern.source}`);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<RegExpExecArray>((resolve, reject) => {
        this.#waiters.add({ pattern, resolve, reject });
        timer = setTimeout(() => {
          reject(this.#failure(`did not print ${pattern.source} within ${timeoutMs} ms`));
        }, timeoutMs);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal to this process alone; gone already is fine. */
  signal(name: NodeJS.Signals): void {
    if (this.#ending === null) this.#child.kill(name);
  }

  /** SIGKILL for the process and its group; resolves when it has ended. */
  async kill(): Promise<Ending> {
    if (this.#ending === null) killGroup(this.pid);
    return this.ended;
  }

  /** SIGTERM. @throws Error with its output when it does not end in time. */
  async terminate(): Promise<Ending> {
    this.signal("SIGTERM");
    return this.end();
  }

  /** Waits for its end. @throws Error with its output when it does not end in time. */
  async end(timeoutMs: number = END_MS_MAX): Promise<Ending> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.#failure(`did not end within ${timeoutMs} ms`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #onOutput(text: string): void {
    if (this.output.length < OUTPUT_CHARACTERS_MAX) this.output += text;
    for (const waiter of this.#waiters) {
      const found = waiter.pattern.exec(this.output);
      if (found === null) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(found);
    }
  }

  #onEnded(): void {
    for (const waiter of this.#waiters) {
      waiter.reject(this.#failure(`ended before it printed ${waiter.pattern.source}`));
    }
    this.#waiters.clear();
  }

  #failure(what: string): Error {
    const command = this.#child.spawnargs.join(" ");
    const end = this.#ending === null ? "" : ` (${JSON.stringify(this.#ending)})`;
    return new Error(`${command}: ${what}${end}\n${this.output.slice(-SHOWN_CHARACTERS)}`);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
