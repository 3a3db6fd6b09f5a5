// What the log asks of its owner and tells it: settings, events, what recovery found.
import type { DbError } from "../base/errors.ts";
import type { Clock, Scheduler } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import type { Random } from "../platform/random.ts";

/** When a frame counts as durable: `always` after its sync, the others after the write. */
export type WalSync = "always" | "everysec" | "no";

/** Settings of the log. All have defaults: see {@link resolveWalOptions}. */
export interface WalOptions {
  readonly sync: WalSync;
  /** Bytes of a segment file; a multiple of 512, at least 16 KiB. */
  readonly segmentBytes: number;
  /** Idle time after which an empty frame confirms the last one, in milliseconds. */
  readonly sealIdleMs: number;
  /** Segments the log may have before live remains of the oldest are copied forward. */
  readonly segmentsKept: number;
  /** There was a log before: when nothing is left of it, none is begun in its place. */
  readonly mustExist: boolean;
}

/** What the log works with. */
export interface WalEnvironment {
  readonly disk: Disk;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Hears, during `Wal.open`, every record that may still count, in the order in which it was
 * appended.
 *
 * Rules for a listener that rebuilds a shard's log: an entry follows the one before it, or has an
 * index that is held already (it and everything after it are replaced), or lies further ahead
 * (everything before it is forgotten: a snapshot covers it).
 */
export interface WalVisitor {
  /** `bytes` may be kept as they are; about 1 MiB of the log around them stays in memory then. */
  onEntry(shard: number, term: number, index: number, type: number, bytes: Uint8Array): void;
  onHardState(shard: number, term: number, vote: number, commit: number): void;
  /** Entries up to `index` are in a snapshot. `replacesLog`: those after it are void as well. */
  onSnapshotMark(shard: number, index: number, term: number, replacesLog: boolean): void;
  /** The shard has left this node: whatever came before is void. */
  onDrop(shard: number): void;
}

/** Hears what becomes of frames. Called from the loop, never from inside an append. */
export interface WalListener {
  /**
   * Everything appended up to this frame is durable (written, under relaxed sync). No write is
   * under way during the call: what is appended in it goes into the next frame, which is issued
   * right after.
   */
  onDurable(sequence: number): void;
  /** The disk is full (appends of entries should stop; hard states still have room), or no more. */
  onFull(isFull: boolean): void;
  /** The log has stopped for good: nothing more becomes durable, the node must stop. */
  onFailed(error: DbError): void;
  /**
   * Entries of this shard hold the oldest segment and are too many to copy: snapshot, then
   * `setFloor`.
   */
  onSnapshotWanted(shard: number): void;
}

/** The end of the log that recovery could not use. */
export interface WalCut {
  readonly file: string;
  /** First byte of the damaged frame. */
  readonly offset: number;
  readonly sequence: number;
  /** Bytes of the frame as far as its header can be believed, else one sector. */
  readonly bytes: number;
  /**
   * The frame may have been acknowledged: nothing behind it says otherwise. False for an empty
   * frame.
   */
  readonly unsealed: boolean;
}

/** What recovery found. */
export interface WalReport {
  /** There was no log. */
  readonly created: boolean;
  /** The last run ended in `close()`; true for a new log. */
  readonly cleanShutdown: boolean;
  /** The last run did not sync every frame. */
  readonly relaxed: boolean;
  readonly segments: number;
  readonly frames: number;
  /** Sequence of the last frame found, 0 when there is none. */
  readonly lastSequence: number;
  readonly cut: WalCut | null;
}

/** Bytes per sector: what a drive writes whole. */
export const SECTOR_BYTES = 512;

const MIB = 1024 * 1024;
const SEGMENT_BYTES_MIN = 16 * 1024;
/** Largest payload of a frame when segments are big enough for it. */
const FRAME_BYTES_MAX = 4 * MIB;
/** Live entries of one shard in the oldest segment that are copied; more needs a snapshot. */
const COPY_BYTES_MAX = MIB;

export const walDefaults: WalOptions = {
  sync: "always",
  segmentBytes: 64 * MIB,
  sealIdleMs: 20,
  segmentsKept: 4,
  mustExist: false,
};

/** Payload limit of one frame for a segment size: some frames always fit into a segment. */
export function frameBytesMax(segmentBytes: number): number {
  return Math.min(FRAME_BYTES_MAX, Math.floor(segmentBytes / 4));
}

/**
 * Limit of bytes per shard that are copied out of the oldest segment; below any fragmented entry.
 */
export function copyBytesMax(segmentBytes: number): number {
  return Math.min(COPY_BYTES_MAX, Math.floor(frameBytesMax(segmentBytes) / 2));
}

/** Settings with defaults filled in. Values outside their range are a bug of the caller. */
export function resolveWalOptions(given: Partial<WalOptions>): WalOptions {
  const options = { ...walDefaults, ...given };
  const segmentBytes = Math.max(
    SEGMENT_BYTES_MIN,
    Math.floor(options.segmentBytes / SECTOR_BYTES) * SECTOR_BYTES,
  );
  return Object.freeze({ ...options, segmentBytes });
}
