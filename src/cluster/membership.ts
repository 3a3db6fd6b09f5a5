// One node's part in deciding who belongs to the cluster: follows the address book, takes in and
// promotes nodes while it leads, makes itself known while it does not.
import type { ConfStep } from "../raft/types.ts";
import type { PeerAddress } from "../transport/dialer.ts";
import { BootstrapOutcome, JoinOutcome } from "../transport/generated/messages.ts";
import type { Member as WireMember } from "../transport/generated/messages.ts";
import type { CallOrigin, CallReply, CallRequest } from "../transport/handler.ts";
import type { JoinReply, JoinRequest, StatusReply } from "../transport/peer-message.ts";
import type { PeerTransport } from "../transport/peer-transport.ts";
import type { AddressList } from "./address-list.ts";
import { bootstrapReply } from "./bootstrap.ts";
import { askToJoin, Backoff, joinRequest, toWire } from "./join.ts";
import { type MembershipFacts, planRemoval, promotions } from "./membership-rules.ts";
import {
  type AddressBook,
  decodeBook,
  EMPTY_BOOK,
  encodeBook,
  type Member,
  type MemberAddress,
  memberOf,
  sameAddress,
  withMember,
  withoutMember,
} from "./membership-types.ts";
import type { KvorumNode } from "./node.ts";
import { FIRST_SHARD } from "./router.ts";
import { SLOT_COUNT } from "../base/slot.ts";

/** A question to join that was not decided after so long is answered "later". */
const JOIN_MS_MAX = 4_000;
/** Without a leader for so long a node asks around for its peers' addresses. */
const LEADERLESS_MS_MAX = 2_000;

/** What a node says of itself, and whom it may ask. */
export interface MembershipOptions {
  readonly address: MemberAddress;
  readonly token: string;
  readonly release: string;
  /** Addresses from the command line, for when those of the book are of no use. */
  seeds(): Promise<readonly PeerAddress[]>;
}

/** A node that waits for its entry in the book. */
interface Applicant {
  readonly request: JoinRequest;
  readonly reply: (answer: CallReply) => void;
  readonly sinceMs: number;
}

/** Membership as seen and served by one node. */
export class Membership {
  readonly #node: KvorumNode;
  readonly #transport: PeerTransport;
  readonly #addresses: AddressList;
  readonly #options: MembershipOptions;
  readonly #applicants: Applicant[] = [];
  readonly #backoff: Backoff;
  /** The book as of the last applied entry, and the text it was decoded from. */
  #applied: AddressBook = EMPTY_BOOK;
  #text = "";
  #leaderSeenMs: number;
  #asking = false;
  #stopped = false;
  #waiters: (() => void)[] = [];

  constructor(
    node: KvorumNode,
    transport: PeerTransport,
    addresses: AddressList,
    options: MembershipOptions,
  ) {
    this.#node = node;
    this.#transport = transport;
    this.#addresses = addresses;
    this.#options = options;
    this.#backoff = new Backoff(node.environment.scheduler, node.environment.random);
    this.#leaderSeenMs = node.environment.clock.monotonicMs();
    node.onCall = (origin, request, reply) => this.#onCall(origin, request, reply);
    node.onTick = () => this.#tick();
    node.onChange = () => this.#follow();
    this.#connect();
    this.#follow();
  }

  /** The newest address book that is known here. */
  get book(): AddressBook {
    return this.#addresses.book;
  }

