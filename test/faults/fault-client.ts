// A client of a cluster that fails: goes to another node when its own one is gone, and tells apart
// what was done, what was certainly not done, and what nobody knows.
import { setTimeout as pause } from "node:timers/promises";
import { type Reply, show } from "../support/reply.ts";
import { type Argument, encode, RespConnection } from "../support/resp-connection.ts";

/** Longer than any node takes to say that it cannot say. */
const ANSWER_MS_MAX = 12_000;
const RETRY_MS = 10;
/** Errors that promise that the command was not and will not be executed. */
const NOT_DONE = /^(CLUSTERDOWN|MOVED|TRYAGAIN|MISCONF|OOM)\b/;

/** What became of a command. */
export type Outcome =
  | { readonly kind: "done"; readonly reply: Reply }
  /** Certainly not executed, now or later. */
  | { readonly kind: "refused" }
  /** Perhaps executed, perhaps later. */
  | { readonly kind: "uncertain" };

const REFUSED: Outcome = { kind: "refused" };
const UNCERTAIN: Outcome = { kind: "uncertain" };

/** One client; one command at a time. */
export class FaultClient {
  /** Commands that got no answer in time, though their connection stood. */
  unanswered = 0;
  readonly #ports: readonly number[];
  readonly #answerMsMax: number;
  #place: number;
  #connection: RespConnection | null = null;
  #stopped = false;

  /** @param home Which of `ports` to try first. */
  constructor(ports: readonly number[], home: number, answerMsMax: number = ANSWER_MS_MAX) {
    this.#ports = ports;
    this.#answerMsMax = answerMsMax;
    this.#place = home % ports.length;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** From now on nothing is sent any more; a command under way is finished. */
  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#stopped = true;
    this.#connection?.close();
  }

  /**
   * Sends a command once, to the first node that takes a connection.
   *
   * @returns Null when the client was stopped before that.
   * @throws Error for an error reply that is none of a cluster in trouble.
   */
  async send(...args: Argument[]): Promise<Outcome | null> {
    const connection = await this.#connected();
    if (connection === null) return null;
    connection.write(encode(args));
    let reply: Reply;
    try {
      reply = await connection.read(this.#answerMsMax);
    } catch {
      // The connection has ended, or time is up: either way nobody will tell any more.
      if (!connection.isClosed) this.unanswered++;
      this.#leave(connection);
      return UNCERTAIN;
    }
    if (reply.kind !== "error") return { kind: "done", reply };
    if (reply.text.startsWith("UNCERTAIN")) return UNCERTAIN;
    if (!NOT_DONE.test(reply.text)) throw new Error(`${String(args[0])} got ${show(reply)}`);
    await pause(RETRY_MS);
    return REFUSED;
  }

  async #connected(): Promise<RespConnection | null> {
    while (!this.#stopped) {
      if (this.#connection?.isClosed === false) return this.#connection;
      if (this.#connection !== null) this.#leave(this.#connection);
      try {
        this.#connection = await RespConnection.open(this.#ports[this.#place]!);
      } catch {
        // The node is down: that is what these tests are about.
        this.#place = (this.#place + 1) % this.#ports.length;
        await pause(RETRY_MS);
      }
    }
    return null;
  }

  #leave(connection: RespConnection): void {
    connection.close();
    this.#connection = null;
    this.#place = (this.#place + 1) % this.#ports.length;
  }
}
