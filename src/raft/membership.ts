// The configuration in force and the leader's progress of each member: who counts, and what a
// quorum has.
import { isJoint } from "./conf-change.ts";
import { Progress } from "./progress.ts";
import type { ConfState, Index, NodeId, RaftConfig, Vote } from "./types.ts";

/** State of an election: `pending` while more answers could turn it either way. */
export type Tally = "won" | "lost" | "pending";

/** Which number of each voter a quorum is asked for. */
type Field = "match" | "round" | "commit";

/** Members, their progress, and the questions to a quorum of them. */
export class Membership {
  conf: ConfState;
  /** All members but this node, in the order of the configuration. */
  peers: Progress[] = [];
  #voters: Progress[] = [];
  #outgoing: Progress[] = [];
  readonly #config: RaftConfig;
  readonly #byId = new Map<NodeId, Progress>();
  /** Reused by every quorum question. */
  #scratch = new Float64Array(8);

  constructor(config: RaftConfig, conf: ConfState) {
    this.#config = config;
    this.conf = conf;
    this.install(conf, 1);
  }

  get joint(): boolean {
    return this.#outgoing.length > 0;
  }

  /** The leader's view of `id`; undefined when it is no member. */
  get(id: NodeId): Progress | undefined {
    return this.#byId.get(id);
  }

  /** Takes a new configuration: members who stay keep their progress, new ones start at `next`. */
  install(conf: ConfState, next: Index): void {
    const voting = [...conf.voters, ...conf.votersOutgoing];
    const members = new Set([...voting, ...conf.learners, ...conf.learnersNext]);
    for (const id of [...this.#byId.keys()]) if (!members.has(id)) this.#byId.delete(id);
    this.peers = [];
    for (const id of members) {
      const progress = this.#byId.get(id) ?? this.#newProgress(id, next);
      progress.learner = !voting.includes(id);
      this.#byId.set(id, progress);
      if (id !== this.#config.id) this.peers.push(progress);
    }
    this.conf = conf;
    this.#voters = conf.voters.map((id) => this.#byId.get(id)!);
    this.#outgoing = conf.votersOutgoing.map((id) => this.#byId.get(id)!);
    const largest = Math.max(this.#voters.length, this.#outgoing.length);
    if (largest > this.#scratch.length) this.#scratch = new Float64Array(largest);
  }

  /** Whether `id` votes, in either half of a joint configuration. */
  votes(id: NodeId): boolean {
    const progress = this.#byId.get(id);
    return progress !== undefined && !progress.learner;
  }

  /** Whether `id` is an incoming voter: one who stays a voter after a joint change. */
  staysVoter(id: NodeId): boolean {
    return this.conf.voters.includes(id);
  }

  /** Highest index that a quorum has on disk. */
  quorumMatch(): Index {
    return this.#both("match");
  }

  /** Newest heartbeat round that a quorum acknowledged. */
  quorumRound(): number {
    return this.#both("round");
  }

  /** Highest commit index that a quorum durably knows. */
  quorumCommit(): Index {
    return this.#both("commit");
  }

  /** Whether a quorum was heard from lately. */
  quorumActive(): boolean {
    return majorityActive(this.#voters) && majorityActive(this.#outgoing);
  }

  tally(votes: ReadonlyMap<NodeId, Vote>): Tally {
    const incoming = tallyOf(this.conf.voters, votes);
    if (!isJoint(this.conf)) return incoming;
    const outgoing = tallyOf(this.conf.votersOutgoing, votes);
    if (incoming === "lost" || outgoing === "lost") return "lost";
    return incoming === "won" && outgoing === "won" ? "won" : "pending";
  }

  /** A joint configuration decides when both halves do: the smaller of the two. */
  #both(field: Field): number {
    if (this.#voters.length === 0) return 0;
    const incoming = this.#quorumOf(this.#voters, field);
    if (this.#outgoing.length === 0) return incoming;
    return Math.min(incoming, this.#quorumOf(this.#outgoing, field));
  }

  /** The largest value that a majority of `list` has reached. */
  #quorumOf(list: readonly Progress[], field: Field): number {
    const count = list.length;
    const values = this.#scratch;
    for (let filled = 0; filled < count; filled++) {
      const value = list[filled]![field];
      let at = filled;
      for (; at > 0 && values[at - 1]! < value; at--) values[at] = values[at - 1]!;
      values[at] = value;
    }
    return values[count >> 1]!;
  }

  #newProgress(id: NodeId, next: Index): Progress {
    const { inflightMessagesMax, inflightBytesMax } = this.#config;
    const progress = new Progress(id, inflightMessagesMax, inflightBytesMax);
    progress.next = next;
    // A new member had no chance to be heard yet: it must not cost the leader its quorum.
    progress.active = true;
    return progress;
  }
}

function majorityActive(list: readonly Progress[]): boolean {
  let active = 0;
  for (const progress of list) if (progress.active) active++;
  return list.length === 0 || active > list.length >> 1;
}

/**
 * A majority of votes from logs that forgot nothing wins: every committed entry is in one of them.
 * So does whoever gets all votes there are: no log at all is better than the winner's.
 */
function tallyOf(voters: readonly NodeId[], votes: ReadonlyMap<NodeId, Vote>): Tally {
  let granted = 0;
  let refused = 0;
  let open = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) open++;
    else if (vote === "granted") granted++;
    else if (vote === "refused") refused++;
  }
  const needed = (voters.length >> 1) + 1;
  const unanimous = refused === 0 && voters.length > 0;
  if (granted >= needed || (unanimous && open === 0)) return "won";
  return unanimous || granted + open >= needed ? "pending" : "lost";
}
