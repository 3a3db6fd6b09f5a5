// What the server's own commands see of this node and its cluster.
import { viewOf } from "../base/bytes.ts";
import { SLOT_COUNT, slotOf } from "../base/slot.ts";
import { DATABASE_COUNT } from "../keyspace/keyspace.ts";
import type {
  DatabaseView,
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
} from "./node-view.ts";
import type { ClusterNode } from "../cluster/cluster-node.ts";
import type { Member } from "../cluster/membership-types.ts";
import { FIRST_SHARD } from "../cluster/router.ts";

/** Facts and acts that come from the process around the node. */
export interface ViewOptions {
  readonly identity: NodeIdentity;
  readonly settings: NodeSettings;
  process(): ProcessView;
  resetProcessStats(): void;
  shutdown(save: boolean): void;
  sleep(ms: number): void;
  setLogLevel(level: NodeSettings["logLevel"]): void;
}

/** A node as its server sees it. Everything is read from what is in memory. */
export class ClusterView implements NodeView {
  readonly identity: NodeIdentity;
  readonly #cluster: ClusterNode;
  readonly #options: ViewOptions;
  readonly #settings: NodeSettings;
  readonly #startedAtMs: number;
  #linkedAtMs = new Map<number, number>();

  constructor(cluster: ClusterNode, options: ViewOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.identity = options.identity;
    this.#settings = options.settings;
    this.#startedAtMs = cluster.node.environment.clock.wallMs();
    this.#applySettings();
  }

  get settings(): Readonly<NodeSettings> {
    return this.#settings;
  }

  role(): NodeRole {
    const { replica, identity } = this.#cluster.node;
    if (replica.isLeader) return "leader";
    if (replica.raft.conf.learners.includes(identity.nodeId)) return "learner";
    return replica.raft.leader === 0 ? "candidate" : "follower";
  }

  members(): readonly MemberView[] {
    const { node, membership, transport } = this.#cluster;
    const { raft } = node.replica;
    const self = membership.self;
    const voters = new Set([...raft.conf.voters, ...raft.conf.votersOutgoing]);
    const known = new Map<number, Member>();
    for (const member of membership.book.members) known.set(member.id, member);
    known.set(self.id, self);
    const nowMs = node.environment.clock.wallMs();
    const views: MemberView[] = [];
    for (const member of [...known.values()].toSorted((left, right) => left.id - right.id)) {
      const isSelf = member.id === self.id;
      const isUp = isSelf || transport.isUp(member.id);
      if (isUp && !isSelf && !this.#linkedAtMs.has(member.id)) {
        this.#linkedAtMs.set(member.id, nowMs);
      }
      if (!isUp) this.#linkedAtMs.delete(member.id);
      views.push({
        nodeId: member.id,
        name: nodeName(this.identity.clusterId, member.id),
        host: member.host,
        port: member.clusterPort === 0 ? member.clientPort : member.clusterPort,
        peerPort: member.peerPort,
        isSelf,
        isLeader: raft.leader === member.id,
        isVoter: voters.has(member.id),
        online: isUp,
        matchIndex: this.#matchIndex(member.id, isSelf),
        silentMs: isUp ? 0 : -1,
        linkedAtMs: this.#linkedAtMs.get(member.id) ?? 0,
        sendBufferBytes: 0,
      });
    }
    return views;
  }

