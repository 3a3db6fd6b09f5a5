// All variables of one core, and the few steps that every part of the protocol shares.
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import { DbError } from "../base/errors.ts";
import { Durability } from "./durability.ts";
import { entryBytes, RaftLog } from "./log.ts";
import { Membership } from "./membership.ts";
import { EntryType, MessageType, Role } from "./types.ts";
import type {
  Draft,
  Entry,
  Index,
  InitialState,
  Message,
  NodeId,
  RaftConfig,
  ReadState,
  SnapshotMark,
  SnapshotRequest,
  Term,
  Vote,
} from "./types.ts";

/** A question for a read index that waits for its round. */
export interface PendingRead {
  readonly context: number;
  /** Who asked: this node or a follower. */
  readonly from: NodeId;
  /** Commit index when its round began. */
  index: Index;
  /** The round whose quorum confirms it; 0 until one began. */
  round: number;
}

const NO_ENTRIES: readonly Entry[] = Object.freeze([]);
const NO_BYTES = new Uint8Array(0);

/** One core's variables; the protocol's parts are functions over it. */
export class RaftState {
  readonly config: RaftConfig;
  readonly id: NodeId;
  readonly random: () => number;
  readonly log: RaftLog;
  readonly durable: Durability;
  readonly members: Membership;

  term: Term;
  vote: NodeId;
  role: Role = Role.follower;
  leader: NodeId = 0;
  /**
   * 0, or a number for this life of the node: it may have acknowledged entries, in an earlier one,
   * that its log lacks.
   */
  doubt = 0;
  /** The doubt ends once the log is durable up to here; Infinity until a leader told. */
  trustedFrom: Index = Number.POSITIVE_INFINITY;

  commit: Index;
  /** Reported by the shell. */
  applied: Index;
  /** Handed to the shell for applying. */
  applying: Index;
  applyingBytes = 0;
  /** `config` entries in the log that are not applied yet, rising. */
  confIndexes: Index[] = [];
  /** A snapshot taken over but not handed out. */
  snapshotToInstall: SnapshotMark | null = null;
  /** No later than here the configuration in force was committed. */
  confIndex: Index;
  /** Index of the snapshot being installed; 0 when none. */
  installing: Index = 0;

  /** Ticks since the leader was heard (follower) or the quorum was checked (leader). */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  electionTimeout = 0;
  votes: Map<NodeId, Vote> = new Map();
  /** Why to stand, in this term, once a committed change of members is applied. */
  standWhenApplied: "transfer" | "election" | null = null;

  /** Leader: index of this term's no-op. */
  termStart: Index = 0;
  /** Leader: no new configuration may be proposed before this index is applied. */
  confBarrier: Index = 0;
  uncommittedBytes = 0;
  transferee: NodeId = 0;
  timeoutNowSent = false;
  /** Leader: some member may need an append. */
  appendsWanted = false;
  /** Rises for as long as the object lives, over terms too. */
  round = 0;
  readsFresh: PendingRead[] = [];
  /** Waiting for the acknowledgement of a round; rounds rise. */
  readsRunning: PendingRead[] = [];
  /** A round was acknowledged, or the configuration changed, since the last look. */
  roundsAdvanced = false;

  outbox: Message[] = [];
  readStates: ReadState[] = [];
  snapshotRequests: SnapshotRequest[] = [];

  constructor(config: RaftConfig, initial: InitialState, random: () => number) {
    checkInitial(initial);
    this.config = config;
    this.id = config.id;
    this.random = random;
    this.log = new RaftLog(initial.snapshotIndex, initial.snapshotTerm);
    for (const entry of initial.entries) {
      this.log.push(entry);
      if (entry.type === EntryType.config && entry.index > initial.appliedIndex) {
        this.confIndexes.push(entry.index);
      }
    }
    this.term = initial.hardState.term;
    this.vote = initial.hardState.vote;
    this.commit = Math.max(initial.hardState.commit, initial.appliedIndex);
    this.applied = initial.appliedIndex;
    this.applying = initial.appliedIndex;
    this.confIndex = initial.appliedIndex;
    const commitOnDisk = Math.max(initial.hardState.commit, initial.snapshotIndex);
    this.durable = new Durability(this.log.lastIndex, commitOnDisk);
    this.members = new Membership(config, initial.conf);
  }

