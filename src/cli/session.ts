// What `kvorum cli` keeps between commands: the connection, made anew when needed, and what it was
// set to.
import { DbError } from "../base/errors.ts";
import type { ReplyValue } from "./reply-reader.ts";
import { type ClientAddress, RespClient, textOf } from "./resp-client.ts";

/** Settings of a session. */
export interface SessionOptions extends ClientAddress {
  readonly database: number;
  /** 2 or 3. */
  readonly protocol: number;
}

/** A session with one server. */
export class CliSession {
  readonly options: SessionOptions;
  #client: RespClient | null = null;
  #database: number;
  #protocol: number;
  #inTransaction = false;
  #everConnected = false;
  /** AUTH that was typed and accepted. */
  #login: readonly (string | Uint8Array)[] | null = null;

  constructor(options: SessionOptions) {
    this.options = options;
    this.#database = options.database;
    this.#protocol = options.protocol;
  }

  /** `127.0.0.1:6379[2](TX)> `, or `not connected> `. */
  get prompt(): string {
    if (this.#client?.open !== true) return "not connected> ";
    const { host, port } = this.options;
    const name = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    const database = this.#database === 0 ? "" : `[${this.#database}]`;
    return `${name}${database}${this.#inTransaction ? "(TX)" : ""}> `;
  }

  /** @throws DbError when there is no connection. */
  async connect(): Promise<RespClient> {
    if (this.#client?.open === true) return this.#client;
    this.#inTransaction = false;
    const client = await RespClient.connect(this.options);
    this.#client = client;
    this.#everConnected = true;
    if (this.#login !== null) await client.call(...this.#login);
    if (this.#protocol === 3) await this.#require(client, "HELLO", "3");
    if (this.#database !== 0) await this.#require(client, "SELECT", String(this.#database));
    return client;
  }

  /** Runs a command; a connection that broke since the last one is made anew first. */
  async run(words: readonly Uint8Array[]): Promise<ReplyValue> {
    const client = await this.connect();
    const reply = await client.call(...words);
    if (reply.kind !== "error") this.#note(words, reply);
    return reply;
  }

  get everConnected(): boolean {
    return this.#everConnected;
  }

  close(): void {
    this.#client?.close();
  }

  async #require(client: RespClient, ...words: readonly string[]): Promise<void> {
    const reply = await client.call(...words);
    if (reply.kind !== "error") return;
    client.close();
    throw new DbError("LOGIN_FAILED", textOf(reply));
  }

  /** Remembers what commands change, for the prompt and for the next connection. */
  #note(words: readonly Uint8Array[], reply: ReplyValue): void {
    const [name, first] = words.map((word) => Buffer.from(word).toString("latin1"));
    const queued = this.#inTransaction && textOf(reply) === "QUEUED";
    if (queued) return;
    switch ((name ?? "").toLowerCase()) {
      case "select":
        this.#database = Number(first);
        break;
      case "hello":
        this.#protocol = first === "3" ? 3 : this.#protocol;
        if (first === "2") this.#protocol = 2;
        break;
      case "auth":
        this.#login = words;
        break;
      case "multi":
        this.#inTransaction = true;
        break;
      case "exec":
      case "discard":
        this.#inTransaction = false;
        break;
      case "reset":
        this.#inTransaction = false;
        this.#database = 0;
        this.#protocol = 2;
        break;
      default:
    }
  }
}
