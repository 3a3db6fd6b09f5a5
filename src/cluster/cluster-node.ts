// A node as a member of a cluster: becomes one (by joining, by bootstrapping, or alone), serves its
// peers, leaves in good order.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import type { Authenticator } from "../platform/authenticator.ts";
import type { Network } from "../platform/network.ts";
import type { PeerAddress } from "../transport/dialer.ts";
import type { TransportEvent } from "../transport/event-reporter.ts";
import { BootstrapOutcome, JoinOutcome } from "../transport/generated/messages.ts";
import type {
  CallOrigin,
  CallReply,
  CallRequest,
  MemberMessage,
  PeerHandler,
} from "../transport/handler.ts";
import type { TransportLimits } from "../transport/limits.ts";
import type { JoinReply, RaftMessage, StatusReply } from "../transport/peer-message.ts";
import { PeerTransport } from "../transport/peer-transport.ts";
import { AddressList } from "./address-list.ts";
import { Bootstrap, bootstrapReply } from "./bootstrap.ts";
import { type Identity, newIdentity } from "./identity.ts";
import { askToJoin, Backoff, identityOf, joinRequest, toWire } from "./join.ts";
import { JoinState } from "./join-state.ts";
import { Membership } from "./membership.ts";
import type { MemberAddress } from "./membership-types.ts";
import { KvorumNode } from "./node.ts";
import { type NodeEnvironment, type NodeOptions } from "./node-environment.ts";

/** A node that waits says so at most this often while nothing changes. */
const WAITING_REPORT_MS = 30_000;

/** What a clustered node stands on. */
export interface ClusterEnvironment extends NodeEnvironment {
  readonly network: Network;
  readonly authenticator: Authenticator;
  /** All addresses of a host name; the name itself when it is an address. */
  resolveHost(host: string): Promise<readonly string[]>;
  /**
   * Stands between the transport and what this node makes of its peers' messages; for the
   * simulator, which drops, delays, repeats and reorders them. Absent: nothing does.
   */
  interceptPeers?(handler: PeerHandler): PeerHandler;
}

/** How a node takes part in a cluster. */
export interface ClusterOptions {
  readonly node: NodeOptions;
  /** Addresses to listen on for peers. */
  readonly bind: readonly string[];
  /** Where others reach this node; its peer port is the one to listen on, 0: any free one. */
  readonly address: MemberAddress;
  readonly secret: Uint8Array;
  /** Whom to ask for membership; empty: a node without data starts a cluster of one. */
  readonly join: readonly PeerAddress[];
  /** Start a new cluster when this many nodes are there; 0: never. */
  readonly bootstrapExpect: number;
  /**
   * A member that is silent for so long gives its vote to a learner that has caught up;
   * milliseconds.
   */
  readonly downAfterMs: number;
  readonly release: string;
  readonly transportLimits?: Partial<TransportLimits>;
}

/** A node with its peers. */
export class ClusterNode {
  readonly node: KvorumNode;
  readonly transport: PeerTransport;
  readonly membership: Membership;

  private constructor(node: KvorumNode, transport: PeerTransport, membership: Membership) {
    this.node = node;
    this.transport = transport;
    this.membership = membership;
  }

  /**
   * Opens the data directory and the peer port, and becomes a member, however long that takes.
   *
   * @throws DbError for damage, a directory in use, a port in use, or a cluster that refuses this
   * node.
   */
  static async open(
    environment: ClusterEnvironment,
    options: ClusterOptions,
  ): Promise<ClusterNode> {
    const opening = new Opening(environment, options);
    try {
      return await opening.run();
    } catch (error) {
      await opening.transport.close();
      throw error;
    }
  }

  /** Takes part: ticks, votes, serves. */
  start(): void {
    this.node.start();
  }

  /** Hands leadership over; see {@link Membership.handOver}. */
  handOver(limitMs: number): Promise<boolean> {
    return this.membership.handOver(limitMs);
  }

  /** Stops and closes everything. */
  async close(): Promise<void> {
    failpoints.reached?.("close.begun");
    this.membership.stop();
    await this.node.close();
    failpoints.reached?.("close.nodeClosed");
    await this.transport.close();
    failpoints.reached?.("close.done");
  }

