// Cores with a disk, a state machine and a network whose every step is taken by command.
import { RaftCore } from "../../src/raft/raft-core.ts";
import { resolveRaftConfig } from "../../src/raft/raft-config.ts";
import { EMPTY_CONF } from "../../src/raft/conf-change.ts";
import { EntryType, MessageType } from "../../src/raft/types.ts";
import type {
  ConfState,
  Entry,
  HardState,
  InitialState,
  Message,
  NodeId,
  RaftConfig,
  ReadState,
  Ready,
  SnapshotMark,
} from "../../src/raft/types.ts";

/** What survives a crash. */
export interface Disk {
  hardState: HardState;
  snapshot: SnapshotMark;
  /** The state machine as of the snapshot. */
  snapshotState: readonly string[];
  /** After the snapshot, without gaps. */
  entries: Entry[];
  /** Relaxed syncing: writes that a machine crash may take, the last ones first. */
  unsynced: PendingWrite[];
  /** The disk before the first of them. */
  synced: Image | null;
}

type Image = Pick<Disk, "hardState" | "snapshot" | "snapshotState" | "entries">;

interface PendingWrite {
  readonly mustSync: boolean;
  readonly number: number;
  readonly hardState: HardState | null;
  readonly snapshot: SnapshotMark | null;
  readonly snapshotState: readonly string[];
  readonly entries: readonly Entry[];
}

export type Options = Partial<Omit<RaftConfig, "id">>;

export function voterConf(voters: readonly NodeId[], learners: readonly NodeId[] = []): ConfState {
  return { ...EMPTY_CONF, voters: [...voters], learners: [...learners] };
}

/** A disk with nothing but the first configuration. */
export function emptyDisk(conf: ConfState): Disk {
  return {
    hardState: { term: 0, vote: 0, commit: 0 },
    snapshot: { index: 0, term: 0, conf },
    snapshotState: [],
    entries: [],
    unsynced: [],
    synced: null,
  };
}

function imageOf({ hardState, snapshot, snapshotState, entries }: Image): Image {
  return { hardState, snapshot, snapshotState, entries: [...entries] };
}

/** Puts a write on disk as the write-ahead log would. */
function performWrite(disk: Disk, write: PendingWrite): void {
  if (disk.synced === null) disk.synced = imageOf(disk);
  disk.unsynced.push(write);
  change(disk, write);
  if (write.mustSync) syncAll(disk);
}

function syncAll(disk: Disk): void {
  disk.unsynced = [];
  disk.synced = null;
}

function change(disk: Image, write: PendingWrite): void {
  if (write.snapshot !== null) {
    disk.snapshot = write.snapshot;
    disk.snapshotState = write.snapshotState;
    disk.entries = [];
  }
  const first = write.entries[0];
  if (first !== undefined) {
    const keep = first.index - disk.snapshot.index - 1;
    if (keep < 0 || keep > disk.entries.length) throw new Error("a write leaves a gap on disk");
    disk.entries.length = keep;
    disk.entries.push(...write.entries);
  }
  if (write.hardState !== null) disk.hardState = write.hardState;
}

/** What an observer may want to see or check; all called after the fact. */
export interface Observer {
  onReady?(node: TestNode, ready: Ready): void;
  onApply?(node: TestNode, entry: Entry): void;
  onInstall?(node: TestNode, snapshot: SnapshotMark): void;
  onRead?(node: TestNode, read: ReadState): void;
  /** After each step that `runAlone` takes. */
  onStep?(node: TestNode): void;
}

/** One member: a core and the shell around it, in miniature. */
export class TestNode {
  readonly id: NodeId;
  readonly config: RaftConfig;
  disk: Disk;
  core: RaftCore;
  alive = true;
  /** It may have lost entries it acknowledged, and has not caught up since. */
  forgetful = false;
  /** How often it lost something: nobody hears an earlier life after a later one. */
  life = 0;
  /** Applied commands, oldest first. */
  machine: string[];
  readonly writes: PendingWrite[] = [];
  readonly toApply: Entry[] = [];
  toInstall: SnapshotMark | null = null;
  readonly #cluster: TestCluster;

