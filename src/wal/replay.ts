// Tells a visitor what the log says, shard by shard in the order of appending, and rebuilds what
// the log itself must know: where each shard's entries and state lie.
import { Buffer } from "node:buffer";
import { invariant } from "../base/invariant.ts";
import type { FoundLog } from "./recovery.ts";
import { planRecord, ShardPlan } from "./replay-plan.ts";
import { Segment } from "./segment.ts";
import { ShardTrack } from "./shard-track.ts";
import { RecordKind, RecordReader } from "./wal-records.ts";
import type { WalVisitor } from "./wal-types.ts";

/** What the log knows after replay. */
export interface Replayed {
  readonly segments: Segment[];
  readonly tracks: Map<number, ShardTrack>;
}

/** Goes through the log twice: to plan, then to tell. */
export function replay(log: FoundLog, visitor: WalVisitor): Replayed {
  const plans = new Map<number, ShardPlan>();
  const halves = new HalfEntries(false);
  eachRecord(log, (record) => {
    planRecord(plans, record, record.kind === RecordKind.entry || halves.completes(record));
  });
  for (const plan of plans.values()) plan.seal();
  const segments = log.segments.map(({ path, header, end }) => {
    return new Segment(path, null, header, end);
  });
  const teller = new Teller(visitor, plans, segments);
  eachRecord(log, (record, sequence, at) => teller.tell(record, sequence, segments[at]!));
  return { segments, tracks: teller.tracks };
}

function eachRecord(
  log: FoundLog,
  onRecord: (record: RecordReader, sequence: number, segmentAt: number) => void,
): void {
  const record = new RecordReader();
  for (const [segmentAt, { frames }] of log.segments.entries()) {
    for (const { bytes, view, at, length, sequence } of frames) {
      record.start(bytes, view, at, length);
      while (record.next()) onRecord(record, sequence, segmentAt);
    }
  }
}

interface HalfEntry {
  readonly index: number;
  readonly term: number;
  readonly bytes: Buffer | null;
  filled: number;
}

/** Long entries of which not all pieces were read yet. */
class HalfEntries {
  readonly #keepsBytes: boolean;
  readonly #byShard = new Map<number, HalfEntry>();

  constructor(keepsBytes: boolean) {
    this.#keepsBytes = keepsBytes;
  }

  /** Takes a piece in; true when it was the last one of its entry. Other records: false. */
  completes(record: RecordReader): boolean {
    return record.kind === RecordKind.piece && this.#add(record)?.filled === record.totalBytes;
  }

  /** The bytes of the entry that this piece completes, or null. */
  complete(record: RecordReader): Buffer | null {
    const half = this.#add(record);
    if (half === null || half.filled < record.totalBytes) return null;
    this.#byShard.delete(record.shard);
    return half.bytes;
  }

  #add(record: RecordReader): HalfEntry | null {
    const { shard, index, term, totalBytes, pieceOffset } = record;
    let half = this.#byShard.get(shard) ?? null;
    if (pieceOffset === 0) {
      const bytes = this.#keepsBytes ? Buffer.allocUnsafeSlow(totalBytes) : null;
      half = { index, term, bytes, filled: 0 };
      this.#byShard.set(shard, half);
    }
    // The first pieces may lie in a segment that is not needed any more: then a snapshot has the
    // entry.
    if (half === null || half.index !== index || half.term !== term) return null;
    if (half.filled !== pieceOffset) return null;
    half.bytes?.set(record.data, pieceOffset);
    half.filled += record.dataBytes;
    return half;
  }
}

class Teller {
  readonly tracks = new Map<number, ShardTrack>();
  readonly #visitor: WalVisitor;
  readonly #plans: ReadonlyMap<number, ShardPlan>;
  readonly #segments: readonly Segment[];
  readonly #halves = new HalfEntries(true);
  /** Entries in place that were met so far, by shard. */
  readonly #met = new Map<number, number>();