  /** For {@link ClusterNode.open}. */
  static make(node: KvorumNode, transport: PeerTransport, membership: Membership): ClusterNode {
    return new ClusterNode(node, transport, membership);
  }
}

/** A node on its way to be one. */
class Opening implements PeerHandler {
  readonly transport: PeerTransport;
  readonly #environment: ClusterEnvironment;
  readonly #options: ClusterOptions;
  readonly #incarnation: number;
  /** Known once the peer port is open. */
  #address: MemberAddress;
  #bootstrap: Bootstrap | null = null;
  #node: KvorumNode | null = null;
  /** The answer that made this node a member in this run. */
  #joined: JoinReply | null = null;
  #joinState: JoinState | null = null;
  #said = "";
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(environment: ClusterEnvironment, options: ClusterOptions) {
    this.#environment = environment;
    this.#options = options;
    this.#address = options.address;
    // Must grow with every start. A clock that was set back costs a while until old connections
    // end.
    this.#incarnation = Math.floor(environment.clock.wallMs());
    this.transport = new PeerTransport(
      { ...environment, report: (event) => this.#reportEvent(event) },
      {
        clusterId: "",
        nodeId: 0,
        incarnation: this.#incarnation,
        secret: options.secret,
        limits: options.transportLimits ?? {},
      },
      environment.interceptPeers?.(this) ?? this,
    );
  }

  async run(): Promise<ClusterNode> {
    const { bind, node: nodeOptions, release, downAfterMs } = this.#options;
    let port = this.#address.peerPort;
    for (const host of bind) port = await this.transport.listen(host, port);
    failpoints.reached?.("start.listening");
    this.#address = { ...this.#address, peerPort: port };
    const node = await KvorumNode.open(this.#environment, nodeOptions, () => this.#identify());
    failpoints.reached?.("start.nodeOpened");
    const addresses = await this.#openAddresses();
    this.transport.becomeMember(node.identity.clusterId, node.identity.nodeId);
    node.attach(this.transport);
    const membership = new Membership(node, this.transport, addresses, {
      address: this.#address,
      token: this.#joinState?.token ?? "",
      release,
      downAfterMs,
      seeds: () => this.#seeds(),
    });
    this.#node = node;
    await this.#joinState?.remove();
    failpoints.reached?.("start.done");
    return ClusterNode.make(node, this.transport, membership);
  }

  /** The peers of the last run, or those that the leader has just told. */
  async #openAddresses(): Promise<AddressList> {
    const { disk, report } = this.#environment;
    const list = new AddressList(disk, this.#options.node.directory, (error) => {
      report("warn", "copy of the address book not usable", { error: String(error) });
    });
    await list.load();
    for (const { nodeId, address } of this.#joined?.members ?? []) {
      if (address !== undefined) list.correct({ ...address, id: nodeId, token: "" });
    }
    return list;
  }

  // ---- becoming a member

  async #identify(): Promise<Identity> {
    const { join, bootstrapExpect, node } = this.#options;
    const { random, disk } = this.#environment;
    if (join.length === 0 && bootstrapExpect <= 1) return newIdentity(random);
    const state = await JoinState.open(disk, node.directory, random);
    this.#joinState = state;
    if (bootstrapExpect > 0) {
      const { transport } = this;
      this.#bootstrap = new Bootstrap(state, bootstrapExpect, this.#address, transport, random);
    }
    const backoff = new Backoff(this.#environment.scheduler, random);
    for (;;) {
      const identity = await this.#tryOnce(state);
      if (identity !== null) return identity;
      await backoff.wait();
    }
  }

