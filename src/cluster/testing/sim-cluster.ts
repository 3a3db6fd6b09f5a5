// Whole clusters on simulated machines, with clients that speak to a node's router.
import { viewOf } from "../../base/bytes.ts";
import { invariant } from "../../base/invariant.ts";
import { appliedCommands } from "../../commands/applied-commands.ts";
import { nodeAuthenticator } from "../../platform/node/node-authenticator.ts";
import type { Clock, Scheduler } from "../../platform/clock.ts";
import { SimRandom } from "../../platform/simulated/sim-random.ts";
import { SimWorld } from "../../platform/simulated/sim-world.ts";
import type { ReplyTarget } from "../../replica/reply-target.ts";
import { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import { RespWriter } from "../../resp/writer.ts";
import type { PeerHandler } from "../../transport/handler.ts";
import { MessageFaults } from "../../transport/testing/message-faults.ts";
import { ClusterNode, type ClusterOptions } from "../cluster-node.ts";
import { defaultNodeOptions, type NodeOptions } from "../node-environment.ts";

/** Seeds for tests that run several: from `first` on, `count` of them or KVORUM_SEEDS. */
export function seedsFrom(first: number, count: number): number[] {
  const wanted = Number(process.env["KVORUM_SEEDS"] ?? count);
  return Array.from({ length: wanted }, (_, at) => first + at);
}

const PEER_PORT = 17_000;
const CLIENT_PORT = 7_000;
/** Makes the chance of message faults another one than the world's. */
const MESSAGE_SALT = 0x6d657373;

/** How one machine starts its node. */
export interface BootOptions {
  /** Numbers of the machines to ask; none: alone. */
  readonly join?: readonly number[];
  readonly bootstrapExpect?: number;
  readonly node?: Partial<NodeOptions>;
  readonly peerPort?: number;
  /** Name under which it says that others reach it; by default its own. */
  readonly announce?: string;
  /** Peer port at which the others are asked. */
  readonly joinPort?: number;
  /** How long the node takes to look at its clock: else whatever it does takes no time. */
  readonly clockStepMs?: number;
}

/** One line of a node's log. */
export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A machine and what runs on it. */
export class SimMachine {
  readonly name: string;
  readonly lines: LoggedLine[] = [];
  /** Null while it is down, or on its way. */
  node: ClusterNode | null = null;
  /** Why it did not come up. */
  failure: unknown = null;
  fatal: Error | null = null;

  constructor(name: string) {
    this.name = name;
  }

  said(message: string): boolean {
    return this.lines.some((line) => line.message === message);
  }
}

/** A client's connection to one node: commands in order, replies as RESP text. */
export class SimClient implements ReplyTarget {
  readonly protocol = 2;
  readonly sessionId: number;
  readonly #machine: SimMachine;
  readonly #writer = new RespWriter(4096);
  readonly #args = new Args();
  readonly #waiting = new Map<number, (reply: string) => void>();
  #issued = 0;
  #answered = 0;

  constructor(machine: SimMachine, sessionId: number) {
    this.#machine = machine;
    this.sessionId = sessionId;
  }

  get acknowledged(): number {
    return this.#answered;
  }

  /** Sends a command; resolves to its reply in RESP2. */
  run(...words: string[]): Promise<string> {
    const { node } = this.#machine;
    invariant(node !== null, "commands go to nodes that are up");
    const bytes = Buffer.from(words.join(""));
    const args = this.#args;
    args.setMemory(bytes, viewOf(bytes));
    args.reserve(words.length);
    args.count = words.length;
    let at = 0;
    for (const [index, word] of words.entries()) {
      args.offsets[index] = at;
      args.lengths[index] = Buffer.byteLength(word);
      at += args.lengths[index];
    }
    const command = appliedCommands.lookup(bytes, 0, args.lengths[0]!);
    invariant(command !== undefined, `there is a command ${words[0]}`);
    const isWrite = command.flags.includes("write");
    const sequence = this.#issued++;
    const { router } = node.node;
    return new Promise((resolve) => {
      const isAlone = this.#waiting.size === 0;
      this.#waiting.set(sequence, resolve);
      // As a session does it; the test waits for the reply before it goes on.
      if (isAlone && router.isLong(command, 0, args)) {
        router.submitLong(command, 0, args, this, sequence);
      } else router.submit(command, isWrite, 0, args, this, sequence);
    });
  }

  openReply(_sequence: number): Reply {
    return this.#writer;
  }

  closeReply(sequence: number): void {
    this.rawReply(sequence, this.#writer.take());
  }

  failReply(sequence: number, error: string): void {
    this.rawReply(sequence, Buffer.from(`-${error}\r\n`));
  }

  rawReply(sequence: number, bytes: Uint8Array): void {
    const resolve = this.#waiting.get(sequence);
    invariant(resolve !== undefined, "every command gets exactly one reply");
    this.#waiting.delete(sequence);
    while (this.#answered < this.#issued && !this.#waiting.has(this.#answered)) this.#answered++;
    resolve(Buffer.from(bytes).toString());
  }
}

/** A clock that is further on each time it is asked. */
function slowed(clock: Clock, stepMs: number): Clock {
  let lateMs = 0;
  return {
    monotonicMs: () => clock.monotonicMs() + (lateMs += stepMs),
    wallMs: () => clock.wallMs() + lateMs,
  };
}

/** A world with numbered machines. */
export class SimCluster {
  readonly world: SimWorld;
  /** How long a turn of a node's loop takes: what arrives is handled between turns. */
  turnMs = 0;
  /** What happens to Raft messages between nodes; by default nothing. */
  readonly messageFaults: MessageFaults;
  readonly #machines = new Map<number, SimMachine>();
  #sessions = 1;

  constructor(seed: number) {
    this.world = new SimWorld(seed);
    this.messageFaults = new MessageFaults(new SimRandom(seed ^ MESSAGE_SALT));
  }

  machine(number: number): SimMachine {
    let machine = this.#machines.get(number);
    if (machine === undefined) {
      machine = new SimMachine(`n${number}`);
      this.#machines.set(number, machine);
    }
    return machine;
  }

  /** Starts a node; it comes up as the world runs on. */
  boot(number: number, given: BootOptions = {}): SimMachine {
    const machine = this.machine(number);
    const host = this.world.host(machine.name);
    const process = host.start();
    const { clock, random, disk, network } = process;
    const scheduler: Scheduler = {
      after: (delayMs, run) => process.scheduler.after(delayMs, run),
      soon: (run) => void process.schedule(this.turnMs, run),
    };
    const environment = {
      clock: given.clockStepMs === undefined ? clock : slowed(clock, given.clockStepMs),
      scheduler,
      random,
      disk,
      bootId: host.bootId,
      network,
      authenticator: nodeAuthenticator,
      resolveHost: async (name: string) => [name],
      interceptPeers: (handler: PeerHandler) => this.messageFaults.intercept(process, handler),
      report: (level: string, message: string, facts: LoggedLine["facts"]) => {
        machine.lines.push({ level, message, facts });
      },
      onFatal: (error: Error) => {
        machine.fatal = error;
      },
    };
    ClusterNode.open(environment, this.#options(machine, given)).then(
      (node) => {
        machine.node = node;
        node.start();
        return node;
      },
      (error: unknown) => {
        machine.failure = error;
        return null;
      },
    );
    return machine;
  }

  #options(machine: SimMachine, given: BootOptions): ClusterOptions {
    const peerPort = given.peerPort ?? PEER_PORT;
    const address = { clientPort: CLIENT_PORT, clusterPort: 0, httpPort: 0, peerPort };
    return {
      node: {
        ...defaultNodeOptions,
        directory: "/data",
        segmentBytes: 256 * 1024,
        snapshotLogBytes: 64 * 1024 * 1024,
        ...given.node,
      },
      bind: [machine.name],
      address: { host: given.announce ?? machine.name, ...address },
      secret: Buffer.from("secret"),
      join: (given.join ?? []).map((each) => ({
        host: `n${each}`,
        port: given.joinPort ?? PEER_PORT,
      })),
      bootstrapExpect: given.bootstrapExpect ?? 0,
      downAfterMs: 10_000,
      release: "0.0.0",
    };
  }

  /** `kill -9`. */
  kill(number: number): void {
    this.world.host(`n${number}`).kill();
    this.machine(number).node = null;
  }

  powerCut(number: number): void {
    this.world.host(`n${number}`).powerCut();
    this.machine(number).node = null;
  }

  client(number: number): SimClient {
    return new SimClient(this.machine(number), this.#sessions++);
  }

  /** Runs the world until `isDone`. */
  async until(what: string, isDone: () => boolean, limitMs = 30_000): Promise<void> {
    const ended = await this.world.runUntil(isDone, limitMs);
    if (ended) return;
    const failures = [...this.#machines.values()].flatMap(({ name, failure, fatal }) =>
      [failure, fatal].flatMap((each) =>
        each === null
          ? []
          : [`${name}: ${each instanceof Error ? each.message : JSON.stringify(each)}`],
      ),
    );
    const why = [`seed ${this.world.seed}: not within ${limitMs} ms: ${what}`, ...failures];
    throw new Error(why.join("; "));
  }

  /** Sends a command to a node and runs the world until its reply. */
  async run(number: number, ...words: string[]): Promise<string> {
    return this.world.settle(this.client(number).run(...words), 60_000);
  }

  /** Number of the machine that leads and serves; 0 when none does. */
  leader(): number {
    for (const [number, { node }] of this.#machines) {
      if (node?.node.replica.serving === true) return number;
    }
    return 0;
  }

  /** Voters as a machine knows them. */
  voters(number: number): readonly number[] {
    return this.machine(number).node?.node.replica.raft.conf.voters ?? [];
  }

  /** Runs until somebody leads that is not among `others`; returns its number. */
  async untilLeader(...others: number[]): Promise<number> {
    await this.until("a leader", () => ![0, ...others].includes(this.leader()));
    return this.leader();
  }

  /** Starts machines 1 to `count`: the first alone, the others join it; waits for the voters. */
  async form(count: number, voters: number, node: Partial<NodeOptions> = {}): Promise<void> {
    this.boot(1, { node });
    for (let number = 2; number <= count; number++) this.boot(number, { join: [1], node });
    await this.untilVoters(voters);
  }

  /** Runs until a leader serves with so many voters outside of any joint change. */
  async untilVoters(voters: number): Promise<void> {
    await this.until(`${voters} voters`, () => {
      const leader = this.leader();
      if (leader === 0) return false;
      const { conf } = this.machine(leader).node!.node.replica.raft;
      return conf.voters.length === voters && conf.votersOutgoing.length === 0;
    });
  }

  /** Runs until all machines that are up have applied what the leader has. */
  async untilEqual(): Promise<void> {
    await this.until("equal logs", () => {
      const leader = this.leader();
      if (leader === 0) return false;
      const last = this.machine(leader).node!.node.replica.raft.lastIndex;
      return [...this.#machines.values()].every(
        ({ node }) => node === null || node.node.replica.applier.appliedIndex === last,
      );
    });
  }

  /** Fingerprints of the data on all machines that are up. */
  digests(): string[] {
    return [...this.#machines.values()].flatMap(({ node }) =>
      node === null ? [] : [node.node.replica.applier.keyspace.digest(true)],
    );
  }
}
