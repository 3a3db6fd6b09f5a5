// Damage to the files of a simulated machine that is down: what drives and people do to data.
import type { Buffer } from "node:buffer";
import { SECTOR_BYTES } from "./sim-inode.ts";
import type { SimNames } from "./sim-names.ts";
import type { SimRandom } from "./sim-random.ts";

/** Ways to damage a file. */
export const DAMAGE_KINDS = [
  /** One bit is another one. */
  "bitFlip",
  /** The end is missing. */
  "truncation",
  /** Older contents, as they were remembered, are back. */
  "staleCopy",
  /** Up to eight sectors in a row read as zeros. */
  "zeros",
  /** Two sectors have changed places. */
  "swappedSectors",
  /** The file is gone. */
  "removal",
] as const;

/** One of {@link DAMAGE_KINDS}. */
export type DamageKind = (typeof DAMAGE_KINDS)[number];

/** What was done to a file. */
export interface Damage {
  readonly kind: DamageKind;
  readonly path: string;
  /** First byte that may differ. */
  readonly position: number;
  /** Bytes from there on that may differ. */
  readonly length: number;
  /** For people. */
  readonly text: string;
}

/** Where damage may be done. */
export interface DamageTarget {
  readonly names: SimNames;
  /** Older contents by path. */
  readonly copies: ReadonlyMap<string, Buffer>;
}

/**
 * Damages one file, drawn from those that this kind of damage changes.
 *
 * Three times out of four the place is one where bytes are that are not zero: log files are mostly
 * zeros, which mean nothing.
 *
 * @returns What was done; null when there is no file to which it could be.
 */
export function damageOne(
  target: DamageTarget,
  random: SimRandom,
  kind: DamageKind,
  paths: (path: string) => boolean,
): Damage | null {
  const candidates = target.names.paths().filter(paths);
  while (candidates.length > 0) {
    const [path] = candidates.splice(random.between(0, candidates.length - 1), 1);
    const damage = DAMAGERS[kind](target, path!, random);
    if (damage !== null) return { kind, path: path!, ...damage };
  }
  return null;
}

type Damager = (
  target: DamageTarget,
  path: string,
  random: SimRandom,
) => Omit<Damage, "kind" | "path"> | null;

const DAMAGERS: Readonly<Record<DamageKind, Damager>> = {
  bitFlip({ names }, path, random) {
    const inode = names.find(path);
    const position = drawPosition(inode.contents(), random);
    if (position === null) return null;
    const bit = random.between(0, 7);
    inode.flipBit(position, bit);
    return { position, length: 1, text: `bit ${bit} of byte ${position} flipped` };
  },

  truncation({ names }, path, random) {
    const inode = names.find(path);
    const { size } = inode;
    const position = drawPosition(inode.contents(), random);
    if (position === null) return null;
    inode.truncate(position);
    inode.sync();
    return { position, length: size - position, text: `${size} bytes cut to ${position}` };
  },

  staleCopy({ names, copies }, path) {
    const inode = names.find(path);
    const copy = copies.get(path);
    if (copy === undefined || copy.equals(inode.contents())) return null;
    const length = Math.max(inode.size, copy.length);
    inode.truncate(0);
    inode.writeDurable(copy, 0);
    inode.sync();
    return { position: 0, length, text: `an older copy of ${copy.length} bytes is back` };
  },

  zeros({ names }, path, random) {
    const inode = names.find(path);
    const contents = inode.contents();
    const drawn = drawPosition(contents, random);
    if (drawn === null) return null;
    const position = drawn - (drawn % SECTOR_BYTES);
    const sectors = random.between(1, 8);
    const length = Math.min(contents.length - position, sectors * SECTOR_BYTES);
    if (isZero(contents.subarray(position, position + length))) return null;
    inode.writeDurable(new Uint8Array(length), position);
    return { position, length, text: `${length} bytes from ${position} are zero` };
  },

  swappedSectors({ names }, path, random) {
    const inode = names.find(path);
    const contents = inode.contents();
    const sectors = Math.floor(contents.length / SECTOR_BYTES);
    if (sectors < 2) return null;
    const drawn = Math.floor(drawPosition(contents, random)! / SECTOR_BYTES);
    const other = random.between(0, sectors - 1);
    const [first, second] = [Math.min(drawn, other), Math.max(drawn, other)];
    if (second >= sectors || sectorAt(contents, first).equals(sectorAt(contents, second))) {
      return null;
    }
    inode.writeDurable(sectorAt(contents, first), second * SECTOR_BYTES);
    inode.writeDurable(sectorAt(contents, second), first * SECTOR_BYTES);
    return {
      position: first * SECTOR_BYTES,
      length: (second - first + 1) * SECTOR_BYTES,
      text: `sectors ${first} and ${second} have changed places`,
    };
  },

  removal({ names }, path) {
    const { size } = names.find(path);
    names.remove(path);
    names.syncDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))) || "/");
    return { position: 0, length: size, text: `${size} bytes removed` };
  },
};

/** A byte of the file, mostly one in a sector that is not all zero; null in an empty file. */
function drawPosition(contents: Buffer, random: SimRandom): number | null {
  if (contents.length === 0) return null;
  if (random.chance(0.75)) {
    const used: number[] = [];
    for (let at = 0; at < contents.length; at += SECTOR_BYTES) {
      if (!isZero(contents.subarray(at, at + SECTOR_BYTES))) used.push(at);
    }
    if (used.length > 0) {
      const at = used[random.between(0, used.length - 1)]!;
      return random.between(at, Math.min(contents.length, at + SECTOR_BYTES) - 1);
    }
  }
  return random.between(0, contents.length - 1);
}

function sectorAt(contents: Buffer, sector: number): Buffer {
  return contents.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