  constructor(
    visitor: WalVisitor,
    plans: ReadonlyMap<number, ShardPlan>,
    segments: readonly Segment[],
  ) {
    this.#visitor = visitor;
    this.#plans = plans;
    this.#segments = segments;
  }

  tell(record: RecordReader, sequence: number, segment: Segment): void {
    const { shard, kind } = record;
    const plan = this.#plans.get(shard);
    invariant(plan !== undefined, "the second pass finds what the first did");
    if (kind === RecordKind.drop) {
      plan.drops--;
      if (plan.drops === 0) this.#visitor.onDrop(shard);
      return;
    }
    if (plan.drops > 0) {
      this.#skip(record);
      return;
    }
    const track = this.#tracked(shard, plan);
    switch (kind) {
      case RecordKind.entry:
        this.#tellEntry(track, plan, record, segment, record.data);
        return;
      case RecordKind.piece:
        this.#tellPiece(track, plan, record, segment);
        return;
      case RecordKind.copy:
        segment.addEntries(shard, record.index, record.index, record.dataBytes);
        return;
      case RecordKind.hardState:
        track.setHardState(record.term, record.vote, record.commit, sequence);
        track.moveHardState(segment);
        this.#visitor.onHardState(shard, record.term, record.vote, record.commit);
        return;
      case RecordKind.mark:
        this.#tellMark(track, record, segment, sequence);
        return;
      default:
        invariant(false, "every kind of record is told");
    }
  }

  /** Entries of a shard that was dropped later are counted and not told. */
  #skip(record: RecordReader): void {
    if (record.kind === RecordKind.entry) this.#count(record.shard);
    else if (record.kind === RecordKind.piece && this.#halves.complete(record) !== null) {
      this.#count(record.shard);
    }
  }

  #count(shard: number): number {
    const met = this.#met.get(shard) ?? 0;
    this.#met.set(shard, met + 1);
    return met;
  }

  /** The shard's track; at the first call what was copied forward is told, for it comes first. */
  #tracked(shard: number, plan: ShardPlan): ShardTrack {
    let track = this.tracks.get(shard);
    if (track !== undefined) return track;
    track = new ShardTrack(shard);
    this.tracks.set(shard, track);
    const { mark, copies } = plan;
    if (mark !== null) {
      track.setMark(mark.index, mark.term, mark.replacesLog, 0);
      this.#visitor.onSnapshotMark(shard, mark.index, mark.term, mark.replacesLog);
    }
    const indexes = [...copies.keys()].sort((left, right) => left - right);
    for (const index of indexes) {
      const { term, type, bytes } = copies.get(index)!;
      track.append(index, term);
      this.#visitor.onEntry(shard, term, index, type, bytes);
    }
    copies.clear();
    return track;
  }

  #tellEntry(
    track: ShardTrack,
    plan: ShardPlan,
    record: RecordReader,
    segment: Segment,
    bytes: Uint8Array,
  ): void {
    const { shard, index, term, type } = record;
    if (plan.isVoid(this.#count(shard), index)) return;
    segment.addEntries(shard, index, index, bytes.length);
    track.append(index, term);
    this.#visitor.onEntry(shard, term, index, type, bytes);
  }

  #tellPiece(track: ShardTrack, plan: ShardPlan, record: RecordReader, segment: Segment): void {
    segment.addLongEntry(record.shard, record.index);
    const bytes = this.#halves.complete(record);
    if (bytes !== null) this.#tellEntry(track, plan, record, segment, bytes);
  }

  /** Of several marks only rising ones are told: a copy of a later one may have been told first. */
  #tellMark(track: ShardTrack, record: RecordReader, segment: Segment, sequence: number): void {
    const { shard, index, term, replacesLog, copied } = record;
    if (index < track.markIndex) return;
    const isNew = index > track.markIndex;
    track.setMark(index, term, replacesLog, sequence);
    track.moveMark(segment);
    if (copied || !isNew) return;
    if (replacesLog) {
      for (const each of this.#segments) each.cutEntries(shard, 0);
      track.reset(index);
    }
    this.#visitor.onSnapshotMark(shard, index, term, replacesLog);
  }
}
