// All replicas of one node: they share the log, the turn of the loop, and the connections to peers.
import type { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import type { Clock, Scheduler, Timer } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { Message, SnapshotMark, SnapshotRequest } from "../raft/types.ts";
import type { WalListener } from "../wal/wal-types.ts";
import type { Wal } from "../wal/wal.ts";
import type { Applier } from "./applier.ts";
import { DiskPace } from "./disk-pace.ts";
import type { Replica } from "./replica.ts";
import type { ReplicaHost, ReplicaLog } from "./replica-host.ts";

/** Bytes that may wait for the disk before relaxed sync stops calling entries persisted early. */
const BEHIND_BYTES = 16 * 1024 * 1024;

/**
 * Under relaxed sync nobody waits for the log: a frame goes out when it is this big, or this old.
 */
const LAZY_FRAME_BYTES = 256 * 1024;
const LAZY_FLUSH_MS = 5;
/** A frame larger than this is never waited for: the disk takes its time for it. */
const WAITED_BYTES_MAX = 256 * 1024;

/** What the set works with, and whom it tells. */
export interface ReplicaSetEnvironment {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Milliseconds between ticks of the consensus core. */
  readonly tickMs: number;
  readonly incarnation: number;
  readonly restarted: boolean;
  send(shard: number, message: Message): void;
  /** Messages of this turn were given to `send`: put them on their way. */
  flushMessages(): void;
  /** Replies were written: send them. */
  flushReplies(): void;
  onApplied(replica: Replica): void;
  onLeadership(replica: Replica): void;
  onLogFull(isFull: boolean): void;
  onLogFailed(error: DbError): void;
  onSnapshotWanted(shard: number): void;
  installSnapshot(replica: Replica, mark: SnapshotMark): Applier;
  sendSnapshot(replica: Replica, request: SnapshotRequest): void;
  /** Big files are being written: a small write next to them may take its time. */
  bulkWriting(): boolean;
  onTick(): void;
}

/** The replicas of a node by shard, and the turn they take together. */
export class ReplicaSet implements ReplicaHost, WalListener {
  readonly clock: Clock;
  readonly random: Random;
  readonly incarnation: number;
  readonly restarted: boolean;
  readonly #environment: ReplicaSetEnvironment;
  readonly #replicas = new Map<number, Replica>();
  /** The same replicas, for the loops of each turn. */
  #list: readonly Replica[] = [];
  #wal: Wal | null = null;
  #log: WalView | null = null;
  /** Who waits for a frame to be durable; few at a time. */
  readonly #syncs: { readonly frame: number; readonly resolve: () => void }[] = [];
  #started = false;
  #turnWanted = false;
  #inTurn = false;
  #repliesWaiting = false;
  #ticking: Timer | null = null;
  #lazyFlush: Timer | null = null;
  #closed = false;
  readonly #pace = new DiskPace();
  readonly #turn = (): void => {
    this.#turnWanted = false;
    if (!this.#closed) this.#takeTurn();
  };

  constructor(environment: ReplicaSetEnvironment) {
    this.#environment = environment;
    this.clock = environment.clock;
    this.random = environment.random;
    this.incarnation = environment.incarnation;
    this.restarted = environment.restarted;
  }

  get log(): ReplicaLog {
    invariant(this.#log !== null, "the log is open before replicas use it");
    return this.#log;
  }

  /** Gives the set its log, once it is open. */
  attach(wal: Wal): void {
    this.#wal = wal;
    this.#log = new WalView(wal);
  }

  add(replica: Replica): void {
    this.#replicas.set(replica.options.shard, replica);
    this.#list = [...this.#replicas.values()];
    this.wantTurn();
  }

  get(shard: number): Replica | undefined {
    return this.#replicas.get(shard);
  }

  get all(): readonly Replica[] {
    return this.#list;
  }

  /** Starts to hear the log, turns and ticks: all replicas are there. */
  start(): void {
    invariant(this.#wal !== null, "the log is open before the node starts");
    this.#started = true;
    this.#wal.start(this);
    const { scheduler, tickMs } = this.#environment;
    const tick = (): void => {
      if (this.#closed) return;
      this.#ticking = scheduler.after(tickMs, tick);
      // When the loop stood still, what came meanwhile is heard before the time is counted: the
      // sockets may be full of signs that the leader is well.
      scheduler.soon(() => this.#tick());
    };
    this.#ticking = scheduler.after(tickMs, tick);
  }

  #tick(): void {
    if (this.#closed) return;
    for (const replica of this.#list) replica.tick();
    this.#environment.onTick();
    this.wantTurn();
  }

  /** Stops ticks and turns; what is in flight is left to the log. */
  stop(): void {
    this.#closed = true;
    this.#ticking?.cancel();
    this.#lazyFlush?.cancel();
    failpoints.reached?.("close.turns.stopped");
  }

  // ---- the turn

  wantTurn(): void {
    if (this.#turnWanted || this.#inTurn) return;
    this.#turnWanted = true;
    this.#environment.scheduler.soon(this.#turn);
  }

  /** Writes what was appended to the log; resolves when it is synced, in every mode. */
  syncLog(): Promise<void> {
    return new Promise((resolve) => {
      this.#syncs.push({ frame: this.log.nextSequence, resolve });
      this.log.requireSync();
      this.log.urgent = true;
      this.wantTurn();
    });
  }

  /** The log is durable up to a frame: the next frame goes out before anything is applied. */
  onDurable(frame: number): void {
    if (this.#closed) return;
    for (const replica of this.#list) replica.onDurable(frame);
    // Inside a turn it was written at once: that turn goes on with what is durable now.
    if (!this.#inTurn) this.#takeTurn();
    while (this.#syncs.length > 0 && this.#syncs[0]!.frame <= frame) this.#syncs.shift()!.resolve();
  }

  #takeTurn(): void {
    const wal = this.#wal;
    if (wal === null || !this.#started) return;
    invariant(!this.#inTurn, "turns do not nest");
    this.#inTurn = true;
    const list = this.#list;
    for (let i = 0; i < list.length; i++) list[i]!.collect();
    failpoints.reached?.("turn.collected");
    if (this.#waitsForDisk(wal)) {
      // What others can work on goes out first; what became durable is applied in this very turn.
      this.#finish();
      this.#environment.flushMessages();
      failpoints.reached?.("turn.sentBeforeWrite");
      this.#writeNow(wal);
    } else {
      this.#flushLog(wal);
    }
    this.#finish();
    this.#flushLog(wal);
    this.#inTurn = false;
    failpoints.reached?.("turn.finished");
    this.#environment.flushMessages();
    if (this.#repliesWaiting) {
      failpoints.reached?.("turn.repliesReady");
      this.#repliesWaiting = false;
      this.#environment.flushReplies();
    }
    for (let i = 0; i < list.length; i++) {
      if (list[i]!.hasWork) this.wantTurn();
    }
  }

  #finish(): void {
    const list = this.#list;
    for (let i = 0; i < list.length; i++) list[i]!.finish();
  }

  /** Whether the open frame is written by the loop itself, in this turn. */
  #waitsForDisk(wal: Wal): boolean {
    const bytes = wal.pendingBytes;
    if (bytes === 0 || bytes > WAITED_BYTES_MAX || wal.writing || !this.#log!.urgent) return false;
    if (wal.options.sync === "no" || this.#environment.bulkWriting()) return false;
    return this.#pace.waitsForNext();
  }

  #writeNow(wal: Wal): void {
    this.#log!.urgent = false;
    const startedMs = this.clock.monotonicMs();
    wal.flush(true);
    this.#pace.took(this.clock.monotonicMs() - startedMs);
  }

  #flushLog(wal: Wal): void {
    const log = this.#log!;
    if (!log.urgent && wal.pendingBytes < LAZY_FRAME_BYTES) {
      if (wal.pendingBytes === 0 || this.#lazyFlush !== null) return;
      this.#lazyFlush = this.#environment.scheduler.after(LAZY_FLUSH_MS, () => {
        this.#lazyFlush = null;
        wal.flush();
      });
      return;
    }
    log.urgent = false;
    wal.flush();
  }

  // ---- what replicas ask of their node

  send(shard: number, message: Message): void {
    this.#environment.send(shard, message);
  }

  onApplied(replica: Replica): void {
    this.#repliesWaiting = true;
    if (!this.#inTurn) this.wantTurn();
    this.#environment.onApplied(replica);
  }

  onLeadership(replica: Replica): void {
    this.#environment.onLeadership(replica);
  }

  installSnapshot(replica: Replica, mark: SnapshotMark): Applier {
    return this.#environment.installSnapshot(replica, mark);
  }

  sendSnapshot(replica: Replica, request: SnapshotRequest): void {
    this.#environment.sendSnapshot(replica, request);
  }

  // ---- what the log tells

  onFull(isFull: boolean): void {
    this.#environment.onLogFull(isFull);
  }

  onFailed(error: DbError): void {
    this.#environment.onLogFailed(error);
  }

  onSnapshotWanted(shard: number): void {
    this.#environment.onSnapshotWanted(shard);
  }
}

/** The log as replicas see it. */
class WalView implements ReplicaLog {
  urgent = false;
  readonly #wal: Wal;
  appendedBytes = 0;

  constructor(wal: Wal) {
    this.#wal = wal;
  }

  get writing(): boolean {
    return this.#wal.writing;
  }

  get nextSequence(): number {
    return this.#wal.nextSequence;
  }

  get behind(): boolean {
    return this.#wal.pendingBytes > BEHIND_BYTES;
  }

  appendEntry(shard: number, term: number, index: number, type: number, bytes: Uint8Array): void {
    this.appendedBytes += bytes.length;
    this.#wal.appendEntry(shard, term, index, type, bytes);
  }

  appendSnapshotMark(shard: number, index: number, term: number): void {
    this.#wal.appendSnapshotMark(shard, index, term);
  }

  appendHardState(shard: number, term: number, vote: number, commit: number): void {
    this.#wal.appendHardState(shard, term, vote, commit);
  }

  requireSync(): void {
    this.#wal.requireSync();
  }
}
