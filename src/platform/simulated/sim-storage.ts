// The storage of one simulated machine: files, names, writes under way, and the faults put into it.
import { Buffer } from "node:buffer";
import { invariant } from "../../base/invariant.ts";
import type { SimInode } from "./sim-inode.ts";
import { SimNames, systemError } from "./sim-names.ts";
import type { SimRandom } from "./sim-random.ts";
import type { SimProcess } from "./sim-host.ts";
import type { SimWorld } from "./sim-world.ts";

/** Calls that {@link SimStorage.failNext} can make fail. */
export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "remove"
  | "syncDirectory";

/** A write that was asked for and has not completed. */
interface WriteUnderWay {
  readonly inode: SimInode;
  readonly bytes: Buffer;
  readonly position: number;
}

interface Fault {
  readonly operation: DiskOperation;
  readonly code: string;
  readonly pathPart: string;
  left: number;
}

/** What outlives the processes of a machine. Faults are set from tests, at any time. */
export class SimStorage {
  readonly names: SimNames = new SimNames();
  /** Shortest and longest time of one file operation, in milliseconds. */
  latencyMs: { min: number; max: number } = { min: 0.05, max: 0.5 };
  /** No file may grow when all files together would pass this many bytes: `ENOSPC`. */
  limitBytes: number = Number.POSITIVE_INFINITY;
  /** Whether files can be written while the caller waits; the world stands still meanwhile. */
  writesNow: boolean;
  readonly #world: SimWorld;
  readonly #random: SimRandom;
  readonly #underWay = new Set<WriteUnderWay>();
  readonly #locks = new Map<string, SimProcess>();
  #faults: Fault[] = [];
  #shortWrites: number[] = [];

  constructor(world: SimWorld, random: SimRandom) {
    this.#world = world;
    this.#random = random;
    this.writesNow = random.chance(0.5);
  }

  /** The next `count` calls of this kind fail with `code`, on paths that contain `pathPart`. */
  failNext(operation: DiskOperation, code: string, count = 1, pathPart = ""): void {
    this.#faults.push({ operation, code, pathPart, left: count });
  }

  /** The next write takes only this many bytes. */
  shortenNextWrite(bytes: number): void {
    this.#shortWrites.push(bytes);
  }

  /** Damages one bit of a file on the platter. */
  flipBit(path: string, position: number, bit = 0): void {
    this.names.find(path).flipBit(position, bit);
  }

  /** A copy of a file's bytes, as a program would read them now. */
  contents(path: string): Buffer {
    return this.names.find(path).contents();
  }

  /** Puts a file there, durable at once. */
  place(path: string, bytes: Uint8Array): void {
    const inode = this.names.has(path) ? this.names.find(path) : this.names.create(path);
    inode.truncate(0);
    inode.write(bytes, 0);
    inode.sync();
    this.names.syncDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))) || "/");
  }

  /** Bytes of all files together. */
  get usedBytes(): number {
    let used = 0;
    for (const inode of this.names.inodes()) used += inode.size;
    return used;
  }

  /**
   * Power is gone. Writes under way are torn, unsynced sectors and names are lost or kept by
   * chance.
   */
  crash(): void {
    for (const inode of this.names.inodes()) inode.crash(this.#random);
    for (const write of this.#underWay) {
      write.inode.tear(write.bytes, write.position, this.#random);
    }
    this.#underWay.clear();
    this.names.crash(this.#random);
    this.#locks.clear();
  }

  /** For the host: a killed process's locks are freed; its writes under way still happen. */
  processDied(process: SimProcess): void {
    for (const [directory, holder] of this.#locks) {
      if (holder === process) this.#locks.delete(directory);
    }
  }

  lock(directory: string, process: SimProcess): () => void {
    if (this.#locks.has(directory)) throw systemError("EBUSY", directory);
    this.#locks.set(directory, process);
    return () => {
      if (this.#locks.get(directory) === process) this.#locks.delete(directory);
    };
  }

  /** The fault that this call meets, or null. */
  takeFault(operation: DiskOperation, path: string): Error | null {
    const fault = this.#faults.find(
      (each) => each.operation === operation && path.includes(each.pathPart),
    );
    if (fault === undefined) return null;
    fault.left--;
    this.#faults = this.#faults.filter((each) => each.left > 0);
    return systemError(fault.code, path);
  }

  /** How long the next operation takes. */
  drawLatencyMs(): number {
    const { min, max } = this.latencyMs;
    return min + this.#random.fraction() * (max - min);
  }

  /**
   * Begins a write. `done` is called when it has happened, whether or not the process still lives.
   *
   * @param source Must not change until `done`: that is checked.
   */
  write(
    inode: SimInode,
    source: Uint8Array,
    position: number,
    durable: boolean,
    path: string,
    done: (error: Error | null, bytes: number) => void,
  ): void {
    const error = this.#writeFault(inode, source, position, path);
    if (error !== null) {
      this.#world.schedule(this.drawLatencyMs(), () => done(error, 0));
      return;
    }
    const length = Math.min(source.length, this.#shortWrites.shift() ?? source.length);
    const bytes = Buffer.from(source.subarray(0, length));
    const write: WriteUnderWay = { inode, bytes, position };
    this.#underWay.add(write);
    this.#world.schedule(this.drawLatencyMs(), () => {
      if (!this.#underWay.delete(write)) return;
      if (durable) inode.writeDurable(bytes, position);
      else inode.write(bytes, position);
      const unchanged = bytes.equals(source.subarray(0, length));
      invariant(unchanged, "bytes given to a write do not change until it is done");
      done(null, length);
    });
  }

  /** A write that has happened when this returns, or throws; returns the bytes written. */
  writeNow(
    inode: SimInode,
    source: Uint8Array,
    position: number,
    durable: boolean,
    path: string,
  ): number {
    const error = this.#writeFault(inode, source, position, path);
    if (error !== null) throw error;
    const length = Math.min(source.length, this.#shortWrites.shift() ?? source.length);
    const bytes = source.subarray(0, length);
    if (durable) inode.writeDurable(bytes, position);
    else inode.write(bytes, position);
    return length;
  }

  /** Why a write fails, or null. */
  #writeFault(inode: SimInode, source: Uint8Array, position: number, path: string): Error | null {
    const fault = this.takeFault("write", path);
    const growth = Math.max(0, position + source.length - inode.size);
    const full = growth > 0 && this.usedBytes + growth > this.limitBytes;
    return fault ?? (full ? systemError("ENOSPC", path) : null);
  }
}
