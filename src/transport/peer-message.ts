// What peers say, as values: the shapes on both sides of the codecs. The schema is
// proto/kvorum.proto.
import type * as wire from "./generated/messages.ts";

/** A node of the cluster: 1 to 2^53 - 1; 0 stands for "nobody". */
export type NodeId = number;
/** A shard (one Raft group): 0 to 2^53 - 1. */
export type ShardId = number;

/**
 * A message of the consensus core, in the very shape of `Message` in src/raft/types.ts (layers of
 * one height do not import each other), so either is assignable to the other.
 */
export interface RaftMessage {
  readonly type: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly commit: number;
  /** Their indexes are `index + 1`, `index + 2`, ... */
  readonly entries: readonly RaftEntry[];
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly rejectHintTerm: number;
  readonly context: number;
  readonly round: number;
  readonly snapshot: SnapshotMark | null;
}

/** An entry of the log. */
export interface RaftEntry {
  readonly term: number;
  readonly index: number;
  readonly type: 0 | 1 | 2;
  readonly data: Uint8Array;
}

/** Which state a snapshot holds. */
export interface SnapshotMark {
  readonly index: number;
  readonly term: number;
  readonly conf: wire.ConfState;
}

/** A part of a snapshot's stream; travels on the bulk connection. */
export interface SnapshotChunk {
  readonly kind: "snapshotChunk";
  readonly shard: ShardId;
  /** Names the stream among those of the same sender; grows. */
  readonly stream: number;
  /** 0, 1, 2, ... */
  readonly sequence: number;
  readonly term: number;
  readonly last: boolean;
  /** In the first chunk; null in all others. */
  readonly mark: SnapshotMark | null;
  /** In the first chunk: bytes of the whole stream as far as known, for progress only. */
  readonly totalBytes: number;
  /** At most 256 KiB. */
  readonly data: Uint8Array;
}

/** A client's operation on its way to the shard's leader. */
export interface Forward {
  readonly kind: "forward";
  /** Names the question among those of the asking node; echoed. */
  readonly request: number;
  readonly shard: ShardId;
  readonly session: number;
  readonly sequence: number;
  /** Replies up to this sequence have arrived. */
  readonly acknowledged: number;
  /** RESP version of the wanted reply: 2 or 3. */
  readonly protocol: number;
  readonly database: number;
  /** Nodes it has passed. */
  readonly hops: number;
  readonly operation: Uint8Array;
}

/** The answer to a {@link Forward}. */
export interface ForwardReply {
  readonly kind: "forwardReply";
  readonly request: number;
  /** One of `ForwardOutcome` in generated/messages.ts; unknown ones mean "uncertain". */
  readonly outcome: number;
  readonly leader: NodeId;
  readonly reply: Uint8Array;
}

/** Messages that are rare enough for the generated codecs. */
export type SnapshotStatus = { readonly kind: "snapshotStatus" } & wire.SnapshotStatus;
export type NodeHeartbeat = { readonly kind: "nodeHeartbeat" } & wire.NodeHeartbeat;
export type JoinRequest = { readonly kind: "joinRequest" } & wire.JoinRequest;
export type JoinReply = { readonly kind: "joinReply" } & wire.JoinReply;
export type BootstrapRequest = { readonly kind: "bootstrapRequest" } & wire.BootstrapRequest;
export type BootstrapReply = { readonly kind: "bootstrapReply" } & wire.BootstrapReply;
export type StatusRequest = { readonly kind: "statusRequest" } & wire.StatusRequest;
export type StatusReply = { readonly kind: "statusReply" } & wire.StatusReply;

/** Everything but Raft's own messages, which have their own path. */
export type PeerMessage =
  | SnapshotChunk
  | SnapshotStatus
  | Forward
  | ForwardReply
  | NodeHeartbeat
  | JoinRequest
  | JoinReply
  | BootstrapRequest
  | BootstrapReply
  | StatusRequest
  | StatusReply;
