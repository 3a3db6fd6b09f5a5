// Segment files made ready ahead of time: created, filled with zeros, or reused. The log takes
// them.
import { Buffer } from "node:buffer";
import { failpoints } from "../base/failpoints.ts";
import type { Clock, Scheduler, Timer } from "../platform/clock.ts";
import type { Disk, DiskFile } from "../platform/disk.ts";
import { syncFile, writeAll } from "../platform/disk-file.ts";
import { FileGate } from "./file-gate.ts";

/** Files kept ready: the next one, and one for hard states when the disk is full. */
const SPARE_FILES = 2;
/** Bytes of zeros per write: small, since the log's own writes wait behind it in the drive. */
const FILL_PIECE_BYTES = 256 * 1024;
const RETRY_MS = 1_000;
const NAME_PREFIX = "wal-";
const NAME_SUFFIX = ".log";
const NAME_DIGITS = 8;

/** A file that no segment uses. */
export interface SpareFile {
  readonly path: string;
  readonly file: DiskFile;
  /** Length of the file: writes below it overwrite what is there. */
  readonly filledBytes: number;
}

/** What the pool tells the log. */
export interface SegmentPoolEvents {
  /** A file is ready that was asked for with `want`, or the number of ready files has changed. */
  onSpareChanged(): void;
  /** A file operation failed for another reason than a full disk. */
  onPoolFailed(what: string, path: string, error: unknown): void;
}

/** Names of segment files. */
export function isSegmentName(name: string): boolean {
  return /^wal-\d{8,}\.log$/.test(name);
}

function idOf(name: string): number {
  return Number(name.slice(NAME_PREFIX.length, -NAME_SUFFIX.length));
}

/** Makes files, fills them in small steps, takes back old ones, removes what is too many. */
export class SegmentPool {
  /** The last attempt to make a file met a full disk. */
  starved = false;
  /** Room on the disk when a file was last to be made; 0 after a write met the end of it. */
  freeBytes = 0;
  readonly gate: FileGate = new FileGate();
  readonly #disk: Disk;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #dsync: boolean;
  readonly #events: SegmentPoolEvents;
  readonly #ready: SpareFile[] = [];
  /** Files to be used again, not yet looked at. */
  readonly #returned: string[] = [];
  readonly #zeros: Buffer;
  #nextId = 1;
  #wanted = false;
  #making: Promise<void> | null = null;
  #closed = false;
  #retry: Timer | null = null;
  #wake: (() => void) | null = null;

  constructor(
    environment: { disk: Disk; scheduler: Scheduler; clock: Clock },
    directory: string,
    settings: { segmentBytes: number; dsync: boolean },
    events: SegmentPoolEvents,
  ) {
    this.#disk = environment.disk;
    this.#scheduler = environment.scheduler;
    this.#clock = environment.clock;
    this.#directory = directory;
    this.#segmentBytes = settings.segmentBytes;
    this.#dsync = settings.dsync;
    this.#events = events;
    this.#zeros = Buffer.alloc(Math.min(FILL_PIECE_BYTES, settings.segmentBytes));
  }

  get readyCount(): number {
    return this.#ready.length;
  }

  /** Names in use: later files get higher numbers. */
  noteName(name: string): void {
    this.#nextId = Math.max(this.#nextId, idOf(name) + 1);
  }

  /** A ready file, or null: then {@link want} one. */
  take(): SpareFile | null {
    const spare = this.#ready.shift() ?? null;
    if (spare !== null) this.fill();
    return spare;
  }

  /** Asks for a file as soon as there is one, filled or not: `onSpareChanged` tells. */
  want(): void {
    this.#wanted = true;
    this.#wake?.();
    this.fill();
  }

