// The contents of one simulated file: what programs read, and what the platter holds underneath.
import { Buffer } from "node:buffer";
import type { SimRandom } from "./sim-random.ts";

/** The unit that a drive writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** How likely each unsynced sector is to have reached the platter when power goes. */
function keepProbability(random: SimRandom): number {
  switch (random.between(0, 3)) {
    case 0:
      return 0;
    case 1:
      return 1;
    default:
      return random.fraction();
  }
}

/** What a sector held before a write that is not known to be on the platter. */
interface OldSector {
  readonly bytes: Buffer;
  /** The change that replaced it. */
  readonly change: number;
}

/**
 * One file's bytes. Reads see `#bytes`; after a power cut, dirty sectors may fall back to older
 * ones.
 */
export class SimInode {
  #bytes: Buffer = Buffer.alloc(0);
  #size = 0;
  #durableSize = 0;
  /**
   * Contents a dirty sector may still have on the platter, oldest first, without the present one.
   */
  readonly #dirty = new Map<number, OldSector[]>();
  /**
   * Sectors that programs still read though a failed sync gave them up: what is on the platter.
   */
  readonly #lost = new Map<number, Buffer>();
  #changes = 0;

  get size(): number {
    return this.#size;
  }

  /** Number of changes so far: what a sync that begins now will cover. */
  get changes(): number {
    return this.#changes;
  }

  /** Copies bytes out; returns how many there were. */
  read(target: Uint8Array, offset: number, length: number, position: number): number {
    const bytes = Math.max(0, Math.min(length, this.#size - position));
    target.set(this.#bytes.subarray(position, position + bytes), offset);
    return bytes;
  }

  /** Changes what programs read; the platter follows at {@link sync}, or by chance. */
  write(source: Uint8Array, position: number): void {
    const end = position + source.length;
    this.#reserve(end);
    this.#rememberSectors(position, end);
    this.#bytes.set(source, position);
    this.#size = Math.max(this.#size, end);
  }

  /** A write that is on the platter when it returns. */
  writeDurable(source: Uint8Array, position: number): void {
    const end = position + source.length;
    this.#reserve(end);
    this.#bytes.set(source, position);
    this.#size = Math.max(this.#size, end);
    this.#changes++;
    if (this.#dirty.size > 0 || this.#lost.size > 0) this.#cleanSectors(position, end);
    this.#durableSize = Math.max(this.#durableSize, end);
  }

  truncate(length: number): void {
    this.#reserve(length);
    if (length < this.#size) {
      this.#rememberSectors(length, this.#size);
      this.#bytes.fill(0, length, this.#size);
    }
    this.#size = length;
  }

  /** The first `upTo` changes are on the platter, and nothing is promised about later ones. */
  sync(upTo: number = this.#changes): void {
    for (const [sector, olds] of this.#dirty) {
      const left = olds.filter((old) => old.change > upTo);
      if (left.length === 0) this.#dirty.delete(sector);
      else this.#dirty.set(sector, left);
    }
    if (upTo >= this.#changes) this.#durableSize = this.#size;
  }

  /**
   * A sync has failed, and the system gives up what was dirty: it reached the platter all the same,
   * or is gone, or is gone as soon as nobody remembers it. Later syncs know nothing of it.
   */
  loseUnsynced(random: SimRandom): void {
    const keep = keepProbability(random);
    const isForgotten = random.chance(0.5);
    for (const [sector, olds] of this.#dirty) {
      if (random.chance(keep)) continue;
      const { bytes } = olds[random.between(0, olds.length - 1)]!;
      if (isForgotten) this.#bytes.set(bytes, sector * SECTOR_BYTES);
      else this.#lost.set(sector, bytes);
    }
    this.#dirty.clear();
  }

  /** A write that was under way when power went: each of its sectors arrived or did not. */
  tear(source: Uint8Array, position: number, random: SimRandom): void {
    const keep = keepProbability(random);
    const end = position + source.length;
    for (let at = position; at < end;) {
      const sectorEnd = Math.min(end, (sectorOf(at) + 1) * SECTOR_BYTES);
      if (random.chance(keep)) {
        this.writeDurable(source.subarray(at - position, sectorEnd - position), at);
      }
      at = sectorEnd;
    }
  }

  /** Power is gone: each dirty sector becomes one of the contents it had since the last sync. */
  crash(random: SimRandom): void {
    const keep = keepProbability(random);
    let sizeMin = this.#durableSize;
    for (const [sector, olds] of this.#dirty) {
      const at = sector * SECTOR_BYTES;
      if (random.chance(keep)) {
        if (at < this.#size) sizeMin = Math.max(sizeMin, Math.min(this.#size, at + SECTOR_BYTES));
        continue;
      }
      const old = olds[random.between(0, olds.length - 1)]!;
      this.#reserve(at + SECTOR_BYTES);
      this.#bytes.set(old.bytes, at);
    }
    for (const [sector, bytes] of this.#lost) this.#bytes.set(bytes, sector * SECTOR_BYTES);
    this.#lost.clear();
    const sizes = [sizeMin, Math.max(sizeMin, this.#size)];
    this.#size = sizes[random.between(0, 1)]!;
    this.#bytes.fill(0, this.#size);
    this.sync();
  }

  /** Damages the platter itself. */
  flipBit(position: number, bit: number): void {
    this.#bytes[position] = this.#bytes[position]! ^ (1 << bit);
  }

  /** All bytes, as programs read them. A copy. */
  contents(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#size));
  }

  #reserve(length: number): void {
    const needed = (sectorOf(length) + 1) * SECTOR_BYTES;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }

  #rememberSectors(from: number, end: number): void {
    const change = ++this.#changes;
    for (let sector = sectorOf(from); sector * SECTOR_BYTES < end; sector++) {
      const at = sector * SECTOR_BYTES;
      const olds = this.#dirty.get(sector) ?? [];
      if (olds.length === 0) this.#dirty.set(sector, olds);
      const lost = this.#lost.get(sector);
      if (lost !== undefined) olds.push({ bytes: lost, change });
      else olds.push({ bytes: Buffer.from(this.#bytes.subarray(at, at + SECTOR_BYTES)), change });
      this.#lost.delete(sector);
    }
  }

  #cleanSectors(from: number, end: number): void {
    for (let sector = sectorOf(from); sector * SECTOR_BYTES < end; sector++) {
      this.#dirty.delete(sector);
      this.#lost.delete(sector);
    }
  }
}

function sectorOf(position: number): number {
  return Math.floor(position / SECTOR_BYTES);
}
