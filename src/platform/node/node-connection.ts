// One TCP connection: reads into a buffer shared by all of them, writes through Node's own queue.
import { Buffer } from "node:buffer";
import * as net from "node:net";
import { viewOf } from "../../base/bytes.ts";
import type { Connection, ConnectionHandler } from "../network.ts";

/** How bytes are read: into one shared buffer, or by 'data' events with a buffer each. */
export type ReadMode = "shared" | "events";

const READ_BUFFER_BYTES = 256 * 1024;
const WRITE_HIGH_WATER_BYTES = 64 * 1024;
const KEEPALIVE_MS = 60_000;
/**
 * How long bytes are taken and dropped after `end`, so that a reset does not eat our last words.
 */
const LINGER_MS = 1_000;

// One loop reads one socket at a time, and handlers copy what they keep: one buffer is enough.
const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
const readView = viewOf(readBuffer);

/** What Node's socket keeps to itself and takes in its constructor; not in the public types. */
interface SocketInside {
  _handle: object | null;
}

const NO_HANDLER: ConnectionHandler = { onData() {}, onDrain() {}, onClose() {} };

/** A TCP connection of this process. Made by {@link NodeNetwork}. */
export class NodeConnection implements Connection {
  remote = "";
  local = "";
  readonly #socket: net.Socket;
  #handler: ConnectionHandler = NO_HANDLER;
  #failure: Error | null = null;
  #ending = false;

  private constructor(mode: ReadMode, makeSocket: (onread: net.OnReadOpts) => net.Socket) {
    this.#socket = makeSocket({
      buffer: readBuffer,
      callback: (length) => {
        if (!this.#ending) this.#handler.onData(readBuffer, readView, length);
        return true;
      },
    });
    if (mode === "shared") return;
    this.#socket.on("data", (chunk: Buffer) => {
      if (!this.#ending) this.#handler.onData(chunk, viewOf(chunk), chunk.length);
    });
  }

  /** Takes over an accepted socket, which must be paused; null when it is gone already. */
  static adopt(raw: net.Socket, mode: ReadMode): NodeConnection | null {
    // Addresses are asked for before the handle moves: afterwards the old socket knows nothing.
    const remote = addressOf(raw.remoteAddress, raw.remotePort);
    const local = addressOf(raw.localAddress, raw.localPort);
    if (raw.destroyed || remote === "") {
      raw.on("error", () => raw.destroy());
      raw.destroy();
      return null;
    }
    const inside = raw as unknown as SocketInside;
    const handle = inside._handle;
    const movable = mode === "shared" && typeof handle === "object" && handle !== null;
    const connection = new NodeConnection(movable ? "shared" : "events", (onread) => {
      if (!movable) return raw;
      inside._handle = null;
      const options = { handle, onread, highWaterMark: WRITE_HIGH_WATER_BYTES };
      return new net.Socket(options as net.SocketConstructorOpts);
    });
    connection.remote = remote;
    connection.local = local;
    return connection;
  }

  /** Begins to connect. */
  static dial(host: string, port: number, mode: ReadMode): NodeConnection {
    const options = { host, port, highWaterMark: WRITE_HIGH_WATER_BYTES };
    return new NodeConnection(mode, (onread) =>
      net.connect(mode === "shared" ? { ...options, onread } : options),
    );
  }

  /** Calls `done` once: connected, or failed and closed. */
  whenDialled(timeoutMs: number, done: (error: Error | null) => void): void {
    const socket = this.#socket;
    const finish = (error: Error | null): void => {
      clearTimeout(timer);
      socket.off("connect", onConnect);
      socket.off("error", finish);
      if (error !== null) {
        // The socket may report once more while it closes; the caller has heard already.
        socket.on("error", () => socket.destroy());
        socket.destroy();
      } else {
        this.remote = addressOf(socket.remoteAddress, socket.remotePort);
        this.local = addressOf(socket.localAddress, socket.localPort);
      }
      done(error);
    };
    const onConnect = (): void => finish(null);
    const timer = setTimeout(() => finish(timedOut(timeoutMs)), timeoutMs);
    socket.once("connect", onConnect);
    socket.once("error", finish);
  }

  /** Begins to hand out events to `handler`; `closed` is called once before its `onClose`. */
  start(handler: ConnectionHandler, closed: () => void): void {
    const socket = this.#socket;
    this.#handler = handler;
    socket.on("error", (error) => {
      this.#failure ??= error;
    });
    socket.on("drain", () => this.#handler.onDrain());
    socket.on("close", () => {
      closed();
      const last = this.#handler;
      this.#handler = NO_HANDLER;
      last.onClose(this.#failure);
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    if (!socket.destroyed) socket.resume();
  }

  /** Closes a connection that was never started. */
  discard(): void {
    const socket = this.#socket;
    socket.on("error", () => socket.destroy());
    socket.destroy();
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (this.#ending || socket.destroyed) return true;
    socket.write(bytes);
    // Node's own answer counts bytes that the kernel has taken in this very call.
    return socket.writableLength < WRITE_HIGH_WATER_BYTES;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  end(): void {
    const socket = this.#socket;
    if (this.#ending || socket.destroyed) return;
    this.#ending = true;
    socket.end(() => {
      const timer = setTimeout(() => socket.destroy(), LINGER_MS);
      timer.unref();
      socket.once("close", () => clearTimeout(timer));
    });
    socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function addressOf(address: string | undefined, port: number | undefined): string {
  if (address === undefined || port === undefined) return "";
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}

function timedOut(timeoutMs: number): Error {
  const error = new Error(`not connected after ${timeoutMs} ms`);
  return Object.assign(error, { code: "ETIMEDOUT" });
}
