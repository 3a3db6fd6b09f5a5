// A node for tests of the server's commands: facts that a test sets, calls that it can look at.
import type {
  KeyspaceView,
  LogView,
  MemberView,
  NodeIdentity,
  NodeRole,
  NodeSettings,
  NodeView,
  ProcessView,
  ProgressView,
  ShardView,
  SnapshotView,
} from "../node-view.ts";

/** The id of a fake node: its number, 40 times. */
export function fakeName(nodeId: number): string {
  return String(nodeId).repeat(40).slice(0, 40);
}

/** A member as a fake node sees it; number 1 is the node itself and leads unless told otherwise. */
export function fakeMember(nodeId: number, facts: Partial<MemberView> = {}): MemberView {
  return {
    nodeId,
    name: fakeName(nodeId),
    host: `10.0.0.${nodeId}`,
    port: 6379,
    peerPort: 16379,
    isSelf: nodeId === 1,
    isLeader: nodeId === 1,
    isVoter: true,
    online: true,
    matchIndex: 100,
    silentMs: 0,
    linkedAtMs: nodeId === 1 ? 0 : 1_700_000_000_000,
    sendBufferBytes: 0,
    ...facts,
  };
}

const identity: NodeIdentity = {
  version: "0.1.0",
  nodeId: 1,
  name: fakeName(1),
  runId: "a".repeat(40),
  clusterId: "c".repeat(40),
  processId: 4711,
  os: "Linux 6.1.0 x86_64",
  runtime: "node v20.19.0",
  executable: "/usr/bin/node",
  configFile: "",
  dataDirectory: "/data",
  engine: "memory",
  bind: ["127.0.0.1"],
  port: 6379,
  clusterPort: 0,
  peerPort: 16379,
  httpPort: 0,
  loopbackOnly: true,
  announcesCluster: false,
  debugAllowed: false,
};

/** Implements {@link NodeView} with plain fields. */
export class FakeNode implements NodeView {
  identity: NodeIdentity = identity;
  settings: NodeSettings = {
    maxMemoryBytes: 0,
    fsync: "always",
    redirect: "auto",
    logLevel: "info",
  };
  roleNow: NodeRole = "leader";
  memberList: MemberView[] = [fakeMember(1)];
  shardList: ShardView[] = [
    { name: "5".repeat(40), firstSlot: 0, lastSlot: 16383, leaderId: 1, nodeIds: [1] },
  ];
  progressNow: ProgressView = {
    term: 3,
    lastIndex: 101,
    commitIndex: 100,
    appliedIndex: 100,
    snapshotIndex: 50,
    leaseMs: 750,
  };
  snapshotNow: SnapshotView = {
    running: false,
    runningMs: 0,
    lastAtMs: 1_700_000_000_500,
    lastOk: true,
    lastDurationMs: -1,
    lastBytes: 0,
    count: 0,
  };
  keyCounts: Map<number, number> = new Map();
  slotKeys: Uint8Array[] = [];
  /** Why the next {@link change} is refused, or null. */
  refusesChange: string | null = null;
  /** What was asked of the node, in order. */
  readonly calls: string[] = [];
  /** Open snapshots: a test settles them. */
  readonly openSnapshots: { resolve: () => void; reject: (cause: Error) => void }[] = [];

  role(): NodeRole {
    return this.roleNow;
  }

  members(): readonly MemberView[] {
    return this.memberList;
  }

  shards(): readonly ShardView[] {
    return this.shardList;
  }

  progress(): ProgressView {
    return this.progressNow;
  }

  keyspace(): KeyspaceView {
    const databases = Array.from({ length: 16 }, (_, database) => ({
      keys: this.keyCounts.get(database) ?? 0,
      expires: 0,
      averageTtlMs: 0,
    }));
    return {
      databases,
      reservedBytes: 2_000_000,
      untouchedBytes: 0,
      liveBytes: 1_500_000,
      deadBytes: 100_000,
      expiredKeys: 7,
      evictedKeys: 0,
      hits: 20,
      misses: 5,
    };
  }

  log(): LogView {
    return {
      bytes: 65_536,
      segments: 1,
      writes: 12,
      writtenBytes: 49_152,
      changesSinceSnapshot: 9,
      healthy: true,
    };
  }

  snapshots(): SnapshotView {
    return this.snapshotNow;
  }

  process(): ProcessView {
    return {
      rssBytes: 50_000_000,
      rssPeakBytes: 60_000_000,
      heapUsedBytes: 10_000_000,
      heapTotalBytes: 20_000_000,
      externalBytes: 5_000_000,
      systemBytes: 8_000_000_000,
      cpuUserSeconds: 1.5,
      cpuSystemSeconds: 0.25,
      eventLoopStallMsMax: 4.21,
    };
  }

  countKeysInSlot(slot: number): number {
    return slot === 1 ? this.slotKeys.length : 0;
  }

  keysInSlot(slot: number, count: number): readonly Uint8Array[] {
    return slot === 1 ? this.slotKeys.slice(0, count) : [];
  }

  change<K extends keyof NodeSettings>(name: K, value: NodeSettings[K]): string | null {
    this.calls.push(`change ${name} ${String(value)}`);
    if (this.refusesChange !== null) return this.refusesChange;
    this.settings[name] = value;
    return null;
  }

  resetStats(): void {
    this.calls.push("resetStats");
  }

  snapshot(): Promise<void> {
    this.calls.push("snapshot");
    return new Promise((resolve, reject) => {
      this.openSnapshots.push({ resolve, reject });
    });
  }

  shutdown(save: boolean): void {
    this.calls.push(`shutdown ${save}`);
  }

  sleep(ms: number): void {
    this.calls.push(`sleep ${ms}`);
  }
}
