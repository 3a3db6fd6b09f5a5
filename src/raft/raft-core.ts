// One member of one Raft group: the pure core that a shell drives. See docs/internals/raft.md.
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { maybeCampaign, standIfWaiting, standSoon } from "./election.ts";
import {
  neededIndex,
  onSnapshotReport,
  onUnreachable,
  propose,
  refusalOf,
  tickLeader,
} from "./leader.ts";
import { entryBytes } from "./log.ts";
import { applyConf, maybeLeaveJoint, proposeConf } from "./membership-change.ts";
import { ReadyBuilder } from "./ready-builder.ts";
import { askReadIndex } from "./reads.ts";
import { beginRound, broadcastHeartbeat, maybeCommit, updateOwnProgress } from "./replication.ts";
import { RaftState } from "./state.ts";
import { stepMessage } from "./step.ts";
import { startTransfer } from "./transfer.ts";
import { MessageType, Role } from "./types.ts";
import type {
  ConfChange,
  ConfOutcome,
  ConfState,
  Draft,
  Entry,
  Index,
  InitialState,
  Message,
  NodeId,
  ProgressView,
  Raft,
  RaftConfig,
  Ready,
  Refusal,
  SnapshotMark,
  Term,
} from "./types.ts";

/**
 * The consensus core: no I/O, no clock, no randomness of its own.
 *
 * @example
 * const raft = new RaftCore(resolveRaftConfig({ id: 1 }), initial, () => random.uint32());
 * raft.campaign();
 * while (raft.hasReady()) {
 *   const { write, messages, committed } = raft.ready();
 *   // write it, send, apply...
 *   if (write !== 0) raft.persisted(write);
 *   if (committed.length > 0) raft.applied(committed.at(-1)!.index);
 * }
 */
export class RaftCore implements Raft {
  readonly #state: RaftState;
  readonly #builder: ReadyBuilder;
  /** Reused by `persisted`. */
  readonly #released: Draft[] = [];

  /**
   * @param config From `resolveRaftConfig`.
   * @param initial What is on this node's disk; kept entries are shared, not copied.
   * @param random Uniform integers from 0 to 2^32 - 1, for election timeouts.
   * @throws DbError RAFT_STATE_DAMAGED when `initial` contradicts itself.
   */
  constructor(config: RaftConfig, initial: InitialState, random: () => number) {
    this.#state = new RaftState(config, initial, random);
    this.#state.drawElectionTimeout();
    this.#builder = new ReadyBuilder(this.#state);
  }

  get id(): NodeId {
    return this.#state.id;
  }
  get role(): Role {
    return this.#state.role;
  }
  get term(): Term {
    return this.#state.term;
  }
  get leader(): NodeId {
    return this.#state.leader;
  }
  get lastIndex(): Index {
    return this.#state.log.lastIndex;
  }
  get firstIndex(): Index {
    return this.#state.log.firstIndex;
  }
  get commitIndex(): Index {
    return this.#state.commit;
  }
  get appliedIndex(): Index {
    return this.#state.applied;
  }
  get persistedIndex(): Index {
    return this.#state.durable.persistedIndex;
  }
  get conf(): ConfState {
    return this.#state.members.conf;
  }
  get logBytes(): number {
    return this.#state.log.bytes;
  }
  get uncommittedBytes(): number {
    return this.#state.uncommittedBytes;
  }
  get transferee(): NodeId {
    return this.#state.transferee;
  }
  get timeoutNowSent(): boolean {
    return this.#state.timeoutNowSent;
  }
  get committedInTerm(): boolean {
    return this.#state.committedInTerm;
  }
  get trusted(): boolean {
    return this.#state.doubt === 0;
  }
  get round(): number {
    return this.#state.round;
  }

  tick(): void {
    const raft = this.#state;
    if (raft.role === Role.leader) {
      tickLeader(raft);
      return;
    }
    raft.electionElapsed++;
    if (!raft.promotable || raft.electionElapsed < raft.electionTimeout) return;
    raft.electionElapsed = 0;
    maybeCampaign(raft);
  }

