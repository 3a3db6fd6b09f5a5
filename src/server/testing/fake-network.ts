// Client connections for tests: bytes are handed over in the pieces the test chooses, replies are
// kept.
import { Buffer } from "node:buffer";
import { invariant } from "../../base/invariant.ts";
import { viewOf } from "../../base/bytes.ts";
import type { Connection, ConnectionHandler, Listener, Network } from "../../platform/network.ts";

const HIGH_WATER_BYTES = 64 * 1024;
const READ_BYTES_MAX = 256 * 1024;
/** What is found in the shared buffer after a read: whoever looks too late sees it. */
const SCRIBBLE = 0xdd;

const readBuffer = Buffer.alloc(READ_BYTES_MAX);
const readView = viewOf(readBuffer);

/** The server's end of a client connection, played by the test. */
export class FakeConnection implements Connection {
  readonly remote: string;
  readonly local = "127.0.0.1:6379";
  handler: ConnectionHandler | null = null;
  /** All that the server wrote and the test has not taken. */
  #output: Buffer[] = [];
  /** Input that the server has not wanted yet. */
  #waiting: Buffer[] = [];
  #unreadBytes = 0;
  #saidClosed = false;
  /** A client that does not read: everything stays in the server's outgoing buffer. */
  readsReplies = true;
  paused = false;
  ended = false;
  destroyed = false;
  writes = 0;

  constructor(remote: string) {
    this.remote = remote;
  }

  get bufferedBytes(): number {
    return this.#unreadBytes;
  }

  write(bytes: Uint8Array): boolean {
    if (this.ended || this.destroyed) return true;
    this.writes++;
    if (bytes.length > 0) this.#output.push(Buffer.from(bytes));
    if (!this.readsReplies) this.#unreadBytes += bytes.length;
    return this.#unreadBytes < HIGH_WATER_BYTES;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  get open(): boolean {
    return !this.ended && !this.destroyed;
  }

  /** Hands over bytes in one read, or later when the server has paused. */
  receive(bytes: Uint8Array | string): void {
    this.#waiting.push(Buffer.from(bytes as string, "latin1"));
    this.pump();
  }

  /** Hands over bytes even though the server has paused: what was in flight. */
  receiveInFlight(bytes: string): void {
    this.#handOver(Buffer.from(bytes, "latin1"));
  }

  /** Hands over what waits, while the server wants it. Returns whether there was anything. */
  pump(): boolean {
    let any = false;
    if (!this.open) this.#sayClosed();
    while (this.#waiting.length > 0 && !this.paused && this.open) {
      any = true;
      const bytes = this.#waiting.shift()!;
      // A pause in the middle stops the reading, as it does with a real socket.
      if (bytes.length > READ_BYTES_MAX) this.#waiting.unshift(bytes.subarray(READ_BYTES_MAX));
      this.#handOver(bytes.subarray(0, READ_BYTES_MAX));
    }
    return any;
  }

  #sayClosed(): void {
    if (this.#saidClosed) return;
    this.#saidClosed = true;
    this.handler?.onClose(null);
  }

  #handOver(bytes: Buffer): void {
    invariant(this.handler !== null, "a connection is accepted before it is used");
    invariant(bytes.length <= READ_BYTES_MAX, "a read is no longer than the read buffer");
    readBuffer.set(bytes);
    this.handler.onData(readBuffer, readView, bytes.length);
    readBuffer.fill(SCRIBBLE, 0, bytes.length);
  }

  /** The client reads everything that waits for it. */
  readAll(): void {
    this.readsReplies = true;
    this.#unreadBytes = 0;
    this.handler?.onDrain();
  }

  /** What the server wrote since the last call. */
  takeOutput(): Buffer {
    const output = Buffer.concat(this.#output);
    this.#output = [];
    return output;
  }

  /** The client goes away. */
  hangUp(): void {
    this.destroyed = true;
    this.#sayClosed();
  }
}

/** A network on which the test connects clients by hand. */
export class FakeNetwork implements Network {
  readonly connections: FakeConnection[] = [];
  #accept: ((connection: Connection) => ConnectionHandler | null) | null = null;
  #nextPort = 50_001;

  async listen(
    _host: string,
    port: number,
    accept: (connection: Connection) => ConnectionHandler | null,
  ): Promise<Listener> {
    this.#accept = accept;
    return {
      port,
      close: async () => {
        this.#accept = null;
      },
    };
  }

  connect(): Promise<Connection> {
    return Promise.reject(new Error("the server of these tests connects to nobody"));
  }

  /** A client connects from an address. */
  dial(address = "127.0.0.1"): FakeConnection {
    invariant(this.#accept !== null, "the server listens");
    const connection = new FakeConnection(`${address}:${this.#nextPort++}`);
    connection.handler = this.#accept(connection);
    this.connections.push(connection);
    return connection;
  }
}
