// A failover writer for servers that speak RESP: SET, acknowledged by +OK and nothing else.
import { RespClient, RespError } from "../load/resp-client.ts";
import { within } from "./deadline.ts";
import type { Writer } from "./server.ts";

/** Writes over one connection, one command at a time. */
export class RespWriter implements Writer {
  readonly #client: RespClient;
  readonly #timeoutMs: number;

  private constructor(client: RespClient, timeoutMs: number) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /** Connects to a node; throws when nobody listens or within `timeoutMs` answers. */
  static async open(port: number, timeoutMs: number): Promise<RespWriter> {
    return new RespWriter(await within(timeoutMs, RespClient.open(port)), timeoutMs);
  }

  async write(key: string): Promise<void> {
    const reply = await within(this.#timeoutMs, this.#client.send("SET", key, key));
    if (reply instanceof RespError) throw reply;
    if (reply !== "OK") throw new Error(`SET answered ${String(reply)}`);
  }

  close(): void {
    this.#client.close();
  }
}