  step(message: Message): void {
    stepMessage(this.#state, message);
  }

  campaign(): void {
    standSoon(this.#state);
  }

  propose(data: Uint8Array): Index {
    return propose(this.#state, data);
  }

  refusal(bytes: number): Refusal | null {
    return refusalOf(this.#state, bytes);
  }

  proposeConf(change: ConfChange): ConfOutcome {
    return proposeConf(this.#state, change);
  }

  readIndex(context: number): boolean {
    return askReadIndex(this.#state, context);
  }

  transferLeadership(to: NodeId): boolean {
    return startTransfer(this.#state, to);
  }

  abortTransfer(): void {
    this.#state.transferee = 0;
  }

  beginRound(): number {
    return beginRound(this.#state);
  }

  heartbeatNow(): void {
    if (this.#state.role !== Role.leader) return;
    beginRound(this.#state);
    broadcastHeartbeat(this.#state);
  }

  quorumRound(): number {
    return this.#state.role === Role.leader ? this.#state.members.quorumRound() : 0;
  }

  hasReady(): boolean {
    return this.#builder.hasReady();
  }

  ready(): Ready {
    return this.#builder.build();
  }

  persisted(write: number): void {
    const raft = this.#state;
    const released = this.#released;
    released.length = 0;
    raft.durable.done(write, released);
    raft.maybeTrust();
    for (const message of released) {
      if (message.to === raft.id) {
        stepMessage(raft, message);
        continue;
      }
      // An acknowledgement says what is durable when it leaves, not when it was made.
      if (message.type === MessageType.appendResponse) {
        message.commit = raft.durable.persistedCommit;
        message.context = raft.doubt;
      }
      raft.send(message);
    }
    if (raft.role !== Role.leader) return;
    updateOwnProgress(raft);
    maybeCommit(raft);
  }

  applied(index: Index): void {
    const raft = this.#state;
    if (raft.installing !== 0) {
      // Reports about what the snapshot replaces are too late to matter.
      if (index < raft.installing) return;
      invariant(index === raft.installing, "nothing after a snapshot is applied before it");
      raft.installing = 0;
      raft.applied = index;
      return;
    }
    invariant(index >= raft.applied && index <= raft.applying, "applied moves over what was given");
    while (raft.applied < index) {
      const entry = raft.log.get(raft.applied + 1);
      raft.applied = entry.index;
      raft.applyingBytes -= entryBytes(entry);
      if (raft.confIndexes[0] !== entry.index) continue;
      raft.confIndexes.shift();
      applyConf(raft, entry);
    }
    standIfWaiting(raft);
    maybeLeaveJoint(raft);
  }

  reportUnreachable(id: NodeId): void {
    onUnreachable(this.#state, id);
  }

  snapshotSending(id: NodeId, index: Index): void {
    const progress = this.#state.members.get(id);
    if (progress?.state === "snapshot") progress.snapshotIndex = index;
  }

  reportSnapshot(id: NodeId, ok: boolean): void {
    onSnapshotReport(this.#state, id, ok);
  }

  snapshotMessage(to: NodeId, snapshot: SnapshotMark): Message {
    const message = this.#state.draft(MessageType.snapshot, to);
    message.snapshot = snapshot;
    return message;
  }

  compact(index: Index): void {
    const { log, applied, durable } = this.#state;
    invariant(index <= applied, "only applied entries are compacted");
    log.compact(Math.min(index, durable.handedIndex));
    failpoints.reached?.("raft.log.compacted");
  }

  neededIndex(): Index {
    return neededIndex(this.#state);
  }

  confSettled(): boolean {
    const { role, members, confBarrier, applied, confIndex } = this.#state;
    if (role !== Role.leader || members.joint || confBarrier > applied) return false;
    return members.quorumCommit() >= confIndex;
  }

  distrust(): void {
    // Unlike in earlier lives, whose answers may still be remembered.
    this.#state.doubt = this.#state.random() + 1;
    this.#state.trustedFrom = Number.POSITIVE_INFINITY;
  }

  progress(id: NodeId): ProgressView | null {
    return this.#state.members.get(id)?.view() ?? null;
  }

  entryAt(index: Index): Entry | null {
    return this.#state.log.at(index);
  }

  termAt(index: Index): Term {
    return this.#state.log.termAt(index);
  }
}
