// What the transport needs from those above it: one handler for everything peers say.
import type {
  BootstrapReply,
  BootstrapRequest,
  JoinReply,
  JoinRequest,
  NodeId,
  PeerMessage,
  RaftMessage,
  ShardId,
  StatusReply,
  StatusRequest,
} from "./peer-message.ts";

/** Questions that have a connection of their own, also between nodes that are no members yet. */
export type CallRequest = JoinRequest | BootstrapRequest | StatusRequest;
export type CallReply = JoinReply | BootstrapReply | StatusReply;
/** What travels between members. */
export type MemberMessage = Exclude<PeerMessage, CallRequest | CallReply>;

/** Who asks in a call: proved to hold the cluster secret, nothing else. */
export interface CallOrigin {
  /** 0: it has no id yet. */
  readonly nodeId: NodeId;
  /** Empty: it belongs to no cluster yet. */
  readonly clusterId: string;
  readonly remote: string;
}

/**
 * Called by the transport, synchronously. Every `Uint8Array` in a message is a view that is valid
 * only during the call: copy what must stay. An exception thrown here is a bug and is not caught.
 */
export interface PeerHandler {
  /** A Raft message; `from` is proved. Order holds per connection, not between control and bulk. */
  onRaft(from: NodeId, shard: ShardId, message: RaftMessage): void;
  /** Anything else that members say. */
  onMessage(from: NodeId, message: MemberMessage): void;
  /** A call: answer by `reply`, now or later, once; further answers are ignored. */
  onCall(origin: CallOrigin, request: CallRequest, reply: (answer: CallReply) => void): void;
  /** Messages to this peer will be taken; again after every `onPeerDown`. */
  onPeerUp(id: NodeId, incarnation: number): void;
  /** Messages to this peer are refused from now on; those under way may be lost. */
  onPeerDown(id: NodeId): void;
  /** `send` to this peer had refused a message for want of room: now there is some. */
  onWritable(id: NodeId): void;
}
