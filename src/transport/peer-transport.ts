// Messages between the nodes of a cluster: the face of this layer.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import type { Authenticator } from "../platform/authenticator.ts";
import type { Scheduler, Timer } from "../platform/clock.ts";
import type { Network } from "../platform/network.ts";
import type { Random } from "../platform/random.ts";
import { Acceptor } from "./acceptor.ts";
import { Dialer, type DialerOwner, type PeerAddress } from "./dialer.ts";
import { EventReporter, type TransportEvent } from "./event-reporter.ts";
import { FrameType } from "./generated/messages.ts";
import type { CallReply, CallRequest, MemberMessage, PeerHandler } from "./handler.ts";
import type { Identity } from "./handshake.ts";
import { isClusterId } from "./handshake-format.ts";
import {
  BULK_BYTES_MIN,
  CONTROL_RESERVE_BYTES,
  SMALL_MESSAGE_BYTES_MAX,
  transportLimits,
  type TransportLimits,
} from "./limits.ts";
import { MessageDispatcher } from "./message-dispatcher.ts";
import { PeerCall } from "./peer-call.ts";
import { frameTypeOf, peerMessageBytesMax, writePeerMessage } from "./peer-codec.ts";
import type { ConnectionEnv, PeerConnection } from "./peer-connection.ts";
import type { NodeId, PeerMessage, RaftMessage, ShardId } from "./peer-message.ts";
import { ProtoWriter } from "./proto-writer.ts";
import { raftMessageBytesMax, writeRaftMessage } from "./raft-codec.ts";

/** The world around a transport. */
export interface TransportEnv {
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly authenticator: Authenticator;
  /** Told what an operator should know; rate limited; must not throw. */
  readonly report: (event: TransportEvent) => void;
}

/** Who this node is, and limits that differ from the defaults. */
export interface TransportOptions extends Identity {
  readonly limits?: Partial<TransportLimits>;
}

/** Ticks for which ordered messages follow a large one on the bulk connection. */
const FOLLOW_TICKS = 2;

/** The two outgoing connections to a peer. */
interface Peer {
  readonly control: Dialer;
  readonly bulk: Dialer;
  /** Ticks left in which small ordered messages go where the last large one went. */
  followTicks: number;
}

/**
 * Connections between this node and its peers.
 *
 * Each node dials two connections to every peer (control and bulk), sends on those, and receives on
 * the ones that its peers dialled: four between two nodes. Messages are not retried: when a
 * connection is down or its queue is full they are dropped and `send` says so. Nothing here waits.
 */
