// One shard on one node: feeds the consensus core, the log and the state machine, and answers who
// asked.
import { plantedBugs } from "../base/planted-bugs.ts";
import type { CommandContext, DataCommand } from "../commands/command.ts";
import { hasOneVoter } from "../raft/conf-change.ts";
import { decodeConf } from "../raft/conf-codec.ts";
import { EntryType, type Message, Role } from "../raft/types.ts";
import type { Entry, HardState, Raft, Ready, SnapshotMark } from "../raft/types.ts";
import type { Args } from "../resp/args.ts";
import type { Applier } from "./applier.ts";
import type { Batch } from "./batch.ts";
import type { Forwarder } from "./forwarder.ts";
import { followerOpenMax, SESSION_OPERATIONS_MAX } from "./intake.ts";
import { Lease } from "./lease.ts";
import { LeaseGuard } from "./lease-guard.ts";
import { trimLog } from "./log-cache.ts";
import { Operations } from "./operations.ts";
import { Persister } from "./persister.ts";
import { Proposer } from "./proposer.ts";
import { Reads, type ReadsOwner } from "./reads.ts";
import type { ReplicaHost, ReplicaOptions } from "./replica-host.ts";
import type { ReplyTarget } from "./reply-target.ts";
import { ShardClock } from "./shard-clock.ts";
import { dropStale } from "./stale.ts";

/** A turn that has taken so long takes up nothing more: heartbeats come between. */
const TURN_MS_MAX = 20;

/** One replica. All methods run on the node's one loop; none waits. */
export class Replica implements ReadsOwner {
  readonly options: ReplicaOptions;
  readonly raft: Raft;
  applier: Applier;
  readonly lease: Lease;
  readonly clock: ShardClock;
  readonly #host: ReplicaHost;
  readonly #forwarder: Forwarder;
  readonly #operations: Operations;
  readonly #reads: Reads;
  readonly #persister: Persister;
  readonly #proposer: Proposer;
  readonly #leaseGuard: LeaseGuard;
  /** This leader's own no-op has applied: it may serve. */
  #serving = false;
  /** It will, once an entry of its own has told the time. */
  #awaitsTime = false;
  #ready: Ready | null = null;
  /** Time of the reads of the present batch of input. */
  #readMs = 0;
  /** The core took no proposal at the last try: wait for something to be applied. */
  #refused = false;

  constructor(
    options: ReplicaOptions,
    raft: Raft,
    applier: Applier,
    host: ReplicaHost,
    forwarder: Forwarder,
    hardState: HardState,
  ) {
    this.options = options;
    this.raft = raft;
    this.applier = applier;
    this.#host = host;
    this.#operations = new Operations(host.clock);
    this.#forwarder = forwarder;
    const { shard, relaxedSync } = options;
    this.#persister = new Persister(shard, raft, relaxedSync, hardState);
    this.lease = new Lease(options.electionTimeoutMs);
    this.clock = new ShardClock(host.clock, () => this.applier);
    this.#proposer = new Proposer(raft, this.clock, host.random);
    this.#reads = new Reads(this, host.incarnation * 2 ** 20);
    this.#leaseGuard = new LeaseGuard(host.clock, options.electionTimeoutMs, host.restarted);
  }

  get isLeader(): boolean {
    return this.raft.role === Role.leader;
  }

  /** This node leads and has applied all that earlier leaders committed. */
  get serving(): boolean {
    return this.#serving;
  }

  get appliedIndex(): number {
    return this.applier.appliedIndex;
  }

  /** Bytes of operations that were taken and are not answered. */
  get pendingBytes(): number {
    return this.#operations.bytes + this.#forwarder.pendingBytes;
  }

