// Files through libuv's thread pool. Everything is made readable by the owner alone.
import * as fs from "node:fs";
import * as path from "node:path";
import type { Disk, DiskDone, DiskFile, DiskLock, OpenOptions } from "../disk.ts";
import { lockDirectory } from "./node-lock.ts";

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/**
 * On macOS `O_DSYNC` does not reach the drive (`fdatasync` does, as F_FULLFSYNC); Windows has none.
 */
const DSYNC_FLAG = process.platform === "darwin" ? 0 : (fs.constants.O_DSYNC ?? 0);

/** The file system of this machine. */
export class NodeDisk implements Disk {
  async open(file: string, options: OpenOptions): Promise<DiskFile> {
    const dsync = options.dsync === true;
    const fd = await openFd(file, flagsOf(options.mode) | (dsync ? DSYNC_FLAG : 0));
    return dsync && DSYNC_FLAG === 0 ? new SyncingFile(file, fd) : new NodeFile(file, fd);
  }

  async makeDirectory(directory: string): Promise<void> {
    await fs.promises.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  }

  async list(directory: string): Promise<string[]> {
    try {
      return (await fs.promises.readdir(directory)).sort();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  rename(from: string, to: string): Promise<void> {
    return fs.promises.rename(from, to);
  }

  remove(file: string): Promise<void> {
    return fs.promises.unlink(file);
  }

  async syncDirectory(directory: string): Promise<void> {
    // Windows can neither open nor sync a directory; names are durable there with the file.
    if (process.platform === "win32") return;
    const handle = await fs.promises.open(directory, fs.constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async freeBytes(directory: string): Promise<number> {
    const stat = await fs.promises.statfs(directory);
    return stat.bavail * stat.bsize;
  }

  lock(directory: string): Promise<DiskLock> {
    return lockDirectory(path.resolve(directory));
  }
}

/**
 * A file whose writes are durable on return when it was opened with `O_DSYNC`, and not otherwise.
 */
class NodeFile implements DiskFile {
  readonly path: string;
  protected readonly fd: number;

  constructor(file: string, fd: number) {
    this.path = file;
    this.fd = fd;
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.fd, (error, stat) => (error === null ? resolve(stat.size) : reject(error)));
    });
  }

  async read(
    target: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<number> {
    let done = 0;
    while (done < length) {
      const bytes = await this.#readOnce(target, offset + done, length - done, position + done);
      if (bytes === 0) break;
      done += bytes;
    }
    return done;
  }

  write(
    source: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DiskDone,
  ): void {
    fs.write(this.fd, source, offset, length, position, done);
  }

  writeNow(source: Uint8Array, offset: number, length: number, position: number): number {
    return fs.writeSync(this.fd, source, offset, length, position);
  }

  sync(done: DiskDone): void {
    fs.fdatasync(this.fd, (error) => done(error, 0));
  }

  truncate(lengthBytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.fd, lengthBytes, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  #readOnce(target: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.fd, target, offset, length, position, (error, bytes) =>
        error === null ? resolve(bytes) : reject(error),
      );
    });
  }
}

/** The same promise as `O_DSYNC` where the system has none: write, then sync. */
class SyncingFile extends NodeFile {
  override write(
    source: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DiskDone,
  ): void {
    super.write(source, offset, length, position, (error, bytes) => {
      if (error !== null) done(error, bytes);
      else this.sync((failure) => done(failure, bytes));
    });
  }

  override writeNow(source: Uint8Array, offset: number, length: number, position: number): number {
    const bytes = super.writeNow(source, offset, length, position);
    fs.fdatasyncSync(this.fd);
    return bytes;
  }
}

function flagsOf(mode: OpenOptions["mode"]): number {
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;
  switch (mode) {
    case "read":
      return O_RDONLY;
    case "write":
      return O_RDWR;
    case "create":
      return O_RDWR | O_CREAT;
    case "exclusive":
      return O_RDWR | O_CREAT | O_EXCL;
  }
}

function openFd(file: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(file, flags, FILE_MODE, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
