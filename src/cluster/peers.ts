// What this node and its peers say to each other: consensus messages, forwarded operations,
// snapshots.
import { failpoints } from "../base/failpoints.ts";
import type { Forwarder, ForwardedOperation } from "../replica/forwarder.ts";
import { ForwardReceiver } from "../replica/forward-receiver.ts";
import type { ForwardAnswer } from "../replica/forwarder.ts";
import type { Replica } from "../replica/replica.ts";
import { type Message, MessageType } from "../raft/types.ts";
import { ForwardOutcome } from "../transport/generated/messages.ts";
import type {
  CallOrigin,
  CallReply,
  CallRequest,
  MemberMessage,
  PeerHandler,
} from "../transport/handler.ts";
import type { Forward, ForwardReply, RaftMessage } from "../transport/peer-message.ts";
import type { PeerTransport } from "../transport/peer-transport.ts";
import type { Heartbeats } from "./heartbeats.ts";
import type { Router } from "./router.ts";
import type { SnapshotTransfers } from "./snapshot-transfers.ts";

/** Bit of a forward's `hops` that marks a read. */
const FORWARD_READ = 0x100;
const NO_BYTES = new Uint8Array(0);

/** The parts of a node that peers talk to. */
export interface PeersOwner {
  readonly replica: Replica;
  readonly router: Router;
  readonly forwarder: Forwarder;
  readonly transfers: SnapshotTransfers;
  readonly heartbeats: Heartbeats;
  wantTurn(): void;
  onCall(origin: CallOrigin, request: CallRequest, reply: (answer: CallReply) => void): void;
  onPeerUp(id: number): void;
  onPeerDown(id: number): void;
}

/** Routes messages between the transport and the replica. */
export class Peers implements PeerHandler {
  readonly #owner: PeersOwner;
  #transport: PeerTransport | null = null;
  readonly #receiver = new ForwardReceiver(
    (to, request, answer) => this.#sendAnswer(to, request, answer),
    (bytes, target, request) => this.#owner.router.longReads.takeEncoded(bytes, target, request),
  );

  constructor(owner: PeersOwner) {
    this.#owner = owner;
  }

  /** Gives the peers their transport, once it is made. */
  attach(transport: PeerTransport): void {
    this.#transport = transport;
  }

  // ---- to peers

  sendRaft(shard: number, message: Message): void {
    const isAppend = message.type === MessageType.append;
    const sent = this.#transport?.sendRaft(message.to, shard, message, isAppend) ?? false;
    if (!sent) this.#owner.replica.raft.reportUnreachable(message.to);
  }

  sendForward(to: number, operation: ForwardedOperation): boolean {
    const forward: Forward = {
      kind: "forward",
      request: operation.request,
      shard: this.#owner.replica.options.shard,
      session: operation.session,
      sequence: operation.sequence,
      acknowledged: operation.acknowledged,
      protocol: operation.protocol,
      database: 0,
      hops: operation.isWrite ? 0 : FORWARD_READ,
      operation: operation.bytes,
    };
    return this.#transport?.send(to, forward) ?? false;
  }

  /** False: not now. To a node that is away nothing is sent: it asks again. */
  #sendAnswer(to: number, request: number, answer: ForwardAnswer): boolean {
    const reply: ForwardReply = {
      kind: "forwardReply",
      request,
      outcome: outcomeOf(answer),
      leader: this.#owner.replica.raft.leader,
      reply: answer.kind === "done" ? answer.reply : NO_BYTES,
    };
    const transport = this.#transport;
    return transport === null || transport.send(to, reply) || !transport.isUp(to);
  }

  // ---- from peers

  onRaft(_from: number, _shard: number, message: RaftMessage): void {
    // Entries are views into the read buffer; the log keeps them.
    const entries = message.entries.map((entry) => ({
      ...entry,
      data: new Uint8Array(entry.data),
    }));
    this.#owner.replica.onMessage(entries.length === 0 ? message : { ...message, entries });
    this.#owner.wantTurn();
  }

  onMessage(from: number, message: MemberMessage): void {
    switch (message.kind) {
      case "forward":
        this.#onForward(from, message);
        break;
      case "forwardReply":
        this.#owner.forwarder.onAnswer(from, message.request, answerOf(message));
        this.#owner.replica.onAnswered();
        break;
      case "snapshotChunk":
        this.#owner.transfers.onChunk(from, message);
        break;
      case "snapshotStatus":
        this.#owner.transfers.onStatus(from, message);
        break;
      case "nodeHeartbeat":
        this.#owner.heartbeats.onHeartbeat(from, message);
        break;
      default:
        message satisfies never;
    }
  }

  #onForward(from: number, forward: Forward): void {
    const { request, session, acknowledged, protocol } = forward;
    const isWrite = (forward.hops & FORWARD_READ) === 0;
    const operation = {
      request,
      session,
      acknowledged,
      protocol,
      isWrite,
      bytes: forward.operation,
    };
    const refusal = isWrite ? this.#owner.router.writeRefusal(true) : null;
    this.#receiver.onOperation(this.#owner.replica, from, operation, refusal);
  }

  onCall(origin: CallOrigin, request: CallRequest, reply: (answer: CallReply) => void): void {
    this.#owner.onCall(origin, request, reply);
  }

  onPeerUp(id: number, _incarnation: number): void {
    failpoints.reached?.("peer.up");
    const { replica, forwarder } = this.#owner;
    if (id === replica.raft.leader) forwarder.sendAll(id);
    this.#owner.onPeerUp(id);
  }

  onPeerDown(id: number): void {
    failpoints.reached?.("peer.down");
    this.#owner.replica.raft.reportUnreachable(id);
    this.#owner.onPeerDown(id);
  }

  /** With the node's tick. */
  tick(): void {
    this.#receiver.tick();
  }

  onWritable(id: number): void {
    this.#receiver.sendUnsent(id);
    this.#owner.forwarder.onRoom(id);
    this.#owner.transfers.onWritable(id);
  }
}

function outcomeOf(answer: ForwardAnswer): number {
  if (answer.kind === "done") return ForwardOutcome.done;
  return answer.kind === "notLeader" ? ForwardOutcome.notLeader : ForwardOutcome.uncertain;
}

function answerOf(reply: ForwardReply): ForwardAnswer {
  if (reply.outcome === ForwardOutcome.done) {
    return { kind: "done", reply: new Uint8Array(reply.reply) };
  }
  return { kind: reply.outcome === ForwardOutcome.notLeader ? "notLeader" : "uncertain" };
}