  get isLeader(): boolean {
    return this.role === Role.leader;
  }

  /** A leader knows which entries are committed once one of its own term is (paper, 8). */
  get committedInTerm(): boolean {
    return this.role === Role.leader && this.commit >= this.termStart;
  }

  /** An empty message of this term, to be filled in. */
  draft(type: MessageType, to: NodeId): Draft {
    return {
      type,
      from: this.id,
      to,
      term: this.term,
      logTerm: 0,
      index: 0,
      commit: 0,
      entries: NO_ENTRIES,
      reject: false,
      rejectHint: 0,
      rejectHintTerm: 0,
      context: 0,
      round: 0,
      snapshot: null,
    };
  }

  send(message: Message): void {
    this.outbox.push(message);
  }

  /** Sends `message` once everything that is in memory now is durable. */
  sendWhenDurable(message: Draft): void {
    this.durable.hold(message);
  }

  /** Puts one more entry at the end of the log. */
  append(entry: Entry): void {
    this.log.push(entry);
    if (entry.type === EntryType.config) this.confIndexes.push(entry.index);
  }

  /** Cuts the log before `index`, at a follower whose leader has other entries there. */
  truncateFrom(index: Index): void {
    invariant(index > this.commit, "a committed entry is never cut");
    this.log.truncateFrom(index);
    this.durable.onTruncate(index);
    while (this.confIndexes.length > 0 && this.confIndexes.at(-1)! >= index) this.confIndexes.pop();
    failpoints.reached?.("raft.log.truncated");
  }

  /** Raises the commit index; never lowers it. */
  commitTo(index: Index): void {
    if (index <= this.commit) return;
    invariant(index <= this.log.lastIndex, "only entries in the log are committed");
    if (this.role === Role.leader) {
      for (let at = this.commit + 1; at <= index; at++) {
        this.uncommittedBytes -= entryBytes(this.log.get(at));
      }
    }
    this.commit = index;
    failpoints.reached?.("raft.commit.moved");
  }

  /** Whether a committed change of members waits to be applied: who may vote is about to change. */
  get confPending(): boolean {
    return this.confIndexes.length > 0 && this.confIndexes[0]! <= this.commit;
  }

  /** Whether this node may stand for election. */
  get promotable(): boolean {
    return this.installing === 0 && this.members.votes(this.id);
  }

  /** Ends the doubt once this node durably has what it may have forgotten. */
  maybeTrust(): void {
    if (this.doubt === 0 || this.durable.persistedIndex < this.trustedFrom) return;
    failpoints.reached?.("raft.doubt.ended");
    this.doubt = 0;
  }

  drawElectionTimeout(): void {
    const { electionTicks } = this.config;
    this.electionTimeout = electionTicks + (this.random() % electionTicks);
  }

  /** A leader's own entry at the end of its log. */
  newEntry(type: EntryType, data: Uint8Array): Entry {
    return { term: this.term, index: this.log.lastIndex + 1, type, data };
  }

  newNoop(): Entry {
    return this.newEntry(EntryType.noop, NO_BYTES);
  }
}

/** What comes from disk is checked here; from here on it is trusted. */
function checkInitial(initial: InitialState): void {
  const { hardState, entries, snapshotIndex, snapshotTerm, appliedIndex } = initial;
  let index = snapshotIndex;
  let term = snapshotTerm;
  for (const entry of entries) {
    if (entry.index !== index + 1) throw damaged("the log has a gap", entry.index);
    if (entry.term < term) throw damaged("terms in the log fall", entry.index);
    index = entry.index;
    term = entry.term;
  }
  if (hardState.term < term) throw damaged("the log is from a later term", hardState.term);
  if (hardState.commit > index) throw damaged("the log ends before its commit", index);
  if (appliedIndex < snapshotIndex) throw damaged("the snapshot was not applied", appliedIndex);
  if (appliedIndex > index) throw damaged("the log ends before what is applied", index);
}

function damaged(reason: string, at: number): DbError {
  return new DbError("RAFT_STATE_DAMAGED", `raft state on disk: ${reason}`, { at });
}
