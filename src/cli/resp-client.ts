// A small client for the tools: one connection, commands in order, replies as values.
import { connect, type Socket } from "node:net";
import { DbError } from "../base/errors.ts";
import { ReplyReader, type ReplyValue } from "./reply-reader.ts";

/** Where a server is, and how to log in. */
export interface ClientAddress {
  readonly host: string;
  readonly port: number;
  /** Empty: no AUTH. */
  readonly password: string;
  /** Empty: the default user. */
  readonly user: string;
}

interface Waiter {
  readonly resolve: (reply: ReplyValue) => void;
  readonly reject: (error: Error) => void;
}

const CONNECT_MS_MAX = 5_000;

/** A connection to a server. */
export class RespClient {
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #waiters: Waiter[] = [];
  #failure: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#onData(bytes));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () =>
      this.#fail(new DbError("DISCONNECTED", "the server closed the connection")),
    );
  }

  /** @throws DbError `CONNECT_FAILED` or `LOGIN_FAILED`. */
  static async connect(address: ClientAddress): Promise<RespClient> {
    const client = new RespClient(await openSocket(address.host, address.port));
    if (address.password === "") return client;
    const login = address.user === "" ? [address.password] : [address.user, address.password];
    const reply = await client.call("AUTH", ...login);
    if (reply.kind !== "error") return client;
    client.close();
    throw new DbError("LOGIN_FAILED", reply.text);
  }

  get open(): boolean {
    return this.#failure === null;
  }

  /** Sends a command; resolves with its reply, errors of the server included. */
  call(...words: readonly (string | Uint8Array)[]): Promise<ReplyValue> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      this.#waiters.push({ resolve, reject });
      this.#socket.write(encode(words));
    });
  }

  close(): void {
    this.#fail(new DbError("DISCONNECTED", "the connection was closed"));
    this.#socket.destroy();
  }

  #onData(bytes: Buffer): void {
    this.#reader.push(bytes);
    try {
      for (let reply = this.#reader.next(); reply !== null; reply = this.#reader.next()) {
        if (reply.kind !== "push") this.#waiters.shift()?.resolve(reply);
      }
    } catch (error) {
      this.#socket.destroy();
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure);
  }
}

function openSocket(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (error: Error): void => {
      socket.destroy();
      const message = `cannot connect to ${host}:${port}: ${error.message}`;
      reject(new DbError("CONNECT_FAILED", message, { host, port }));
    };
    socket.setTimeout(CONNECT_MS_MAX, () => fail(new Error("no answer")));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function encode(words: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === "string" ? Buffer.from(word) : word;
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}

/** A reply as text: what strings, numbers and errors say; empty for everything else. */
export function textOf(reply: ReplyValue | undefined): string {
  if (reply === undefined) return "";
  if ("text" in reply) return reply.text;
  return "bytes" in reply ? reply.bytes.toString("utf8") : "";
}
