// One node of Kvorum: opens its data directory, recovers its shard, ties log, replica and clients
// together.
import { invariant } from "../base/invariant.ts";
import { appliedCommands } from "../commands/applied-commands.ts";
import { MemoryKeyspace } from "../keyspace/memory/memory-keyspace.ts";
import type { DiskLock } from "../platform/disk.ts";
import { EMPTY_CONF, standsAlone } from "../raft/conf-change.ts";
import { RaftCore } from "../raft/raft-core.ts";
import { resolveRaftConfig } from "../raft/raft-config.ts";
import type { ConfState, InitialState, SnapshotMark } from "../raft/types.ts";
import { Applier } from "../replica/applier.ts";
import { Expirer } from "../replica/expirer.ts";
import { Forwarder } from "../replica/forwarder.ts";
import { LongReads } from "../replica/long-reads.ts";
import { Replica } from "../replica/replica.ts";
import { ReplicaSet } from "../replica/replica-set.ts";
import { SnapshotStore } from "../replica/snapshot-store.ts";
import { SnapshotInstaller, type SnapshotLog, Snapshots } from "../replica/snapshots.ts";
import type { PeerTransport } from "../transport/peer-transport.ts";
import type { WalReport } from "../wal/wal-types.ts";
import { Wal } from "../wal/wal.ts";
import { type HeartbeatFacts, Heartbeats } from "./heartbeats.ts";
import { type Facts, type NodeEnvironment, type NodeOptions, TICK_MS } from "./node-environment.ts";
import { type Identity, loadIdentity, newIdentity, saveIdentity } from "./identity.ts";
import { Peers, type PeersOwner } from "./peers.ts";
import { RecoveredShard, Recovery } from "./recovery.ts";
import { FIRST_SHARD, Router } from "./router.ts";
import { readLastRun, Trust } from "./trust.ts";
import { Upkeep } from "./upkeep.ts";
import { SnapshotTransfers, type TransfersOwner } from "./snapshot-transfers.ts";

/** Entries applied without a look at anything else: some tens of milliseconds. */
const APPLYING_BYTES_MAX = 2 * 1024 * 1024;

/** A node that runs. Open one with {@link KvorumNode.open}. */
export class KvorumNode implements PeersOwner {
  readonly options: NodeOptions;
  readonly identity: Identity;
  /** Sends replies that were written to sessions; set by the server. */
  flushReplies: () => void = () => {};
  /** Answers calls of other nodes (join, status); set by the membership. */
  onCall: PeersOwner["onCall"] = () => {};
  /** Hears that members or roles may have changed; set by the membership. */
  onChange: () => void = () => {};
  /** Hears each tick; set by the membership. */
  onTick: () => void = () => {};
  readonly peers: Peers = new Peers(this);
  readonly heartbeats: Heartbeats;
  readonly #environment: NodeEnvironment;
  readonly #lock: DiskLock;
  readonly replicas: ReplicaSet;
  #wal!: Wal;
  #replica!: Replica;
  #router!: Router;
  #snapshots!: Snapshots;
  #transfers!: SnapshotTransfers;
  #expirer!: Expirer;
  #transport: PeerTransport | null = null;
  readonly #forwarder: Forwarder;
  #upkeep!: Upkeep;
  #trust!: Trust;

