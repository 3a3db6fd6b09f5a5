// Keeps one connection to one peer open: dials, waits longer after each failure, dials again.
import type { Timer } from "../platform/clock.ts";
import type { Connection, Network } from "../platform/network.ts";
import type { LinkKind, RefusalReason } from "./handshake-format.ts";
import {
  PeerConnection,
  type ConnectionEnv,
  type ConnectionOwner,
  type FrameRefusal,
} from "./peer-connection.ts";
import type { NodeId } from "./peer-message.ts";

/** Where a node listens for its peers. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** Learns when a dialer's connection may be used. */
export interface DialerOwner {
  onUp(dialer: Dialer): void;
  onDown(dialer: Dialer): void;
  onRoom(dialer: Dialer): void;
}

const TWO_POW_32 = 2 ** 32;
/** Doublings after which the pause is certainly the longest. */
const FAILURES_MAX = 20;
/** Refusals that do not pass by themselves soon: the longest pause at once. */
const LASTING_REFUSALS: ReadonlySet<RefusalReason> = new Set([
  "version",
  "cluster",
  "secret",
  "node",
  "malformed",
]);
const UNEXPECTED: FrameRefusal = { fault: "unexpected", detail: "an acceptor only sends pongs" };

/** One outgoing connection, kept up until `stop`. */
export class Dialer implements ConnectionOwner {
  readonly nodeId: NodeId;
  readonly link: Exclude<LinkKind, "call">;
  readonly address: PeerAddress;
  /** The connection while its peer is proved; null otherwise. */
  open: PeerConnection | null = null;
  readonly #env: ConnectionEnv;
  readonly #network: Network;
  readonly #owner: DialerOwner;
  /** Also holds a connection whose handshake is not over. */
  #current: PeerConnection | null = null;
  #retry: Timer | null = null;
  #dialing = false;
  #stopped = false;
  #failures = 0;
  #toldUnreachable = false;

  constructor(
    env: ConnectionEnv,
    network: Network,
    owner: DialerOwner,
    nodeId: NodeId,
    link: Exclude<LinkKind, "call">,
    address: PeerAddress,
  ) {
    this.#env = env;
    this.#network = network;
    this.#owner = owner;
    this.nodeId = nodeId;
    this.link = link;
    this.address = address;
  }

  /** Dials now, unless a connection stands or is being made. */
  start(): void {
    if (this.#stopped || this.#dialing || this.#current !== null) return;
    this.#retry?.cancel();
    this.#retry = null;
    this.#dialing = true;
    const { host, port } = this.address;
    const accept = (connection: Connection): PeerConnection => this.#adopt(connection);
    this.#network.connect(host, port, this.#env.limits.connectTimeoutMs, accept).then(
      () => this.#current?.start(),
      () => {
        this.#dialing = false;
        this.#tellUnreachable();
        this.#retryLater();
      },
    );
  }

  /** Closes for good. @param now Drops what waits; otherwise it is still sent. */
  stop(now: boolean): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#current?.close(now);
    this.#current = null;
    this.open = null;
  }

  /** The peer was started anew: the connection to its former self is worth nothing. */
  restart(incarnation: number): void {
    const open = this.open;
    if (open !== null && open.peer!.incarnation < incarnation) {
      open.close(true);
      this.#current = null;
      this.open = null;
      this.#owner.onDown(this);
    }
    this.start();
  }

  tick(): void {
    const open = this.open;
    if (open === null) return;
    // It lasted: the next failure is a new story.
    this.#failures = 0;
    open.tick();
    if (open.state === "open") this.onDrain(open);
  }

  admit(): null {
    return null;
  }

  onOpen(connection: PeerConnection): void {
    this.open = connection;
    this.#toldUnreachable = false;
    this.#owner.onUp(this);
  }

  onFrame(): FrameRefusal {
    return UNEXPECTED;
  }

  onDrain(connection: PeerConnection): void {
    if (connection === this.open) this.#owner.onRoom(this);
  }

  onClosed(connection: PeerConnection): void {
    if (connection !== this.#current) return;
    this.#current = null;
    if (connection.refusal !== null && LASTING_REFUSALS.has(connection.refusal)) {
      this.#failures = FAILURES_MAX;
    }
    if (this.open === connection) {
      this.open = null;
      this.#owner.onDown(this);
    }
    this.#retryLater();
  }

  #adopt(connection: Connection): PeerConnection {
    this.#dialing = false;
    const purpose = { role: "dialer", link: this.link, expectedNodeId: this.nodeId } as const;
    const adopted = new PeerConnection(this.#env, this, connection, purpose);
    if (this.#stopped) adopted.close(true);
    else this.#current = adopted;
    return adopted;
  }

  #retryLater(): void {
    if (this.#stopped || this.#retry !== null) return;
    const { retryMinMs, retryMaxMs } = this.#env.limits;
    const pauseMs = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, FAILURES_MAX);
    // Spread over the upper half, so that a restarted node is not met by all its peers at once.
    const delayMs = pauseMs * (0.5 + this.#env.random.uint32() / TWO_POW_32 / 2);
    this.#retry = this.#env.scheduler.after(delayMs, () => {
      this.#retry = null;
      this.start();
    });
  }

  #tellUnreachable(): void {
    // Both connections go to one port: one of them speaks for both.
    if (this.#stopped || this.#toldUnreachable || this.link === "bulk") return;
    this.#toldUnreachable = true;
    const { host, port } = this.address;
    this.#env.reporter.report({
      kind: "unreachable",
      direction: "out",
      remote: `${host}:${port}`,
      nodeId: this.nodeId,
      link: this.link,
      reason: "cannot connect",
    });
  }
}