  constructor(cluster: TestCluster, id: NodeId, disk: Disk) {
    this.#cluster = cluster;
    this.id = id;
    this.config = resolveRaftConfig({ ...cluster.options, id });
    this.disk = disk;
    this.core = this.#newCore();
    this.machine = [...disk.snapshotState];
  }

  #newCore(): RaftCore {
    const { hardState, snapshot, entries } = this.disk;
    const initial: InitialState = {
      hardState,
      conf: snapshot.conf,
      entries,
      snapshotIndex: snapshot.index,
      snapshotTerm: snapshot.term,
      appliedIndex: snapshot.index,
    };
    return new RaftCore(this.config, initial, this.#cluster.random);
  }

  /** Loses everything but the disk and the first `landed` writes under way. */
  crash(landed = 0): void {
    for (const write of this.writes.slice(0, landed)) performWrite(this.disk, write);
    this.writes.length = 0;
    this.toApply.length = 0;
    this.toInstall = null;
    this.alive = false;
  }

  /**
   * A machine crash under relaxed syncing: up to `lost` writes never synced are gone, and what they
   * replaced is back.
   */
  loseEnd(lost: number): void {
    const { disk } = this;
    const kept = disk.unsynced.slice(0, Math.max(0, disk.unsynced.length - lost));
    if (disk.synced !== null) Object.assign(disk, disk.synced);
    for (const write of kept) change(disk, write);
    syncAll(disk);
    this.forgetful = true;
    this.life++;
  }

  restart(): void {
    this.core = this.#newCore();
    if (this.forgetful) this.core.distrust();
    this.machine = [...this.disk.snapshotState];
    this.alive = true;
  }

  /** One turn of the shell's loop: sends at once; writes and applies wait. */
  processReady(): void {
    const ready = this.core.ready();
    if (this.core.hasReady()) throw new Error("ready() takes all work at hand");
    this.#cluster.observer.onReady?.(this, ready);
    if (ready.snapshot !== null) {
      this.toInstall = ready.snapshot;
      this.toApply.length = 0;
    }
    if (ready.write !== 0) {
      this.writes.push({
        mustSync: ready.mustSync,
        number: ready.write,
        hardState: ready.hardState === null ? null : { ...ready.hardState },
        snapshot: ready.snapshot,
        snapshotState: ready.snapshot === null ? [] : this.#cluster.stateOf(ready.snapshot),
        entries: [...ready.entries],
      });
    }
    for (const message of ready.messages) this.#cluster.send(message);
    this.toApply.push(...ready.committed);
    for (const read of ready.readStates) this.#cluster.observer.onRead?.(this, read);
    for (const { to } of ready.snapshotRequests) this.#sendSnapshot(to);
  }

  #sendSnapshot(to: NodeId): void {
    const index = this.core.appliedIndex;
    const mark = { index, term: this.core.termAt(index), conf: this.core.conf };
    this.#cluster.keepState(mark, this.machine);
    this.core.snapshotSending(to, index);
    this.#cluster.send(this.core.snapshotMessage(to, mark));
  }

  /** The oldest write under way becomes durable. */
  completeWrite(): boolean {
    const write = this.writes.shift();
    if (write === undefined) return false;
    performWrite(this.disk, write);
    this.core.persisted(write.number);
    if (this.core.trusted) this.forgetful = false;
    return true;
  }

  /** Applies one entry, or installs the snapshot that comes first. */
  applyOne(): boolean {
    if (this.toInstall !== null) {
      const snapshot = this.toInstall;
      this.toInstall = null;
      this.machine = [...this.#cluster.stateOf(snapshot)];
      this.#cluster.observer.onInstall?.(this, snapshot);
      this.core.applied(snapshot.index);
      return true;
    }
    const entry = this.toApply.shift();
    if (entry === undefined) return false;
    if (entry.type === EntryType.normal) this.machine.push(Buffer.from(entry.data).toString());
    this.#cluster.observer.onApply?.(this, entry);
    this.core.applied(entry.index);
    return true;
  }

  /** Snapshots the state machine to disk, then drops the log up to `index` or the snapshot. */
  compact(index: number): void {
    const { core, disk } = this;
    if (core.appliedIndex <= core.persistedIndex && core.appliedIndex > disk.snapshot.index) {
      const at = core.appliedIndex;
      disk.entries = disk.entries.filter((entry) => entry.index > at);
      disk.snapshot = { index: at, term: core.termAt(at), conf: core.conf };
      disk.snapshotState = [...this.machine];
      syncAll(disk);
    }
    core.compact(Math.min(index, disk.snapshot.index));
  }

  /** Does all it can without hearing from others; returns whether it did anything. */
  runAlone(): boolean {
    let worked = false;
    while (this.core.hasReady() || this.writes.length > 0 || this.#hasApplies()) {
      worked = true;
      if (this.core.hasReady()) this.processReady();
      while (this.completeWrite()) this.#cluster.observer.onStep?.(this);
      while (this.applyOne()) this.#cluster.observer.onStep?.(this);
    }
    return worked;
  }

  #hasApplies(): boolean {
    return this.toApply.length > 0 || this.toInstall !== null;
  }
}

