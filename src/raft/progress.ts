// What a leader knows about one member: how far its log matches, and what is on its way to it.
import { invariant } from "../base/invariant.ts";
import type { Index, NodeId, ProgressState, ProgressView } from "./types.ts";

/**
 * Appends on their way, oldest first: a ring of (last index, bytes), limited in number and bytes.
 */
export class Inflights {
  count = 0;
  bytes = 0;
  readonly #countMax: number;
  readonly #bytesMax: number;
  #indexes: number[] = [];
  #sizes: number[] = [];
  #head = 0;

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  get full(): boolean {
    return this.count >= this.#countMax || this.bytes >= this.#bytesMax;
  }

  /** Notes an append that ends in `lastIndex`. */
  add(lastIndex: Index, bytes: number): void {
    invariant(!this.full, "no append leaves while the window is full");
    if (this.count === this.#indexes.length) this.#grow();
    const slot = (this.#head + this.count) % this.#indexes.length;
    this.#indexes[slot] = lastIndex;
    this.#sizes[slot] = bytes;
    this.count++;
    this.bytes += bytes;
  }

  /** Forgets the appends that end at or before `index`. */
  freeUpTo(index: Index): void {
    while (this.count > 0 && this.#indexes[this.#head]! <= index) {
      this.bytes -= this.#sizes[this.#head]!;
      this.#head = (this.#head + 1) % this.#indexes.length;
      this.count--;
    }
  }

  reset(): void {
    this.count = 0;
    this.bytes = 0;
    this.#head = 0;
  }

  #grow(): void {
    const capacity = Math.max(4, Math.min(this.#indexes.length * 2, this.#countMax));
    const indexes = new Array<number>(capacity).fill(0);
    const sizes = new Array<number>(capacity).fill(0);
    for (let at = 0; at < this.count; at++) {
      const slot = (this.#head + at) % this.#indexes.length;
      indexes[at] = this.#indexes[slot]!;
      sizes[at] = this.#sizes[slot]!;
    }
    this.#indexes = indexes;
    this.#sizes = sizes;
    this.#head = 0;
  }
}

/**
 * One member as the leader sees it.
 *
 * probe: one append at a time until its log's end is known. replicate: appends stream ahead of
 * their acknowledgements. snapshot: nothing is appended until the snapshot arrived or failed.
 */
export class Progress {
  readonly id: NodeId;
  readonly inflights: Inflights;
  state: ProgressState = "probe";
  match: Index = 0;
  next: Index = 1;
  learner = false;
  /** Heard from since the last check of the quorum, an election timeout ago or less. */
  active = false;
  /** The same, in the period before that. */
  activeBefore = false;
  /** Newest heartbeat round it acknowledged. */
  round = 0;
  /** Number of its present life if that may have forgotten entries, as it said last; else 0. */
  doubt = 0;
  /** Commit index it durably knows. */
  commit: Index = 0;
  /** Highest commit index any append or heartbeat told it. */
  commitSent: Index = 0;
  /** probe: an append is on its way; wait for its answer or for a heartbeat's. */
  probeSent = false;
  /** Send an append at the next chance even if it carries nothing. */
  sendWanted = false;
  /** Its match rose since the last periodic heartbeat. */
  advanced = false;
  /** snapshot: a lower bound of the index of the snapshot on its way. */
  snapshotIndex: Index = 0;

  constructor(id: NodeId, inflightMessagesMax: number, inflightBytesMax: number) {
    this.id = id;
    this.inflights = new Inflights(inflightMessagesMax, inflightBytesMax);
  }

  /** Back to knowing nothing, at the start of a leader's term. */
  reset(next: Index): void {
    this.state = "probe";
    this.match = 0;
    this.next = next;
    this.active = false;
    // Nobody had a chance to be heard in this term yet.
    this.activeBefore = true;
    this.round = 0;
    this.doubt = 0;
    this.commit = 0;
    this.commitSent = 0;
    this.probeSent = false;
    this.sendWanted = false;
    this.advanced = false;
    this.snapshotIndex = 0;
    this.inflights.reset();
  }

  becomeProbe(): void {
    const next =
      this.state === "snapshot" ? Math.max(this.match, this.snapshotIndex) + 1 : this.match + 1;
    this.state = "probe";
    this.next = next;
    this.probeSent = false;
    this.snapshotIndex = 0;
    this.inflights.reset();
  }

  becomeReplicate(): void {
    this.state = "replicate";
    this.next = this.match + 1;
    this.probeSent = false;
    this.snapshotIndex = 0;
    this.inflights.reset();
  }

  becomeSnapshot(index: Index): void {
    this.state = "snapshot";
    this.probeSent = false;
    this.snapshotIndex = index;
    this.inflights.reset();
  }

  /** Takes an acknowledged index; returns whether `match` rose. */
  maybeUpdate(index: Index): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.probeSent = false;
    this.advanced = true;
    return true;
  }

  /**
   * Takes a refusal of an append after `rejected`, the follower's log agreeing at most up to
   * `hint`. Returns false for a stale one: replies are reordered and doubled on the way.
   */
  maybeDecrease(rejected: Index, hint: Index): boolean {
    if (this.state === "snapshot") return false;
    if (this.state === "replicate") {
      if (rejected <= this.match || rejected >= this.next) return false;
      this.becomeProbe();
      return true;
    }
    if (rejected !== this.next - 1) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.probeSent = false;
    return true;
  }

  /**
   * Its answers carry another number: 0, or that of a new life, whose log may have lost its end.
   * Then what an earlier life acknowledged counts no more, but for what is committed there for
   * certain; a probe from the old end finds out the rest.
   */
  setDoubt(doubt: number, commit: Index): void {
    this.doubt = doubt;
    if (doubt === 0 || this.match <= commit) return;
    const end = this.match + 1;
    this.match = commit;
    if (this.state === "snapshot") return;
    this.becomeProbe();
    this.next = end;
  }

  /** Heard from within the last one to two election timeouts: whether it counts as there. */
  get lately(): boolean {
    return this.active || this.activeBefore;
  }

  /** Begins a new period of `active`. */
  turnActivity(): void {
    this.activeBefore = this.active;
    this.active = false;
  }

  view(): ProgressView {
    return {
      id: this.id,
      state: this.state,
      learner: this.learner,
      match: this.match,
      next: this.next,
      active: this.lately,
      round: this.round,
      inflightMessages: this.inflights.count,
      inflightBytes: this.inflights.bytes,
      snapshotIndex: this.snapshotIndex,
    };
  }
}
