// Plays seeds in several processes, each of which asks for the next one when it is done.
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { SeedReport } from "./play.ts";

/** What a process is asked to play. */
export interface Task {
  readonly seed: number;
  readonly commands: number;
  /** Numbers of faults that are left out. */
  readonly without: readonly number[];
  /** Planted bug that is switched on; empty: none. */
  readonly planted: string;
}

/** What it answers: a report, or the error that ended the run. */
export type Answer =
  | { readonly kind: "report"; readonly report: SeedReport }
  | { readonly kind: "error"; readonly seed: number; readonly text: string };

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** Processes that play. */
export class Pool {
  readonly #jobs: number;

  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  /**
   * Plays tasks until there are none, or `onAnswer` returns false.
   *
   * @throws Error when a process ends by itself.
   */
  async play(tasks: Iterator<Task>, onAnswer: (answer: Answer) => boolean): Promise<void> {
    let wanted = true;
    const next = (): Task | null => {
      if (!wanted) return null;
      const result = tasks.next();
      return result.done === true ? null : result.value;
    };
    const work = (): Promise<void> =>
      playInChild(next, (answer) => {
        wanted &&= onAnswer(answer);
      });
    await Promise.all(Array.from({ length: this.#jobs }, work));
  }
}

function playInChild(next: () => Task | null, onAnswer: (answer: Answer) => void): Promise<void> {
  const first = next();
  if (first === null) return Promise.resolve();
  const child = fork(WORKER, [], { serialization: "advanced" });
  return new Promise((resolve, reject) => {
    let playing: Task | null = first;
    const give = (task: Task | null): void => {
      playing = task;
      if (task === null) child.disconnect();
      else child.send(task);
    };
    child.on("message", (message) => {
      onAnswer(message as Answer);
      give(next());
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (playing === null && code === 0) resolve();
      else reject(new Error(`seed ${playing?.seed}: the process ended with ${describeExit(child)}`));
    });
    give(first);
  });
}

function describeExit({ exitCode, signalCode }: ChildProcess): string {
  return signalCode === null ? `status ${exitCode}` : `signal ${signalCode}`;
}
