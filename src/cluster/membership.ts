// One node's part in deciding who belongs to the cluster: follows the address book, takes in and
// promotes nodes while it leads, makes itself known while it does not.
import { failpoints } from "../base/failpoints.ts";
import type { PeerAddress } from "../transport/dialer.ts";
import { BootstrapOutcome, JoinOutcome } from "../transport/generated/messages.ts";
import type { Member as WireMember } from "../transport/generated/messages.ts";
import type { CallOrigin, CallReply, CallRequest } from "../transport/handler.ts";
import type { JoinReply, JoinRequest } from "../transport/peer-message.ts";
import type { PeerTransport } from "../transport/peer-transport.ts";
import type { AddressList } from "./address-list.ts";
import { bootstrapReply } from "./bootstrap.ts";
import { askToJoin, Backoff, joinRequest, toWire } from "./join.ts";
import { faultOf, joinReply, statusReply, wireMember } from "./membership-answers.ts";
import { LeaderDuties, type LeaderOwner } from "./membership-leader.ts";
import {
  type AddressBook,
  decodeBook,
  EMPTY_BOOK,
  type Member,
  type MemberAddress,
  memberOf,
  sameAddress,
} from "./membership-types.ts";
import type { KvorumNode } from "./node.ts";

/** Without a leader for so long a node asks around for its peers' addresses. */
const LEADERLESS_MS_MAX = 2_000;

/** What a node says of itself, and whom it may ask. */
export interface MembershipOptions {
  readonly address: MemberAddress;
  readonly token: string;
  readonly release: string;
  /** A member that is silent for so long gives its vote to another, milliseconds. */
  readonly downAfterMs: number;
  /** Addresses from the command line, for when those of the book are of no use. */
  seeds(): Promise<readonly PeerAddress[]>;
}

/** Membership as seen and served by one node. */
export class Membership implements LeaderOwner {
  readonly #node: KvorumNode;
  readonly #transport: PeerTransport;
  readonly #addresses: AddressList;
  readonly #options: MembershipOptions;
  readonly #duties: LeaderDuties;
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
    this.#duties = new LeaderDuties(node, this);
    this.#backoff = new Backoff(node.environment.scheduler, node.environment.random);
    this.#leaderSeenMs = node.environment.clock.monotonicMs();
    node.onCall = (origin, request, reply) => this.#onCall(origin, request, reply);
    node.onTick = () => this.#tick();
    node.onChange = () => {
      this.#follow();
      this.#wake();
    };
    this.#connect();
    this.#follow();
  }

  /** The newest address book that is known here. */
  get book(): AddressBook {
    return this.#addresses.book;
  }

  /** The book as of the last applied entry. */
  get applied(): AddressBook {
    this.#follow();
    return this.#applied;
  }

  get downAfterMs(): number {
    return this.#options.downAfterMs;
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
      if (!leads && raft.leader !== 0 && raft.leader !== raft.id) {
        failpoints.reached?.("close.handOver.done");
        return true;
      }
      if (leads && raft.transferee === 0) {
        const heir = this.#duties.heir();
        if (heir === 0) return false;
        raft.transferLeadership(heir);
        failpoints.reached?.("close.handOver.begun");
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
    return this.#duties.remove(id);
  }

  // ---- following the book

  #tick(): void {
    this.#follow();
    const { replica, environment } = this.#node;
    const nowMs = environment.clock.monotonicMs();
    // A leader that joined while this node was away hears nothing from it, until it knows where.
    const { leader } = replica.raft;
    if (leader !== 0 && this.find(leader) !== undefined) this.#leaderSeenMs = nowMs;
    if (replica.serving) this.#duties.run(nowMs);
    else {
      this.#duties.end(() => this.#pointToLeader());
      if (!replica.isLeader) this.#maybeAskAround(nowMs);
    }
    this.#wake();
  }

  /** Those who wait for something look again. */
  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Resolves when something may have changed, at the next tick at the latest. */
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

  // ---- while this node does not lead

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
        reply(statusReply(this.#node, this.self, this.book, this.#options.release));
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
    this.#duties.take(request, reply);
  }

  #pointToLeader(): JoinReply {
    const { leader } = this.#node.replica.raft;
    const member = leader === 0 || leader === this.self.id ? undefined : this.find(leader);
    if (member === undefined) return this.#reply(JoinOutcome.tryLater, "it knows no leader");
    const detail = `node ${leader} leads`;
    return { ...this.#reply(JoinOutcome.redirect, detail), redirect: toWire(member) };
  }

  #reply(outcome: JoinReply["outcome"], detail: string): JoinReply {
    return joinReply(this.#node, this.self, outcome, detail);
  }
}
