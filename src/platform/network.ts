// Byte streams between nodes and clients, as an argument.

/** Receives what happens on one connection. */
export interface ConnectionHandler {
  /**
   * Bytes came in: `bytes[0, length)`. The buffer is shared by all connections: it is valid only
   * during the call, so copy what must stay. `view` looks at the same memory from the same start.
   */
  onData(bytes: Uint8Array, view: DataView, length: number): void;
  /** The outgoing buffer ran empty after `write` had returned false. */
  onDrain(): void;
  /**
   * The connection is gone; called exactly once, nothing follows. `error` is null after an orderly
   * end.
   */
  onClose(error: Error | null): void;
}

/** One byte stream. */
export interface Connection {
  /** `ADDRESS:PORT` of the other side. */
  readonly remote: string;
  /** `ADDRESS:PORT` of this side. */
  readonly local: string;
  /** Bytes given to `write` that the system has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * Sends bytes, which must not be changed afterwards. Returns false when the sender should wait
   * for `onDrain`.
   */
  write(bytes: Uint8Array): boolean;
  /** Stops and restarts `onData`; what is in flight may still come once after `pause`. */
  pause(): void;
  resume(): void;
  /** Sends what is buffered, then closes. */
  end(): void;
  /** Closes at once, dropping what is buffered. */
  destroy(): void;
}

/** A listening address. */
export interface Listener {
  /** The port in use (the given one, or the chosen one for port 0). */
  readonly port: number;
  /** Stops accepting; open connections go on. */
  close(): Promise<void>;
}

/** Makes and accepts connections. */
export interface Network {
  /**
   * `accept` is called with each new connection and returns its handler, or null to refuse (it is
   * destroyed).
   */
  listen(
    host: string,
    port: number,
    accept: (connection: Connection) => ConnectionHandler | null,
  ): Promise<Listener>;
  /** Resolves when connected; rejects after `timeoutMs` or when refused. */
  connect(
    host: string,
    port: number,
    timeoutMs: number,
    accept: (connection: Connection) => ConnectionHandler,
  ): Promise<Connection>;
}
