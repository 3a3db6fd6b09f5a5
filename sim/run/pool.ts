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

  /** Plays tasks until there are none, or `onAnswer` returns false. */
  async play(tasks: Iterator<Task>, onAnswer: (answer: Answer) => boolean): Promise<void> {
    let wanted = true;
    const next = (): Task | null => {
      if (!wanted) return null;
      const result = tasks.next();
      return result.done === true ? null : result.value;
    };
    const work = (): Promise<void> =>
      playInChildren(next, (answer) => {
        wanted &&= onAnswer(answer);
      });
    await Promise.all(Array.from({ length: this.#jobs }, work));
  }
}

/** Plays in one process after the other: a seed that ends its process has failed. */
async function playInChildren(
  next: () => Task | null,
  onAnswer: (answer: Answer) => void,
): Promise<void> {
  for (let task = next(); task !== null; task = next()) await playInChild(task, next, onAnswer);
}

function playInChild(
  first: Task,
  next: () => Task | null,
  onAnswer: (answer: Answer) => void,
): Promise<void> {
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
    child.on("exit", () => {
      if (playing !== null) {
        const text = `its process ended with ${describeExit(child)}; the reason is above`;
        onAnswer({ kind: "error", seed: playing.seed, text });
      }
      resolve();
    });
    give(first);
  });
}

function describeExit({ exitCode, signalCode }: ChildProcess): string {
  return signalCode === null ? `status ${exitCode}` : `signal ${signalCode}`;
}
