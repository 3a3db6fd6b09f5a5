// The storage of one simulated machine: files, names, writes under way, and the faults put into it.
import { Buffer } from "node:buffer";
import { crc32 } from "../../base/checksum.ts";
import { invariant } from "../../base/invariant.ts";
import { type Damage, type DamageKind, damageOne } from "./disk-damage.ts";
import { type DiskFaults, DiskFaultSource, type DiskOperation } from "./disk-faults.ts";
import { SECTOR_BYTES, type SimInode } from "./sim-inode.ts";
import { SimNames, systemError } from "./sim-names.ts";
import type { SimProcess } from "./sim-process.ts";
import { SimRandom } from "./sim-random.ts";
import type { SimWorld } from "./sim-world.ts";
import { hashText, TraceKind } from "./trace.ts";

/** A write that was asked for and has not completed. */
interface WriteUnderWay {
  readonly inode: SimInode;
  readonly path: string;
  readonly bytes: Buffer;
  readonly position: number;
  readonly durable: boolean;
}

/** What outlives the processes of a machine. Faults are set from tests, at any time. */
export class SimStorage {
  /** Shortest and longest time of one file operation, in milliseconds. */
  latencyMs: { min: number; max: number } = { min: 0.05, max: 0.5 };
  /** No file may grow when all files together would pass this many bytes: `ENOSPC`. */
  limitBytes: number = Number.POSITIVE_INFINITY;
  /** Whether files can be written while the caller waits; the world stands still meanwhile. */
  writesNow: boolean;
  readonly #world: SimWorld;
  readonly #host: string;
  readonly #random: SimRandom;
  readonly #faults: DiskFaultSource;
  readonly #underWay = new Set<WriteUnderWay>();
  readonly #locks = new Map<string, SimProcess>();
  #names = new SimNames();
  #copies = new Map<string, Buffer>();

  constructor(world: SimWorld, host: string, random: SimRandom) {
    this.#world = world;
    this.#host = host;
    this.#random = random;
    this.#faults = new DiskFaultSource(world, host, new SimRandom(world.seed ^ hashText(host)));
    this.writesNow = random.chance(0.5);
  }

  /** The names of all files. */
  get names(): SimNames {
    return this.#names;
  }

  // ---- faults

  /** What goes wrong by chance; null: nothing. */
  get faults(): DiskFaults | null {
    return this.#faults.rates;
  }

  set faults(faults: DiskFaults | null) {
    this.#faults.rates = faults;
  }

  /** The next `count` calls of this kind fail with `code`, on paths that contain `pathPart`. */
  failNext(operation: DiskOperation, code: string, count = 1, pathPart = ""): void {
    this.#faults.failNext(operation, code, count, pathPart);
  }

  /** The next write takes only this many bytes. */
  shortenNextWrite(bytes: number): void {
    this.#faults.shortenNextWrite(bytes);
  }

  /** Damages one bit of a file on the platter. */
  flipBit(path: string, position: number, bit = 0): void {
    this.#names.find(path).flipBit(position, bit);
  }

  /** Keeps a copy of files as they are now, for a later `staleCopy`; replaces older copies. */
  remember(paths: (path: string) => boolean = () => true): void {
    for (const path of this.#names.paths()) {
      if (paths(path)) this.#copies.set(path, this.contents(path));
    }
  }

