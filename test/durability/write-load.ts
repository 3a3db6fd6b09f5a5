// Clients that write unique keys in pipelines until their server dies, and remember what they were
// told.
import { ClientHistory, valueOf } from "../support/history.ts";
import { type Argument, RespConnection, encode } from "../support/resp-connection.ts";

const PIPELINE_MAX = 12;
/** Every so many writes a large value, which takes several frames or a frame of its own. */
const LARGE_EVERY = 150;
const LARGE_BYTES = 300_000;
const SMALL_BYTES_MAX = 400;

/** One client; its keys begin with `name`. */
export class WritingClient {
  readonly history: ClientHistory = new ClientHistory();
  readonly #name: string;
  readonly #connection: RespConnection;
  #stopped = false;

  private constructor(name: string, connection: RespConnection) {
    this.#name = name;
    this.#connection = connection;
  }

  static async open(name: string, port: number): Promise<WritingClient> {
    return new WritingClient(name, await RespConnection.open(port));
  }

  /** Writes until the connection ends or {@link stop} is called; resolves then. */
  async run(): Promise<void> {
    for (let round = 0; !this.#stopped && !this.#connection.isClosed; round++) {
      const count = 1 + ((round * 7) % PIPELINE_MAX);
      const commands = Array.from({ length: count }, () => this.#nextWrite());
      this.#connection.write(Buffer.concat(commands.flat()));
      if (!(await this.#readReplies(commands))) return;
    }
    this.#connection.close();
  }

  /** Ends {@link run} after the pipeline that is under way. */
  stop(): void {
    this.#stopped = true;
  }

  /** False when the connection has ended: what was not acknowledged stays so. */
  async #readReplies(commands: readonly (readonly Buffer[])[]): Promise<boolean> {
    for (const parts of commands) {
      // Of a transaction, the last reply counts: that of EXEC.
      for (let part = 0; part < parts.length; part++) {
        let reply;
        try {
          reply = await this.#connection.read();
        } catch (error) {
          if (this.#connection.isClosed) return false;
          throw error;
        }
        if (part === parts.length - 1) this.history.replied(reply);
      }
    }
    return true;
  }

  /** One write as the commands that make it up: SET, MSET or a transaction of two SETs. */
  #nextWrite(): Buffer[] {
    const number = this.history.writes.length;
    const isLarge = number % LARGE_EVERY === LARGE_EVERY - 1;
    const bytes = isLarge ? LARGE_BYTES : 1 + ((number * 37) % SMALL_BYTES_MAX);
    const keys = [0, 1, 2].slice(0, 1 + (number % 3)).map((part) => this.#key(number, part));
    this.history.sending(keys, bytes);
    const pairs = keys.map((key): Argument[] => [key, valueOf(key, bytes)]);
    if (keys.length === 1) return [encode(["SET", ...pairs[0]!])];
    if (keys.length === 2) return [encode(["MSET", ...pairs.flat()])];
    const sets = pairs.map((pair) => encode(["SET", ...pair]));
    return [encode(["MULTI"]), ...sets, encode(["EXEC"])];
  }

  #key(number: number, part: number): string {
    return `${this.#name}:${number}:${part}`;
  }
}
