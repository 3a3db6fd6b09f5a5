// Raft messages that are lost, late, doubled or repeated behind the handshake, as no TCP stream
// would: the consensus core must bear it. Tests only.
import type { SimProcess } from "../../platform/simulated/sim-process.ts";
import type { SimRandom } from "../../platform/simulated/sim-random.ts";
import type { PeerHandler } from "../handler.ts";
import type { NodeId, RaftMessage, ShardId } from "../peer-message.ts";

/** Messages of each host that are kept, for replays. */
const KEPT_MAX = 256;

/** What happens to Raft messages; what is left out does not. Probabilities from 0 to 1. */
export interface MessageFaultRates {
  readonly drop?: number;
  /** It comes twice, the second time after `delayMs`. */
  readonly duplicate?: number;
  /** It comes after `delayMs`: others overtake it. */
  readonly delay?: number;
  /** One that came earlier, perhaps to an earlier process of this machine, comes again first. */
  readonly replay?: number;
  /** Default: 1 to 300 ms. */
  readonly delayMs?: { readonly min: number; readonly max: number };
}

interface Kept {
  readonly from: NodeId;
  readonly shard: ShardId;
  readonly message: RaftMessage;
}

/**
 * Faults of whole messages, for all nodes of a world.
 *
 * @example
 * const faults = new MessageFaults(new SimRandom(seed));
 * faults.rates = { drop: 0.01, duplicate: 0.05 };
 * const environment = { ...rest, interceptPeers: (it) => faults.intercept(process, it) };
 */
export class MessageFaults {
  /** Null: everything passes, and is not even copied. */
  rates: MessageFaultRates | null = null;
  readonly #random: SimRandom;
  readonly #kept = new Map<string, Kept[]>();

  constructor(random: SimRandom) {
    this.#random = random;
  }

  /** A handler that passes on what a process's peers say, as the rates have it. */
  intercept(process: SimProcess, handler: PeerHandler): PeerHandler {
    return {
      onRaft: (from, shard, message) => this.#onRaft(process, handler, from, shard, message),
      onMessage: (from, message) => handler.onMessage(from, message),
      onCall: (origin, request, reply) => handler.onCall(origin, request, reply),
      onPeerUp: (id, incarnation) => handler.onPeerUp(id, incarnation),
      onPeerDown: (id) => handler.onPeerDown(id),
      onWritable: (id) => handler.onWritable(id),
    };
  }

  #onRaft(
    process: SimProcess,
    handler: PeerHandler,
    from: NodeId,
    shard: ShardId,
    message: RaftMessage,
  ): void {
    const { rates } = this;
    if (rates === null) {
      handler.onRaft(from, shard, message);
      return;
    }
    const later = (kept: Kept): void => {
      const { min, max } = rates.delayMs ?? { min: 1, max: 300 };
      process.schedule(min + this.#random.fraction() * (max - min), () =>
        handler.onRaft(kept.from, kept.shard, kept.message),
      );
    };
    const told = (what: string): void =>
      process.host.world.fault(what, `${from} to ${message.to}: type ${message.type}`);
    const copy = { from, shard, message: copied(message) };
    const kept = this.#keptOf(process.host.name);
    if (kept.length > 0 && this.#hits(rates.replay)) {
      const old = kept[this.#random.between(0, kept.length - 1)]!;
      // The machine may have become another node meanwhile.
      if (old.message.to === message.to) {
        told("messageReplay");
        handler.onRaft(old.from, old.shard, old.message);
      }
    }
    if (kept.length < KEPT_MAX) kept.push(copy);
    else kept[this.#random.between(0, KEPT_MAX - 1)] = copy;
    if (this.#hits(rates.drop)) {
      told("messageDrop");
      return;
    }
    if (this.#hits(rates.duplicate)) {
      told("messageDuplicate");
      later(copy);
    }
    if (this.#hits(rates.delay)) {
      told("messageDelay");
      later(copy);
    } else handler.onRaft(from, shard, message);
  }

  #keptOf(host: string): Kept[] {
    let kept = this.#kept.get(host);
    if (kept === undefined) {
      kept = [];
      this.#kept.set(host, kept);
    }
    return kept;
  }

  #hits(chance: number | undefined): boolean {
    return chance !== undefined && chance > 0 && this.#random.chance(chance);
  }
}

/** Bytes of a message are views that are valid during the call only. */
function copied(message: RaftMessage): RaftMessage {
  const entries = message.entries.map((entry) => ({ ...entry, data: new Uint8Array(entry.data) }));
  return { ...message, entries };
}
