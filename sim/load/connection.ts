// A client's connection to one server, whether simulated or real.
import type { Scheduler } from "../../src/platform/clock.ts";
import type { Connection, Network } from "../../src/platform/network.ts";
import { ReplyReader, type ReplyValue } from "../../src/cli/reply-reader.ts";

/** Where a client runs: on a simulated machine, or on this one. */
export interface ClientProcess {
  readonly network: Network;
  readonly scheduler: Scheduler;
}

/** Commands that wait for their replies. */
interface Waiting {
  readonly replies: ReplyValue[];
  left: number;
  readonly done: (replies: ReplyValue[] | null) => void;
}

/** Sends commands, gives back replies in order. Once it has failed it stays closed. */
export class LoadConnection {
  readonly #process: ClientProcess;
  readonly #reader = new ReplyReader();
  readonly #waiting: Waiting[] = [];
  #connection: Connection | null = null;
  #closed = false;

  constructor(process: ClientProcess) {
    this.#process = process;
  }

  get open(): boolean {
    return this.#connection !== null && !this.#closed;
  }

  /** Connects; false when that did not work in time. */
  async connect(host: string, port: number, timeoutMs: number): Promise<boolean> {
    try {
      this.#connection = await this.#process.network.connect(host, port, timeoutMs, () => ({
        onData: (bytes, _view, length) => this.#onData(bytes, length),
        onDrain: () => {},
        onClose: () => this.close(),
      }));
      return true;
    } catch {
      // Refused, or nobody answers: the client tries another server.
      this.#closed = true;
      return false;
    }
  }

  /**
   * Sends commands in one write. Resolves to their replies, or to null when not all of them came in
   * time: the connection is closed then, and what became of the commands is unknown.
   */
  ask(commands: readonly (readonly string[])[], timeoutMs: number): Promise<ReplyValue[] | null> {
    if (!this.open) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = this.#process.scheduler.after(timeoutMs, () => this.close());
      const done = (replies: ReplyValue[] | null): void => {
        timer.cancel();
        resolve(replies);
      };
      this.#waiting.push({ replies: [], left: commands.length, done });
      this.#connection!.write(Buffer.concat(commands.map(encodeCommand)));
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection?.destroy();
    for (const { done } of this.#waiting.splice(0)) done(null);
  }

  #onData(bytes: Uint8Array, length: number): void {
    this.#reader.push(Buffer.from(bytes.subarray(0, length)));
    for (let reply = this.#reader.next(); reply !== null; reply = this.#reader.next()) {
      const first = this.#waiting[0];
      if (first === undefined) throw new Error("a reply came that nobody had asked for");
      first.replies.push(reply);
      if (--first.left > 0) continue;
      this.#waiting.shift();
      first.done(first.replies);
    }
  }
}

function encodeCommand(words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word, "latin1")}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join("")}`, "latin1");
}
