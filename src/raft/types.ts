// The vocabulary of the consensus core: entries, messages, configuration, work for the shell.
// See docs/internals/raft.md for the loop around it and the rules a shell must keep.

/** A node of the cluster: 1 to 2^53 - 1; 0 stands for "nobody". */
export type NodeId = number;
/** Position in the log, from 1; 0 is "before the first entry". */
export type Index = number;
/** Election number, from 1; 0 is "before the first election". */
export type Term = number;

/** What an entry's bytes mean. */
export const EntryType = { normal: 0, noop: 1, config: 2 } as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/** One position of the log. Shared between log, messages and disk writes: never changed. */
export interface Entry {
  readonly term: Term;
  readonly index: Index;
  readonly type: EntryType;
  /** Shared bytes: never copied, never changed. A `config` entry's layout: `config-codec.ts`. */
  readonly data: Uint8Array;
}

/** What a node must remember besides its log. */
export interface HardState {
  readonly term: Term;
  /** Whom this node voted for in `term`; 0 is nobody. */
  readonly vote: NodeId;
  /** A lower bound of the committed index; never beyond the log written with or before it. */
  readonly commit: Index;
}

/** Who takes part. Lists are sorted; `votersOutgoing` is not empty exactly in a joint change. */
export interface ConfState {
  readonly voters: readonly NodeId[];
  /** The voters before the change: a decision needs a majority of both lists. */
  readonly votersOutgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Outgoing voters that become learners when the joint change ends. */
  readonly learnersNext: readonly NodeId[];
  /** The leader ends the joint change by itself as soon as it has applied it. */
  readonly autoLeave: boolean;
}

/** The state up to `index` without its bytes: those travel and lie outside the core. */
export interface SnapshotMark {
  readonly index: Index;
  readonly term: Term;
  /** The configuration as of `index`. */
  readonly conf: ConfState;
}

