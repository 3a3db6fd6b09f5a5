// One seeded run of a small cluster under loss, reordering, crashes and changes of members.
import { EntryType, Role } from "../../src/raft/types.ts";
import type { ConfState, ConfStep, Message, NodeId } from "../../src/raft/types.ts";
import { decodeConf } from "../../src/raft/conf-codec.ts";
import { EMPTY_CONF } from "../../src/raft/conf-change.ts";
import { emptyDisk, TestCluster, voterConf } from "./cluster.ts";
import type { Options, TestNode } from "./cluster.ts";
import { InvariantChecker } from "./invariants.ts";
import { seededRandom } from "./rng.ts";

/** Ids that may ever take part; the first few do at the start. */
const IDS: readonly NodeId[] = [1, 2, 3, 4, 5, 6];
const MESSAGES_MAX = 120;

/** How often things happened, to see that a run was not idle. */
export interface Counts {
  steps: number;
  commits: number;
  leaders: number;
  crashes: number;
  confChanges: number;
  snapshots: number;
  transfers: number;
  reads: number;
  destroyed: number;
  lostEnds: number;
}

interface Question {
  readonly node: NodeId;
  readonly indexMin: number;
}

export class Simulation {
  readonly cluster: TestCluster;
  readonly checker: InvariantChecker;
  readonly counts: Counts = {
    steps: 0,
    commits: 0,
    leaders: 0,
    crashes: 0,
    confChanges: 0,
    snapshots: 0,
    transfers: 0,
    reads: 0,
    destroyed: 0,
    lostEnds: 0,
  };
  readonly #random: () => number;
  readonly #questions = new Map<number, Question>();
  readonly #destroyed = new Set<NodeId>();
  readonly #lossPercent: number;
  /** Shares of the steps, drawn per run: some runs are hasty, some calm. */
  readonly #tickPerMille: number;
  readonly #troublePerMille: number;
  /** Entries are not synced: a machine crash takes some, at one node at a time. */
  readonly #relaxed: boolean;
  #proposals = 0;
  #contexts = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#lossPercent = this.#below(4) * this.#below(8);
    this.#tickPerMille = 20 + this.#below(100);
    this.#troublePerMille = this.#below(3) * this.#below(50);
    this.#relaxed = this.#below(3) === 0;
    this.cluster = new TestCluster(this.#drawOptions(), seededRandom(seed ^ 0x5bd1e995));
    this.checker = new InvariantChecker(this.cluster);
    this.cluster.observer = {
      onReady: (node, ready) => {
        if (ready.roleChanged && node.core.role === Role.leader) this.counts.leaders++;
        if (ready.snapshot !== null) this.counts.snapshots++;
      },
      onApply: (node, entry) => this.checker.onApply(node, entry),
      onInstall: (node, snapshot) => this.checker.onInstall(node, snapshot),
      onStep: (node) => this.checker.check(node),
      onRead: (node, read) => this.#checkRead(node, read.context, read.index),
    };
    const first = voterConf(IDS.slice(0, 3 + this.#below(3)));
    for (const id of IDS) {
      const conf = first.voters.includes(id) ? first : EMPTY_CONF;
      this.cluster.add(id, emptyDisk(conf));
    }
  }

  #drawOptions(): Options {
    return {
      electionTicks: 5 + this.#below(10),
      heartbeatTicks: 1 + this.#below(2),
      entryBytesPerMessageMax: 100 + this.#below(400),
      inflightMessagesMax: 1 + this.#below(4),
      inflightBytesMax: 100 + this.#below(1000),
      uncommittedBytesMax: 2000,
      applyingBytesMax: 200 + this.#below(2000),
      preVote: this.#below(2) > 0,
      checkQuorum: this.#below(2) > 0,
      applyBeforePersist: this.#below(2) === 0,
    };
  }

  #below(limit: number): number {
    return this.#random() % limit;
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : list[this.#below(list.length)];
  }

  /** Runs `steps` random steps, then heals everything and demands progress. */
  run(steps: number): Counts {
    for (let step = 0; step < steps; step++) {
      this.counts.steps++;
      this.#step();
    }
    this.#healAndDemandProgress();
    this.counts.commits = this.checker.commitMax;
    return this.counts;
  }

  #step(): void {
    const node = this.#pick(this.cluster.live());
    const dice = this.#below(1000);
    if (dice < 400) this.#deliverOne();
    else if (node === undefined) this.#restartOne();
    else if (this.#below(1000) < this.#troublePerMille) this.#disturb(node, this.#below(100));
    else this.#work(node, dice);
  }

  /** Ordinary work of one node's shell and its users. */
  #work(node: TestNode, dice: number): void {
    const { core } = node;
    if (dice < 400 + this.#tickPerMille) core.tick();
    else if (dice < 900) this.#runShell();
    else if (dice < 930) this.#propose(node);
    else if (dice < 960) this.#ask(node);
    else if (dice < 975) this.#changeConf(node);
    else if (dice < 980) node.compact(Math.min(core.appliedIndex, core.neededIndex() - 1));
    this.checker.check(node);
  }

  /** One node with work at hand does one of the three things a shell does. */
  #runShell(): void {
    const live = this.cluster.live();
    const start = this.#random();
    for (let offset = 0; offset < live.length; offset++) {
      const node = live[(start + offset) % live.length]!;
      if (!this.#runOne(node)) continue;
      this.checker.check(node);
      return;
    }
  }

  #runOne(node: TestNode): boolean {
    const first = this.#below(3);
    for (let offset = 0; offset < 3; offset++) {
      const act = (first + offset) % 3;
      if (act === 0 && node.core.hasReady()) {
        node.processReady();
        return true;
      }
      if (act === 1 && node.completeWrite()) return true;
      if (act === 2 && node.applyOne()) return true;
    }
    return false;
  }