  async #tryOnce(state: JoinState): Promise<Identity | null> {
    const seeds = await this.#seeds();
    const request = joinRequest(0, state.token, this.#address, this.#options.release);
    const { joined, answers } = await askToJoin(this.transport, request, seeds);
    if (joined !== null) return this.#accept(joined, state);
    const round = (await this.#bootstrap?.round(seeds)) ?? null;
    if (round?.kind === "start") {
      const facts = { cluster: round.identity.clusterId };
      this.#environment.report("info", "all expected nodes are there: starting the cluster", facts);
      return round.identity;
    }
    this.#sayWaiting(round === null ? "" : round.reason, answers);
    return null;
  }

  #accept(joined: JoinReply, state: JoinState): Identity {
    const identity = identityOf(joined);
    if (state.promisedTo !== "" && state.promisedTo !== identity.clusterId) {
      throw new DbError(
        "JOIN_REFUSED",
        `this node promised itself to cluster ${state.promisedTo}, and --join leads to cluster ` +
          `${identity.clusterId}; when that is right, delete ${state.path} and start again`,
      );
    }
    this.#joined = joined;
    failpoints.reached?.("join.accepted");
    const facts = { cluster: identity.clusterId, node: identity.nodeId };
    this.#environment.report("info", "joined the cluster", facts);
    return identity;
  }

  #sayWaiting(reason: string, answers: readonly string[]): void {
    const text = [reason, ...answers].filter((part) => part !== "").join("; ");
    const nowMs = this.#environment.clock.monotonicMs();
    if (text === this.#said && nowMs - this.#saidMs < WAITING_REPORT_MS) return;
    this.#said = text;
    this.#saidMs = nowMs;
    this.#environment.report("info", "waiting to become a member", { why: text });
  }

  /** The addresses of --join, host names resolved; names that do not resolve (yet) are left out. */
  async #seeds(): Promise<PeerAddress[]> {
    const lists = await Promise.all(
      this.#options.join.map(async ({ host, port }) => {
        try {
          const hosts = await this.#environment.resolveHost(host);
          return hosts.map((each) => ({ host: each, port }));
        } catch (error) {
          this.#sayWaiting(`${host} does not resolve: ${String(error)}`, []);
          return [];
        }
      }),
    );
    return lists.flat();
  }

  // ---- what peers say meanwhile

  onRaft(from: number, shard: number, message: RaftMessage): void {
    this.#node?.peers.onRaft(from, shard, message);
  }

  onMessage(from: number, message: MemberMessage): void {
    this.#node?.peers.onMessage(from, message);
  }

  onPeerUp(id: number, incarnation: number): void {
    this.#node?.peers.onPeerUp(id, incarnation);
  }

  onPeerDown(id: number): void {
    this.#node?.peers.onPeerDown(id);
  }

  onWritable(id: number): void {
    this.#node?.peers.onWritable(id);
  }

  onCall(origin: CallOrigin, request: CallRequest, reply: (answer: CallReply) => void): void {
    if (this.#node !== null) {
      this.#node.peers.onCall(origin, request, reply);
      return;
    }
    if (request.kind === "joinRequest") reply(this.#tryLater());
    else if (request.kind === "statusRequest") reply(this.#status());
    else if (this.#bootstrap === null) {
      const detail = "it was started without --bootstrap-expect";
      reply(bootstrapReply(BootstrapOutcome.bootstrapRefused, { detail }));
    } else this.#bootstrap.answer(request).then(reply, this.#environment.onFatal);
  }

  #tryLater(): JoinReply {
    return {
      kind: "joinReply",
      outcome: JoinOutcome.tryLater,
      clusterId: "",
      nodeId: 0,
      redirect: undefined,
      members: [],
      detail: "it is no member itself yet",
      hashSeed: [],
      firstVoters: [],
    };
  }

  /** Members may knock before this node knows that it is one: nothing to worry about. */
  #reportEvent(event: TransportEvent): void {
    const { kind, ...facts } = event;
    const isWorry = kind !== "unreachable" && this.#node !== null;
    this.#environment.report(isWorry ? "warn" : "info", `peers: ${kind}`, facts);
  }

  #status(): StatusReply {
    return {
      kind: "statusReply",
      clusterId: "",
      nodeId: 0,
      incarnation: this.#incarnation,
      release: this.#options.release,
      address: toWire(this.#address),
      ready: false,
      members: [],
      shards: [],
    };
  }
}