export const MessageType = {
  vote: 1,
  voteResponse: 2,
  preVote: 3,
  preVoteResponse: 4,
  append: 5,
  appendResponse: 6,
  heartbeat: 7,
  heartbeatResponse: 8,
  /** The mark of a snapshot whose bytes the receiving shell already holds complete and checked. */
  snapshot: 9,
  timeoutNow: 10,
  readIndex: 11,
  readIndexResponse: 12,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/**
 * `context` of a `vote` that comes from a leadership transfer: the leader itself asked for it, so a
 * voter must not refuse it for having heard from that leader.
 */
export const VOTE_BY_TRANSFER = 1;

/** What an answer to a (pre-)vote request is worth; see `Raft.distrust`. */
export type Vote = "refused" | "granted" | "doubtful";

/**
 * One message between two cores of a group. All fields are always present (0, empty, false or null
 * when unused), so that every message has one shape.
 *
 * | type | logTerm, index | commit | other |
 * | --- | --- | --- | --- |
 * | vote, preVote | last entry of the candidate | 0 | context |
 * | voteResponse, preVoteResponse | logTerm: term at commit | refuser's commit | reject, context |
 * | append | entry before `entries` | leader's commit | entries, round, context |
 * | appendResponse | index: durable match, or refused | durable commit | reject*, round, context |
 * | heartbeat | - | min(match, commit) | round |
 * | heartbeatResponse | - | durable commit | round, context |
 * | snapshot | - | - | snapshot |
 * | readIndex | - | - | context |
 * | readIndexResponse | index to wait for | - | context, reject |
 */
export interface Message {
  readonly type: MessageType;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  readonly logTerm: Term;
  readonly index: Index;
  readonly commit: Index;
  readonly entries: readonly Entry[];
  readonly reject: boolean;
  /** appendResponse with reject: the highest index at which the logs may agree. */
  readonly rejectHint: Index;
  /** appendResponse with reject: the refuser's term at `rejectHint`. */
  readonly rejectHintTerm: Term;
  /**
   * readIndex and its response: the asker's number, at most 2^53 - 1; vote: 0 or
   * {@link VOTE_BY_TRANSFER}. Answers to votes, appends and heartbeats: 0, or the number of the
   * sender's life when its log may have lost its end (see `Raft.distrust`); append: that number as
   * the leader last heard it.
   */
  readonly context: number;
  /** Heartbeat round of the leader, echoed by the acknowledgement. */
  readonly round: number;
  readonly snapshot: SnapshotMark | null;
}

/** A message while it is being filled in: inside the core only, before it is handed out. */
export type Draft = { -readonly [Key in keyof Message]: Message[Key] };

/** Settings of one group's core; see `raftDefaults` and `resolveRaftConfig` in `raft-config.ts`. */
export interface RaftConfig {
  readonly id: NodeId;
  /** Shortest election timeout in ticks; the real one is drawn from [n, 2n) anew each time. */
  readonly electionTicks: number;
  /** Leader's heartbeat period in ticks; below half of `electionTicks`. */
  readonly heartbeatTicks: number;
  /** Bytes of entries in one append; a single larger entry travels alone. */
  readonly entryBytesPerMessageMax: number;
  /** Appends on their way to one follower. */
  readonly inflightMessagesMax: number;
  /** Entry bytes on their way to one follower; may be passed by one message. */
  readonly inflightBytesMax: number;
  /** Proposed bytes not yet committed; beyond it `propose` refuses. One proposal always fits. */
  readonly uncommittedBytesMax: number;
  /** Entry bytes handed out for applying and not yet `applied()`; may be passed by one entry. */
  readonly applyingBytesMax: number;
  /** Ask "could I win?" before raising the term: a node that was cut off does not disrupt. */
  readonly preVote: boolean;
  /**
   * A leader whose quorum is silent for an election timeout steps down; voters protect it so long.
   */
  readonly checkQuorum: boolean;
  /**
   * Hand out committed entries before this node's own disk has them. Right for a state machine in
   * memory (rebuilt from snapshot and log); wrong for one whose state can outlive the log's tail.
   */
  readonly applyBeforePersist: boolean;
}

/** What the shell found on disk. A new group's first voters start with `conf` and nothing else. */
export interface InitialState {
  readonly hardState: HardState;
  /** The configuration as of `appliedIndex`. */
  readonly conf: ConfState;
  /** Entries after `snapshotIndex`, without gaps. */
  readonly entries: readonly Entry[];
  readonly snapshotIndex: Index;
  readonly snapshotTerm: Term;
  /** `snapshotIndex` or later, up to the end of `entries`. A state machine that is ahead of its log
   * passes its own position as the snapshot and no entries. */
  readonly appliedIndex: Index;
}

export const Role = { follower: 0, preCandidate: 1, candidate: 2, leader: 3 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** A read asked with `context` may be answered once `index` is applied here. */
export interface ReadState {
  readonly context: number;
  readonly index: Index;
}

/** A follower needs entries the log no longer has. */
export interface SnapshotRequest {
  readonly to: NodeId;
  /** Any snapshot at this index or later will do. */
  readonly indexMin: Index;
}

/**
 * Work for the shell. ONE object, reused: valid until the next call of `ready()`; its arrays must
 * not be kept. Take it in this order: write `hardState`, `snapshot`, `entries` (begin the write),
 * send `messages` (do not wait for the write), apply `committed`.
 */
export interface Ready {
  /**
   * Number of this disk write, rising; 0 when there is nothing to write. Call `persisted(write)`
   * when everything of it is durable. Writes become durable in order: `persisted(n)` says all up to
   * n.
   */
  readonly write: number;
  /** Not null when it is part of the write. */
  readonly hardState: HardState | null;
  /**
   * True when term, vote, a snapshot or a configuration is in the write: it must be synced before
   * `persisted(write)` even when the user relaxed syncing of entries.
   */
  readonly mustSync: boolean;
  /**
   * Install this (replace state machine and whole log by it), as part of the write and before
   * `entries`; then call `applied(snapshot.index)`. No `committed` is handed out until then.
   */
  readonly snapshot: SnapshotMark | null;
  /**
   * Append these. If the first one's index exists already, everything from there on is replaced.
   */
  readonly entries: readonly Entry[];
  /** Send all of them now: the core held back what had to wait for a write. */
  readonly messages: readonly Message[];
  /**
   * Apply in order, then call `applied(last.index)`: calls may come late and in batches. `config`
   * entries take effect inside `applied()`; `noop` entries have no bytes.
   */
  readonly committed: readonly Entry[];
  /** Reads whose index is confirmed. */
  readonly readStates: readonly ReadState[];
  /** Stream a snapshot to these; then `reportSnapshot`. */
  readonly snapshotRequests: readonly SnapshotRequest[];
  /**
   * Role, term or leader differ from the last `ready()`. Unanswered reads of before are void then.
   */
  readonly roleChanged: boolean;
  /** Newest round any of `messages` may carry: stamp its time before sending them. */
  readonly round: number;
}

/** One wish in a configuration change. */
export interface ConfStep {
  /** `addVoter` promotes a learner; `addLearner` demotes a voter. */
  readonly action: "addVoter" | "addLearner" | "remove";
  readonly id: NodeId;
}

/**
 * Steps that take effect together. No steps at all: leave the joint configuration; or, outside of
 * one and with a context, an entry for the context alone.
 */
export interface ConfChange {
  readonly steps: readonly ConfStep[];
  /** Stay in the joint configuration until an empty change ends it; false: the leader ends it. */
  readonly explicitLeave?: boolean;
  /** The caller's bytes, carried in the entry (up to 1 MiB). */
  readonly context?: Uint8Array;
}

/** Why a proposal was not taken; certainly nothing was appended. */
export type Refusal =
  | "notLeader"
  | "transferring"
  | "uncommittedFull"
  | "confInFlight"
  | "confInvalid";

export type ConfOutcome =
  | { readonly kind: "proposed"; readonly index: Index }
  | { readonly kind: "refused"; readonly reason: Refusal; readonly detail: string };

export type ProgressState = "probe" | "replicate" | "snapshot";

/** A leader's view of one member, for status pages and placement. */
export interface ProgressView {
  readonly id: NodeId;
  readonly state: ProgressState;
  readonly learner: boolean;
  /** Known to be durable there and equal to the leader's log. */
  readonly match: Index;
  readonly next: Index;
  /** Heard from within the last one to two election timeouts, or the term is younger than that. */
  readonly active: boolean;
  /** Newest heartbeat round it acknowledged. */
  readonly round: number;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  /** Index of the snapshot on its way; 0 when none. */
  readonly snapshotIndex: Index;
}

/**
 * The core's face to its shell; `RaftCore` in `raft-core.ts` implements it.
 * Every call is synchronous; after calls, ask `hasReady()`.
 */
export interface Raft {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: Term;
  /** The leader of `term` as far as known; 0 when unknown. */
  readonly leader: NodeId;
  readonly lastIndex: Index;
  /** First index still in the log. */
  readonly firstIndex: Index;
  readonly commitIndex: Index;
  readonly appliedIndex: Index;
  /** Everything up to here is on this node's disk. */
  readonly persistedIndex: Index;
  /** The configuration in force: as of `appliedIndex`. */
  readonly conf: ConfState;
  /** Bytes of the entries held in memory. */
  readonly logBytes: number;
  readonly uncommittedBytes: number;
  /** Whom leadership is being handed to; 0 when no transfer runs. */
  readonly transferee: NodeId;
  /** This leader sent TimeoutNow in its term: it must not use a lease any more. */
  readonly timeoutNowSent: boolean;
  /** This leader has committed (and so may serve) in its own term. */
  readonly committedInTerm: boolean;
  /** False: see `distrust`. */
  readonly trusted: boolean;
  /** Current heartbeat round; rises for as long as the object lives. */
  readonly round: number;

  /** One tick of the caller's timer. */
  tick(): void;
  /**
   * Takes a message addressed to this node. The caller may drop any message, and should drop `vote`
   * (without VOTE_BY_TRANSFER) and `preVote` while its clock says that a lease may run.
   */
  step(message: Message): void;
  /**
   * Starts an election (with pre-vote if configured) now: for a lone voter at its start. If it must
   * apply a committed change of members first, it stands afterwards, provided that it is alone
   * still.
   */
  campaign(): void;
  /**
   * Appends a command to the log.
   * @param data Kept as it is; 1 byte to any length.
   * @returns Its index, or 0 when refused: see `refusal()`.
   */
  propose(data: Uint8Array): Index;
  /** Why the next `propose` of `bytes` would be refused; null when it would not. */
  refusal(bytes: number): Refusal | null;
  /** Proposes a change of members; one at a time. In force at each node once applied there. */
  proposeConf(change: ConfChange): ConfOutcome;
  /**
   * Asks for an index such that a read after applying it is linearizable. Answered in `readStates`,
   * or never (message lost, leader gone): retry after `roleChanged` or a timeout.
   * @param context Unique over restarts of this node: an old answer must not meet a new question.
   * @returns False when no leader is known.
   */
  readIndex(context: number): boolean;
  /** Hands leadership over; proposals are refused meanwhile; given up after an election timeout. */
  transferLeadership(to: NodeId): boolean;
  abortTransfer(): void;
  /** Starts a new heartbeat round; later appends and heartbeats carry it. @returns its number. */
  beginRound(): number;
  /** Starts a new round and sends heartbeats for it to all members. */
  heartbeatNow(): void;
  /** Newest round acknowledged by a quorum (of both configurations when joint), self included. */
  quorumRound(): number;

  hasReady(): boolean;
  /** Takes all work at hand. See {@link Ready}. */
  ready(): Ready;
  /** The writes up to this number are durable. May be called right after `ready()`. */
  persisted(write: number): void;
  /** Everything up to `index` is applied (also after installing a snapshot). */
  applied(index: Index): void;

  /** A message to `id` was probably lost. */
  reportUnreachable(id: NodeId): void;
  /** The stream to `id` carries the state as of `index`: the log is kept from there. */
  snapshotSending(id: NodeId, index: Index): void;
  /** The stream to `id` ended. */
  reportSnapshot(id: NodeId, ok: boolean): void;
  /** The `snapshot` message to send ahead of, or with, the bytes of a snapshot. */
  snapshotMessage(to: NodeId, snapshot: SnapshotMark): Message;
  /** Forgets entries up to `index`, which must be applied. O(entries dropped). */
  compact(index: Index): void;
  /**
   * Smallest index that a member still needs from this log: of those lately heard from, and of
   * those with a snapshot on its way. `compact(neededIndex() - 1)` strands nobody. `lastIndex + 1`
   * if none.
   */
  neededIndex(): Index;
  /**
   * Leader: the last configuration is not joint and a quorum durably knows that it is committed.
   * Only then may nodes that were removed be destroyed.
   */
  confSettled(): boolean;
  /**
   * Before the first `step`: this node's disk may have lost entries that it acknowledged (relaxed
   * syncing, machine crash). Its vote then counts only in an election in which all voters vote
   * alike, and its leader forgets what it was told by an earlier life. Ends by itself (`trusted`)
   * once the node leads, or durably has all that a leader who knows of this had committed.
   */
  distrust(): void;

  progress(id: NodeId): ProgressView | null;
  /** Entry at `index`, or null outside the log. */
  entryAt(index: Index): Entry | null;
  /** Term at `index`; also known for `firstIndex - 1`; -1 outside. */
  termAt(index: Index): Term;
}