  #disturb(node: TestNode, dice: number): void {
    if (dice < 20) this.#crash(node);
    else if (dice < 40) this.#restartOne();
    else if (dice < 55) this.#split();
    else if (dice < 65) this.cluster.partition.clear();
    else if (dice < 85) node.core.campaign();
    else if (dice < 90) this.#transfer(node);
    else if (dice < 95) node.compact(node.core.appliedIndex);
    else node.core.reportUnreachable(this.#pick(IDS)!);
    this.checker.check(node);
  }

  #deliverOne(): void {
    const { network } = this.cluster;
    if (network.length === 0) return;
    const reach = this.#below(10) === 0 ? network.length : 8;
    const at = this.#below(Math.min(network.length, reach));
    const message = network[at]!;
    const dice = this.#below(100);
    // A duplicate stays in the network; a message that waits is overtaken.
    if (dice >= 5 || network.length > MESSAGES_MAX) network.splice(at, 1);
    if (dice >= 100 - this.#lossPercent) this.cluster.drop(message);
    else this.#deliver(message);
  }

  #deliver(message: Message): void {
    const node = this.cluster.nodes.get(message.to);
    this.cluster.deliver(message);
    if (node !== undefined) this.checker.check(node);
  }

  #propose(node: TestNode): void {
    this.#proposals++;
    node.core.propose(Buffer.from(`p${this.#proposals}`.padEnd(this.#below(80), ".")));
  }

  #ask(node: TestNode): void {
    this.#contexts++;
    this.#questions.set(this.#contexts, { node: node.id, indexMin: this.checker.commitMax });
    node.core.readIndex(this.#contexts);
  }

  /** Linearizable: the answer covers all that anyone knew to be committed when it was asked. */
  #checkRead(node: TestNode, context: number, index: number): void {
    const question = this.#questions.get(context);
    if (question === undefined || question.node !== node.id) throw new Error("an unasked answer");
    if (index < question.indexMin) {
      throw new Error(`stale read at node ${node.id}: ${index} is before ${question.indexMin}`);
    }
    this.counts.reads++;
  }

  #changeConf(node: TestNode): void {
    const { core } = node;
    if (core.role !== Role.leader) return;
    if (core.confSettled()) this.#destroyRemoved(node);
    const steps = this.#below(2) === 0 ? this.#fewSteps() : this.#manySteps(core.conf);
    const explicitLeave = this.#below(4) === 0;
    const joint = core.conf.votersOutgoing.length > 0;
    const outcome = core.proposeConf(joint ? { steps: [] } : { steps, explicitLeave });
    if (outcome.kind === "proposed") this.counts.confChanges++;
  }

  #fewSteps(): ConfStep[] {
    const steps: ConfStep[] = [];
    const actions = ["addVoter", "addVoter", "addLearner", "remove"] as const;
    for (let count = 1 + this.#below(2); count > 0; count--) {
      const id = this.#pick(IDS)!;
      if (this.#destroyed.has(id) || steps.some((step) => step.id === id)) continue;
      steps.push({ action: this.#pick(actions)!, id });
    }
    return steps;
  }

  /** Towards a configuration drawn afresh, which may share no voter with this one. */
  #manySteps(conf: ConfState): ConfStep[] {
    const steps: ConfStep[] = [];
    for (const id of IDS) {
      if (this.#destroyed.has(id)) continue;
      const wanted = this.#below(2) === 0;
      if (wanted && !conf.voters.includes(id)) steps.push({ action: "addVoter", id });
      if (!wanted && conf.voters.includes(id)) steps.push({ action: "remove", id });
    }
    return steps;
  }

  /** Once settled, a removed member may vanish for ever: nobody may need its vote. */
  #destroyRemoved(leader: TestNode): void {
    if (this.#below(3) > 0) return;
    for (const node of [...this.cluster.nodes.values()]) {
      if (this.#destroyed.size >= 2) return;
      if (node.core.conf.voters.length === 0 || this.#comesBack(node.id, leader)) continue;
      node.crash();
      this.#destroyed.add(node.id);
      this.cluster.nodes.delete(node.id);
      this.counts.destroyed++;
    }
  }

  /** Whether `id` is a member, or becomes one again by a change a stale leader cannot know. */
  #comesBack(id: NodeId, leader: TestNode): boolean {
    if (isMember(leader.core.conf, id)) return true;
    const entries = this.cluster.network.flatMap((message) => message.entries);
    for (const { core, disk } of this.cluster.nodes.values()) {
      if (core.appliedIndex > leader.core.appliedIndex && isMember(core.conf, id)) return true;
      for (let at = core.firstIndex; at <= core.lastIndex; at++) entries.push(core.entryAt(at)!);
      entries.push(...disk.entries);
    }
    return entries.some(
      (entry) =>
        entry.type === EntryType.config &&
        entry.index > leader.core.appliedIndex &&
        isMember(decodeConf(entry.data).conf, id),
    );
  }

  #transfer(node: TestNode): void {
    if (node.core.transferLeadership(this.#pick(IDS)!)) this.counts.transfers++;
  }

  #crash(node: TestNode): void {
    node.crash(this.#below(node.writes.length + 1));
    this.counts.crashes++;
    if (this.#relaxed && this.#below(2) === 0 && this.#mayLose(node)) {
      node.loseEnd(this.#below(10));
      this.counts.lostEnds++;
    }
    if (this.#below(2) === 0) node.restart();
  }

  /** What is lost at one node is still at another, unless one node alone was a majority. */
  #mayLose(node: TestNode): boolean {
    return [...this.cluster.nodes.values()].every((other) => {
      const { voters, votersOutgoing } = other.core.conf;
      const decidesAlone = voters.length === 1 || votersOutgoing.length === 1;
      return !decidesAlone && (other === node || !other.forgetful);
    });
  }

  #restartOne(): void {
    const dead = [...this.cluster.nodes.values()].filter((node) => !node.alive);
    const node = this.#pick(dead);
    if (node === undefined) return;
    node.restart();
    this.checker.check(node);
  }

  #split(): void {
    for (const id of IDS) this.cluster.partition.set(id, this.#below(2));
  }

  /** With every member up and connected, a leader commits and all members apply. */
  #healAndDemandProgress(): void {
    this.cluster.partition.clear();
    for (const node of this.cluster.nodes.values()) if (!node.alive) node.restart();
    for (let tick = 0; tick < 400; tick++) {
      for (const node of this.cluster.nodes.values()) {
        if (!this.#disrupts(node)) node.core.tick();
        node.runAlone();
        this.checker.check(node);
      }
      const messages = this.cluster.network;
      this.cluster.network = [];
      for (const message of messages) this.#deliver(message);
      if (tick > 100 && tick % 20 === 0 && this.#progressed()) return;
    }
    throw new Error("the healed cluster makes no progress");
  }

  /**
   * A removed node that knows neither pre-vote nor check-quorum raises the term for ever: a known
   * weakness of plain Raft (paper, 6), which these two cure. It is let alone to vote.
   */
  #disrupts(node: TestNode): boolean {
    const { preVote, checkQuorum } = node.config;
    if (preVote || checkQuorum) return false;
    const newest = [...this.cluster.nodes.values()].reduce((best, other) =>
      other.core.appliedIndex > best.core.appliedIndex ? other : best,
    );
    const { voters, votersOutgoing } = newest.core.conf;
    return !voters.includes(node.id) && !votersOutgoing.includes(node.id);
  }

  #demanded = 0;

  #progressed(): boolean {
    const leader = this.cluster.live().find((node) => node.core.role === Role.leader);
    if (leader === undefined) return false;
    const { core } = leader;
    if (core.conf.votersOutgoing.length > 0 && !core.conf.autoLeave) {
      core.proposeConf({ steps: [] });
      if (!core.conf.voters.includes(core.id)) core.transferLeadership(core.conf.voters[0]!);
      return false;
    }
    if (this.#demanded === 0) {
      this.#demanded = core.propose(Buffer.from("demanded"));
      return false;
    }
    const members = [...core.conf.voters, ...core.conf.learners];
    const settled = core.conf.votersOutgoing.length === 0 && core.confSettled();
    return settled && members.every((id) => this.#applied(id) >= this.#demanded);
  }

  #applied(id: NodeId): number {
    return this.cluster.node(id).core.appliedIndex;
  }
}

function isMember({ voters, votersOutgoing, learners }: ConfState, id: NodeId): boolean {
  return voters.includes(id) || votersOutgoing.includes(id) || learners.includes(id);
}