export class PeerTransport {
  readonly #limits: TransportLimits;
  readonly #network: Network;
  readonly #scheduler: Scheduler;
  readonly #handler: PeerHandler;
  readonly #reporter: EventReporter;
  readonly #env: ConnectionEnv;
  readonly #dispatcher: MessageDispatcher;
  readonly #acceptor: Acceptor;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #calls = new Set<PeerCall>();
  readonly #scratch = new ProtoWriter(new Uint8Array(1024));
  readonly #flushSoon = (): void => this.flush();
  readonly #tellRoom = (): void => {
    for (const peer of this.#peers.values()) {
      this.#maybeTellRoom(peer.control);
      this.#maybeTellRoom(peer.bulk);
    }
  };
  readonly #dialerOwner: DialerOwner = {
    onUp: (dialer) => {
      if (dialer.link !== "control") return;
      this.#handler.onPeerUp(dialer.nodeId, dialer.open!.peer!.incarnation);
    },
    onDown: (dialer) => {
      if (dialer.link === "control" && !this.#closed) this.#handler.onPeerDown(dialer.nodeId);
    },
    onRoom: (dialer) => this.#maybeTellRoom(dialer),
  };
  #identity: Identity;
  #dirty: PeerConnection[] = [];
  #flushing: PeerConnection[] = [];
  #flushScheduled = false;
  #tickTimer: Timer | null = null;
  #closed = false;

  /** @throws DbError BAD_CONFIG when the identity is not one. */
  constructor(env: TransportEnv, options: TransportOptions, handler: PeerHandler) {
    this.#limits = { ...transportLimits, ...options.limits };
    this.#network = env.network;
    this.#scheduler = env.scheduler;
    this.#handler = handler;
    this.#identity = checkedIdentity(options);
    this.#reporter = new EventReporter(env.report, this.#limits.reportBurst);
    this.#env = {
      scheduler: env.scheduler,
      random: env.random,
      authenticator: env.authenticator,
      reporter: this.#reporter,
      limits: this.#limits,
      identity: () => this.#identity,
      markDirty: (connection) => this.#markDirty(connection),
    };
    this.#dispatcher = new MessageDispatcher(handler);
    this.#acceptor = new Acceptor(this.#env, env.network, this.#dispatcher, {
      handler,
      onSeen: (id, incarnation) => this.#onSeen(id, incarnation),
      answer: (connection, message) => this.#put(connection, message),
    });
    this.#tickLater();
  }

  /**
   * Opens a port for peers.
   *
   * @param port 0: any free one.
   * @returns The port in use.
   * @throws DbError PEER_LISTEN_FAILED.
   */
  listen(host: string, port: number): Promise<number> {
    return this.#acceptor.listen(host, port);
  }

  /** The node has become a member: from now on it may connect to peers and be connected to. */
  becomeMember(clusterId: string, nodeId: NodeId): void {
    this.#identity = checkedIdentity({ ...this.#identity, clusterId, nodeId });
    this.#peers.delete(nodeId);
    for (const peer of this.#peers.values()) startPeer(peer);
  }

  /**
   * Whom to keep connections to, and where; this node's own id is left out. Replaces the last
   * call's.
   */
  setPeers(addresses: ReadonlyMap<NodeId, PeerAddress>): void {
    if (this.#closed) return;
    for (const [id, peer] of this.#peers) {
      const address = addresses.get(id);
      const { host, port } = peer.control.address;
      if (address?.host === host && address.port === port) continue;
      this.#peers.delete(id);
      this.#stopPeer(id, peer);
    }
    for (const [id, address] of addresses) {
      if (id === this.#identity.nodeId || this.#peers.has(id)) continue;
      const peer = {
        control: new Dialer(this.#env, this.#network, this.#dialerOwner, id, "control", address),
        bulk: new Dialer(this.#env, this.#network, this.#dialerOwner, id, "bulk", address),
        followTicks: 0,
      };
      this.#peers.set(id, peer);
      if (this.#identity.clusterId !== "") startPeer(peer);
    }
  }

  /** Whether messages to this peer are taken now: small ones, or those of the bulk connection. */
  isUp(id: NodeId, link: "control" | "bulk" = "control"): boolean {
    const peer = this.#peers.get(id);
    return peer !== undefined && peer[link].open !== null;
  }

  /**
   * Queues a Raft message; it leaves at the end of the turn, or at `flush`.
   *
   * @param message Encoded before the call returns; its `from` must be this node, its `to` the
   * peer.
   * @param isOrdered It means little when it comes before an ordered one that was sent earlier: an
   *   append behind a large append takes the bulk connection, too, instead of overtaking it.
   * @returns False when it was dropped: no connection, or too much waits (`onWritable` follows).
   */
  sendRaft(to: NodeId, shard: ShardId, message: RaftMessage, isOrdered = false): boolean {
    invariant(
      message.from === this.#identity.nodeId && message.to === to,
      "a message goes from this node to the peer that it names",
    );
    const bytesMax = raftMessageBytesMax(message);
    const connection = this.#connectionFor(to, bytesMax, isOrdered && this.#follows(to, bytesMax));
    if (connection === null) return false;
    writeRaftMessage(shard, message, connection.outbox.begin(bytesMax));
    connection.outbox.end(FrameType.raftMessage);
    this.#markDirty(connection);
    return true;
  }

  /**
   * Queues any other message; see {@link sendRaft}. Chunks of snapshots take the bulk connection.
   */
  send(to: NodeId, message: MemberMessage): boolean {
    const bytesMax = peerMessageBytesMax(message, this.#scratch);
    const connection = this.#connectionFor(to, bytesMax, message.kind === "snapshotChunk");
    if (connection === null) return false;
    this.#put(connection, message, bytesMax);
    return true;
  }

  /**
   * Asks one question of whoever listens at an address: a node need not be a member for that.
   *
   * @param timeoutMs For everything, from connecting to the answer.
   * @throws DbError PEER_UNREACHABLE, PEER_TIMEOUT, PEER_REFUSED (the handshake failed) or
   * PEER_CLOSED.
   */
  call(host: string, port: number, question: CallRequest, timeoutMs: number): Promise<CallReply> {
    if (this.#closed) return Promise.reject(new DbError("PEER_CLOSED", "this node is closing"));
    return new Promise((resolve, reject) => {
      const ask = (connection: PeerConnection): void => this.#put(connection, question);
      const call: PeerCall = new PeerCall(
        this.#env,
        this.#network,
        this.#dispatcher,
        { host, port },
        timeoutMs,
        ask,
        {
          resolve: (answer) => {
            this.#calls.delete(call);
            resolve(answer);
          },
          reject: (error) => {
            this.#calls.delete(call);
            reject(error);
          },
        },
      );
      this.#calls.add(call);
    });
  }

  /** Hands what is queued to the sockets: one write per connection, unless it was very much. */
  flush(): void {
    this.#flushScheduled = false;
    const flushing = this.#dirty;
    this.#dirty = this.#flushing;
    this.#flushing = flushing;
    failpoints.reached?.("transport.flush.before");
    for (const connection of flushing) {
      connection.dirty = false;
      if (connection.state !== "open") continue;
      connection.outbox.flush();
      // The socket may have taken everything at once: then no drain follows.
      if (connection.wantsRoom) this.#scheduler.soon(this.#tellRoom);
    }
    flushing.length = 0;
    failpoints.reached?.("transport.flush.after");
  }

  /**
   * Sends what waits as far as the sockets take it, closes everything, tells the handler nothing
   * more.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#tickTimer?.cancel();
    this.flush();
    for (const call of this.#calls) call.cancel();
    for (const peer of this.#peers.values()) {
      peer.control.stop(false);
      peer.bulk.stop(false);
    }
    this.#peers.clear();
    await this.#acceptor.close();
  }

  /** Whether an ordered message is large, or comes soon behind a large one. */
  #follows(to: NodeId, bytes: number): boolean {
    const peer = this.#peers.get(to);
    if (peer === undefined) return false;
    if (bytes >= BULK_BYTES_MIN) peer.followTicks = FOLLOW_TICKS;
    return peer.followTicks > 0 && peer.bulk.open !== null;
  }

  /** The connection for a message of this size, if it stands and has room. */
  #connectionFor(to: NodeId, bytes: number, isBulk: boolean): PeerConnection | null {
    invariant(bytes <= this.#limits.messageBytesMax, "a message fits into messageBytesMax");
    const peer = this.#peers.get(to);
    if (peer === undefined) return null;
    const { controlQueueBytesMax, bulkQueueBytesMax } = this.#limits;
    const useBulk = isBulk || bytes >= BULK_BYTES_MIN;
    const connection = useBulk ? peer.bulk.open : peer.control.open;
    if (connection === null) return null;
    const reserve = !useBulk && bytes <= SMALL_MESSAGE_BYTES_MAX ? CONTROL_RESERVE_BYTES : 0;
    const queueBytesMax = useBulk ? bulkQueueBytesMax : controlQueueBytesMax + reserve;
    if (connection.hasRoom(bytes, queueBytesMax)) return connection;
    connection.wantsRoom = true;
    return null;
  }

  #put(
    connection: PeerConnection,
    message: PeerMessage,
    bytesMax: number = peerMessageBytesMax(message, this.#scratch),
  ): void {
    writePeerMessage(message, connection.outbox.begin(bytesMax));
    connection.outbox.end(frameTypeOf(message.kind));
    this.#markDirty(connection);
  }

  #markDirty(connection: PeerConnection): void {
    if (connection.dirty) return;
    connection.dirty = true;
    this.#dirty.push(connection);
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#scheduler.soon(this.#flushSoon);
  }

  #maybeTellRoom(dialer: Dialer): void {
    const connection = dialer.open;
    if (connection === null || !connection.wantsRoom || this.#closed) return;
    const { controlQueueBytesMax, bulkQueueBytesMax } = this.#limits;
    const queueBytesMax = dialer.link === "bulk" ? bulkQueueBytesMax : controlQueueBytesMax;
    if (connection.outbox.queuedBytes * 2 > queueBytesMax) return;
    connection.wantsRoom = false;
    this.#handler.onWritable(dialer.nodeId);
  }

  /**
   * A peer dialled us: it is there, and perhaps started anew, so our own connections may wait no
   * longer.
   */
  #onSeen(id: NodeId, incarnation: number): void {
    const peer = this.#peers.get(id);
    peer?.control.restart(incarnation);
    peer?.bulk.restart(incarnation);
  }

  #stopPeer(id: NodeId, peer: Peer): void {
    const wasUp = peer.control.open !== null;
    peer.control.stop(false);
    peer.bulk.stop(false);
    if (wasUp) this.#handler.onPeerDown(id);
  }

  #tickLater(): void {
    this.#tickTimer = this.#scheduler.after(this.#limits.tickMs, () => {
      this.#reporter.tick();
      for (const peer of this.#peers.values()) {
        peer.control.tick();
        peer.bulk.tick();
        if (peer.followTicks > 0) peer.followTicks--;
      }
      this.#acceptor.tick();
      if (!this.#closed) this.#tickLater();
    });
  }
}

function startPeer(peer: Peer): void {
  peer.control.start();
  peer.bulk.start();
}

function checkedIdentity(given: Identity): Identity {
  const { clusterId, nodeId, incarnation, secret } = given;
  if (!isClusterId(clusterId)) {
    throw new DbError("BAD_CONFIG", "a cluster id is up to 64 printable ASCII characters");
  }
  if (!isUint53(nodeId) || !isUint53(incarnation)) {
    throw new DbError("BAD_CONFIG", "node id and incarnation are 0 to 2^53 - 1");
  }
  return { clusterId, nodeId, incarnation, secret };
}

function isUint53(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
