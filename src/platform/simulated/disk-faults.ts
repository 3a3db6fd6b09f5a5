// What goes wrong with a simulated disk while it runs: planned failures and failures by chance.
import { systemError } from "./sim-names.ts";
import type { SimRandom } from "./sim-random.ts";
import type { SimWorld } from "./sim-world.ts";

/** Calls that {@link DiskFaultSource.failNext} can make fail. */
export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "remove"
  | "syncDirectory";

/** What goes wrong by chance; what is left out does not. Probabilities per call, from 0 to 1. */
export interface DiskFaults {
  /** Files it happens to; by default all. */
  readonly paths?: (path: string) => boolean;
  /** `EIO`. */
  readonly readError?: number;
  /** `EIO`; any part of the write may have happened. */
  readonly writeError?: number;
  /**
   * `EIO`; what was not synced is given up, as Linux may do: it is no longer there, or it is read
   * until the power goes. Later syncs succeed.
   */
  readonly syncError?: number;
  /** A write takes only a part of the bytes, at least one. */
  readonly shortWrite?: number;
  /**
   * A write lands on another sector of the file, or of one beside it with the same ending; the
   * caller hears that all is well.
   */
  readonly misdirectedWrite?: number;
  /** Any call takes `slowMs` longer; one that the caller waits for holds its whole process up. */
  readonly slowChance?: number;
  /** Default: 10 to 2000 ms. */
  readonly slowMs?: { readonly min: number; readonly max: number };
}

const SLOW_MS = { min: 10, max: 2_000 };

interface PlannedFault {
  readonly operation: DiskOperation;
  readonly code: string;
  readonly pathPart: string;
  left: number;
}

/** Says of each call what goes wrong with it. Draws nothing while there are no rates. */
export class DiskFaultSource {
  rates: DiskFaults | null = null;
  /** Chance of faults: drawing from it changes nothing else. */
  readonly random: SimRandom;
  readonly #world: SimWorld;
  readonly #host: string;
  #planned: PlannedFault[] = [];
  readonly #shortWrites: number[] = [];

  constructor(world: SimWorld, host: string, random: SimRandom) {
    this.#world = world;
    this.#host = host;
    this.random = random;
  }

  failNext(operation: DiskOperation, code: string, count: number, pathPart: string): void {
    this.#planned.push({ operation, code, pathPart, left: count });
  }

  shortenNextWrite(bytes: number): void {
    this.#shortWrites.push(bytes);
  }

  /** The planned failure that this call meets, or null. */
  takePlanned(operation: DiskOperation, path: string): Error | null {
    if (this.#planned.length === 0) return null;
    const fault = this.#planned.find(
      (each) => each.operation === operation && path.includes(each.pathPart),
    );
    if (fault === undefined) return null;
    fault.left--;
    this.#planned = this.#planned.filter((each) => each.left > 0);
    this.#world.fault("planned", `${this.#host} ${operation} ${path}: ${fault.code}`);
    return systemError(fault.code, path);
  }

  /** Whether this call fails by chance. */
  draws(
    kind: "readError" | "writeError" | "syncError" | "misdirectedWrite",
    path: string,
  ): boolean {
    const { rates } = this;
    if (rates === null || !this.#hits(rates[kind], path)) return false;
    this.#world.fault(kind, `${this.#host} ${path}`);
    return true;
  }

  /** How many bytes of a write are taken. */
  lengthOf(bytes: number, path: string): number {
    const planned = this.#shortWrites.shift();
    if (planned !== undefined) return Math.min(bytes, planned);
    if (this.rates === null || bytes < 2 || !this.#hits(this.rates.shortWrite, path)) return bytes;
    const length = this.random.between(1, bytes - 1);
    this.#world.fault("shortWrite", `${this.#host} ${path}: ${length} of ${bytes} bytes`);
    return length;
  }

  /** How much longer a call takes. */
  slowMs(path: string): number {
    const { rates } = this;
    if (rates === null || !this.#hits(rates.slowChance, path)) return 0;
    const { min, max } = rates.slowMs ?? SLOW_MS;
    const ms = min + this.random.fraction() * (max - min);
    this.#world.fault("slow", `${this.#host} ${path}: ${ms.toFixed(1)} ms`);
    return ms;
  }

  #hits(chance: number | undefined, path: string): boolean {
    if (chance === undefined || chance === 0) return false;
    return this.rates?.paths?.(path) !== false && this.random.chance(chance);
  }
}
