// A raw RESP connection: sends exactly the bytes it is given, reads replies one by one.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type Reply, ReplyReader, show } from "./reply.ts";

const REPLY_MS_MAX = 30_000;
const READ_MS_DEFAULT = 20_000;
const LF = 10;

/** An argument: text stands for its UTF-8 bytes. */
export type Argument = string | number | Uint8Array;

interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** One connection. Commands that are sent without waiting are pipelined. */
export class RespConnection {
  readonly socket: Socket;
  /** Replies that came and nobody asked for yet, pushes among them. */
  readonly unread: Reply[] = [];
  readonly #waiters: Waiter[] = [];
  /** Bytes that are no whole reply yet, their number, and how many of them were looked at. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #joinedBytes = 0;
  #failure: Error | null = null;
  readonly #closed: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#onBytes(bytes));
    socket.on("error", (error) => this.#fail(error));
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#fail(new Error("the server closed the connection"));
        resolve();
      });
    });
    socket.setTimeout(REPLY_MS_MAX, () => {
      if (this.#waiters.length > 0) socket.destroy(new Error("no reply within 30 s"));
    });
  }

  /** Connects. @throws Error when nobody listens. */
  static async open(port: number): Promise<RespConnection> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    return new RespConnection(socket);
  }

  /** True when the connection has ended, whoever ended it. */
  get isClosed(): boolean {
    return this.#failure !== null;
  }

  /** Resolves when the connection has ended. @throws Error when it does not within `timeoutMs`. */
  async closed(timeoutMs: number = READ_MS_DEFAULT): Promise<void> {
    await withDeadline(this.#closed, timeoutMs, "the server does not close the connection");
  }

  /** Sends bytes as they are; nothing is expected back. */
  write(bytes: string | Uint8Array): void {
    if (typeof bytes === "string") this.socket.write(bytes, "latin1");
    else this.socket.write(bytes);
  }

  /** The next reply. @throws Error when the connection ends first or time is up. */
  async read(timeoutMs: number = READ_MS_DEFAULT): Promise<Reply> {
    const early = this.unread.shift();
    if (early !== undefined) return early;
    if (this.#failure !== null) throw this.#failure;
    const next = new Promise<Reply>((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
    return withDeadline(next, timeoutMs, "no reply");
  }

  /** Sends one command and reads one reply; errors are replies. */
  async call(...args: Argument[]): Promise<Reply> {
    this.socket.write(encode(args));
    return this.read();
  }

  /** Sends one command and shows its reply, see {@link show}. */
  async ask(...args: Argument[]): Promise<string> {
    return show(await this.call(...args));
  }

  /** Sends all commands in one write and reads as many replies. */
  async pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]> {
    this.socket.write(Buffer.concat(commands.map(encode)));
    return this.readMany(commands.length);
  }

  /** The next `count` replies. */
  async readMany(count: number, timeoutMs: number = READ_MS_DEFAULT): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (let index = 0; index < count; index++) replies.push(await this.read(timeoutMs));
    return replies;
  }

  /** Closes with FIN. */
  close(): void {
    this.socket.destroy();
  }

  /** Closes with RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #onBytes(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#pieceBytes += bytes.length;
    // A large reply comes in many pieces: joined when they have doubled, or may be complete.
    const mayBeComplete = bytes[bytes.length - 1] === LF;
    if (!mayBeComplete && this.#pieceBytes < 2 * this.#joinedBytes) return;
    const all = Buffer.concat(this.#pieces);
    const reader = new ReplyReader(all);
    for (let reply = reader.next(); reply !== null; reply = reader.next()) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.unread.push(reply);
      else waiter.resolve(reply);
    }
    this.#pieces = [all.subarray(reader.at)];
    this.#pieceBytes = all.length - reader.at;
    this.#joinedBytes = this.#pieceBytes;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure);
  }
}

/** A command as RESP. */
export function encode(args: readonly Argument[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === "object" ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), Buffer.from(bytes), Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}

/** The outcome of `work`, or an error that says `what` after `timeoutMs`. */
export async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  what: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what} within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
