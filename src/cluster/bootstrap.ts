// Starting a cluster out of N empty nodes (`--bootstrap-expect N`): at most one of them starts one.
// How, and why there are never two: docs/internals/membership.md.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import type { Random } from "../platform/random.ts";
import type { PeerAddress } from "../transport/dialer.ts";
import { BootstrapOutcome } from "../transport/generated/messages.ts";
import type { BootstrapReply, BootstrapRequest } from "../transport/peer-message.ts";
import type { PeerTransport } from "../transport/peer-transport.ts";
import { type Identity, newIdentity } from "./identity.ts";
import { toWire } from "./join.ts";
import type { JoinState } from "./join-state.ts";
import type { MemberAddress } from "./membership-types.ts";

const ANSWER_MS_MAX = 3_000;

/** One round's outcome: an identity for the node that starts the cluster, or what it waits for. */
export type BootstrapRound =
  | { readonly kind: "start"; readonly identity: Identity }
  | { readonly kind: "wait"; readonly reason: string };

/** The part of one node in a bootstrap. */
export class Bootstrap {
  readonly #state: JoinState;
  readonly #expect: number;
  readonly #address: MemberAddress;
  readonly #transport: PeerTransport;
  readonly #random: Random;

  constructor(
    state: JoinState,
    expect: number,
    address: MemberAddress,
    transport: PeerTransport,
    random: Random,
  ) {
    this.#state = state;
    this.#expect = expect;
    this.#address = address;
    this.#transport = transport;
    this.#random = random;
  }

  /** Answers another node; a promise is on disk before it is told. */
  async answer(request: BootstrapRequest): Promise<BootstrapReply> {
    const state = this.#state;
    if (request.expect !== this.#expect) {
      const detail = `this node expects ${this.#expect} nodes, the asking one ${request.expect}`;
      return this.#reply(BootstrapOutcome.bootstrapRefused, detail);
    }
    if (request.bootstrapId === "") return this.#reply(BootstrapOutcome.introduced, "");
    if (state.promisedTo === "" && request.candidate >= state.candidate) {
      return this.#reply(BootstrapOutcome.bootstrapRefused, "this node has a lower candidate id");
    }
    const kept = await state.promise(request.bootstrapId);
    return this.#reply(kept ? BootstrapOutcome.promised : BootstrapOutcome.promisedElsewhere, "");
  }

  /** Looks who is there; when this node is the lowest of enough, asks all for their promise. */
  async round(addresses: readonly PeerAddress[]): Promise<BootstrapRound> {
    const state = this.#state;
    const candidates = new Map<number, PeerAddress>();
    for (const { address, reply } of await this.#askAll(addresses, "")) {
      if (reply.outcome === BootstrapOutcome.hasCluster) {
        return wait("a cluster exists already: joining it");
      }
      if (reply.outcome !== BootstrapOutcome.introduced) return wait(reply.detail);
      if (reply.candidate !== state.candidate) candidates.set(reply.candidate, address);
    }
    const found = candidates.size + 1;
    if (found < this.#expect) {
      return wait(`${found} of ${this.#expect} expected nodes are there`);
    }
    if ([...candidates.keys()].some((candidate) => candidate < state.candidate)) {
      return wait("another node starts the cluster");
    }
    if (!(await state.promise(state.bootstrapId))) {
      return wait(brokenPromise(state));
    }
    return this.#collect([...candidates.values()]);
  }

  async #collect(others: readonly PeerAddress[]): Promise<BootstrapRound> {
    const replies = await this.#askAll(others, this.#state.bootstrapId);
    for (const { address, reply } of replies) {
      if (reply.outcome === BootstrapOutcome.promised) continue;
      const elsewhere = reply.outcome === BootstrapOutcome.promisedElsewhere;
      const detail = elsewhere ? `promised itself to bootstrap ${reply.bootstrapId}` : reply.detail;
      return wait(`${address.host}:${address.port} does not take part: ${detail}`);
    }
    if (replies.length < others.length) return wait("a node went away before it promised");
    failpoints.reached?.("bootstrap.decided");
    return { kind: "start", identity: newIdentity(this.#random, this.#state.bootstrapId) };
  }

  /** The answers of those that answered. */
  async #askAll(
    addresses: readonly PeerAddress[],
    bootstrapId: string,
  ): Promise<{ address: PeerAddress; reply: BootstrapReply }[]> {
    const request: BootstrapRequest = {
      kind: "bootstrapRequest",
      bootstrapId,
      candidate: this.#state.candidate,
      expect: this.#expect,
      address: toWire(this.#address),
    };
    const replies = await Promise.all(
      addresses.map(async (address) => ({ address, reply: await this.#ask(address, request) })),
    );
    return replies.flatMap(({ address, reply }) => (reply === null ? [] : [{ address, reply }]));
  }

  async #ask(
    { host, port }: PeerAddress,
    request: BootstrapRequest,
  ): Promise<BootstrapReply | null> {
    try {
      const reply = await this.#transport.call(host, port, request, ANSWER_MS_MAX);
      return reply.kind === "bootstrapReply" ? reply : null;
    } catch (error) {
      // Who cannot be reached is not there; the round after this one asks again.
      if (error instanceof DbError && error.code !== "PEER_CLOSED") return null;
      throw error;
    }
  }

  #reply(outcome: number, detail: string): BootstrapReply {
    return bootstrapReply(outcome, {
      bootstrapId: this.#state.promisedTo,
      candidate: this.#state.candidate,
      address: toWire(this.#address),
      detail,
    });
  }
}

/** An answer to a bootstrap question with what is known. */
export function bootstrapReply(
  outcome: number,
  fields: Partial<Omit<BootstrapReply, "kind" | "outcome">>,
): BootstrapReply {
  return {
    kind: "bootstrapReply",
    outcome,
    bootstrapId: "",
    candidate: 0,
    clusterId: "",
    address: undefined,
    detail: "",
    ...fields,
  };
}

function wait(reason: string): BootstrapRound {
  return { kind: "wait", reason };
}

function brokenPromise(state: JoinState): string {
  return (
    `this node promised itself to bootstrap ${state.promisedTo}, whose node is not there; ` +
    `if that node is gone for good, delete ${state.path} on all nodes and start them again`
  );
}