  /**
   * Damages one file of a machine that is down.
   *
   * @param paths Which files it may be.
   * @returns What was done; null when no file could be damaged so.
   */
  damage(
    random: SimRandom,
    kind: DamageKind,
    paths: (path: string) => boolean = () => true,
  ): Damage | null {
    const target = { names: this.#names, copies: this.#copies };
    const damage = damageOne(target, random, kind, paths);
    if (damage !== null) this.#world.fault(kind, `${this.#host} ${damage.path}: ${damage.text}`);
    return damage;
  }

  // ---- what is there

  /** A copy of a file's bytes, as a program would read them now. */
  contents(path: string): Buffer {
    return this.#names.find(path).contents();
  }

  /** Puts a file there, durable at once. */
  place(path: string, bytes: Uint8Array): void {
    const inode = this.#names.has(path) ? this.#names.find(path) : this.#names.create(path);
    inode.truncate(0);
    inode.write(bytes, 0);
    inode.sync();
    this.#names.syncDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))) || "/");
  }

  /** Bytes of all files together. */
  get usedBytes(): number {
    let used = 0;
    for (const inode of this.#names.inodes()) used += inode.size;
    return used;
  }

  // ---- ends

  /**
   * Power is gone. Writes under way are torn, unsynced sectors and names are lost or kept by
   * chance.
   */
  crash(): void {
    for (const inode of this.#names.inodes()) inode.crash(this.#random);
    for (const write of this.#underWay) {
      write.inode.tear(write.bytes, write.position, this.#random);
    }
    this.#underWay.clear();
    this.#names.crash(this.#random);
    this.#locks.clear();
  }

  /**
   * For the host: a killed process is gone when its writes under way have happened, as a kernel has
   * it, with `dsync` to the disk. Then its locks are freed.
   */
  processDied(process: SimProcess): void {
    for (const write of this.#underWay) this.#land(write);
    this.#underWay.clear();
    for (const [directory, holder] of this.#locks) {
      if (holder === process) this.#locks.delete(directory);
    }
  }

  /** For the host: an empty disk takes the place of this one. */
  wipe(): void {
    this.#underWay.clear();
    this.#locks.clear();
    this.#names = new SimNames();
    this.#copies = new Map();
  }

  /** For the world: two machines have each other's files now; faults stay where they are. */
  swapWith(other: SimStorage): void {
    for (const storage of [this, other]) {
      for (const write of storage.#underWay) storage.#land(write);
      storage.#underWay.clear();
    }
    [this.#names, other.#names] = [other.#names, this.#names];
    [this.#copies, other.#copies] = [other.#copies, this.#copies];
  }

  // ---- for the disks of processes

  lock(directory: string, process: SimProcess): () => void {
    if (this.#locks.has(directory)) throw systemError("EBUSY", directory);
    this.#locks.set(directory, process);
    return () => {
      if (this.#locks.get(directory) === process) this.#locks.delete(directory);
    };
  }

  /** The fault that this call meets, or null. */
  takeFault(operation: DiskOperation, path: string): Error | null {
    const planned = this.#faults.takePlanned(operation, path);
    if (planned !== null || operation !== "read") return planned;
    return this.#faults.draws("readError", path) ? systemError("EIO", path) : null;
  }

  /** How long the next operation takes. */
  drawLatencyMs(path: string): number {
    const { min, max } = this.latencyMs;
    return min + this.#random.fraction() * (max - min) + this.#faults.slowMs(path);
  }

  /** How long a call takes that the caller waits for: mostly no time. */
  drawStallMs(path: string): number {
    return this.#faults.slowMs(path);
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
      this.#world.schedule(this.drawLatencyMs(path), () => done(error, 0));
      return;
    }
    const length = this.#faults.lengthOf(source.length, path);
    const bytes = Buffer.from(source.subarray(0, length));
    const write: WriteUnderWay = { inode, path, bytes, position, durable };
    this.#underWay.add(write);
    this.#world.schedule(this.drawLatencyMs(path), () => {
      if (!this.#underWay.delete(write)) return;
      this.#land(write);
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
    const length = this.#faults.lengthOf(source.length, path);
    this.#land({ inode, path, bytes: source.subarray(0, length), position, durable });
    return length;
  }

  /** Whether a sync fails by chance; then what was not synced is given up. */
  losesAtSync(inode: SimInode, path: string): boolean {
    if (!this.#faults.draws("syncError", path)) return false;
    inode.loseUnsynced(this.#faults.random);
    return true;
  }

  /** Makes the first `upTo` changes of a file durable. */
  sync(inode: SimInode, upTo: number, path: string): void {
    inode.sync(upTo);
    const { trace } = this.#world;
    if (trace === null) return;
    trace.mixText(TraceKind.sync, path, upTo);
    trace.note?.(`${this.#world.stamp} ${this.#host} sync ${path}`);
  }

  /** @throws ENOSPC when it would grow too large. */
  truncate(inode: SimInode, lengthBytes: number, path: string): void {
    if (this.#isFull(lengthBytes - inode.size)) throw systemError("ENOSPC", path);
    inode.truncate(lengthBytes);
  }

  #land(write: Omit<WriteUnderWay, "bytes"> & { readonly bytes: Uint8Array }): void {
    const { inode, path, bytes, position, durable } = write;
    if (this.#world.trace !== null) this.#traceWrite(path, position, bytes);
    if (this.#faults.draws("misdirectedWrite", path)) this.#misdirect(inode, path, bytes, position);
    else if (durable) inode.writeDurable(bytes, position);
    else inode.write(bytes, position);
  }

  /** The drive writes elsewhere; where nothing else is, it writes nothing. */
  #misdirect(inode: SimInode, path: string, bytes: Uint8Array, position: number): void {
    const { random } = this.#faults;
    if (position + bytes.length > inode.size) inode.truncate(position + bytes.length);
    const ending = path.slice(path.lastIndexOf("."));
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const isBeside = (other: string): boolean =>
      other !== path &&
      other.endsWith(ending) &&
      other.slice(0, other.lastIndexOf("/") + 1) === folder &&
      this.faults?.paths?.(other) !== false;
    const beside = this.#names.paths().filter(isBeside);
    const isElsewhere = beside.length > 0 && random.chance(0.5);
    const victim = isElsewhere ? beside[random.between(0, beside.length - 1)]! : path;
    const target = isElsewhere ? this.#names.find(victim) : inode;
    const sector = random.between(0, Math.max(0, Math.floor(target.size / SECTOR_BYTES) - 1));
    const at = sector * SECTOR_BYTES + (position % SECTOR_BYTES);
    const fitting = bytes.subarray(0, Math.max(0, target.size - at));
    if (target === inode && at === position) return;
    target.writeDurable(fitting, at);
    this.#world.fault("misdirected", `${this.#host} ${path} ${position} to ${victim} ${at}`);
  }

  /** Why a write fails, or null. */
  #writeFault(inode: SimInode, source: Uint8Array, position: number, path: string): Error | null {
    const planned = this.#faults.takePlanned("write", path);
    if (planned !== null) return planned;
    if (this.#isFull(position + source.length - inode.size)) return systemError("ENOSPC", path);
    if (!this.#faults.draws("writeError", path)) return null;
    inode.tear(source, position, this.#faults.random);
    return systemError("EIO", path);
  }

  #isFull(growthBytes: number): boolean {
    if (growthBytes <= 0 || this.limitBytes === Number.POSITIVE_INFINITY) return false;
    return this.usedBytes + growthBytes > this.limitBytes;
  }

  #traceWrite(path: string, position: number, bytes: Uint8Array): void {
    const { trace } = this.#world;
    if (trace === null) return;
    const place = Math.imul(trace.hashOf(path) ^ position, 0x9e3779b1) ^ bytes.length;
    trace.mix(TraceKind.write, place, crc32(bytes, 0, bytes.length));
    trace.note?.(
      `${this.#world.stamp} ${this.#host} write ${path} ${position} ${bytes.length} bytes`,
    );
  }
}