  private constructor(
    environment: NodeEnvironment,
    options: NodeOptions,
    identity: Identity,
    lock: DiskLock,
    restarted: boolean,
  ) {
    this.#environment = environment;
    this.options = options;
    this.identity = identity;
    this.#lock = lock;
    const incarnation = environment.random.uint32();
    this.#forwarder = new Forwarder(
      (to, operation) => this.peers.sendForward(to, operation),
      () => environment.clock.monotonicMs(),
      incarnation * 2 ** 20,
    );
    this.heartbeats = new Heartbeats({
      clock: environment.clock,
      send: (facts) => this.#sendHeartbeat(facts),
      memoryPressurePermille: () => this.#router.memoryPressurePermille,
      isLeader: () => this.#replica.isLeader,
      stepAside: (offsetMs) => this.#stepAside(offsetMs),
    });
    this.replicas = new ReplicaSet({
      clock: environment.clock,
      scheduler: environment.scheduler,
      random: environment.random,
      tickMs: TICK_MS,
      incarnation,
      restarted,
      send: (shard, message) => this.peers.sendRaft(shard, message),
      flushMessages: () => this.#transport?.flush(),
      flushReplies: () => this.flushReplies(),
      onApplied: () => this.#upkeep.afterApply(),
      onLeadership: (replica) => this.#onLeadership(replica),
      onLogFull: (isFull) => this.#onLogFull(isFull),
      onLogFailed: (error) => environment.onFatal(error),
      onSnapshotWanted: () => this.#upkeep.saveInBackground(),
      installSnapshot: (replica, mark) => this.#installSnapshot(replica, mark),
      sendSnapshot: (_replica, request) => this.#transfers.start(request),
      bulkWriting: () => this.#snapshots.saving,
      onTick: () => {
        this.#transfers.tick();
        this.#expirer.run();
        this.#upkeep.tick();
        this.heartbeats.tick();
        this.peers.tick();
        this.#trust.watch(this.#replica.raft, (id) => this.#transport?.isUp(id) ?? false);
        this.onTick();
      },
    });
  }

  /** Connects the node to its peers. */
  attach(transport: PeerTransport): void {
    this.#transport = transport;
    this.peers.attach(transport);
  }

  get transport(): PeerTransport | null {
    return this.#transport;
  }

  get transfers(): SnapshotTransfers {
    return this.#transfers;
  }

  get forwarder(): Forwarder {
    return this.#forwarder;
  }

  get environment(): NodeEnvironment {
    return this.#environment;
  }

  wantTurn(): void {
    this.replicas.wantTurn();
  }

  onPeerUp(_id: number): void {
    this.onChange();
  }

  onPeerDown(id: number): void {
    this.#transfers.onPeerDown(id);
    this.onChange();
  }

  get replica(): Replica {
    return this.#replica;
  }

  get router(): Router {
    return this.#router;
  }

  get snapshots(): Snapshots {
    return this.#snapshots;
  }

  /** Keys removed because their time had come, since start. */
  get expiredKeys(): number {
    return this.#expirer.expiredKeys;
  }

  /** Saves the state; joins a save that runs. */
  async saveSnapshot(): Promise<void> {
    await this.#upkeep.save();
  }

  get wal(): Wal {
    return this.#wal;
  }

  /**
   * Opens a data directory: takes its lock and recovers what it holds.
   *
   * @param identify Called under the lock when the directory holds no node yet: who to be. By
   *   default the only node of a new cluster.
   * @throws DbError for damage, with file and offset; `EBUSY` when another process uses the
   * directory.
   */
  static async open(
    environment: NodeEnvironment,
    options: NodeOptions,
    identify: () => Promise<Identity> = async () => newIdentity(environment.random),
  ): Promise<KvorumNode> {
    const { disk } = environment;
    await disk.makeDirectory(options.directory);
    const lock = await disk.lock(options.directory);
    try {
      const known = await loadIdentity(disk, options.directory);
      const identity = known ?? (await identify());
      if (known === null) await saveIdentity(disk, options.directory, identity);
      const node = new KvorumNode(environment, options, identity, lock, known !== null);
      await node.#recover();
      return node;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Starts ticking; a lone voter becomes leader at once. */
  start(): void {
    this.replicas.start();
    const { raft } = this.#replica;
    if (standsAlone(raft.conf, this.identity.nodeId)) raft.campaign();
    this.replicas.wantTurn();
  }

  /** Flushes and closes; nothing may be submitted any more. */
  async close(): Promise<void> {
    this.replicas.stop();
    await this.#wal.close();
    await this.#lock.release();
  }

  // ---- recovery

  async #recover(): Promise<void> {
    const { disk, scheduler } = this.#environment;
    const { directory, sync, segmentBytes } = this.options;
    const recovery = new Recovery();
    const last = await readLastRun(this.#environment, this.options);
    const store = new SnapshotStore(disk, scheduler, `${directory}/snapshots/shard-${FIRST_SHARD}`);
    const mustExist = last !== null || (await store.list()).length > 0;
    const settings = { sync, segmentBytes, mustExist };
    const opened = await Wal.open(this.#environment, `${directory}/log`, settings, recovery);
    this.#wal = opened.wal;
    this.replicas.attach(opened.wal);
    this.#environment.report("info", "log recovered", logFacts(opened.report));
    this.#trust = await Trust.open(this.#environment, this.options, last, opened.report);
    const recovered = recovery.shards.get(FIRST_SHARD) ?? new RecoveredShard();
    await store.open();
    await this.#restore(recovered, store);
  }

  async #restore(recovered: RecoveredShard, store: SnapshotStore): Promise<void> {
    const applier = this.#newApplier();
    let conf: ConfState = { ...EMPTY_CONF, voters: this.identity.firstVoters };
    const index = recovered.snapshotIndex;
    const file = index === 0 ? null : await store.find(index);
    if (file !== null) {
      const installer = new SnapshotInstaller(applier);
      conf = (await store.read(file, installer)).conf;
    }
    const entries = recovered.tailAfter(index);
    const initial = {
      hardState: recovered.hardState,
      conf,
      entries,
      snapshotIndex: index,
      snapshotTerm: recovered.snapshotTerm,
      appliedIndex: index,
    };
    this.#replica = this.#newReplica(applier, initial);
    // Client sessions have higher numbers than this one.
    this.#expirer = new Expirer(this.#replica, this.replicas.incarnation * 2 ** 21);
    this.replicas.add(this.#replica);
    const longReads = new LongReads(this.#replica, this.#environment, appliedCommands);
    this.#router = new Router(this.#replica, longReads);
    this.#router.peersOverMemory = () => this.heartbeats.anyOverMemory();
    this.#snapshots = new Snapshots(
      this.#replica,
      store,
      this.#snapshotLog(),
      this.#environment.clock,
      file,
    );
    const upkeep = { ...this.#environment, log: this.replicas.log, found: entries };
    const { snapshotLogBytes } = this.options;
    this.#upkeep = new Upkeep(upkeep, this.#replica, this.#snapshots, snapshotLogBytes);
    this.#transfers = new SnapshotTransfers(this.#transfersOwner(store));
  }

  #newApplier(): Applier {
    const [seed0, seed1] = this.identity.hashSeed;
    const applier = new Applier(new MemoryKeyspace({ seed0, seed1 }), appliedCommands);
    applier.clock = this.#environment.clock;
    return applier;
  }

  #newReplica(applier: Applier, initial: InitialState): Replica {
    const { random } = this.#environment;
    const { electionTicks, entryBytesPerMessageMax, inflightMessagesMax, sync } = this.options;
    const config = resolveRaftConfig({
      id: this.identity.nodeId,
      electionTicks,
      entryBytesPerMessageMax,
      inflightMessagesMax,
      applyingBytesMax: APPLYING_BYTES_MAX,
    });
    const raft = new RaftCore(config, initial, () => random.uint32());
    if (!this.#trust.trusted) raft.distrust();
    const options = {
      shard: FIRST_SHARD,
      nodeId: this.identity.nodeId,
      electionTimeoutMs: electionTicks * TICK_MS,
      // `everysec` still waits until the system has the bytes: only a power cut may lose them.
      relaxedSync: sync === "no",
    };
    return new Replica(options, raft, applier, this.replicas, this.#forwarder, initial.hardState);
  }

  #snapshotLog(): SnapshotLog {
    const wal = this.#wal;
    return {
      appendSnapshotMark: (shard, index, term) => wal.appendSnapshotMark(shard, index, term),
      setFloor: (shard, index) => wal.setFloor(shard, index),
      sync: () => this.replicas.syncLog(),
    };
  }

  #transfersOwner(store: SnapshotStore): TransfersOwner {
    const { clock, report } = this.#environment;
    return {
      replica: this.#replica,
      store,
      clock,
      nodeId: this.identity.nodeId,
      stream: () => this.#snapshots.stream(),
      newApplier: () => this.#newApplier(),
      send: (to, message) => this.#transport?.send(to, message) ?? false,
      adopt: (file) => this.#snapshots.adopt(file),
      wantTurn: () => this.wantTurn(),
      report,
    };
  }

  // ---- what replicas tell

  #sendHeartbeat(facts: HeartbeatFacts): void {
    const transport = this.#transport;
    if (transport === null) return;
    const { raft } = this.#replica;
    const { voters, votersOutgoing, learners } = raft.conf;
    for (const id of new Set([...voters, ...votersOutgoing, ...learners])) {
      if (id === this.identity.nodeId) continue;
      transport.send(id, {
        kind: "nodeHeartbeat",
        nodeId: this.identity.nodeId,
        incarnation: this.replicas.incarnation,
        ...facts,
        address: undefined,
        release: "",
      });
    }
  }

  /** Expiry follows the leader's clock: one that is off must not lead. */
  #stepAside(offsetMs: number): void {
    const { raft } = this.#replica;
    const heir = raft.conf.voters.find(
      (id) => id !== this.identity.nodeId && raft.progress(id)?.active === true,
    );
    const facts = { offsetMs: Math.round(offsetMs), heir: heir ?? 0 };
    this.#environment.report("error", "this node's clock is off: it gives up leadership", facts);
    if (heir === undefined) return;
    raft.transferLeadership(heir);
    this.wantTurn();
  }

  #onLeadership(replica: Replica): void {
    const { raft, serving } = replica;
    const facts = { shard: replica.options.shard, term: raft.term, leader: raft.leader, serving };
    this.#environment.report("info", "leadership", facts);
    this.onChange();
  }

  #onLogFull(isFull: boolean): void {
    this.#router.logFull = isFull;
    if (isFull) this.#environment.report("error", "disk full: writes are refused", {});
    else this.#environment.report("info", "disk has room again: writes resume", {});
  }

  #installSnapshot(replica: Replica, mark: SnapshotMark): Applier {
    const applier = this.#transfers.install(mark);
    invariant(applier !== null, "the core installs only what was loaded");
    applier.lookups = replica.applier.lookups;
    this.#environment.report("info", "snapshot installed", { index: mark.index });
    return applier;
  }
}

function logFacts(report: WalReport): Facts {
  const { cut, ...facts } = report;
  if (cut === null) return facts;
  const { file, offset, bytes, unsealed } = cut;
  return { ...facts, cutFile: file, cutOffset: offset, cutBytes: bytes, unsealed };
}
