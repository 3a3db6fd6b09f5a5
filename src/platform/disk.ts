// Files as an argument. Hot calls take callbacks, cold ones return promises.

/** Called when a write or sync has ended. `error` is null on success. */
export type DiskDone = (error: Error | null, bytes: number) => void;

/** How to open a file. */
export interface OpenOptions {
  /**
   * `read`: must exist. `write`: read and write, must exist. `create`: read and write, made when
   * missing. `exclusive`: made, must not exist.
   */
  readonly mode: "read" | "write" | "create" | "exclusive";
  /** Every write returns only after its data is durable (`O_DSYNC`). */
  readonly dsync?: boolean;
}

/** One open file. Positions and lengths in bytes. */
export interface DiskFile {
  readonly path: string;
  /** Length of the file in bytes. */
  size(): Promise<number>;
  /**
   * Reads into `target[offset, offset + length)`; resolves to the bytes read, fewer only at the end
   * of the file.
   */
  read(target: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /**
   * Writes `source[offset, offset + length)`, unchanged until `done`; `done` may tell fewer bytes
   * than asked.
   */
  write(source: Uint8Array, offset: number, length: number, position: number, done: DiskDone): void;
  /**
   * As `write`, but returns only when it is done: for a caller with nothing else to do meanwhile.
   * Returns the bytes written, perhaps fewer than asked; throws the system's error. Absent where it
   * cannot be had.
   */
  writeNow?(source: Uint8Array, offset: number, length: number, position: number): number;
  /** Makes earlier finished writes durable (`fdatasync`). */
  sync(done: DiskDone): void;
  truncate(lengthBytes: number): Promise<void>;
  close(): Promise<void>;
}

/** Exclusive use of a directory by one process; freed when the process ends, however it ends. */
export interface DiskLock {
  release(): Promise<void>;
}

/** A file system. Errors keep the `code` of the system: `ENOENT`, `ENOSPC`, `EIO`, ... */
export interface Disk {
  open(path: string, options: OpenOptions): Promise<DiskFile>;
  /** Makes a directory and its parents, readable by the owner alone; fine when it exists. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, sorted by code unit; an empty list when it does not exist. */
  list(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes names (created, renamed, removed) in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that can still be written below `path`. */
  freeBytes(path: string): Promise<number>;
  /** Takes the directory for this process; rejects with code `EBUSY` when another one holds it. */
  lock(directory: string): Promise<DiskLock>;
}
