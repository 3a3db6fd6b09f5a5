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

/** What sectors in a row held before a change that is not known to be on the platter. */
interface OldExtent {
  /** Position of the first sector. */
  readonly at: number;
  readonly length: number;
  /** The first of their bytes; those behind were zero. */
  readonly bytes: Buffer;
  /** The change that replaced them. */
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
   * Contents that dirty sectors may still have on the platter, oldest first, without the present
   * ones.
   */
  #olds: OldExtent[] = [];
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
    this.#remember(position, end);
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
    if (this.#olds.length > 0 || this.#lost.size > 0) this.#clean(position, end);
    this.#durableSize = Math.max(this.#durableSize, end);
  }

  truncate(length: number): void {
    this.#reserve(length);
    if (length < this.#size) {
      this.#remember(length, this.#size);
      this.#bytes.fill(0, length, this.#size);
    }
    this.#size = length;
  }

  /** The first `upTo` changes are on the platter, and nothing is promised about later ones. */
  sync(upTo: number = this.#changes): void {
    if (this.#olds.length > 0) this.#olds = this.#olds.filter((old) => old.change > upTo);
    if (upTo >= this.#changes) this.#durableSize = this.#size;
  }

  /**
   * A sync has failed, and the system gives up what was dirty: it reached the platter all the same,
   * or is gone, or is gone as soon as nobody remembers it. Later syncs know nothing of it.
   */
  loseUnsynced(random: SimRandom): void {
    const keep = keepProbability(random);
    const isForgotten = random.chance(0.5);
    for (const [sector, olds] of this.#dirtySectors()) {
      if (sector * SECTOR_BYTES >= this.#size || random.chance(keep)) continue;
      const bytes = sectorOf(olds[random.between(0, olds.length - 1)]!, sector);
      if (isForgotten) this.#bytes.set(bytes, sector * SECTOR_BYTES);
      else this.#lost.set(sector, bytes);
    }
    this.#bytes.fill(0, this.#size);
    this.#olds = [];
  }

  /** A write that was under way when power went: each of its sectors arrived or did not. */
  tear(source: Uint8Array, position: number, random: SimRandom): void {
    const keep = keepProbability(random);
    const end = position + source.length;
    for (let at = position; at < end;) {
      const sectorEnd = Math.min(end, (sectorAt(at) + 1) * SECTOR_BYTES);
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
    for (const [sector, olds] of this.#dirtySectors()) {
      const at = sector * SECTOR_BYTES;
      if (random.chance(keep)) {
        if (at < this.#size) sizeMin = Math.max(sizeMin, Math.min(this.#size, at + SECTOR_BYTES));
        continue;
      }
      const old = olds[random.between(0, olds.length - 1)]!;
      this.#bytes.set(sectorOf(old, sector), at);
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
    const needed = (sectorAt(length) + 1) * SECTOR_BYTES;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown);
    this.#bytes = grown;
  }

  /** Before a change: what the sectors in its way hold. Behind the end of the file all is zero. */
  #remember(from: number, end: number): void {
    const change = ++this.#changes;
    if (end <= from) return;
    const at = sectorAt(from) * SECTOR_BYTES;
    const length = sectorsEnd(end) - at;
    const bytes = Buffer.from(
      this.#bytes.subarray(at, Math.min(at + length, sectorsEnd(this.#size))),
    );
    if (this.#lost.size > 0) this.#takeLost(at, bytes);
    this.#olds.push({ at, length, bytes, change });
  }

  /** What a failed sync gave up is written again: until then the platter holds what it held. */
  #takeLost(at: number, bytes: Buffer): void {
    for (let offset = 0; offset < bytes.length; offset += SECTOR_BYTES) {
      const sector = sectorAt(at + offset);
      const lost = this.#lost.get(sector);
      if (lost !== undefined) bytes.set(lost, offset);
      this.#lost.delete(sector);
    }
  }

  /** Sectors in this range are on the platter. */
  #clean(from: number, end: number): void {
    const first = sectorAt(from) * SECTOR_BYTES;
    const behind = sectorsEnd(end);
    for (const sector of this.#lost.keys()) {
      const at = sector * SECTOR_BYTES;
      if (at >= first && at < behind) this.#lost.delete(sector);
    }
    this.#olds = this.#olds.flatMap((old) => {
      if (old.at >= behind || old.at + old.length <= first) return [old];
      return [part(old, old.at, first), part(old, behind, old.at + old.length)].filter(
        ({ length }) => length > 0,
      );
    });
  }

  /** What each dirty sector may hold on the platter beside its present contents. */
  #dirtySectors(): Map<number, OldExtent[]> {
    const sectors = new Map<number, OldExtent[]>();
    for (const old of this.#olds) {
      for (let at = old.at; at < old.at + old.length; at += SECTOR_BYTES) {
        const olds = sectors.get(sectorAt(at));
        if (olds === undefined) sectors.set(sectorAt(at), [old]);
        else olds.push(old);
      }
    }
    return sectors;
  }
}

function sectorAt(position: number): number {
  return Math.floor(position / SECTOR_BYTES);
}

/** End of the sector in which the byte before `position` lies. */
function sectorsEnd(position: number): number {
  return Math.ceil(position / SECTOR_BYTES) * SECTOR_BYTES;
}

/** The part of an extent from one position to another; empty when that is nothing. */
function part(old: OldExtent, from: number, to: number): OldExtent {
  const bytes = old.bytes.subarray(Math.max(0, from - old.at), Math.max(0, to - old.at));
  return { at: from, length: to - from, bytes, change: old.change };
}

/** The bytes of one sector of an extent. */
function sectorOf(old: OldExtent, sector: number): Buffer {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  const from = sector * SECTOR_BYTES - old.at;
  bytes.set(old.bytes.subarray(from, from + SECTOR_BYTES));
  return bytes;
}
