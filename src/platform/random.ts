// Chance as an argument.

/** The only source of chance above `platform/`. */
export interface Random {
  /** A uniform integer from 0 to 2^32 - 1. */
  uint32(): number;
  /** Fills `target` with bytes fit for secrets (in the simulator: from the seed). */
  fill(target: Uint8Array): void;
}