  /** Begins to make files ready, in the background, until there are enough. */
  fill(): void {
    if (this.#making !== null || this.#closed) return;
    if (this.#returned.length > 0) this.#making = this.#reuseOne();
    else if (this.#retry === null && this.#ready.length < SPARE_FILES)
      this.#making = this.#makeOne();
  }

  /** Makes one file now; for the start, when there is no log to write to. */
  async makeFirst(filledBytes: number): Promise<SpareFile> {
    const path = this.#newPath();
    const file = await this.#disk.open(path, { mode: "exclusive", dsync: this.#dsync });
    failpoints.reached?.("pool.first.created");
    await this.#disk.syncDirectory(this.#directory);
    for (let at = 0; at < filledBytes; at += this.#zeros.length) {
      await this.#writeZeros(file, at, Math.min(this.#zeros.length, filledBytes - at));
    }
    if (!this.#dsync) await syncFile(file);
    failpoints.reached?.("pool.first.filled");
    return { path, file, filledBytes };
  }

  /** Takes a file that no segment needs any more: for later use, or to be removed. */
  async giveBack(path: string): Promise<void> {
    if (this.#closed) return;
    if (this.#ready.length + this.#returned.length >= SPARE_FILES) {
      await this.#remove(path);
      return;
    }
    this.#returned.push(path);
    this.fill();
  }

  /** Stops making files and closes those that are ready. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    this.#wake?.();
    await this.#making;
    await this.gate.idle();
    for (const spare of this.#ready.splice(0)) await spare.file.close();
  }

  #newPath(): string {
    const id = String(this.#nextId++).padStart(NAME_DIGITS, "0");
    return `${this.#directory}/${NAME_PREFIX}${id}${NAME_SUFFIX}`;
  }

  #addReady(spare: SpareFile): void {
    failpoints.reached?.("pool.file.ready");
    this.#ready.push(spare);
    this.#wanted = false;
    if (this.#ready.length >= SPARE_FILES) this.starved = false;
    this.#events.onSpareChanged();
  }

  async #makeOne(): Promise<void> {
    const path = this.#newPath();
    let file: DiskFile | null = null;
    try {
      // Looking first is cheaper than filling the last bytes of a disk again and again.
      const freeBytes = await this.gate.run(() => this.#disk.freeBytes(this.#directory));
      this.freeBytes = freeBytes;
      if (freeBytes < this.#segmentBytes) {
        this.#starve();
        return;
      }
      file = await this.gate.run(() =>
        this.#disk.open(path, { mode: "exclusive", dsync: this.#dsync }),
      );
      failpoints.reached?.("pool.file.created");
      await this.gate.run(() => this.#disk.syncDirectory(this.#directory));
      failpoints.reached?.("pool.file.named");
      const filledBytes = await this.#fillFile(file);
      this.#making = null;
      this.starved = false;
      if (this.#closed) await file.close();
      else this.#addReady({ path, file, filledBytes });
    } catch (error) {
      await this.#giveUp(path, file, error);
      return;
    }
    this.fill();
  }

  /** Opens a file that was used before; a part of it that was never written is filled up. */
  async #reuseOne(): Promise<void> {
    const path = this.#returned.shift()!;
    let file: DiskFile | null = null;
    try {
      const opened = await this.gate.run(() =>
        this.#disk.open(path, { mode: "write", dsync: this.#dsync }),
      );
      file = opened;
      failpoints.reached?.("pool.file.reopened");
      const bytes = await this.gate.run(() => opened.size());
      if (bytes > this.#segmentBytes) {
        await opened.close();
        await this.#remove(path);
        this.#making = null;
      } else {
        const filledBytes = await this.#fillFile(opened, bytes);
        this.#making = null;
        if (this.#closed) await opened.close();
        else this.#addReady({ path, file: opened, filledBytes });
      }
    } catch (error) {
      await this.#giveUp(path, file, error);
      return;
    }
    this.fill();
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.gate.run(() => this.#disk.remove(path));
      failpoints.reached?.("pool.file.removed");
      await this.gate.run(() => this.#disk.syncDirectory(this.#directory));
    } catch (error) {
      if (!this.#closed) this.#events.onPoolFailed("remove", path, error);
    }
  }

  /** Writes zeros until the file is full, or is needed as it is. */
  async #fillFile(file: DiskFile, from = 0): Promise<number> {
    let at = from;
    while (at < this.#segmentBytes && !this.#closed) {
      if (this.#wanted && this.#ready.length === 0) break;
      const length = Math.min(this.#zeros.length, this.#segmentBytes - at);
      const begin = at;
      const beganMs = this.#clock.monotonicMs();
      await this.gate.run(() => this.#writeZeros(file, begin, length));
      at += length;
      failpoints.reached?.("pool.zeros.written");
      // Half of the time belongs to others.
      await this.#pause(this.#clock.monotonicMs() - beganMs);
    }
    if (!this.#dsync) await this.gate.run(() => syncFile(file));
    return at;
  }

  #pause(ms: number): Promise<void> {
    if (this.#wanted || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#scheduler.after(ms, resolve);
    });
  }

  #writeZeros(file: DiskFile, from: number, length: number): Promise<void> {
    return writeAll(file, this.#zeros.subarray(0, length), from);
  }

  async #giveUp(path: string, file: DiskFile | null, error: unknown): Promise<void> {
    try {
      await file?.close();
      if (file !== null) await this.gate.run(() => this.#disk.remove(path));
    } catch (failure) {
      this.#making = null;
      this.#events.onPoolFailed("remove", path, failure);
      return;
    }
    if (isNoSpace(error)) {
      this.#starve();
      return;
    }
    this.#making = null;
    if (!this.#closed) this.#events.onPoolFailed("make", path, error);
  }

  /** The disk is full: try again by and by. */
  #starve(): void {
    this.#making = null;
    if (this.#closed) return;
    failpoints.reached?.("pool.starved");
    this.starved = true;
    this.#retry = this.#scheduler.after(RETRY_MS, () => {
      this.#retry = null;
      this.fill();
    });
    this.#events.onSpareChanged();
  }
}

/** Whether an error says that the disk or a quota is used up. */
export function isNoSpace(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "ENOSPC" || code === "EDQUOT";
}
