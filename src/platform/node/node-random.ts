// Chance from the system's secure generator, drawn in blocks so that a call costs some nanoseconds.
import { randomFillSync } from "node:crypto";
import type { Random } from "../random.ts";

const POOL_BYTES = 4096;
const pool = new Uint32Array(POOL_BYTES / 4);
let next = pool.length;

/** The machine's secure random numbers. */
export const nodeRandom: Random = {
  uint32(): number {
    if (next === pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    const value = pool[next]!;
    // A number that was handed out is not kept: it may have become part of a secret.
    pool[next++] = 0;
    return value;
  },
  fill(target: Uint8Array): void {
    randomFillSync(target);
  },
};
