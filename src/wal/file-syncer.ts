// Syncs under relaxed modes: on demand and once a second. A failed sync is final.
import { failpoints } from "../base/failpoints.ts";
import type { Scheduler, Timer } from "../platform/clock.ts";
import type { DiskFile } from "../platform/disk.ts";
import type { Segment } from "./segment.ts";
import type { WalSync } from "./wal-types.ts";

const EVERY_MS = 1_000;

/** What syncs the frames of a mode; null when each write is synced by itself. */
export function syncerFor(
  sync: WalSync,
  scheduler: Scheduler,
  lastSequence: number,
  onFailed: (path: string, error: Error) => void,
): FileSyncer | null {
  if (sync === "always") return null;
  return new FileSyncer(scheduler, sync === "everysec", lastSequence, onFailed);
}

/** Keeps track of what was written and not synced, and syncs it in rounds. */
export class FileSyncer {
  /** All frames up to this one are durable. */
  syncedSequence: number;
  readonly #scheduler: Scheduler;
  readonly #everySecond: boolean;
  readonly #onFailed: (path: string, error: Error) => void;
  #writtenSequence: number;
  #dirty: { segment: Segment; file: DiskFile }[] = [];
  #syncing = false;
  #waiting: (() => void)[] = [];
  #timer: Timer | null = null;
  #stopped = false;

  constructor(
    scheduler: Scheduler,
    everySecond: boolean,
    lastSequence: number,
    onFailed: (path: string, error: Error) => void,
  ) {
    this.syncedSequence = lastSequence;
    this.#writtenSequence = lastSequence;
    this.#scheduler = scheduler;
    this.#everySecond = everySecond;
    this.#onFailed = onFailed;
  }

  get syncing(): boolean {
    return this.#syncing;
  }

  /** A frame was written and not synced. */
  wrote(segment: Segment, file: DiskFile, sequence: number): void {
    this.#writtenSequence = sequence;
    if (!segment.unsynced) {
      segment.unsynced = true;
      this.#dirty.push({ segment, file });
    }
    if (!this.#everySecond || this.#timer !== null) return;
    this.#timer = this.#scheduler.after(EVERY_MS, () => {
      this.#timer = null;
      if (this.#dirty.length > 0) this.sync(() => {});
    });
  }

  /** Calls `done` when everything written before this call is durable; never after a failure. */
  sync(done: () => void): void {
    this.#waiting.push(done);
    if (!this.#syncing) this.#beginRound();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #beginRound(): void {
    failpoints.reached?.("wal.sync.begun");
    this.#syncing = true;
    const callers = this.#waiting;
    const files = this.#dirty;
    const upTo = this.#writtenSequence;
    this.#waiting = [];
    this.#dirty = [];
    for (const { segment } of files) segment.unsynced = false;
    const next = (at: number): void => {
      const each = files[at];
      if (each !== undefined) {
        each.file.sync((error) => {
          if (error === null) next(at + 1);
          else if (!this.#stopped) this.#onFailed(each.segment.path, error);
        });
        return;
      }
      failpoints.reached?.("wal.sync.done");
      this.syncedSequence = upTo;
      this.#syncing = false;
      for (const done of callers) done();
      if (this.#waiting.length > 0 && !this.#syncing) this.#beginRound();
    };
    next(0);
  }
}