  #matchIndex(id: number, isSelf: boolean): number {
    const { raft, isLeader } = this.#cluster.node.replica;
    if (isSelf) return raft.persistedIndex;
    return isLeader ? (raft.progress(id)?.match ?? 0) : -1;
  }

  shards(): readonly ShardView[] {
    const { raft } = this.#cluster.node.replica;
    const { voters, votersOutgoing, learners, learnersNext } = raft.conf;
    const nodeIds = [...new Set([...voters, ...votersOutgoing, ...learners, ...learnersNext])];
    return [
      {
        name: nodeName(`shard of ${this.identity.clusterId}`, FIRST_SHARD),
        firstSlot: 0,
        lastSlot: SLOT_COUNT - 1,
        leaderId: raft.leader,
        nodeIds: nodeIds.toSorted((left, right) => left - right),
      },
    ];
  }

  progress(): ProgressView {
    const { node } = this.#cluster;
    const { raft, lease, applier } = node.replica;
    const leftMs = lease.untilMs - node.environment.clock.monotonicMs();
    return {
      term: raft.term,
      lastIndex: raft.lastIndex,
      commitIndex: raft.commitIndex,
      appliedIndex: applier.appliedIndex,
      snapshotIndex: node.snapshots.index,
      leaseMs: Number.isFinite(leftMs) ? Math.max(0, leftMs) : 0,
    };
  }

  keyspace(): KeyspaceView {
    const { node } = this.#cluster;
    const { keyspace } = node.replica.applier;
    const databases: DatabaseView[] = [];
    for (let database = 0; database < DATABASE_COUNT; database++) {
      databases.push({
        keys: keyspace.size(database),
        expires: keyspace.sizeWithExpiry(database),
        averageTtlMs: 0,
      });
    }
    const { reservedBytes, untouchedBytes, liveBytes, deadBytes } = keyspace.stats();
    return {
      databases,
      reservedBytes,
      untouchedBytes,
      liveBytes,
      deadBytes,
      expiredKeys: node.expiredKeys,
      evictedKeys: 0,
      ...node.replica.applier.lookups,
    };
  }

  log(): LogView {
    const { node } = this.#cluster;
    return {
      bytes: node.wal.segmentCount * node.options.segmentBytes,
      segments: node.wal.segmentCount,
      writes: node.wal.nextSequence,
      writtenBytes: node.replicas.log.appendedBytes,
      changesSinceSnapshot: node.replica.applier.appliedIndex - node.snapshots.index,
      healthy: !node.router.logFull,
    };
  }

  snapshots(): SnapshotView {
    return this.#cluster.node.snapshots.view(this.#startedAtMs);
  }

  process(): ProcessView {
    return this.#options.process();
  }

  countKeysInSlot(slot: number): number {
    return this.#keysOfSlot(slot, Number.MAX_SAFE_INTEGER).length;
  }

  keysInSlot(slot: number, count: number): readonly Uint8Array[] {
    return this.#keysOfSlot(slot, count);
  }

  #keysOfSlot(slot: number, countMax: number): Uint8Array[] {
    const { keyspace } = this.#cluster.node.replica.applier;
    const keys: Uint8Array[] = [];
    if (countMax <= 0) return keys;
    keyspace.walk(0, { slot, hash: 0 }, (ref) => {
      const offset = keyspace.keyOffsetOf(ref);
      const key = keyspace.bytesOf(ref).subarray(offset, offset + keyspace.keyLengthOf(ref));
      if (slotOf(viewOf(key), 0, key.length) !== slot) return false;
      if (keys.length < countMax) keys.push(new Uint8Array(key));
      return keys.length < countMax;
    });
    return keys;
  }

  change<K extends keyof NodeSettings>(name: K, value: NodeSettings[K]): string | null {
    if (name === "fsync") return "restart the node with another --fsync";
    this.#settings[name] = value;
    this.#applySettings();
    return null;
  }

  #applySettings(): void {
    this.#cluster.node.router.memoryBytesMax = this.#settings.maxMemoryBytes;
    this.#options.setLogLevel(this.#settings.logLevel);
  }

  resetStats(): void {
    this.#options.resetProcessStats();
    this.#cluster.node.replica.applier.lookups = { hits: 0, misses: 0 };
  }

  async snapshot(): Promise<void> {
    await this.#cluster.node.saveSnapshot();
  }

  shutdown(save: boolean): void {
    this.#options.shutdown(save);
  }

  sleep(ms: number): void {
    this.#options.sleep(ms);
  }
}

/** A name of 40 hexadecimal digits for a number in a cluster: an FNV-1a hash, spun out. */
export function nodeName(clusterId: string, number: number): string {
  let name = "";
  for (let part = 0; name.length < 40; part++) {
    let hash = 0x811c9dc5;
    for (const letter of `${clusterId}/${number}/${part}`) {
      hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193);
    }
    name += ((hash ^ (hash >>> 15)) >>> 0).toString(16).padStart(8, "0");
  }
  return name.slice(0, 40);
}
