// Connections that others dialled: who may come in, which of two stays, and what they may say.
import { DbError } from "../base/errors.ts";
import type { Connection, Listener, Network } from "../platform/network.ts";
import type { CallReply, PeerHandler } from "./handler.ts";
import type { Hello, RefusalReason } from "./handshake-format.ts";
import { isCallRequest, type MessageDispatcher } from "./message-dispatcher.ts";
import {
  PeerConnection,
  type ConnectionEnv,
  type ConnectionOwner,
  type FrameRefusal,
} from "./peer-connection.ts";
import type { NodeId } from "./peer-message.ts";

const TWO_QUESTIONS: FrameRefusal = {
  fault: "unexpected",
  detail: "a second question in one call",
};
const NO_QUESTION: FrameRefusal = { fault: "unexpected", detail: "an answer to no question" };
const PURPOSE = { role: "acceptor", link: "control", expectedNodeId: 0 } as const;

/** What one node has open to this one. */
interface IncomingPeer {
  incarnation: number;
  control: PeerConnection | null;
  bulk: PeerConnection | null;
}

/** What the acceptor needs of the transport. */
export interface AcceptorOwner {
  readonly handler: PeerHandler;
  /** A node has proved itself on a connection that it dialled: it is alive. */
  onSeen(id: NodeId, incarnation: number): void;
  /** Queues a call's answer. */
  answer(connection: PeerConnection, message: CallReply): void;
}

/** All accepted connections. */
export class Acceptor implements ConnectionOwner {
  readonly #env: ConnectionEnv;
  readonly #network: Network;
  readonly #dispatcher: MessageDispatcher;
  readonly #owner: AcceptorOwner;
  readonly #listeners: Listener[] = [];
  readonly #handshaking = new Set<PeerConnection>();
  readonly #peers = new Map<NodeId, IncomingPeer>();
  /** With whether the question has come. */
  readonly #calls = new Map<PeerConnection, boolean>();
  #closed = false;

  constructor(
    env: ConnectionEnv,
    network: Network,
    dispatcher: MessageDispatcher,
    owner: AcceptorOwner,
  ) {
    this.#env = env;
    this.#network = network;
    this.#dispatcher = dispatcher;
    this.#owner = owner;
  }

  /** Opens a port. @returns The port in use. @throws DbError PEER_LISTEN_FAILED. */
  async listen(host: string, port: number): Promise<number> {
    let listener: Listener;
    try {
      listener = await this.#network.listen(host, port, (connection) => this.#accept(connection));
    } catch (error) {
      throw new DbError("PEER_LISTEN_FAILED", "cannot listen for peers", { host, port }, error);
    }
    if (this.#closed) await listener.close();
    else this.#listeners.push(listener);
    return listener.port;
  }

  tick(): void {
    for (const peer of this.#peers.values()) {
      peer.control?.tick();
      peer.bulk?.tick();
    }
    for (const connection of this.#calls.keys()) connection.tick();
  }

  /** Stops listening and closes everything; what waits is still sent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#handshaking) connection.close(true);
    for (const connection of this.#calls.keys()) connection.close(false);
    for (const peer of this.#peers.values()) {
      peer.control?.close(false);
      peer.bulk?.close(false);
    }
    this.#handshaking.clear();
    this.#calls.clear();
    this.#peers.clear();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  admit(_connection: PeerConnection, hello: Hello): RefusalReason | null {
    const { callsMax, peersMax } = this.#env.limits;
    if (hello.kind === "call") return this.#calls.size >= callsMax ? "busy" : null;
    const peer = this.#peers.get(hello.nodeId);
    if (peer === undefined) return this.#peers.size >= peersMax ? "busy" : null;
    return peer.incarnation > hello.incarnation ? "stale" : null;
  }

  onOpen(connection: PeerConnection): void {
    this.#handshaking.delete(connection);
    const { link } = connection;
    if (link === "call") {
      this.#calls.set(connection, false);
      return;
    }
    const { nodeId, incarnation } = connection.peer!;
    let peer = this.#peers.get(nodeId);
    if (peer === undefined || peer.incarnation < incarnation) {
      peer?.control?.close(true);
      peer?.bulk?.close(true);
      peer = { incarnation, control: null, bulk: null };
      this.#peers.set(nodeId, peer);
    }
    if (peer[link] !== null) this.#replace(peer[link]);
    peer[link] = connection;
    this.#owner.onSeen(nodeId, incarnation);
  }

  onFrame(
    connection: PeerConnection,
    type: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
  ): FrameRefusal | null {
    if (connection.link === "call") return this.#onCall(connection, type, bytes, view, from, to);
    const own = this.#env.identity().nodeId;
    return this.#dispatcher.dispatch(connection.peerId, own, type, bytes, view, from, to);
  }

  onDrain(): void {}

  onClosed(connection: PeerConnection): void {
    this.#handshaking.delete(connection);
    this.#calls.delete(connection);
    const peer = this.#peers.get(connection.peerId);
    if (peer === undefined) return;
    if (peer.control === connection) peer.control = null;
    if (peer.bulk === connection) peer.bulk = null;
    if (peer.control === null && peer.bulk === null) this.#peers.delete(connection.peerId);
  }

  #accept(connection: Connection): PeerConnection | null {
    if (this.#closed) return null;
    if (this.#handshaking.size >= this.#env.limits.handshakesMax) {
      // An honest handshake takes milliseconds: the oldest is the one that is only holding a place.
      const [oldest] = this.#handshaking;
      oldest?.dropHandshake();
    }
    const accepted = new PeerConnection(this.#env, this, connection, PURPOSE);
    this.#handshaking.add(accepted);
    return accepted;
  }

  #onCall(
    connection: PeerConnection,
    type: number,
    bytes: Uint8Array,
    view: DataView,
    from: number,
    to: number,
  ): FrameRefusal | null {
    if (this.#calls.get(connection) === true) return TWO_QUESTIONS;
    const message = this.#dispatcher.readCall(type, bytes, view, from, to);
    if (!("kind" in message)) return message;
    if (!isCallRequest(message)) return NO_QUESTION;
    this.#calls.set(connection, true);
    const { nodeId, clusterId } = connection.peer!;
    let answered = false;
    this.#owner.handler.onCall(
      { nodeId, clusterId, remote: connection.remote },
      message,
      (answer) => {
        if (answered || connection.state !== "open") return;
        answered = true;
        // The caller closes when it has the answer; a caller that does not is overdue soon.
        this.#owner.answer(connection, answer);
      },
    );
    return null;
  }

  #replace(old: PeerConnection): void {
    this.#env.reporter.report({
      kind: "replaced",
      direction: "in",
      remote: old.remote,
      nodeId: old.peerId,
      link: old.link,
      reason: "the node connected anew while this connection stood",
    });
    old.close(true);
  }
}
