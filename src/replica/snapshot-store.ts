// Snapshots of one shard as files: saved in the background, found and loaded at start, pruned.
import { DbError } from "../base/errors.ts";
import { failpoints } from "../base/failpoints.ts";
import { invariant } from "../base/invariant.ts";
import type { Scheduler } from "../platform/clock.ts";
import type { Disk, DiskFile } from "../platform/disk.ts";
import { syncFile, writeAll } from "../platform/disk-file.ts";
import { readAhead } from "../platform/read-ahead.ts";
import { roomForPieces, type SnapshotStream } from "./snapshot-stream.ts";

const READ_BYTES = 1024 * 1024;
/** Snapshots kept beside the newest: none is needed, one helps a human after an accident. */
const OLDER_KEPT = 0;
const NAME = /^(\d{16})-(\d{16})\.snap$/;

/** A snapshot file that is complete. */
export interface SnapshotFile {
  readonly path: string;
  readonly index: number;
  readonly term: number;
  /** Length as written; 0 when the file was found at start. */
  readonly bytes: number;
}

/** What reads a snapshot. */
export interface SnapshotTarget<T> {
  add(bytes: Uint8Array): void;
  /** All bytes were added. */
  finish(): T;
}

/** The snapshot files of one shard. */
export class SnapshotStore {
  readonly #disk: Disk;
  readonly #scheduler: Scheduler;
  readonly directory: string;

  constructor(disk: Disk, scheduler: Scheduler, directory: string) {
    this.#disk = disk;
    this.#scheduler = scheduler;
    this.directory = directory;
  }

  /** Makes the directory and removes what a crash left unfinished. */
  async open(): Promise<void> {
    await this.#disk.makeDirectory(this.directory);
    for (const name of await this.#disk.list(this.directory)) {
      if (!name.endsWith(".tmp")) continue;
      await this.#disk.remove(`${this.directory}/${name}`);
      failpoints.reached?.("recovery.snapshot.unfinished");
    }
  }

  /** Complete snapshots, newest first. */
  async list(): Promise<SnapshotFile[]> {
    const files: SnapshotFile[] = [];
    for (const name of await this.#disk.list(this.directory)) {
      const match = NAME.exec(name);
      if (match === null) continue;
      const path = `${this.directory}/${name}`;
      files.push({ path, index: Number(match[1]), term: Number(match[2]), bytes: 0 });
    }
    return files.sort((left, right) => right.index - left.index);
  }

  /**
   * The complete snapshot of an index.
   *
   * @throws DbError `SNAPSHOT_MISSING` when there is none: the log begins behind it, so data would
   * be lost.
   */
  async find(index: number): Promise<SnapshotFile> {
    const found = (await this.list()).find((file) => file.index === index);
    if (found !== undefined) return found;
    throw new DbError(
      "SNAPSHOT_MISSING",
      `the log begins behind snapshot ${index}, which is not in ${this.directory}`,
      { index, directory: this.directory },
    );
  }

  /**
   * Writes a stream to a file, syncs it and gives it its name. Pauses between pieces, so that
   * others run.
   *
   * @returns The file, or rejects with the disk's error; the stream is released either way.
   */
  async save(stream: SnapshotStream): Promise<SnapshotFile> {
    const writer = await this.receive(stream.meta.index, stream.meta.term);
    failpoints.reached?.("snapshot.save.begun");
    // Each piece is written before the next one is made: they share their memory.
    const room = roomForPieces();
    try {
      for (;;) {
        await this.#turn();
        const piece = stream.next(room);
        if (piece === null) break;
        await writer.write(piece);
        failpoints.reached?.("snapshot.piece.written");
      }
      return await writer.finish();
    } catch (error) {
      await writer.abandon();
      throw error;
    } finally {
      stream.release();
    }
  }

  /** Begins a file whose pieces come from elsewhere. */
  async receive(index: number, term: number): Promise<SnapshotWriter> {
    const name = `${pad(index)}-${pad(term)}.snap`;
    const file = await this.#disk.open(`${this.directory}/${name}.tmp`, { mode: "create" });
    await file.truncate(0);
    return new SnapshotWriter(this.#disk, this.directory, name, file, { index, term });
  }

  /**
   * Hands all bytes of a snapshot to `target`, in order, pausing between pieces.
   *
   * @returns What the target makes of it.
   * @throws DbError of the target, with the file's name.
   */
  async read<T>(snapshot: SnapshotFile, target: SnapshotTarget<T>): Promise<T> {
    const file = await this.#disk.open(snapshot.path, { mode: "read" });
    try {
      const pieces = readAhead(file, 0, await file.size(), READ_BYTES, true);
      for await (const piece of pieces) target.add(piece);
      return target.finish();
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      const facts = { ...error.facts, file: snapshot.path };
      throw new DbError(error.code, `${error.message} (${snapshot.path})`, facts, error.cause);
    } finally {
      await file.close();
    }
  }

  /** Removes snapshots older than the one at `index`. */
  async prune(index: number): Promise<void> {
    const older = (await this.list()).filter((file) => file.index < index).slice(OLDER_KEPT);
    for (const file of older) {
      await this.#disk.remove(file.path);
      failpoints.reached?.("snapshot.old.removed");
    }
    if (older.length > 0) await this.#disk.syncDirectory(this.directory);
    failpoints.reached?.("snapshot.old.pruned");
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#scheduler.soon(resolve);
    });
  }
}

/** A snapshot file in the making: it has its name only when it is complete and durable. */
export class SnapshotWriter {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #name: string;
  readonly #file: DiskFile;
  readonly #mark: { readonly index: number; readonly term: number };
  #position = 0;
  #closed = false;

  constructor(
    disk: Disk,
    directory: string,
    name: string,
    file: DiskFile,
    mark: { readonly index: number; readonly term: number },
  ) {
    this.#disk = disk;
    this.#directory = directory;
    this.#name = name;
    this.#file = file;
    this.#mark = mark;
  }

  get bytesWritten(): number {
    return this.#position;
  }

  /** Appends bytes, which must not change until the promise is settled. */
  async write(bytes: Uint8Array): Promise<void> {
    invariant(!this.#closed, "a finished snapshot file is not written");
    await writeAll(this.#file, bytes, this.#position);
    this.#position += bytes.length;
  }

  async finish(): Promise<SnapshotFile> {
    failpoints.reached?.("snapshot.file.complete");
    await syncFile(this.#file);
    failpoints.reached?.("snapshot.file.synced");
    this.#closed = true;
    await this.#file.close();
    const path = `${this.#directory}/${this.#name}`;
    await this.#disk.rename(`${path}.tmp`, path);
    failpoints.reached?.("snapshot.file.renamed");
    await this.#disk.syncDirectory(this.#directory);
    failpoints.reached?.("snapshot.file.named");
    const { index, term } = this.#mark;
    return { path, index, term, bytes: this.#position };
  }

  /** Drops the file. */
  async abandon(): Promise<void> {
    if (this.#closed) return;
    failpoints.reached?.("snapshot.file.abandoned");
    this.#closed = true;
    await this.#file.close();
    await this.#disk.remove(`${this.#directory}/${this.#name}.tmp`);
  }
}

function pad(value: number): string {
  return String(value).padStart(16, "0");
}
