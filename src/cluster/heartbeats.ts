// What nodes tell each other once a second, apart from consensus: their clocks and their memory.
import { failpoints } from "../base/failpoints.ts";
import type { Clock } from "../platform/clock.ts";

/** Pause between heartbeats, milliseconds. */
export const HEARTBEAT_MS = 1_000;
/** A leader whose clock is further off its peers' median hands leadership over. */
export const CLOCK_OFFSET_MS_MAX = 1_000;
/** What a peer said longer ago does not count. */
const FRESH_MS = 5_000;
/** After a hand-over for its clock, a node says so again and tries again at most this often. */
const OFF_CLOCK_PAUSE_MS = 10_000;

/** The part of a heartbeat that is looked at. */
export interface HeartbeatFacts {
  /** Wall clock of the sender when sent, Unix ms. */
  readonly wallMs: number;
  /** Used part of the sender's memory limit, in thousandths. */
  readonly memoryPressurePermille: number;
}

/** What heartbeats need of their node. */
export interface HeartbeatsOwner {
  readonly clock: Clock;
  /** Sends this node's heartbeat to all peers. */
  send(facts: HeartbeatFacts): void;
  memoryPressurePermille(): number;
  isLeader(): boolean;
  /** This leader's clock cannot be trusted with expiries: let another lead. */
  stepAside(offsetMs: number): void;
}

interface Heard {
  readonly atMs: number;
  /** The peer's clock less ours. */
  readonly offsetMs: number;
  readonly memoryPressurePermille: number;
}

/** Heartbeats of one node. */
export class Heartbeats {
  readonly #owner: HeartbeatsOwner;
  readonly #heard = new Map<number, Heard>();
  #sentMs = Number.NEGATIVE_INFINITY;
  #steppedAsideMs = Number.NEGATIVE_INFINITY;

  constructor(owner: HeartbeatsOwner) {
    this.#owner = owner;
  }

  /** A peer's heartbeat came in. */
  onHeartbeat(from: number, facts: HeartbeatFacts): void {
    const { clock } = this.#owner;
    this.#heard.set(from, {
      atMs: clock.monotonicMs(),
      offsetMs: facts.wallMs - clock.wallMs(),
      memoryPressurePermille: facts.memoryPressurePermille,
    });
  }

  /** Milliseconds since a node was last heard from; -1 for never. */
  silentMs(id: number): number {
    const heard = this.#heard.get(id);
    return heard === undefined ? -1 : this.#owner.clock.monotonicMs() - heard.atMs;
  }

  /** How far this node's clock is behind the median of all nodes' clocks, own one included. */
  clockOffsetMs(): number {
    const offsets = [0, ...this.#fresh().map(({ offsetMs }) => offsetMs)];
    offsets.sort((left, right) => left - right);
    const middle = offsets.length >> 1;
    // Of two clocks nobody knows which is off.
    if (offsets.length < 3) return 0;
    return offsets.length % 2 === 1
      ? offsets[middle]!
      : (offsets[middle - 1]! + offsets[middle]!) / 2;
  }

  /** A node of the cluster is over its memory limit. */
  anyOverMemory(): boolean {
    // Asked for every batch of input: nothing is allocated here.
    for (const { memoryPressurePermille, atMs } of this.#heard.values()) {
      if (memoryPressurePermille > 1000 && this.#isFresh(atMs)) return true;
    }
    return false;
  }

  /** With the node's tick. */
  tick(): void {
    const owner = this.#owner;
    const nowMs = owner.clock.monotonicMs();
    if (nowMs - this.#sentMs < HEARTBEAT_MS) return;
    this.#sentMs = nowMs;
    owner.send({
      wallMs: owner.clock.wallMs(),
      memoryPressurePermille: owner.memoryPressurePermille(),
    });
    if (!owner.isLeader() || nowMs - this.#steppedAsideMs < OFF_CLOCK_PAUSE_MS) return;
    const offsetMs = this.clockOffsetMs();
    if (Math.abs(offsetMs) <= CLOCK_OFFSET_MS_MAX) return;
    failpoints.reached?.("clock.stepsAside");
    this.#steppedAsideMs = nowMs;
    owner.stepAside(offsetMs);
  }

  #fresh(): Heard[] {
    return [...this.#heard.values()].filter(({ atMs }) => this.#isFresh(atMs));
  }

  #isFresh(atMs: number): boolean {
    return this.#owner.clock.monotonicMs() - atMs < FRESH_MS;
  }
}
