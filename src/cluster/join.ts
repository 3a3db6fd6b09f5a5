// Asking to become a member, or to be known at a new address: one address after the other, until
// one leads.
import { DbError } from "../base/errors.ts";
import type { Scheduler } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { JoinOutcome } from "../transport/generated/messages.ts";
import type { NodeAddress } from "../transport/generated/messages.ts";
import type { PeerAddress } from "../transport/dialer.ts";
import type { JoinReply, JoinRequest } from "../transport/peer-message.ts";
import type { PeerTransport } from "../transport/peer-transport.ts";
import type { Identity } from "./identity.ts";
import type { MemberAddress } from "./membership-types.ts";

/** The leader answers when the new member is committed: it may take a while. */
const ANSWER_MS_MAX = 5_000;
const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 3_000;
const TWO_POW_32 = 2 ** 32;
/** What a failed handshake means for someone who wants to join. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ["secret", "it has another cluster secret"],
  ["cluster", "it belongs to another cluster"],
  ["version", "its release speaks another protocol"],
  ["node", "it is this very node, or has the same node id"],
]);

/** How one round of asking went. */
export interface JoinRound {
  /** The leader's answer; null when nobody took the node. */
  readonly joined: JoinReply | null;
  /** What each address said or why it did not, for people. */
  readonly answers: readonly string[];
}

/** The address of a node as peers say it. */
export function toWire(address: MemberAddress): NodeAddress {
  const { host, peerPort, clientPort, clusterPort, httpPort } = address;
  return { host, peerPort, clientPort, clusterPort, httpPort };
}

/** The question of a node. @param nodeId 0: grant me one. */
export function joinRequest(
  nodeId: number,
  token: string,
  address: MemberAddress,
  release: string,
): JoinRequest {
  return {
    kind: "joinRequest",
    nodeId,
    incarnation: 0,
    address: toWire(address),
    zone: "",
    machine: "",
    release,
    token,
  };
}

/**
 * Asks each address once, and those they point to.
 *
 * @param onAnswer Hears every answer, also those that took nobody.
 * @throws DbError `JOIN_REFUSED` when the cluster will never take this node as it is.
 */
export async function askToJoin(
  transport: PeerTransport,
  request: JoinRequest,
  addresses: readonly PeerAddress[],
  onAnswer: (reply: JoinReply) => void = () => {},
): Promise<JoinRound> {
  const waiting = [...addresses];
  const asked = new Set<string>();
  const answers: string[] = [];
  for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
    const name = `${address.host}:${address.port}`;
    if (asked.has(name)) continue;
    asked.add(name);
    const reply = await askOne(transport, request, address);
    if (typeof reply === "string") {
      answers.push(`${name}: ${reply}`);
      continue;
    }
    onAnswer(reply);
    if (reply.outcome === JoinOutcome.joined) return { joined: reply, answers };
    if (reply.outcome === JoinOutcome.joinRefused) {
      throw new DbError("JOIN_REFUSED", `${name} refuses: ${reply.detail}`, { address: name });
    }
    answers.push(`${name}: ${reply.detail}`);
    const leader = reply.redirect;
    if (reply.outcome === JoinOutcome.redirect && leader !== undefined) {
      waiting.unshift({ host: leader.host, port: leader.peerPort });
    }
  }
  return { joined: null, answers };
}

async function askOne(
  transport: PeerTransport,
  request: JoinRequest,
  { host, port }: PeerAddress,
): Promise<JoinReply | string> {
  try {
    const reply = await transport.call(host, port, request, ANSWER_MS_MAX);
    return reply.kind === "joinReply" ? reply : "a strange answer";
  } catch (error) {
    if (!(error instanceof DbError) || error.code === "PEER_CLOSED") throw error;
    return explain(error);
  }
}

function explain(error: DbError): string {
  return REFUSALS.get(String(error.facts["refusal"])) ?? error.message;
}

/** What the leader's answer makes of this node. */
export function identityOf(reply: JoinReply): Identity {
  const { clusterId, nodeId, hashSeed, firstVoters } = reply;
  const [seed0, seed1] = hashSeed;
  if (clusterId === "" || nodeId === 0 || seed0 === undefined || seed1 === undefined) {
    throw new DbError("JOIN_REFUSED", "the leader's answer is of another release of Kvorum");
  }
  return { clusterId, nodeId, hashSeed: [seed0, seed1], firstVoters };
}

/** Pauses between rounds: longer and longer, spread so that nodes do not ask in step. */
export class Backoff {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  #pauseMs = PAUSE_MS_MIN;

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  reset(): void {
    this.#pauseMs = PAUSE_MS_MIN;
  }

  wait(): Promise<void> {
    const delayMs = this.#pauseMs * (0.5 + this.#random.uint32() / TWO_POW_32 / 2);
    this.#pauseMs = Math.min(PAUSE_MS_MAX, this.#pauseMs * 1.5);
    return new Promise((resolve) => {
      this.#scheduler.after(delayMs, resolve);
    });
  }
}