export class TestCluster {
  readonly nodes: Map<NodeId, TestNode> = new Map();
  /** On the way, oldest first. */
  network: Message[] = [];
  readonly options: Options;
  readonly random: () => number;
  observer: Observer = {};
  /** Ids that can talk to each other have the same number; all can when empty. */
  readonly partition: Map<NodeId, number> = new Map();
  /** Of its sender when it was sent. */
  readonly #lives = new WeakMap<Message, number>();
  /** Newest life that a node has heard of another, by `from>to`. */
  readonly #heard = new Map<string, number>();
  readonly #snapshotStates = new WeakMap<SnapshotMark, readonly string[]>();

  constructor(options: Options, random: () => number) {
    this.options = options;
    this.random = random;
  }

  add(id: NodeId, disk: Disk): TestNode {
    const node = new TestNode(this, id, disk);
    this.nodes.set(id, node);
    return node;
  }

  node(id: NodeId): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  connected(from: NodeId, to: NodeId): boolean {
    return this.partition.size === 0 || this.partition.get(from) === this.partition.get(to);
  }

  send(message: Message): void {
    this.#lives.set(message, this.node(message.from).life);
    if (this.connected(message.from, message.to)) this.network.push(message);
    else this.#reportLoss(message);
  }

  /** Hands a message over; to a dead or unknown node it is lost. */
  deliver(message: Message): void {
    const node = this.nodes.get(message.to);
    if (node === undefined || !node.alive || this.#isOfEarlierLife(message)) {
      this.#reportLoss(message);
      return;
    }
    node.core.step(message);
    if (message.type === MessageType.snapshot) this.#reportSnapshot(message, true);
  }

  #isOfEarlierLife(message: Message): boolean {
    const life = this.#lives.get(message) ?? 0;
    const pair = `${message.from}>${message.to}`;
    const heard = this.#heard.get(pair) ?? 0;
    this.#heard.set(pair, Math.max(heard, life));
    return life < heard;
  }

  drop(message: Message): void {
    this.#reportLoss(message);
  }

  #reportLoss(message: Message): void {
    if (message.type === MessageType.snapshot) this.#reportSnapshot(message, false);
  }

  #reportSnapshot(message: Message, ok: boolean): void {
    const sender = this.nodes.get(message.from);
    if (sender?.alive === true && sender.core.term === message.term) {
      sender.core.reportSnapshot(message.to, ok);
    }
  }

  keepState(mark: SnapshotMark, state: readonly string[]): void {
    this.#snapshotStates.set(mark, [...state]);
  }

  stateOf(mark: SnapshotMark): readonly string[] {
    const state = this.#snapshotStates.get(mark);
    if (state === undefined) throw new Error("a snapshot's state is known");
    return state;
  }

  live(): TestNode[] {
    return [...this.nodes.values()].filter((node) => node.alive);
  }

  /** Lets everything happen, in order, until nothing is left to do. */
  settle(roundsMax = 1000): void {
    for (let rounds = 0; rounds < roundsMax; rounds++) {
      let worked = false;
      for (const node of this.live()) if (node.runAlone()) worked = true;
      const messages = this.network;
      this.network = [];
      for (const message of messages) this.deliver(message);
      if (!worked && messages.length === 0) return;
    }
    throw new Error("the cluster does not come to rest");
  }
}
