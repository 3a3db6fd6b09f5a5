// One connection with a peer: handshake, then frames both ways, pings, and its end with a reason.
import { viewOf } from "../base/bytes.ts";
import { failpoints } from "../base/failpoints.ts";
import type { Authenticator } from "../platform/authenticator.ts";
import type { Timer, Scheduler } from "../platform/clock.ts";
import type { Connection, ConnectionHandler } from "../platform/network.ts";
import type { Random } from "../platform/random.ts";
import type { EventReporter, TransportEventKind } from "./event-reporter.ts";
import type { FrameFault } from "./frame.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { FrameType } from "./generated/messages.ts";
import { Handshake, type Identity } from "./handshake.ts";
import {
  NONCE_BYTES,
  type Hello,
  type LinkKind,
  type RefusalReason,
  type Role,
} from "./handshake-format.ts";
import { BULK_BODY_BYTES_MAX, BULK_BYTES_MIN, type TransportLimits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import type { NodeId } from "./peer-message.ts";
import { PieceAssembler } from "./piece-assembler.ts";

/** What connections share. */
export interface ConnectionEnv {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly authenticator: Authenticator;
  readonly reporter: EventReporter;
  readonly limits: TransportLimits;
  /** Who this node is now: it may learn its cluster later. */
  readonly identity: () => Identity;
  /** Something waits in the connection's outbox. */
  readonly markDirty: (connection: PeerConnection) => void;
}

/** Learns what happens on a connection. */
export interface ConnectionOwner {
  /** A dialer has proved itself: null welcomes it. Never called on the dialer's side. */
  admit(connection: PeerConnection, peer: Hello): RefusalReason | null;
  /** Both sides have proved themselves. */
  onOpen(connection: PeerConnection): void;
  /**
   * A frame came; pings are answered already. The body is valid only during the call.
   *
   * @returns What is wrong with it: the connection is closed then; null when nothing is.
   */
  onFrame(
    connection: PeerConnection,
    type: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
  ): FrameRefusal | null;
  /** The socket took what was waiting. */
  onDrain(connection: PeerConnection): void;
  /** The last call; comes exactly once, unless `close` was called by the owner. */
  onClosed(connection: PeerConnection): void;
}

/** Why a trusted peer's frame was refused. */
export interface FrameRefusal {
  readonly fault: FrameFault;
  readonly detail: string;
}

/** What a connection is made for. */
export interface ConnectionPurpose {
  readonly role: Role;
  readonly link: LinkKind;
  /** The node that was dialled, or 0 for whoever it is. */
  readonly expectedNodeId: NodeId;
}

const BODY_BYTES_MAX: Readonly<Record<LinkKind, number>> = {
  control: BULK_BYTES_MIN,
  bulk: BULK_BODY_BYTES_MAX,
  call: BULK_BODY_BYTES_MAX,
};

/** One connection. It is the handler of the network's connection and the sink of its frames. */
export class PeerConnection implements ConnectionHandler, FrameSink {
  readonly role: Role;
  /** The dialer's wish; on the acceptor's side known once `peer` is. */
  link: LinkKind;
  /** The other side, once proved. */
  peer: Hello | null = null;
  state: "handshake" | "open" | "closed" = "handshake";
  /** Why the handshake failed, for a caller who wants to know; null otherwise. */
  refusal: RefusalReason | null = null;
  readonly remote: string;
  readonly outbox: Outbox;
  /** Whether the transport's list of connections to flush holds it. */
  dirty = false;
  /** Somebody was told to wait for room. */
  wantsRoom = false;

  readonly #env: ConnectionEnv;
  readonly #owner: ConnectionOwner;
  readonly #connection: Connection;
  readonly #handshake: Handshake;
  readonly #handshakeTimer: Timer;
  #frames: FrameReader | null = null;
  readonly #pieces: PieceAssembler;
  #heard = false;
  #takenAtTick = 0;
  #wasFull = false;
  #silentTicks = 0;
  #ticks = 0;

  constructor(
    env: ConnectionEnv,
    owner: ConnectionOwner,
    connection: Connection,
    purpose: ConnectionPurpose,
  ) {
    this.role = purpose.role;
    this.link = purpose.link;
    this.remote = connection.remote;
    this.outbox = new Outbox(connection);
    this.#pieces = new PieceAssembler(env.limits.messageBytesMax);
    this.#env = env;
    this.#owner = owner;
    this.#connection = connection;
    const nonce = new Uint8Array(NONCE_BYTES);
    // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- not an array's `fill`
    env.random.fill(nonce);
    this.#handshake = new Handshake({
      role: purpose.role,
      kind: purpose.link,
      identity: env.identity(),
      expectedNodeId: purpose.expectedNodeId,
      authenticator: env.authenticator,
      nonce,
      send: (bytes) => void connection.write(bytes),
      admit: (peer) => {
        this.link = peer.kind;
        return owner.admit(this, peer);
      },
    });
    this.#handshakeTimer = env.scheduler.after(env.limits.handshakeTimeoutMs, () => {
      this.#failHandshake("timeout", false);
    });
  }

  /** The dialer's first word; not from inside the network's own callback. */
  start(): void {
    if (this.state === "handshake") this.#handshake.start();
  }

  /** Id of the proved peer; 0 before. */
  get peerId(): NodeId {
    return this.peer === null ? 0 : this.peer.nodeId;
  }

  onData(bytes: Uint8Array, view: DataView, length: number): void {
    if (this.state === "closed") return;
    this.#heard = true;
    let at = 0;
    if (this.state === "handshake") {
      at = this.#handshake.feed(bytes, 0, length);
      this.#maybeOpen();
    }
    // Opening runs the owner's code, which may have closed this very connection.
    const frames = this.#frames;
    if (frames === null || at === length) return;
    const fault = frames.push(bytes, view, at, length);
    if (fault !== null) this.#refuseFrame({ fault, detail: `${fault} frame` });
  }

  onFrame(type: number, bytes: Uint8Array, view: DataView, from: number, to: number): boolean {
    const isAcceptor = this.role === "acceptor";
    if (type === FrameType.ping && isAcceptor) {
      this.outbox.sendEmpty(FrameType.pong);
      this.#env.markDirty(this);
    } else if (type >= FrameType.pieceFirst && this.#takesPieces()) {
      this.#onPiece(type, bytes, view, from, to);
    } else if (type !== FrameType.pong || isAcceptor) {
      const refusal = this.#owner.onFrame(this, type, bytes, view, from, to);
      if (refusal !== null) this.#refuseFrame(refusal);
    }
    return this.#frames !== null;
  }

  onDrain(): void {
    if (this.state !== "open") return;
    this.outbox.pump();
    this.#owner.onDrain(this);
  }

  onClose(_error: Error | null): void {
    if (this.state === "closed") return;
    if (this.state === "handshake") this.#failHandshake("closed", false);
    else this.#close(true);
  }

  /** Time passed: ask for a sign of life, and give up when there was none for long. */
  tick(): void {
    if (this.state !== "open") return;
    this.#ticks++;
    // While the system's own queue is full, pings wait behind it: there, what leaves is a sign of
    // life.
    const taken = this.outbox.takenBytes;
    const isAlive = this.#heard || (this.#wasFull && taken > this.#takenAtTick);
    this.#silentTicks = isAlive ? 0 : this.#silentTicks + 1;
    this.#heard = false;
    this.#takenAtTick = taken;
    this.#wasFull = this.#connection.bufferedBytes > 0;
    if (this.#isOverdue()) {
      this.#report("silent", "no sign of life");
      this.#connection.destroy();
      this.#close(true);
      return;
    }
    this.#frames?.release();
    if (this.link !== "call" && this.role === "dialer") {
      this.outbox.sendEmpty(FrameType.ping);
      this.#env.markDirty(this);
    } else {
      this.outbox.release();
    }
  }

  /** Gives up a handshake that takes too long, in favour of others. */
  dropHandshake(): void {
    if (this.state === "handshake") this.#failHandshake("busy", false);
  }

  /** Whether a message of this many bytes may be queued now. */
  hasRoom(bytes: number, queueBytesMax: number): boolean {
    const queued = this.outbox.queuedBytes;
    return queued === 0 || queued + bytes <= queueBytesMax;
  }

  /** Closes from this side; the owner is not told. What waits is still sent, unless `now`. */
  close(now: boolean): void {
    if (this.state === "closed") return;
    if (!now && this.state === "open") this.outbox.flush();
    if (now) this.#connection.destroy();
    else this.#connection.end();
    this.#close(false);
  }

  /** Who dials a bulk connection only sends on it; in a call both sides send. */
  #takesPieces(): boolean {
    return this.link === "call" || (this.link === "bulk" && this.role === "acceptor");
  }

  #onPiece(type: number, bytes: Uint8Array, view: DataView, from: number, to: number): void {
    const pieces = this.#pieces;
    const fault =
      type === FrameType.pieceFirst
        ? pieces.first(bytes, view, from, to)
        : pieces.next(bytes, from, to);
    if (fault !== null) {
      this.#refuseFrame({ fault, detail: `${fault} piece` });
    } else if (pieces.isComplete) {
      const body = pieces.body;
      pieces.clear();
      const refusal = this.#owner.onFrame(this, pieces.type, body, viewOf(body), 0, body.length);
      if (refusal !== null) this.#refuseFrame(refusal);
    }
  }

  #maybeOpen(): void {
    const { state, refusal, refusedByPeer, peer } = this.#handshake;
    if (state === "refused") {
      this.#failHandshake(refusal ?? "malformed", refusedByPeer);
    } else if (state === "done") {
      this.#handshakeTimer.cancel();
      this.peer = peer;
      this.state = "open";
      this.#frames = new FrameReader(BODY_BYTES_MAX[this.link], this);
      failpoints.reached?.("transport.handshake.done");
      this.#owner.onOpen(this);
    }
  }

  #failHandshake(reason: RefusalReason, refusedByPeer: boolean): void {
    failpoints.reached?.("transport.handshake.failed");
    this.refusal = reason;
    this.#report(refusedByPeer ? "refusedByPeer" : "refused", HANDSHAKE_FAULTS[reason]);
    // The acceptor's refusal, if there is one, is on its way: `end` lets it out.
    if (this.role === "acceptor" && this.#handshake.state === "refused") this.#connection.end();
    else this.#connection.destroy();
    this.#close(true);
  }

  #refuseFrame(refusal: FrameRefusal): void {
    if (this.state === "closed") return;
    this.#report("badFrame", refusal.detail);
    this.#connection.destroy();
    this.#close(true);
  }

  #isOverdue(): boolean {
    const { silentTicksMax, callTicksMax } = this.#env.limits;
    return this.link === "call" ? this.#ticks > callTicksMax : this.#silentTicks >= silentTicksMax;
  }

  #report(kind: TransportEventKind, reason: string): void {
    const claimed = this.#handshake.peer;
    this.#env.reporter.report({
      kind,
      direction: this.role === "dialer" ? "out" : "in",
      remote: this.remote,
      nodeId: claimed === null ? 0 : claimed.nodeId,
      link: this.role === "dialer" ? this.link : (claimed?.kind ?? null),
      reason,
    });
  }

  #close(tellOwner: boolean): void {
    if (this.state === "open") failpoints.reached?.("transport.connection.lost");
    this.state = "closed";
    this.#frames = null;
    this.#pieces.clear();
    this.#handshakeTimer.cancel();
    if (tellOwner) this.#owner.onClosed(this);
  }
}

const HANDSHAKE_FAULTS: Readonly<Record<RefusalReason, string>> = {
  version: "protocol versions do not meet",
  cluster: "another cluster",
  secret: "another cluster secret",
  node: "not the expected node",
  malformed: "not a peer's handshake",
  busy: "too many connections",
  stale: "an older start of this node",
  timeout: "handshake took too long",
  closed: "connection closed in the handshake",
};
