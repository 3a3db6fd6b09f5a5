// Collects a core's open work into the one reused Ready.
import { invariant } from "../base/invariant.ts";
import { plantedBugs } from "../base/planted-bugs.ts";
import { entryBytes } from "./log.ts";
import { advanceReads, readsDue } from "./reads.ts";
import { flushAppends } from "./replication.ts";
import type { RaftState } from "./state.ts";
import { EntryType, Role } from "./types.ts";
import type {
  Entry,
  HardState,
  Index,
  Message,
  NodeId,
  ReadState,
  Ready,
  SnapshotMark,
  SnapshotRequest,
  Term,
} from "./types.ts";

interface Writable<T> {
  hardState: { -readonly [Key in keyof T]: T[Key] };
}

class ReadyWork implements Ready {
  write = 0;
  hardState: HardState | null = null;
  mustSync = false;
  snapshot: SnapshotMark | null = null;
  entries: Entry[] = [];
  messages: readonly Message[] = [];
  committed: Entry[] = [];
  readStates: readonly ReadState[] = [];
  snapshotRequests: readonly SnapshotRequest[] = [];
  roleChanged = false;
  round = 0;
}

/** Knows what was handed out, and so what is new. */
export class ReadyBuilder {
  readonly #raft: RaftState;
  readonly #work = new ReadyWork();
  readonly #hardState: Writable<HardState>["hardState"];
  /** As last handed out for writing. */
  #termHanded: Term;
  #voteHanded: NodeId;
  #commitHanded: Index;
  /** As last shown by `roleChanged`. */
  #roleShown: Role;
  #termShown: Term;
  #leaderShown: NodeId;

  constructor(raft: RaftState) {
    this.#raft = raft;
    const { term, vote, durable } = raft;
    this.#hardState = { term, vote, commit: durable.persistedCommit };
    this.#termHanded = term;
    this.#voteHanded = vote;
    this.#commitHanded = durable.persistedCommit;
    this.#roleShown = raft.role;
    this.#termShown = term;
    this.#leaderShown = raft.leader;
  }

  hasReady(): boolean {
    const raft = this.#raft;
    return (
      raft.outbox.length > 0 ||
      raft.durable.handedIndex < raft.log.lastIndex ||
      raft.durable.hasFresh ||
      this.#applicableUpTo() > raft.applying ||
      this.#votingStateChanged() ||
      raft.snapshotToInstall !== null ||
      this.#confCommitUnwritten() ||
      raft.readStates.length > 0 ||
      this.#roleChanged() ||
      (raft.role === Role.leader &&
        (raft.appendsWanted || raft.snapshotRequests.length > 0 || readsDue(raft)))
    );
  }

  build(): Ready {
    const raft = this.#raft;
    const work = this.#work;
    if (raft.role === Role.leader) {
      advanceReads(raft);
      if (raft.appendsWanted) flushAppends(raft);
    }
    this.#takeWrite();
    raft.durable.tagFresh(raft.outbox);
    work.messages = raft.outbox;
    if (raft.outbox.length > 0) raft.outbox = [];
    work.readStates = raft.readStates;
    if (raft.readStates.length > 0) raft.readStates = [];
    work.snapshotRequests = raft.snapshotRequests;
    if (raft.snapshotRequests.length > 0) raft.snapshotRequests = [];
    this.#takeCommitted();
    work.roleChanged = this.#roleChanged();
    this.#roleShown = raft.role;
    this.#termShown = raft.term;
    this.#leaderShown = raft.leader;
    work.round = raft.round;
    return work;
  }

  #roleChanged(): boolean {
    const { role, term, leader } = this.#raft;
    return role !== this.#roleShown || term !== this.#termShown || leader !== this.#leaderShown;
  }

  #votingStateChanged(): boolean {
    return this.#raft.term !== this.#termHanded || this.#raft.vote !== this.#voteHanded;
  }

  /** A committed change of members must be known to be committed on disk before it is applied. */
  #confCommitUnwritten(): boolean {
    const index = this.#raft.confIndexes[0];
    return index !== undefined && index <= this.#raft.commit && index > this.#commitHanded;
  }

  /**
   * Numbers the write, if there is one. The commit index rides along with other writes but is no
   * reason for one: it is a lower bound. But it is always in the write of entries that rely on it:
   * a node that has the entry ending a joint change also has, durably, that the change had begun.
   */
  #takeWrite(): void {
    const raft = this.#raft;
    const work = this.#work;
    work.write = 0;
    work.hardState = null;
    work.mustSync = false;
    work.snapshot = raft.snapshotToInstall;
    raft.snapshotToInstall = null;
    work.entries.length = 0;
    this.#takeEntries();
    const sync =
      this.#votingStateChanged() || work.snapshot !== null || this.#confCommitUnwritten();
    if (!sync && work.entries.length === 0) return;
    if (sync) work.mustSync = true;
    if (sync || raft.commit > this.#commitHanded) work.hardState = this.#takeHardState();
    work.write = raft.durable.begin(raft.log.lastIndex, raft.commit);
  }

  #takeEntries(): void {
    const { log, durable } = this.#raft;
    for (let index = durable.handedIndex + 1; index <= log.lastIndex; index++) {
      const entry = log.get(index);
      if (entry.type === EntryType.config) this.#work.mustSync = true;
      this.#work.entries.push(entry);
    }
  }

  #takeHardState(): HardState {
    const { term, vote, commit } = this.#raft;
    this.#hardState.term = term;
    this.#hardState.vote = plantedBugs.voteNotPersisted ? 0 : vote;
    this.#hardState.commit = commit;
    this.#termHanded = term;
    this.#voteHanded = vote;
    this.#commitHanded = commit;
    return this.#hardState;
  }

  /** Committed entries that may be handed out now end here. */
  #applicableUpTo(): Index {
    const { installing, config, commit, durable, applyingBytes, applying, confIndexes } =
      this.#raft;
    if (installing !== 0 || applyingBytes >= config.applyingBytesMax) return applying;
    let index = config.applyBeforePersist ? commit : Math.min(commit, durable.persistedIndex);
    const conf = confIndexes[0];
    if (conf === undefined || conf > index) return index;
    // A change of members is applied only when neither it nor its commit can be forgotten: a node
    // that acted on it must never stand for election by the configuration before it.
    const durablyCommitted = Math.min(durable.persistedCommit, durable.persistedIndex);
    if (durablyCommitted < conf) index = conf - 1;
    return index;
  }

  #takeCommitted(): void {
    const raft = this.#raft;
    const { committed } = this.#work;
    committed.length = 0;
    const last = this.#applicableUpTo();
    while (raft.applying < last && raft.applyingBytes < raft.config.applyingBytesMax) {
      const entry = raft.log.get(raft.applying + 1);
      committed.push(entry);
      raft.applying = entry.index;
      raft.applyingBytes += entryBytes(entry);
    }
    invariant(raft.applying <= raft.commit, "only committed entries are applied");
  }
}
