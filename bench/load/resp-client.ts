// A plain RESP2 client with promises for what is not timed: control commands, loading, checking.
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { respCommand } from "./keys.ts";

const REPLY_TIMEOUT_MS = 30_000;
const LF = 10;

/** A reply as JavaScript: error replies are `RespError` values, missing values null. */
export type Reply = string | number | null | RespError | Reply[];

/** An error reply: the server's own words, such as `LOADING ...`. */
export class RespError extends Error {}

interface Waiter {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** One connection. Commands sent at once are pipelined; replies come back in order. */
export class RespClient {
  readonly #socket: Socket;
  readonly #waiters: Waiter[] = [];
  #received: Buffer = Buffer.alloc(0);
  #closedBy: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => this.#onBytes(bytes));
    socket.on("error", (error) => this.#onClosed(error));
    socket.on("close", () => this.#onClosed(new Error("the server closed the connection")));
    socket.setTimeout(REPLY_TIMEOUT_MS, () => {
      if (this.#waiters.length > 0) socket.destroy(new Error("no reply within 30 s"));
    });
  }

  /** Connects to a server on this machine. Throws when nobody listens there. */
  static async open(port: number): Promise<RespClient> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    return new RespClient(socket);
  }

  /** Sends one command; an error reply is the resolved value, a lost connection a rejection. */
  send(...args: string[]): Promise<Reply> {
    return this.sendRaw(respCommand(...args));
  }

  /** Sends one command given as ready-made RESP text. */
  sendRaw(command: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#closedBy !== null) return reject(this.#closedBy);
      this.#waiters.push({ resolve, reject });
      this.#socket.write(command, "latin1");
    });
  }

  /** Sends one command and throws when its reply is an error. */
  async ask(...args: string[]): Promise<Exclude<Reply, RespError>> {
    const reply = await this.send(...args);
    if (reply instanceof RespError) throw reply;
    return reply;
  }

  /** Closes the connection; commands in flight are rejected. */
  close(): void {
    this.#socket.destroy();
  }

  #onBytes(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    let at = 0;
    for (;;) {
      const parsed = parseReply(this.#received, at);
      if (parsed === null) break;
      at = parsed.end;
      this.#waiters.shift()?.resolve(parsed.reply);
    }
    this.#received = this.#received.subarray(at);
  }

  #onClosed(error: Error): void {
    this.#closedBy ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#closedBy);
  }
}

/**
 * The RESP2 reply that starts at `at`, with the offset behind it; null while it is incomplete.
 *
 * @throws RangeError when the bytes are no reply.
 */
export function parseReply(bytes: Buffer, at: number): { reply: Reply; end: number } | null {
  const lineEnd = bytes.indexOf(LF, at);
  if (lineEnd < 0) return null;
  const end = lineEnd + 1;
  const line = bytes.toString("latin1", at + 1, lineEnd - 1);
  const type = String.fromCharCode(bytes[at]!);
  if (type === "+") return { reply: line, end };
  if (type === "-") return { reply: new RespError(line), end };
  if (type === ":") return { reply: Number(line), end };
  if (type === "$") return parseBulk(bytes, Number(line), end);
  if (type === "*") return parseArray(bytes, Number(line), end);
  throw new RangeError(`not a RESP2 reply: ${type}${line}`);
}

function parseBulk(bytes: Buffer, length: number, at: number): ReturnType<typeof parseReply> {
  if (length < 0) return { reply: null, end: at };
  if (bytes.length < at + length + 2) return null;
  return { reply: bytes.toString("latin1", at, at + length), end: at + length + 2 };
}

function parseArray(bytes: Buffer, length: number, at: number): ReturnType<typeof parseReply> {
  if (length < 0) return { reply: null, end: at };
  const items: Reply[] = [];
  let end = at;
  for (let item = 0; item < length; item++) {
    const parsed = parseReply(bytes, end);
    if (parsed === null) return null;
    items.push(parsed.reply);
    end = parsed.end;
  }
  return { reply: items, end };
}
