// What a replica needs of its node: time, chance, the log, the network, and who hears of its
// changes.
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { Message, SnapshotMark, SnapshotRequest } from "../raft/types.ts";
import type { Applier } from "./applier.ts";
import type { Replica } from "./replica.ts";

/** Settings of a replica. */
export interface ReplicaOptions {
  readonly shard: number;
  readonly nodeId: number;
  /** Milliseconds of the shortest election timeout; leases and vote refusal derive from it. */
  readonly electionTimeoutMs: number;
  /** Entries count as persisted once they are in the log's buffer (`--fsync no|everysec`). */
  readonly relaxedSync: boolean;
}

/** The node's log as one replica sees it. */
export interface ReplicaLog {
  /** A write is on its way to the disk. */
  readonly writing: boolean;
  /** Number of the frame that is being filled. */
  readonly nextSequence: number;
  /** Bytes of entries appended since start. */
  readonly appendedBytes: number;
  /** Somebody waits for what is in the open frame: it must not be delayed. */
  urgent: boolean;
  /** So much waits for the disk that nothing more should be called persisted early. */
  readonly behind: boolean;
  appendEntry(shard: number, term: number, index: number, type: number, bytes: Uint8Array): void;
  /** The state up to `index` is in a snapshot; entries that disagree with it are void. */
  appendSnapshotMark(shard: number, index: number, term: number): void;
  appendHardState(shard: number, term: number, vote: number, commit: number): void;
  /** What was appended so far must be synced before it counts, whatever the user relaxed. */
  requireSync(): void;
}

/** The node around a replica. */
export interface ReplicaHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: ReplicaLog;
  /** Unique to this start of this node, below 2^32. */
  readonly incarnation: number;
  /** This node has run before: it may have helped to hold a lease. */
  readonly restarted: boolean;
  /** Sends to a peer, or drops: Raft repeats. */
  send(shard: number, message: Message): void;
  /** Asks for a turn of collect and finish, once the input at hand is taken in. */
  wantTurn(): void;
  /** Replies were written: send them before long. */
  onApplied(replica: Replica): void;
  /** Role, term, leader, or readiness to serve has changed. */
  onLeadership(replica: Replica): void;
  /** The loaded state of a snapshot that the core has accepted. */
  installSnapshot(replica: Replica, mark: SnapshotMark): Applier;
  sendSnapshot(replica: Replica, request: SnapshotRequest): void;
}
