// The write loop: one frame in flight, the next one when it is durable. No promise, no allocation.
import { Buffer } from "node:buffer";
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import type { Random } from "../platform/random.ts";
import type { Scheduler, Timer } from "../platform/clock.ts";
import type { DiskFile } from "../platform/disk.ts";
import { type FileSyncer, syncerFor } from "./file-syncer.ts";
import { FRAME_AT, type FrameBuffer } from "./frame-buffer.ts";
import type { FrameQueue } from "./frame-queue.ts";
import type { Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";
import { isNoSpace, type SegmentPool } from "./segment-pool.ts";
import {
  emptyFrameHeader,
  frameDiskBytes,
  FrameFlag,
  writeFrame,
  writeSegmentHeader,
} from "./wal-format.ts";
import { SECTOR_BYTES, type WalOptions } from "./wal-types.ts";

const RETRY_MS = 1_000;
/** Frames that hold no records and wake nobody. */
const CONTROL = FrameFlag.seal | FrameFlag.open | FrameFlag.close;

/** What the write loop tells the log. */
export interface FrameWriterEvents {
  /** A frame goes to the disk, into this segment. */
  onIssued(frame: FrameBuffer, segment: Segment): void;
  /** A frame with records counts as durable; nothing is in flight. */
  onWritten(sequence: number): void;
  /** The log has moved on to a new segment. */
  onRotated(): void;
  onFull(isFull: boolean): void;
  onFailed(error: DbError): void;
}

/** Writes the frames of a queue into the segments of a list. */
export class FrameWriter {
  /** All frames up to this one are durable. */
  durableSequence: number;
  readonly #options: WalOptions;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #queue: FrameQueue;
  readonly #pool: SegmentPool;
  readonly #segments: SegmentList;
  readonly #events: FrameWriterEvents;
  readonly #syncer: FileSyncer | null;
  readonly #header = emptyFrameHeader();
  #flying: FrameBuffer | null = null;
  #flags = 0;
  /** The part of the flying frame that is being written. */
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;
  #left = 0;
  #at = 0;
  #waitsForSegment = false;
  #sealed = true;
  #sealTimer: Timer | null = null;
  #sequenceAtSealTimer = 0;
  #noSpace = false;
  /** The frame that is being issued is written before the call returns. */
  #writesNow = false;
  #full = false;
  #stopped = false;
  #whenWritten: (() => void) | null = null;
  #whenDrained: (() => void) | null = null;
  readonly #onWrite = (error: Error | null, bytes: number): void => this.#wrote(error, bytes);
  readonly #onSynced = (): void => this.#finish();
  readonly #onSealTimer = (): void => this.#maybeSeal();
  readonly #retry = (): void => {
    if (!this.#stopped) this.#issue();
  };

  constructor(
    environment: { scheduler: Scheduler; random: Random },
    options: WalOptions,
    parts: { queue: FrameQueue; pool: SegmentPool; segments: SegmentList },
    lastSequence: number,
    events: FrameWriterEvents,
  ) {
    this.#options = options;
    this.#scheduler = environment.scheduler;
    this.#random = environment.random;
    this.#queue = parts.queue;
    this.#pool = parts.pool;
    this.#segments = parts.segments;
    this.#events = events;
    this.durableSequence = lastSequence;
    const onFailed = (path: string, error: Error): void => this.#fail("sync", path, error);
    this.#syncer = syncerFor(options.sync, environment.scheduler, lastSequence, onFailed);
  }

  /** A write or its sync is under way. */
  get writing(): boolean {
    return this.#flying !== null;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Issues the next frame unless one is under way.
   *
   * @param now Write it before this returns, where the disk can: `onWritten` comes inside the call.
   */
  flush(now = false): void {
    if (this.#flying !== null || this.#stopped) return;
    const frame = this.#queue.take();
    if (frame === null) return;
    this.#writesNow = now;
    this.#start(frame, 0);
    this.#writesNow = false;
  }

  /** Writes an empty frame with these flags and syncs it. Nothing may be under way or waiting. */
  writeControl(flags: number): Promise<void> {
    invariant(this.#flying === null && this.#queue.empty, "control frames are written in quiet");
    return new Promise((resolve) => {
      this.#whenWritten = resolve;
      this.#start(this.#queue.takeOpen(), flags);
    });
  }

  /** Resolves when nothing is under way or waits, or when that cannot be: stopped, or no space. */
  drain(): Promise<void> {
    this.flush();
    if (this.#flying === null || this.#stopped || this.#isBlocked) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenDrained = resolve;
    });
  }

  /** Makes sure that a frame is written before long, also when nothing is appended. */
  requestSeal(): void {
    this.#sealed = false;
    if (this.#flying === null) this.#armSeal();
  }

  /** A spare file has come or gone. */
  onSpareChanged(): void {
    if (!this.#pool.starved && this.#pool.readyCount > 0) this.#noSpace = false;
    this.#checkFull();
    if (!this.#waitsForSegment || this.#pool.readyCount === 0 || this.#stopped) return;
    this.#waitsForSegment = false;
    this.#issue();
  }

  /** Resolves when everything written is synced; at once under `always`. */
  sync(): Promise<void> {
    const syncer = this.#syncer;
    if (syncer === null || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => syncer.sync(resolve));
  }

  /** Issues nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#sealTimer?.cancel();
    this.#sealTimer = null;
    this.#syncer?.stop();
  }

  /** Stops for good and says why. */
  fail(error: DbError): void {
    if (this.#stopped) return;
    this.stop();
    this.#events.onFailed(error);
    this.#tell();
  }

  get #isBlocked(): boolean {
    return this.#noSpace || (this.#waitsForSegment && this.#pool.starved);
  }

  /** Lets those go on who wait for the end of writing. */
  #tell(): void {
    const written = this.#whenWritten;
    const drained = this.#whenDrained;
    this.#whenWritten = null;
    this.#whenDrained = null;
    written?.();
    drained?.();
  }

  #start(frame: FrameBuffer, flags: number): void {
    this.#flying = frame;
    this.#flags = flags | (this.#syncer === null ? 0 : FrameFlag.relaxed);
    this.#sealed = (flags & CONTROL) !== 0;
    this.#issue();
  }

  /** Puts the flying frame into a segment and begins to write it. */
  #issue(): void {
    const frame = this.#flying!;
    const diskBytes = frameDiskBytes(frame.payloadBytes);
    let segment = this.#segments.active;
    if (diskBytes > segment.roomBytes) {
      const next = this.#rotate(frame.sequence);
      if (next === null) return;
      segment = next;
    }
    const isFirst = segment.position === SECTOR_BYTES;
    if (isFirst) writeSegmentHeader(frame.bytes, frame.view, segment.header);
    const header = this.#header;
    header.salt = segment.header.salt;
    header.flags = this.#flags;
    header.sequence = frame.sequence;
    header.durableSequence = this.#syncer === null ? frame.sequence - 1 : this.durableSequence;
    header.oldestSegment = this.#segments.oldestNumberAt(frame.sequence);
    header.segment = segment.number;
    header.payloadBytes = frame.payloadBytes;
    header.recordCount = frame.recordCount;
    writeFrame(frame.bytes, frame.view, FRAME_AT, header);
    this.#events.onIssued(frame, segment);
    this.#bytes = frame.bytes;
    this.#from = isFirst ? 0 : FRAME_AT;
    this.#left = isFirst ? FRAME_AT + diskBytes : diskBytes;
    this.#at = isFirst ? 0 : segment.position;
    this.#write(segment.file!);
  }

  #write(file: DiskFile): void {
    failpoints.reached?.("wal.write.before");
    if (!this.#writesNow || file.writeNow === undefined) {
      file.write(this.#bytes, this.#from, this.#left, this.#at, this.#onWrite);
      return;
    }
    this.#writesNow = false;
    let written = 0;
    let failure: Error | null = null;
    try {
      written = file.writeNow(this.#bytes, this.#from, this.#left, this.#at);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#wrote(failure, written);
  }

  /** Begins a new segment, or returns null: then it goes on when there is a file. */
  #rotate(firstSequence: number): Segment | null {
    const spare = this.#pool.take();
    if (spare === null) {
      this.#waitsForSegment = true;
      this.#pool.want();
      this.#checkFull();
      return null;
    }
    const old = this.#segments.active;
    const next = this.#segments.begin(
      spare,
      this.#options.segmentBytes,
      this.#random.uint32(),
      firstSequence,
      this.#syncer === null ? firstSequence - 1 : this.durableSequence,
    );
    this.#retire(old);
    this.#events.onRotated();
    return next;
  }

  /** A full segment's file is closed, once it is synced. */
  #retire(segment: Segment): void {
    const { file } = segment;
    if (file === null) return;
    segment.file = null;
    const close = (): void => {
      file.close().catch((error: unknown) => this.#fail("close", segment.path, error));
    };
    if (this.#syncer === null) close();
    else this.#syncer.sync(close);
  }

  #wrote(error: Error | null, bytes: number): void {
    if (this.#stopped) return;
    failpoints.reached?.("wal.write.after");
    const segment = this.#segments.active;
    if (error !== null) {
      if (isNoSpace(error)) this.#onNoSpace();
      else this.#fail("write", segment.path, error);
      return;
    }
    if (bytes < this.#left) {
      if (bytes === 0) this.#fail("write", segment.path, new Error("no byte was written"));
      else this.#writeRest(segment, bytes);
      return;
    }
    segment.position += frameDiskBytes(this.#flying!.payloadBytes);
    if (this.#noSpace && this.#pool.readyCount > 1) this.#noSpace = false;
    const syncer = this.#syncer;
    if (syncer === null) {
      this.#finish();
      return;
    }
    syncer.wrote(segment, segment.file!, this.#flying!.sequence);
    const mustSync =
      this.#flying!.urgent || (this.#flags & (FrameFlag.open | FrameFlag.close)) !== 0;
    if (mustSync) syncer.sync(this.#onSynced);
    else this.#finish();
  }

  /** A short write is completed; the frame counts only when all of it is there. */
  #writeRest(segment: Segment, written: number): void {
    failpoints.reached?.("wal.write.short");
    this.#from += written;
    this.#left -= written;
    this.#at += written;
    segment.file!.write(this.#bytes, this.#from, this.#left, this.#at, this.#onWrite);
  }

  #finish(): void {
    const frame = this.#flying;
    if (this.#stopped || frame === null) return;
    const { sequence } = frame;
    this.durableSequence = this.#syncer === null ? sequence : this.#syncer.syncedSequence;
    this.#flying = null;
    this.#queue.release(frame);
    if (this.#segments.hasFreed) this.#settleFreed();
    if ((this.#flags & CONTROL) === 0) this.#events.onWritten(sequence);
    // Nothing follows the frame that closes the log.
    if (this.#flying === null && (this.#flags & FrameFlag.close) === 0) this.flush();
    if (this.#flying === null) {
      this.#armSeal();
      this.#tell();
    }
    if (this.#pool.starved || this.#full || this.#noSpace) this.#checkFull();
  }

  #settleFreed(): void {
    this.#segments.settle(this.durableSequence);
    if (!this.#segments.hasFreed || this.#syncer === null || this.#syncer.syncing) return;
    this.#syncer.sync(() => {
      this.durableSequence = Math.max(this.durableSequence, this.#syncer!.syncedSequence);
      this.#segments.settle(this.durableSequence);
    });
  }

  /** The disk has no room for this frame: it goes into a spare file, or is tried again later. */
  #onNoSpace(): void {
    failpoints.reached?.("wal.write.noSpace");
    this.#noSpace = true;
    this.#pool.freeBytes = 0;
    const isFresh = this.#segments.active.position === SECTOR_BYTES;
    const next =
      isFresh || this.#pool.readyCount === 0 ? null : this.#rotate(this.#flying!.sequence);
    this.#pool.fill();
    this.#checkFull();
    if (next === null) this.#scheduler.after(RETRY_MS, this.#retry);
    else this.#issue();
  }

  /**
   * Full means: no file can be made, none is ready, and what is left of the present one, its half,
   * is wanted for hard states, marks of snapshots and copies. A write that met the end of the disk
   * says so too, until files can be made again or the rest of the present one surely has room.
   */
  #checkFull(): void {
    const { active } = this.#segments;
    const isLast = this.#pool.readyCount === 0;
    const short = isLast && active.roomBytes < active.header.capacityBytes / 2;
    const roomy = !isLast && active.roomBytes >= active.header.capacityBytes / 4;
    if (roomy && this.#pool.starved && this.#pool.freeBytes >= active.unfilledBytes) {
      this.#noSpace = false;
    }
    const full = this.#noSpace || (this.#pool.starved && short);
    if (full === this.#full || this.#stopped) return;
    this.#full = full;
    if (full && this.#isBlocked) this.#whenDrained?.();
    this.#events.onFull(full);
  }

  #armSeal(): void {
    if (this.#sealed || this.#sealTimer !== null || this.#stopped) return;
    this.#sequenceAtSealTimer = this.#queue.open.sequence;
    this.#sealTimer = this.#scheduler.after(this.#options.sealIdleMs, this.#onSealTimer);
  }

  #maybeSeal(): void {
    this.#sealTimer = null;
    if (this.#flying !== null || this.#sealed || this.#stopped) return;
    failpoints.reached?.("wal.seal.due");
    const idle = this.#queue.empty && this.#queue.open.sequence === this.#sequenceAtSealTimer;
    if (idle) this.#start(this.#queue.takeOpen(), FrameFlag.seal);
    else this.#armSeal();
  }

  #fail(what: string, path: string, cause: unknown): void {
    const message = `the log cannot ${what} ${path}`;
    this.fail(new DbError("WAL_FAILED", message, { what, file: path }, cause));
  }
}
