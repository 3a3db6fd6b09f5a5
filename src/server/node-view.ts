// What the server's own commands (INFO, ROLE, CLUSTER, CONFIG, WAIT, SHUTDOWN) see and ask of the
// node they run on. The cluster layer implements it; nothing here knows of Raft's or the log's
// insides.

/** Who this node is: fixed from start to end. */
export interface NodeIdentity {
  /** Kvorum's version, `0.1.0`. */
  readonly version: string;
  /** Number of the node in its cluster, from 1. */
  readonly nodeId: number;
  /**
   * 40 lower-case hex digits, the same for the node's whole life: its id in Redis Cluster's words.
   */
  readonly name: string;
  /** 40 lower-case hex digits, new with every start. */
  readonly runId: string;
  /** 40 lower-case hex digits, the same for all nodes of the cluster. */
  readonly clusterId: string;
  readonly processId: number;
  /** `Linux 6.1.0 x86_64`. */
  readonly os: string;
  /** `node v22.1.0`. */
  readonly runtime: string;
  readonly executable: string;
  /** Path, or empty. */
  readonly configFile: string;
  readonly dataDirectory: string;
  readonly engine: "memory" | "disk";
  /** Addresses that are listened on. */
  readonly bind: readonly string[];
  readonly port: number;
  /** The port that `CLUSTER SLOTS` announces; 0 when none is set. */
  readonly clusterPort: number;
  readonly peerPort: number;
  /** 0 when there is none. */
  readonly httpPort: number;
  /** Only this machine can connect: no password is needed. */
  readonly loopbackOnly: boolean;
  /** Clients are told `cluster_enabled:1` and `mode: cluster`. */
  readonly announcesCluster: boolean;
  /** For tests: `DEBUG SLEEP` is allowed. */
  readonly debugAllowed: boolean;
}

/** Settings that may change while the node runs. */
export interface NodeSettings {
  /** Bytes of data above which writes are refused; 0: no limit. */
  maxMemoryBytes: number;
  fsync: "always" | "everysec" | "no";
  redirect: "auto" | "always" | "never";
  logLevel: "debug" | "info" | "warn" | "error";
}

/** What a node is in the shard at the moment. */
export type NodeRole = "leader" | "follower" | "candidate" | "learner";

/** One node of the cluster, as clients and operators see it. */
export interface MemberView {
  readonly nodeId: number;
  /** 40 hex digits, as {@link NodeIdentity.name}. */
  readonly name: string;
  /** Address for clients; empty for this node itself when it listens on all addresses. */
  readonly host: string;
  /**
   * The port that is announced to cluster clients: the cluster port when set, the main port
   * otherwise.
   */
  readonly port: number;
  readonly peerPort: number;
  readonly isSelf: boolean;
  readonly isLeader: boolean;
  readonly isVoter: boolean;
  /** Heard from within the time in which a live node is heard from; this node itself always is. */
  readonly online: boolean;
  /**
   * Highest log index known to be durable there; -1 when this node cannot know, because it does not
   * lead.
   */
  readonly matchIndex: number;
  /** Milliseconds since it was last heard from; 0 for this node, -1 for never. */
  readonly silentMs: number;
  /** Unix ms when the connection to it was made; 0 when there is none. */
  readonly linkedAtMs: number;
  /** Bytes that wait to be sent to it. */
  readonly sendBufferBytes: number;
}

/** One shard: a range of slots and who holds it. */
export interface ShardView {
  /** 40 hex digits, the same at all nodes. */
  readonly name: string;
  /** 0 to 16383, both inclusive. */
  readonly firstSlot: number;
  readonly lastSlot: number;
  /** Node id of its leader, 0 when none is known. */
  readonly leaderId: number;
  /** Node ids of all its replicas, the leader among them. */
  readonly nodeIds: readonly number[];
}

/** Where the log stands. */
export interface ProgressView {
  readonly term: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** Index of the last entry in the newest snapshot; 0 without one. */
  readonly snapshotIndex: number;
  /** Milliseconds that the leader's lease still runs; 0 without one. */
  readonly leaseMs: number;
}

/** Counters of one of the 16 databases. */
export interface DatabaseView {
  readonly keys: number;
  readonly expires: number;
  /** 0 when not known. */
  readonly averageTtlMs: number;
}

/** The data on this node, all sizes in bytes. */
export interface KeyspaceView {
  readonly databases: readonly DatabaseView[];
  readonly reservedBytes: number;
  readonly untouchedBytes: number;
  readonly liveBytes: number;
  readonly deadBytes: number;
  readonly expiredKeys: number;
  readonly evictedKeys: number;
  readonly hits: number;
  readonly misses: number;
}

/** The write-ahead log. */
export interface LogView {
  readonly bytes: number;
  readonly segments: number;
  /** Synced writes since start. */
  readonly writes: number;
  readonly writtenBytes: number;
  /** Write commands applied since the newest snapshot. */
  readonly changesSinceSnapshot: number;
  /** The last write reached the disk; false while writes are refused. */
  readonly healthy: boolean;
}

/** Snapshots of the data on disk. */
export interface SnapshotView {
  readonly running: boolean;
  /** Milliseconds the running one takes so far; 0 when none runs. */
  readonly runningMs: number;
  /** Unix ms of the newest one; the start of the node when there is none. */
  readonly lastAtMs: number;
  readonly lastOk: boolean;
  /** Milliseconds the last one took; -1 before the first. */
  readonly lastDurationMs: number;
  readonly lastBytes: number;
  /** Finished since start. */
  readonly count: number;
}

/** The process. */
export interface ProcessView {
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  readonly systemBytes: number;
  /** Seconds of processor time since start. */
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  /** Longest time that the event loop stood still since start or {@link NodeView.resetStats}. */
  readonly eventLoopStallMsMax: number;
}

/** The node behind a server. Every call is cheap and answers from what is in memory. */
export interface NodeView {
  readonly identity: NodeIdentity;
  /** Present settings; change them with {@link change}. */
  readonly settings: Readonly<NodeSettings>;
  role(): NodeRole;
  /** All nodes that are known, this one among them, by node id. */
  members(): readonly MemberView[];
  /** Shards by first slot. */
  shards(): readonly ShardView[];
  progress(): ProgressView;
  keyspace(): KeyspaceView;
  log(): LogView;
  snapshots(): SnapshotView;
  process(): ProcessView;

  /** Keys in a slot of this node's own copy, database 0. */
  countKeysInSlot(slot: number): number;
  /** Copies of up to `count` keys in a slot of this node's own copy, database 0. */
  keysInSlot(slot: number, count: number): readonly Uint8Array[];

  /** Takes a setting into use. Returns null, or why not, as one clause for an error reply. */
  change<K extends keyof NodeSettings>(name: K, value: NodeSettings[K]): string | null;
  /** Sets the counters behind INFO to zero. */
  resetStats(): void;
  /** Writes a snapshot; resolves when it is on disk. Joins the running one, if any. */
  snapshot(): Promise<void>;
  /**
   * Hands leadership over and stops the process in an orderly way, after a snapshot when `save`.
   */
  shutdown(save: boolean): void;
  /** For tests: stands still for so long, as a stopped process would. */
  sleep(ms: number): void;
}
