// Transports under test, on the simulated network or on the machine's own.
import { nodeAuthenticator } from "../../platform/node/node-authenticator.ts";
import { NodeNetwork } from "../../platform/node/node-network.ts";
import { nodeRandom } from "../../platform/node/node-random.ts";
import { nodeScheduler } from "../../platform/node/node-scheduler.ts";
import type { Network } from "../../platform/network.ts";
import type { Scheduler } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import { SimWorld } from "../../platform/simulated/sim-world.ts";
import type { PeerAddress } from "../dialer.ts";
import type { TransportEvent } from "../event-reporter.ts";
import type { CallOrigin, CallReply, CallRequest, MemberMessage, PeerHandler } from "../handler.ts";
import type { TransportLimits } from "../limits.ts";
import { PeerTransport } from "../peer-transport.ts";
import type { RaftMessage } from "../peer-message.ts";
import { SECRET } from "./handshakes.ts";

/** What a node is made of, besides its number. */
export interface NodeOptions {
  readonly clusterId?: string;
  readonly nodeId?: number;
  readonly incarnation?: number;
  readonly secret?: Uint8Array;
  readonly limits?: Partial<TransportLimits>;
}

/** A transport whose handler writes everything down. Messages are copied: their bytes are views. */
export class TestNode implements PeerHandler {
  readonly transport: PeerTransport;
  readonly name: string;
  readonly events: TransportEvent[] = [];
  readonly raft: { from: number; shard: number; message: RaftMessage }[] = [];
  readonly messages: { from: number; message: MemberMessage }[] = [];
  readonly calls: { origin: CallOrigin; request: CallRequest }[] = [];
  /** "up 2#1" (node 2, incarnation 1), "down 2", "writable 2". */
  readonly log: string[] = [];
  /** How calls are answered; null: never. */
  answer: ((request: CallRequest) => CallReply) | null = null;
  port = 0;

  constructor(place: Place, options: NodeOptions) {
    this.name = place.name;
    const { network, scheduler, random } = place;
    const report = (event: TransportEvent): void => void this.events.push(event);
    this.transport = new PeerTransport(
      { network, scheduler, random, authenticator: nodeAuthenticator, report },
      { clusterId: "c1", nodeId: place.number, incarnation: 1, secret: SECRET, ...options },
      this,
    );
  }

  get address(): PeerAddress {
    return { host: this.name, port: this.port };
  }

  onRaft(from: number, shard: number, message: RaftMessage): void {
    this.raft.push({ from, shard, message: structuredClone(message) });
  }

  onMessage(from: number, message: MemberMessage): void {
    this.messages.push({ from, message: structuredClone(message) });
  }

  onCall(origin: CallOrigin, request: CallRequest, reply: (answer: CallReply) => void): void {
    this.calls.push({ origin, request });
    if (this.answer !== null) reply(this.answer(request));
  }

  onPeerUp(id: number, incarnation: number): void {
    this.log.push(`up ${id}#${incarnation}`);
  }

  onPeerDown(id: number): void {
    this.log.push(`down ${id}`);
  }

  onWritable(id: number): void {
    this.log.push(`writable ${id}`);
  }
}

/** Where a node runs. */
export interface Place {
  readonly number: number;
  readonly name: string;
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly random: Random;
}

/** A world for nodes: simulated or real. */
export interface Harness {
  /** The place of node `number`; after `kill` a new one. */
  place(number: number): Place;
  /** Lets time pass until `isDone`; throws after `limitMs`. */
  until(isDone: () => boolean, limitMs?: number): Promise<void>;
  /** Lets some time pass. */
  pass(ms: number): Promise<void>;
  /** Ends everything that still runs. */
  close(): Promise<void>;
}

export class SimHarness implements Harness {
  readonly world: SimWorld;

  constructor(seed: number) {
    this.world = new SimWorld(seed);
  }

  place(number: number): Place {
    const host = this.world.host(`n${number}`);
    const process = host.process ?? host.start();
    const { network, scheduler, random } = process;
    return { number, name: host.name, network, scheduler, random };
  }

  kill(number: number): void {
    this.world.host(`n${number}`).kill();
  }

  async until(isDone: () => boolean, limitMs = 30_000): Promise<void> {
    if (!(await this.world.runUntil(isDone, limitMs))) throw new Error("it never came to pass");
  }

  async pass(ms: number): Promise<void> {
    await this.world.advance(ms);
  }

  async close(): Promise<void> {}
}

export class NodeHarness implements Harness {
  place(number: number): Place {
    return {
      number,
      name: "127.0.0.1",
      network: new NodeNetwork(),
      scheduler: nodeScheduler,
      random: nodeRandom,
    };
  }

  async until(isDone: () => boolean, limitMs = 10_000): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!isDone()) {
      if (performance.now() > endMs) throw new Error("it never came to pass");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async pass(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  async close(): Promise<void> {}
}

/** Makes a node that listens, on any port unless told which. */
export async function startNode(
  harness: Harness,
  number: number,
  options: NodeOptions = {},
  port = 0,
): Promise<TestNode> {
  const node = new TestNode(harness.place(number), options);
  const listening = node.transport.listen(node.name, port);
  let isListening = false;
  void listening.then(() => (isListening = true));
  await harness.until(() => isListening);
  node.port = await listening;
  return node;
}

/** Tells each of these nodes of all others. */
export function introduce(...nodes: { node: TestNode; id: number }[]): void {
  for (const { node } of nodes) {
    node.transport.setPeers(new Map(nodes.map((each) => [each.id, each.node.address])));
  }
}

/** Two nodes that can send to each other. */
export async function startPair(
  harness: Harness,
  options: NodeOptions = {},
): Promise<[TestNode, TestNode]> {
  const left = await startNode(harness, 1, options);
  const right = await startNode(harness, 2, options);
  introduce({ node: left, id: 1 }, { node: right, id: 2 });
  await harness.until(() => left.log.length > 0 && right.log.length > 0);
  return [left, right];
}

/** A message of the core with these fields and nothing else. */
export function raftOf(fields: Partial<RaftMessage> & { from: number; to: number }): RaftMessage {
  return {
    type: 5,
    term: 1,
    logTerm: 0,
    index: 0,
    commit: 0,
    entries: [],
    reject: false,
    rejectHint: 0,
    rejectHintTerm: 0,
    context: 0,
    round: 0,
    snapshot: null,
    ...fields,
  };
}

/** An append of one entry with this many bytes. */
export function appendOf(from: number, to: number, index: number, bytes: number): RaftMessage {
  const data = new Uint8Array(bytes).fill(index & 0xff);
  const entry = { term: 1, index: index + 1, type: 0, data } as const;
  return raftOf({ from, to, index, entries: [entry] });
}
