// First pass over the log: which entries were replaced later, and which were copied forward. The
// second pass (replay.ts) can then tell each entry that counts once, in order.
import { RecordKind, type RecordReader } from "./wal-records.ts";

/** An entry that was copied forward. */
export interface CopiedEntry {
  readonly term: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A snapshot mark that was copied forward. */
export interface CopiedMark {
  readonly index: number;
  readonly term: number;
  readonly replacesLog: boolean;
}

/** Entries told before the `at`-th one of a shard are void from `index` on. */
interface Replacement {
  readonly at: number;
  /** Becomes the lowest index of this and all later replacements. */
  index: number;
}

/** What is known of one shard before its records are told. */
export class ShardPlan {
  /** Drops still to come: everything before the last one is void. */
  drops = 0;
  /** Copied entries that count, by index; of two copies the later one. */
  readonly copies: Map<number, CopiedEntry> = new Map();
  mark: CopiedMark | null = null;
  /** Index of the last entry in place, or of the snapshot that took the log's place. */
  #last = 0;
  #entries = 0;
  /** Index of the first entry that counts and stands in its own place, 0 when there is none. */
  #firstInPlace = 0;
  readonly #replacements: Replacement[] = [];

  drop(): void {
    this.drops++;
    this.copies.clear();
    this.mark = null;
    this.#last = 0;
    this.#firstInPlace = 0;
  }

  copy(index: number, entry: CopiedEntry): void {
    this.copies.set(index, entry);
  }

  /** An entry stands in its own place. */
  entry(index: number): void {
    const last = this.#last;
    if (last === 0) this.#forgetCopies(index);
    else if (index !== last + 1) this.#replace(index > last ? 0 : index);
    if (this.#firstInPlace === 0) this.#firstInPlace = index;
    this.#last = index;
    this.#entries++;
  }

  /** A snapshot took the place of the whole log. */
  replaceAll(index: number): void {
    this.#replace(0);
    this.#last = index;
  }

  /** Ends the first pass. */
  seal(): void {
    let lowest = Number.POSITIVE_INFINITY;
    for (const replacement of this.#replacements.toReversed()) {
      lowest = Math.min(lowest, replacement.index);
      replacement.index = lowest;
    }
    if (this.#firstInPlace !== 0) this.#forgetCopies(this.#firstInPlace);
  }

  /** Whether the `at`-th entry in place, of this index, was replaced later. */
  isVoid(at: number, index: number): boolean {
    const next = this.#replacements.find((each) => each.at > at);
    return next !== undefined && next.index <= index;
  }

  #replace(index: number): void {
    this.#replacements.push({ at: this.#entries, index });
    if (this.#firstInPlace >= index) this.#firstInPlace = 0;
    this.#forgetCopies(index);
  }

  #forgetCopies(from: number): void {
    for (const index of this.copies.keys()) if (index >= from) this.copies.delete(index);
  }
}

/** Puts a record into the plans. `completes`: the record is an entry, or the last piece of one. */
export function planRecord(
  plans: Map<number, ShardPlan>,
  record: RecordReader,
  completes: boolean,
): void {
  const { shard, kind, index, term, type, replacesLog } = record;
  let plan = plans.get(shard);
  if (plan === undefined) {
    plan = new ShardPlan();
    plans.set(shard, plan);
  }
  if (kind === RecordKind.drop) plan.drop();
  else if (kind === RecordKind.copy) plan.copy(index, { term, type, bytes: record.data });
  else if (kind === RecordKind.mark && record.copied) plan.mark = { index, term, replacesLog };
  else if (kind === RecordKind.mark && replacesLog) plan.replaceAll(index);
  else if (completes) plan.entry(index);
}
