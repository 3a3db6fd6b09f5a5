// TCP through Node, with one read buffer for all sockets: a fresh buffer per read is what makes
// plain 'data' events slow. The plain way is kept as a twin, used where a socket gives no handle.
import * as net from "node:net";
import type { Connection, ConnectionHandler, Listener, Network } from "../network.ts";
import { NodeConnection, type ReadMode } from "./node-connection.ts";

/** Connections the kernel may hold for us before they are accepted. */
const BACKLOG = 511;

/** How to make a {@link NodeNetwork}. */
export interface NodeNetworkOptions {
  /** `shared`: one read buffer for all sockets; `events`: a fresh one per read (the fallback). */
  readonly readMode?: ReadMode;
  /** Told when a connection could not be accepted (no descriptors left); accepting goes on. */
  readonly onAcceptError?: (error: Error) => void;
}

/** The network of this machine. Names are resolved by the system. */
export class NodeNetwork implements Network {
  readonly #readMode: ReadMode;
  readonly #onAcceptError: (error: Error) => void;
  #openConnections = 0;
  readonly #closed = (): void => {
    this.#openConnections--;
  };

  constructor(options: NodeNetworkOptions = {}) {
    this.#readMode = options.readMode ?? "shared";
    this.#onAcceptError = options.onAcceptError ?? (() => {});
  }

  /** Connections that are open now, both ways; the server object of Node no longer knows. */
  get openConnections(): number {
    return this.#openConnections;
  }

  listen(
    host: string,
    port: number,
    accept: (connection: Connection) => ConnectionHandler | null,
  ): Promise<Listener> {
    const server = net.createServer({ pauseOnConnect: true }, (raw) => this.#take(raw, accept));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off("error", reject);
        server.on("error", this.#onAcceptError);
        resolve(new NodeListener(server));
      });
    });
  }

  connect(
    host: string,
    port: number,
    timeoutMs: number,
    accept: (connection: Connection) => ConnectionHandler,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const connection = NodeConnection.dial(host, port, this.#readMode);
      connection.whenDialled(timeoutMs, (error) => {
        if (error !== null) {
          reject(error);
          return;
        }
        this.#openConnections++;
        connection.start(accept(connection), this.#closed);
        resolve(connection);
      });
    });
  }

  #take(raw: net.Socket, accept: (connection: Connection) => ConnectionHandler | null): void {
    const connection = NodeConnection.adopt(raw, this.#readMode);
    if (connection === null) return;
    const handler = accept(connection);
    if (handler === null) {
      connection.discard();
      return;
    }
    this.#openConnections++;
    connection.start(handler, this.#closed);
  }
}

class NodeListener implements Listener {
  readonly port: number;
  readonly #server: net.Server;

  constructor(server: net.Server) {
    const address = server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    this.#server = server;
  }

  close(): Promise<void> {
    // The 'close' event waits for sockets whose handles were moved away, so it is not waited for:
    // the port is free as soon as `close` returns.
    return new Promise((resolve) => {
      this.#server.close();
      setImmediate(resolve);
    });
  }
}
