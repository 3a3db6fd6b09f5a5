// A simulated machine's storage as one process sees it: dead handles and callbacks die with the
// process.
import { invariant } from "../../base/invariant.ts";
import type { Disk, DiskDone, DiskFile, DiskLock, OpenOptions } from "../disk.ts";
import type { DiskOperation } from "./disk-faults.ts";
import type { SimInode } from "./sim-inode.ts";
import { systemError } from "./sim-names.ts";
import type { SimProcess } from "./sim-process.ts";
import type { SimStorage } from "./sim-storage.ts";

/** The disk of one simulated process. Promises of a dead process never settle. */
export class SimDisk implements Disk {
  readonly #process: SimProcess;
  readonly #storage: SimStorage;

  constructor(process: SimProcess, storage: SimStorage) {
    this.#process = process;
    this.#storage = storage;
  }

  open(path: string, options: OpenOptions): Promise<DiskFile> {
    return this.#run("open", path, () => {
      const names = this.#storage.names;
      const exists = names.has(path);
      if (exists && options.mode === "exclusive") throw systemError("EEXIST", path);
      const making = options.mode === "create" || options.mode === "exclusive";
      const inode = exists || !making ? names.find(path) : names.create(path);
      return new SimFile(this.#process, this.#storage, path, inode, options);
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run(null, path, () => this.#storage.names.makeDirectory(path));
  }

  list(path: string): Promise<string[]> {
    return this.#run(null, path, () => this.#storage.names.list(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run("rename", from, () => this.#storage.names.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#run("remove", path, () => this.#storage.names.remove(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run("syncDirectory", path, () => this.#storage.names.syncDirectory(path));
  }

  freeBytes(path: string): Promise<number> {
    return this.#run(null, path, () => {
      const free = this.#storage.limitBytes - this.#storage.usedBytes;
      return Math.max(0, Math.min(free, Number.MAX_SAFE_INTEGER));
    });
  }

  lock(directory: string): Promise<DiskLock> {
    return this.#run(null, directory, () => {
      const release = this.#storage.lock(directory, this.#process);
      return { release: () => this.#run(null, directory, release) };
    });
  }

  #run<T>(operation: DiskOperation | null, path: string, work: () => T): Promise<T> {
    return runLater(this.#process, this.#storage, operation, path, work);
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  readonly writeNow?: NonNullable<DiskFile["writeNow"]>;
  readonly #process: SimProcess;
  readonly #storage: SimStorage;
  readonly #inode: SimInode;
  readonly #options: OpenOptions;
  #open = true;

  constructor(
    process: SimProcess,
    storage: SimStorage,
    path: string,
    inode: SimInode,
    options: OpenOptions,
  ) {
    this.path = path;
    this.#process = process;
    this.#storage = storage;
    this.#inode = inode;
    this.#options = options;
    if (!storage.writesNow || options.mode === "read") return;
    this.writeNow = (source, offset, length, position) => {
      invariant(this.#open, "a closed file is not written");
      // Code that runs on when its process was killed under it changes nothing, and hears nothing.
      if (!process.alive) return length;
      const stallMs = storage.drawStallMs(path);
      if (stallMs > 0) process.stall(stallMs);
      const bytes = source.subarray(offset, offset + length);
      return storage.writeNow(inode, bytes, position, options.dsync === true, path);
    };
  }

  size(): Promise<number> {
    return this.#run(null, () => this.#inode.size);
  }

  read(target: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.#run("read", () => this.#inode.read(target, offset, length, position));
  }

  write(
    source: Uint8Array,
    offset: number,
    length: number,
    position: number,
    done: DiskDone,
  ): void {
    invariant(this.#open, "a closed file is not written");
    if (!this.#process.alive) return;
    if (this.#options.mode === "read") {
      this.#process.schedule(0, () => done(systemError("EBADF", this.path), 0));
      return;
    }
    const bytes = source.subarray(offset, offset + length);
    const durable = this.#options.dsync === true;
    this.#storage.write(this.#inode, bytes, position, durable, this.path, (error, count) =>
      this.#process.deliver(() => done(error, count)),
    );
  }

  sync(done: DiskDone): void {
    invariant(this.#open, "a closed file is not synced");
    if (!this.#process.alive) return;
    const storage = this.#storage;
    const fault = storage.takeFault("sync", this.path);
    const upTo = this.#inode.changes;
    this.#process.schedule(storage.drawLatencyMs(this.path), () => {
      if (fault !== null) done(fault, 0);
      else if (storage.losesAtSync(this.#inode, this.path)) done(systemError("EIO", this.path), 0);
      else {
        storage.sync(this.#inode, upTo, this.path);
        done(null, 0);
      }
    });
  }

  truncate(lengthBytes: number): Promise<void> {
    return this.#run("truncate", () => this.#storage.truncate(this.#inode, lengthBytes, this.path));
  }

  close(): Promise<void> {
    return this.#run(null, () => {
      this.#open = false;
    });
  }

  #run<T>(operation: DiskOperation | null, work: () => T): Promise<T> {
    invariant(this.#open, "a closed file is not used");
    return runLater(this.#process, this.#storage, operation, this.path, work);
  }
}

function runLater<T>(
  process: SimProcess,
  storage: SimStorage,
  operation: DiskOperation | null,
  path: string,
  work: () => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (!process.alive) return;
    const fault = operation === null ? null : storage.takeFault(operation, path);
    process.schedule(storage.drawLatencyMs(path), () => {
      if (fault !== null) {
        reject(fault);
        return;
      }
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}
