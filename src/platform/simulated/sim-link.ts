// One direction of a cable between two simulated hosts: what holds it up, and how slow it is.

/** Shortest and longest time of one packet, in milliseconds. */
export interface LinkDelay {
  readonly min: number;
  readonly max: number;
}

/** What goes wrong on a link by chance; what is left out does not. Probabilities from 0 to 1. */
export interface LinkFaults {
  /** Per packet: it takes `spikeMs` longer, and all behind it on its stream wait. */
  readonly spikeChance?: number;
  /** Default: 10 to 500 ms. */
  readonly spikeMs?: LinkDelay;
  /** Per write: the connection is reset in the middle of it; the first bytes arrive. */
  readonly resetChance?: number;
  /** What the link carries at most; streams share it. */
  readonly bytesPerMs?: number;
}

/** The way from one host to another. */
export class SimLink {
  readonly from: string;
  readonly to: string;
  /** Delay of its own; null: the fabric's. */
  delay: LinkDelay | null = null;
  /** Faults of its own; null: the fabric's. */
  faults: LinkFaults | null = null;
  /** Since somebody cut it. */
  cut = false;
  /** Until a time. */
  clogged = false;
  clogEndMs = 0;
  /** The host it leads to is suspended. */
  asleep = false;
  /** When what was sent last has left, where `bytesPerMs` counts. */
  freeAtMs = 0;

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }

  /** A host's way to itself can neither be cut nor slow. */
  get isLoop(): boolean {
    return this.from === this.to;
  }

  /** Whether nothing passes now. */
  get isBlocked(): boolean {
    return this.cut || this.clogged || this.asleep;
  }
}