  /** Operations that one session may have open now; see `Backend.openMax`. */
  get openMax(): number {
    if (this.#serving) return SESSION_OPERATIONS_MAX;
    return followerOpenMax(this.raft.conf, this.#operations, this.#forwarder);
  }

  // ---- clients

  /** Whether a read may run at once, now. */
  readable(): boolean {
    if (!this.#serving) return false;
    if (!hasOneVoter(this.raft.conf) && !this.lease.holds(this.#host.clock.monotonicMs()))
      return false;
    // Reads of one batch of input share a time: asking the clock for each costs two percent.
    this.#readMs = this.applier.holdsExpiries ? this.clock.readMs() : this.applier.timeMs;
    if (this.clock.wantsTick) this.#host.wantTurn();
    return true;
  }

  /** The context of a read that runs at once, after `readable`. */
  readContext(database: number): CommandContext {
    const { reading, keyspace } = this.applier;
    reading.database = database;
    reading.nowMs = this.#readMs;
    keyspace.nowMs = this.#readMs;
    return reading;
  }

  /** Takes an operation; see `Backend.submit`. */
  submit(
    command: DataCommand,
    isWrite: boolean,
    database: number,
    args: Args,
    target: ReplyTarget,
    sequence: number,
  ): void {
    const operations = this.#operations;
    operations.add(command, isWrite, this.#serving, database, args, target, sequence);
    if (this.#serving && operations.full) this.#closeBatch();
    this.#host.wantTurn();
  }

  /** Takes an operation that is encoded already (forwarded by a peer, or coming back from one). */
  submitEncoded(
    isWrite: boolean,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    length: number,
    target: ReplyTarget,
    sequence: number,
  ): void {
    const canRead = this.#serving;
    const operations = this.#operations;
    operations.addEncoded(isWrite, canRead, bytes, view, at, length, target, sequence);
    if (canRead && operations.full) this.#closeBatch();
    this.#host.wantTurn();
  }

  // ---- the turn: collect what goes into the next log write, then do the rest

  /** First half of a turn: what must be on disk goes to the log's open frame. */
  collect(): void {
    if (!this.#host.log.writing || this.options.relaxedSync) this.#closeBatch();
    if (this.raft.hasReady()) this.#takeReady();
  }

  /** Something waits that the next turn can do, whatever the disk does. */
  get hasWork(): boolean {
    if (this.raft.hasReady() || this.#operations.hasReads) return true;
    const canClose = !this.#host.log.writing || this.options.relaxedSync;
    if (!canClose || this.#operations.open.count === 0 || this.#refused) return false;
    return this.#serving || this.#canForward();
  }

  /** What was proposed here goes before what came later, so its fate must be known. */
  #canForward(): boolean {
    return !this.isLeader && this.raft.leader !== 0 && this.#operations.proposed.first === null;
  }

  /** Second half: messages, applying, reads, and what follows. What is long goes on next turn. */
  finish(): void {
    const untilMs = this.#host.clock.monotonicMs() + TURN_MS_MAX;
    const reads = this.#operations.takeReads();
    if (reads !== null) this.#reads.take(reads);
    for (;;) {
      const ready = this.#ready;
      if (ready !== null) {
        this.#ready = null;
        this.#act(ready);
      }
      if (!this.raft.hasReady() || this.#host.clock.monotonicMs() > untilMs) break;
      this.#takeReady();
    }
    this.lease.acknowledged(this.raft.quorumRound());
    const wantsTick = this.clock.wantsTick && (this.#serving || this.#awaitsTime);
    if (wantsTick && this.#proposer.proposeTick()) this.#host.wantTurn();
  }

  /** The log is durable up to this frame. */
  onDurable(frame: number): void {
    this.#persister.onDurable(frame);
  }

  /** The node's tick, every `tickMs`. */
  tick(): void {
    this.raft.tick();
    if (this.#awaitsTime) this.#host.wantTurn();
    const nowMs = this.#host.clock.monotonicMs();
    const failed = dropStale(nowMs, this.raft, this.#serving, this.#operations, this.#forwarder);
    if (failed) this.#host.onApplied(this);
  }

  /** Answers of other nodes were handed to sessions. */
  onAnswered(): void {
    this.#host.onApplied(this);
  }

  /** A message from a peer. */
  onMessage(message: Message): void {
    if (this.#leaseGuard.refuses(message)) return;
    this.raft.step(message);
    this.#leaseGuard.heard(message, this.raft.term);
  }

  // ---- proposing

  #closeBatch(): void {
    if (this.#operations.open.count === 0) return;
    if (this.isLeader) {
      if (this.#serving) this.#propose();
    } else if (this.#canForward()) {
      const batch = this.#operations.takeOpen();
      this.#forwarder.forward(batch, this.raft.leader);
      this.#operations.recycle(batch);
    }
  }

  #propose(): void {
    const batch = this.#operations.open;
    if (batch.loggedCount === 0) {
      const { last } = this.#operations.proposed;
      if (last === null) this.#reads.take(this.#operations.takeOpen());
      else this.#operations.putBehind(last);
      return;
    }
    this.#refused = this.raft.refusal(batch.bytes) !== null;
    if (this.#refused) return;
    const index = this.#proposer.propose(batch);
    this.#operations.onProposed(this.raft.term, index);
  }

  /** Takes what the core has to do; what of it must be on disk goes to the log. */
  #takeReady(): void {
    const ready = this.raft.ready();
    if (ready.roleChanged) this.#onRoleChanged();
    this.#persister.persist(this.#host.log, ready);
    this.#ready = ready;
  }

  // ---- what a ready asks for

  #act(ready: Ready): void {
    const messages = ready.messages;
    if (messages.length > 0) {
      this.lease.sent(ready.round, this.#host.clock.monotonicMs());
      for (let i = 0; i < messages.length; i++) this.#host.send(this.options.shard, messages[i]!);
    }
    if (this.raft.timeoutNowSent) this.lease.forbid();
    if (ready.snapshot !== null) this.#install(ready.snapshot);
    if (ready.committed.length > 0) this.#apply(ready.committed);
    for (const state of ready.readStates) this.#reads.onReadState(state.context);
    for (const request of ready.snapshotRequests) this.#host.sendSnapshot(this, request);
  }

  #install(mark: SnapshotMark): void {
    const applier = this.#host.installSnapshot(this, mark);
    this.#operations.failProposed((batch) => batch.index <= mark.index);
    this.applier = applier;
    this.raft.applied(mark.index);
    this.#host.onApplied(this);
  }

  #apply(committed: readonly Entry[]): void {
    for (let i = 0; i < committed.length; i++) {
      const entry = committed[i]!;
      if (entry.type === EntryType.normal) this.#applyNormal(entry);
      else {
        this.#maybeRetry(entry);
        if (entry.type === EntryType.config) this.#applyMembers(entry);
        this.applier.skip(entry.index, entry.term);
        if (entry.type === EntryType.noop && entry.term === this.raft.term) this.#onOwnNoop();
      }
    }
    this.raft.applied(committed[committed.length - 1]!.index);
    this.#refused = false;
    trimLog(this.raft, hasOneVoter(this.raft.conf));
    this.#host.onApplied(this);
  }

  /** A change of members carries the addresses of all of them, in the cluster layer's own form. */
  #applyMembers(entry: Entry): void {
    const { context } = decodeConf(entry.data);
    if (context.length > 0) this.applier.members = Buffer.from(context).toString();
  }

  #applyNormal(entry: Entry): void {
    const operations = this.#operations;
    const batch = operations.proposed.first;
    const isOurs = batch !== null && batch.index === entry.index && batch.term === entry.term;
    if (!isOurs) {
      this.#maybeRetry(entry);
      this.applier.apply(entry.index, entry.term, entry.data, null);
      if (this.#awaitsTime && entry.term === this.raft.term) this.#startServing();
      return;
    }
    operations.takeProposed();
    this.applier.apply(entry.index, entry.term, entry.data, batch);
    const { behind } = batch;
    operations.recycle(batch);
    if (behind !== null) this.#reads.take(behind);
  }

  /**
   * When another entry stands where a batch of ours would have, or one of a later term before it,
   * that batch and all behind it are void.
   */
  #maybeRetry(entry: Entry): void {
    const batch = this.#operations.proposed.first;
    if (batch === null || (batch.index > entry.index && batch.term >= entry.term)) return;
    this.#operations.retryProposed();
    this.#host.wantTurn();
  }

  /** All that earlier leaders committed is applied. What expired since must not be seen again. */
  #onOwnNoop(): void {
    this.clock.lead();
    this.#awaitsTime = this.clock.lags();
    if (!this.#awaitsTime) this.#startServing();
  }

  #startServing(): void {
    if (!this.isLeader || this.#serving) return;
    this.#serving = true;
    this.#awaitsTime = false;
    this.#operations.putFirst(this.#forwarder.comeBack());
    this.#host.wantTurn();
    this.#host.onLeadership(this);
  }

  #onRoleChanged(): void {
    this.lease.reset();
    this.#serving = false;
    this.#awaitsTime = false;
    if (!this.isLeader && this.raft.leader !== 0) this.#forwarder.sendAll(this.raft.leader);
    this.#reads.onRoleChanged();
    this.#host.onLeadership(this);
    this.#host.wantTurn();
    if (plantedBugs.readBeforeNoop) this.#startServing();
  }

  // ---- reads that could not run at once

  /** Runs reads at this place of the log. */
  runReads(batch: Batch): void {
    this.applier.runLocal(batch, this.clock.readMs());
    this.#operations.recycle(batch);
    this.#host.onApplied(this);
  }

  captureReads(batch: Batch): readonly Uint8Array[] {
    return this.applier.captureLocal(batch, this.clock.readMs());
  }

  answerReads(batch: Batch, replies: readonly Uint8Array[]): void {
    for (const [place, reply] of replies.entries()) {
      batch.targets[place]!.rawReply(batch.sequences[place]!, reply);
    }
    this.#operations.recycle(batch);
    this.#host.onApplied(this);
  }

  retryReads(batches: readonly Batch[]): void {
    this.#operations.retryReads(batches);
    this.#host.wantTurn();
  }
}