  /** This node's own entry. */
  get self(): Member {
    const { address, token } = this.#options;
    const known = memberOf(this.book, this.#node.identity.nodeId);
    return { id: this.#node.identity.nodeId, token: known?.token ?? token, ...address };
  }

  /** Where a node is, as far as known. */
  find(id: number): Member | undefined {
    return id === this.#node.identity.nodeId ? this.self : this.#addresses.find(id);
  }

  /** Resolves when clients can be served here: this node leads, or knows who does. */
  async whenReady(): Promise<void> {
    const { replica } = this.#node;
    while (!replica.serving && (replica.isLeader || replica.raft.leader === 0)) {
      await this.#nextTick();
    }
  }

  /** Asks nobody any more. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Hands leadership to the follower that is furthest, and waits until it leads.
   *
   * @returns False when this node still leads: nobody can take over, or not within `limitMs`.
   */
  async handOver(limitMs: number): Promise<boolean> {
    const { raft } = this.#node.replica;
    const { clock } = this.#node.environment;
    if (!this.#node.replica.isLeader) return true;
    const endMs = clock.monotonicMs() + limitMs;
    while (clock.monotonicMs() < endMs) {
      const leads = this.#node.replica.isLeader;
      if (!leads && raft.leader !== 0 && raft.leader !== raft.id) return true;
      if (leads && raft.transferee === 0) {
        const heir = this.#heir();
        if (heir === 0) return false;
        raft.transferLeadership(heir);
        this.#node.wantTurn();
      }
      await this.#nextTick();
    }
    raft.abortTransfer();
    return !this.#node.replica.isLeader;
  }

  /**
   * Takes a node out of the cluster; only at the leader. The change is under way when this returns
   * null.
   *
   * @returns Null, or why not.
   */
  remove(id: number): string | null {
    if (!this.#node.replica.serving) return "this node does not lead";
    const plan = planRemoval(this.#facts(), id);
    if (plan.kind === "refused") return plan.reason;
    return this.#propose(plan.steps, withoutMember(this.#appliedBook(), id));
  }

  // ---- following the book

  #tick(): void {
    this.#follow();
    const { replica, environment } = this.#node;
    const nowMs = environment.clock.monotonicMs();
    if (replica.raft.leader !== 0) this.#leaderSeenMs = nowMs;
    if (replica.serving) this.#lead(nowMs);
    else {
      for (const { reply } of this.#applicants.splice(0)) reply(this.#pointToLeader());
      if (!replica.isLeader) this.#maybeAskAround(nowMs);
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #nextTick(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  /** Takes over what the log or a snapshot says of addresses. */
  #follow(): void {
    const text = this.#node.replica.applier.members;
    if (text === this.#text) return;
    this.#text = text;
    this.#applied = decodeBook(text);
    if (this.#addresses.take(this.#applied)) this.#connect();
  }

  #connect(): void {
    this.#transport.setPeers(this.#addresses.peers());
  }

  #appliedBook(): AddressBook {
    this.#follow();
    return this.#applied;
  }

  // ---- while this node leads

  #lead(nowMs: number): void {
    const book = this.#appliedBook();
    for (const applicant of [...this.#applicants]) {
      const member = findApplicant(book, applicant.request);
      if (member !== undefined && isAt(member, applicant.request)) {
        this.#answer(applicant, this.#welcome(member.id));
      } else if (nowMs - applicant.sinceMs > JOIN_MS_MAX) {
        this.#answer(applicant, this.#reply(JoinOutcome.tryLater, "other changes come first"));
      } else if (this.#proposeMember(book, applicant.request)) return;
    }
    const own = memberOf(book, this.self.id);
    if (own === undefined || !sameAddress(own, this.self)) {
      this.#propose([], withMember(book, this.self));
      return;
    }
    const steps = promotions(this.#facts());
    if (steps.length === 0 || this.#propose(steps, book) !== null) return;
    const ids = steps.map((step) => step.id).join(", ");
    this.#node.environment.report("info", "promoting learners to voters", { nodes: ids });
  }

  #proposeMember(book: AddressBook, request: JoinRequest): boolean {
    const known = findApplicant(book, request);
    const id = known?.id ?? book.lastId + 1;
    const { host, peerPort, clientPort, clusterPort, httpPort } = request.address!;
    const token = known?.token ?? request.token;
    const member = { id, token, host, peerPort, clientPort, clusterPort, httpPort };
    const steps: ConfStep[] = known === undefined ? [{ action: "addLearner", id }] : [];
    if (this.#propose(steps, withMember(book, member)) !== null) return false;
    const facts = { node: id, address: `${host}:${peerPort}` };
    const message = known === undefined ? "a node joins" : "a node has another address";
    this.#node.environment.report("info", message, facts);
    return true;
  }

  /** Proposes a change with the book that belongs to it; null, or why it was refused. */
  #propose(steps: readonly ConfStep[], book: AddressBook): string | null {
    const context = Buffer.from(encodeBook(book));
    const outcome = this.#node.replica.raft.proposeConf({ steps, context });
    this.#node.wantTurn();
    return outcome.kind === "proposed" ? null : outcome.detail;
  }

  #facts(): MembershipFacts {
    const { raft } = this.#node.replica;
    const { conf, lastIndex } = raft;
    const ids = [...new Set([...conf.voters, ...conf.learners])].filter((id) => id !== raft.id);
    const progress = ids.flatMap((id) => raft.progress(id) ?? []);
    return { leader: raft.id, conf, lastIndex, progress };
  }

  /** The voter that can take over soonest; 0 when there is none. */
  #heir(): number {
    const { conf, progress } = this.#facts();
    let heir = 0;
    let match = -1;
    for (const candidate of progress) {
      if (!candidate.active || !conf.voters.includes(candidate.id)) continue;
      if (candidate.match <= match) continue;
      heir = candidate.id;
      match = candidate.match;
    }
    return heir;
  }

  // ---- while it does not

  /**
   * Asks around when the cluster does not know where this node is, or this node cannot find the
   * cluster.
   */
  #maybeAskAround(nowMs: number): void {
    if (this.#asking || this.#stopped) return;
    const own = memberOf(this.book, this.self.id);
    const known = own !== undefined && sameAddress(own, this.#options.address);
    const found = nowMs - this.#leaderSeenMs < LEADERLESS_MS_MAX;
    if (known && found) {
      this.#backoff.reset();
      return;
    }
    this.#asking = true;
    this.#askAround()
      .catch((error: unknown) => {
        if (this.#stopped) return;
        this.#node.environment.report("error", "not taken back", { error: String(error) });
      })
      .finally(() => {
        this.#asking = false;
      });
  }

  async #askAround(): Promise<void> {
    await this.#backoff.wait();
    if (this.#stopped) return;
    const { token, address, release } = this.#options;
    const request = joinRequest(this.self.id, token, address, release);
    const peers = this.#addresses.peers();
    peers.delete(this.self.id);
    const seeds = await this.#options.seeds();
    const addresses = [...peers.values(), ...seeds];
    await askToJoin(this.#transport, request, addresses, (reply) => this.#learn(reply.members));
  }

  /** Nodes said where they are. */
  #learn(members: readonly WireMember[]): void {
    let news = false;
    for (const { nodeId, address } of members) {
      if (nodeId === 0 || nodeId === this.self.id || address === undefined) continue;
      if (this.#addresses.correct({ ...address, id: nodeId, token: "" })) news = true;
    }
    if (news) this.#connect();
  }

  // ---- calls

  #onCall(origin: CallOrigin, request: CallRequest, reply: (answer: CallReply) => void): void {
    switch (request.kind) {
      case "joinRequest":
        this.#onJoin(origin, request, reply);
        break;
      case "bootstrapRequest": {
        const { clusterId } = this.#node.identity;
        const address = toWire(this.self);
        reply(bootstrapReply(BootstrapOutcome.hasCluster, { clusterId, address }));
        break;
      }
      case "statusRequest":
        reply(this.#status());
        break;
      default:
        request satisfies never;
    }
  }

  #onJoin(origin: CallOrigin, request: JoinRequest, reply: (answer: CallReply) => void): void {
    const fault = faultOf(origin, request);
    if (fault !== null) {
      reply(this.#reply(JoinOutcome.joinRefused, fault));
      return;
    }
    const { nodeId, address } = request;
    if (nodeId !== 0) this.#learn([wireMember({ ...address!, id: nodeId, token: "" })]);
    if (!this.#node.replica.serving) {
      reply(this.#pointToLeader());
      return;
    }
    if (nodeId !== 0 && memberOf(this.#appliedBook(), nodeId) === undefined) {
      const detail = `node ${nodeId} was removed from this cluster: give it an empty data directory`;
      reply(this.#reply(JoinOutcome.joinRefused, detail));
      return;
    }
    const sinceMs = this.#node.environment.clock.monotonicMs();
    this.#applicants.push({ request, reply, sinceMs });
    this.#lead(sinceMs);
  }

  #answer(applicant: Applicant, answer: CallReply): void {
    const at = this.#applicants.indexOf(applicant);
    if (at >= 0) this.#applicants.splice(at, 1);
    applicant.reply(answer);
  }

  #welcome(nodeId: number): JoinReply {
    const { clusterId, hashSeed, firstVoters } = this.#node.identity;
    return {
      ...this.#reply(JoinOutcome.joined, ""),
      clusterId,
      nodeId,
      members: this.#appliedBook().members.map(wireMember),
      hashSeed,
      firstVoters,
    };
  }

  #pointToLeader(): JoinReply {
    const { leader } = this.#node.replica.raft;
    const member = leader === 0 || leader === this.self.id ? undefined : this.find(leader);
    if (member === undefined) return this.#reply(JoinOutcome.tryLater, "it knows no leader");
    const detail = `node ${leader} leads`;
    return { ...this.#reply(JoinOutcome.redirect, detail), redirect: toWire(member) };
  }

  /** An answer that takes nobody; it says who answers. */
  #reply(outcome: number, detail: string): JoinReply {
    return {
      kind: "joinReply",
      outcome: outcome,
      clusterId: this.#node.identity.clusterId,
      nodeId: 0,
      redirect: undefined,
      members: [wireMember(this.self)],
      detail,
      hashSeed: [],
      firstVoters: [],
    };
  }

  #status(): StatusReply {
    const { raft, serving } = this.#node.replica;
    const { voters, learners } = raft.conf;
    const shard = {
      shard: FIRST_SHARD,
      leader: raft.leader,
      term: raft.term,
      commit: raft.commitIndex,
      applied: raft.appliedIndex,
      firstSlot: 0,
      lastSlot: SLOT_COUNT - 1,
      voters,
      learners,
    };
    return {
      kind: "statusReply",
      clusterId: this.#node.identity.clusterId,
      nodeId: this.self.id,
      incarnation: 0,
      release: this.#options.release,
      address: toWire(this.self),
      ready: serving || (raft.leader !== 0 && raft.leader !== raft.id),
      members: this.book.members.map(wireMember),
      shards: [shard],
    };
  }
}

/** The entry of a node that asks, by its id or else its token. */
function findApplicant(book: AddressBook, request: JoinRequest): Member | undefined {
  if (request.nodeId !== 0) return memberOf(book, request.nodeId);
  return book.members.find((member) => member.token === request.token);
}

function isAt(member: Member, request: JoinRequest): boolean {
  return request.address !== undefined && sameAddress(member, request.address);
}

/** Why a question makes no sense; null when it does. */
function faultOf(origin: CallOrigin, request: JoinRequest): string | null {
  const { address, nodeId, token } = request;
  if (address === undefined || address.host === "" || address.peerPort === 0) {
    return "the question names no address";
  }
  if (origin.nodeId !== nodeId) return "the question names another node than the connection";
  if (nodeId === 0 && token === "") return "the question has no token";
  return null;
}

function wireMember(member: Member): WireMember {
  return {
    nodeId: member.id,
    incarnation: 0,
    address: toWire(member),
    zone: "",
    machine: "",
  };
}
