// Passwords: compared without telling where they differ, and slower after each failure from an
// address.
import { createHash, timingSafeEqual } from "node:crypto";

/** Delay after the first failure, doubled with each more, in milliseconds. */
const FIRST_DELAY_MS = 50;
const DELAY_MS_MAX = 2_000;
/** An address without failures for this long is forgiven. */
const FORGIVE_AFTER_MS = 60_000;
/** Logins of one address that may wait out their delay at the same time. */
const WAITING_MAX = 64;
/** Addresses that are remembered; the one that failed longest ago is dropped first. */
const ADDRESSES_MAX = 4096;

interface Failures {
  count: number;
  lastMs: number;
  waiting: number;
}

/**
 * Remembers which addresses failed to log in, in bounded memory. Times are monotonic milliseconds.
 */
export class LoginGuard {
  readonly #failures = new Map<string, Failures>();

  /**
   * A failed login came from this address.
   *
   * @returns Milliseconds to wait before it is told, or -1 when too many of its logins wait
   * already.
   */
  failed(address: string, nowMs: number): number {
    const known = this.#recent(address, nowMs) ?? { count: 0, lastMs: nowMs, waiting: 0 };
    known.count++;
    known.lastMs = nowMs;
    // Set again, so that the map's order is that of the last failure.
    this.#failures.delete(address);
    this.#failures.set(address, known);
    this.#dropOldest();
    if (known.waiting >= WAITING_MAX) return -1;
    known.waiting++;
    return delayOf(known.count);
  }

  /** A failed login of this address has been told. */
  told(address: string): void {
    const known = this.#failures.get(address);
    if (known !== undefined && known.waiting > 0) known.waiting--;
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#failures.size;
  }

  #recent(address: string, nowMs: number): Failures | undefined {
    const known = this.#failures.get(address);
    if (known === undefined || nowMs - known.lastMs < FORGIVE_AFTER_MS) return known;
    known.count = 0;
    return known;
  }

  #dropOldest(): void {
    if (this.#failures.size <= ADDRESSES_MAX) return;
    const oldest = this.#failures.keys().next();
    if (!oldest.done) this.#failures.delete(oldest.value);
  }
}

function delayOf(failures: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 16), DELAY_MS_MAX);
}

/** Whether two passwords are the same, in a time that depends on neither's place of difference. */
export function samePassword(given: Uint8Array, expected: string): boolean {
  const left = createHash("sha256").update(given).digest();
  const right = createHash("sha256").update(expected, "utf8").digest();
  return timingSafeEqual(left, right);
}
