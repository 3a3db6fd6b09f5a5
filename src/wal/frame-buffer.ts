// The memory of one frame while it fills and flies: room for a segment header, frame header,
// records.
import { Buffer } from "node:buffer";
import { viewOf } from "../base/bytes.ts";
import type { ShardTrack } from "./shard-track.ts";
import { FRAME_HEADER_BYTES } from "./wal-format.ts";
import { SECTOR_BYTES } from "./wal-types.ts";

/**
 * Where the frame begins in its buffer: the first frame of a segment is written with its header.
 */
export const FRAME_AT: number = SECTOR_BYTES;
const PAYLOAD_AT = FRAME_AT + FRAME_HEADER_BYTES;
const CAPACITY_MIN = 64 * 1024;
/** A buffer above this is given back when a frame uses less than a quarter of it. */
const CAPACITY_KEPT = 1024 * 1024;

/** Entries of one shard in one frame. */
export class Touch {
  track: ShardTrack | null = null;
  first = 0;
  last = 0;
  bytes = 0;
  /** Index of an entry of which the frame holds a piece, or 0. */
  long = 0;
}

/** One frame. Used again and again. */
export class FrameBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(CAPACITY_MIN);
  view: DataView = viewOf(this.bytes);
  sequence = 0;
  payloadBytes = 0;
  recordCount = 0;
  /** Synced before it counts as durable, even under relaxed sync. */
  urgent = false;
  touchCount = 0;
  readonly touches: Touch[] = [];
  /** Shards whose hard state, or snapshot mark, is in this frame. */
  readonly hardStates: ShardTrack[] = [];
  readonly marks: ShardTrack[] = [];

  /** Makes it a new, empty frame. */
  start(sequence: number): void {
    this.sequence = sequence;
    this.payloadBytes = 0;
    this.recordCount = 0;
    this.urgent = false;
    for (let slot = 0; slot < this.touchCount; slot++) this.touches[slot]!.track = null;
    this.touchCount = 0;
    this.hardStates.length = 0;
    this.marks.length = 0;
  }

  /** Takes room for one record; returns where it goes. */
  reserve(bytes: number): number {
    const at = PAYLOAD_AT + this.payloadBytes;
    // A whole sector is kept free: the frame is filled up with zeros to the end of its last one.
    const needed = at + bytes + SECTOR_BYTES;
    if (needed > this.bytes.length) this.#grow(needed);
    this.payloadBytes += bytes;
    this.recordCount++;
    return at;
  }

  /** Notes an entry of a shard. */
  touch(track: ShardTrack, index: number, bytes: number): void {
    if (track.touchSequence !== this.sequence) {
      if (this.touchCount === this.touches.length) this.touches.push(new Touch());
      track.touchSequence = this.sequence;
      track.touchSlot = this.touchCount++;
      const fresh = this.touches[track.touchSlot]!;
      fresh.track = track;
      fresh.first = index;
      fresh.last = index;
      fresh.bytes = bytes;
      fresh.long = 0;
      return;
    }
    const touch = this.touches[track.touchSlot]!;
    if (index < touch.first) touch.first = index;
    if (index > touch.last) touch.last = index;
    touch.bytes += bytes;
  }

  /** Notes a piece of an entry of a shard. */
  touchLong(track: ShardTrack, index: number): void {
    this.touch(track, index, 0);
    this.touches[track.touchSlot]!.long = index;
  }

  /** Entries of a shard from `index` on are void. */
  cutTouches(track: ShardTrack, index: number): void {
    for (let slot = 0; slot < this.touchCount; slot++) {
      const touch = this.touches[slot]!;
      if (touch.track === track && touch.last >= index) touch.last = index - 1;
    }
  }

  /** Gives memory back that the last frame did not need. */
  shrink(): void {
    const { length } = this.bytes;
    if (length > CAPACITY_KEPT && this.payloadBytes < length / 4) this.#allocate(CAPACITY_MIN);
  }

  #grow(needed: number): void {
    const old = this.bytes;
    this.#allocate(Math.max(needed, old.length * 2));
    old.copy(this.bytes, PAYLOAD_AT, PAYLOAD_AT, PAYLOAD_AT + this.payloadBytes);
  }

  #allocate(capacity: number): void {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.view = viewOf(this.bytes);
  }
}
