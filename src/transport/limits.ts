// Every limit of the transport in one place, with units.

/**
 * Messages of this many bytes and more take the bulk connection: no frame of a control one is
 * longer.
 */
export const BULK_BYTES_MIN: number = 64 * 1024;
/** Larger messages are cut into pieces of this size; also the largest chunk of a snapshot. */
export const PIECE_BYTES: number = 256 * 1024;
/**
 * Largest body of a frame on a bulk connection or in a call: a piece, or a chunk of a snapshot with
 * what surrounds it. What is longer is cut.
 */
export const BULK_BODY_BYTES_MAX: number = PIECE_BYTES + 4096;
/** Small messages (heartbeats, votes) may pass a full control queue by `CONTROL_RESERVE_BYTES`. */
export const SMALL_MESSAGE_BYTES_MAX = 1024;
export const CONTROL_RESERVE_BYTES: number = 1024 * 1024;

/** What an operator or a test may change. */
export interface TransportLimits {
  /** A connection attempt is given up after this. */
  readonly connectTimeoutMs: number;
  /** A handshake must be over within this. */
  readonly handshakeTimeoutMs: number;
  /** Period of pings, of the search for silent connections and of the refill of reports. */
  readonly tickMs: number;
  /**
   * A connection on which nothing came, and of a full queue nothing left, for this many ticks is
   * closed.
   */
  readonly silentTicksMax: number;
  /** An accepted call may wait this many ticks for its answer. */
  readonly callTicksMax: number;
  /**
   * First and longest pause between attempts to connect; drawn from the upper half of the pause.
   */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** Accepted connections that have not proved themselves yet; beyond it the oldest is dropped. */
  readonly handshakesMax: number;
  /** Accepted calls in progress. */
  readonly callsMax: number;
  /** Nodes whose connections are accepted at a time. */
  readonly peersMax: number;
  /** Bytes that wait for a control connection; beyond it messages are dropped. */
  readonly controlQueueBytesMax: number;
  /** Bytes that wait for a bulk connection; a message is always taken when nothing waits. */
  readonly bulkQueueBytesMax: number;
  /**
   * Largest message; must hold the largest log entry. Bounds what a peer can make this node gather.
   */
  readonly messageBytesMax: number;
  /** Reports of one kind that may come at once; one more is allowed per tick. */
  readonly reportBurst: number;
}

/** Fit for a few to a few hundred nodes. */
export const transportLimits: TransportLimits = {
  connectTimeoutMs: 3_000,
  handshakeTimeoutMs: 5_000,
  tickMs: 1_000,
  silentTicksMax: 10,
  callTicksMax: 60,
  retryMinMs: 50,
  retryMaxMs: 2_000,
  handshakesMax: 64,
  callsMax: 64,
  peersMax: 1_024,
  controlQueueBytesMax: 8 * 1024 * 1024,
  bulkQueueBytesMax: 32 * 1024 * 1024,
  messageBytesMax: 80 * 1024 * 1024,
  reportBurst: 10,
};
