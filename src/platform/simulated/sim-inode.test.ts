// What a power cut may leave of a file, against a model that keeps for each sector all it may be.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { SECTOR_BYTES, SimInode } from "./sim-inode.ts";
import { SimRandom } from "./sim-random.ts";

const SECTORS = 8;

/** Letters that a sector may hold on the platter; the last one is what programs read. */
interface ModelSector {
  readonly olds: { letter: string; change: number }[];
  now: string;
}

/** A file whose sectors each hold one letter. Notes what is not as it must be. */
class Model {
  readonly problems: string[] = [];
  readonly inode = new SimInode();
  readonly #random: SimRandom;
  readonly #sectors: ModelSector[] = [];
  #letter = 0;
  #changes = 0;

  constructor(random: SimRandom) {
    this.#random = random;
    for (let at = 0; at < SECTORS; at++) this.#sectors.push({ olds: [], now: "-" });
    this.inode.writeDurable(sectorsOf("-", SECTORS), 0);
    this.#changes = this.inode.changes;
  }

  act(): void {
    const drawn = this.#random.between(0, 9);
    if (drawn < 5) this.#write(false);
    else if (drawn < 7) this.#write(true);
    else if (drawn < 8) this.#sync(this.#random.between(0, this.#changes));
    else if (drawn < 9) this.#sync(this.#changes);
    else this.#lose();
  }

  /** Each sector becomes one of what it may hold. */
  crash(): void {
    this.inode.crash(this.#random);
    for (const [at, letter] of this.#found("after a crash").entries()) {
      this.#sectors[at] = { olds: [], now: letter };
    }
  }

  /** What programs read is what was written last. */
  check(): void {
    const [read, written] = [lettersOf(this.inode), this.#sectors.map(({ now }) => now)];
    if (read.join("") !== written.join(""))
      this.problems.push(`${read.join("")} is not ${written.join("")}`);
  }

  /** The letters of all sectors, which must be among those that they may hold. */
  #found(when: string): string[] {
    const found = lettersOf(this.inode);
    for (const [at, { olds, now }] of this.#sectors.entries()) {
      const may = [...olds.map(({ letter }) => letter), now];
      if (!may.includes(found[at]!))
        this.problems.push(`${when} ${found[at]} is none of ${may.join("")}`);
    }
    return found;
  }

  #write(durable: boolean): void {
    const first = this.#random.between(0, SECTORS - 1);
    const count = this.#random.between(1, SECTORS - first);
    const letter = String.fromCharCode(0x100 + this.#letter++);
    const bytes = sectorsOf(letter, count);
    if (durable) this.inode.writeDurable(bytes, first * SECTOR_BYTES);
    else this.inode.write(bytes, first * SECTOR_BYTES);
    this.#changes++;
    for (let at = first; at < first + count; at++) {
      const { olds, now } = this.#sectors[at]!;
      // What a failed sync left open is settled with this change.
      for (const old of olds) old.change = Math.min(old.change, this.#changes);
      const kept = durable ? [] : [...olds, { letter: now, change: this.#changes }];
      this.#sectors[at] = { olds: kept, now: letter };
    }
  }

  #sync(upTo: number): void {
    this.inode.sync(upTo);
    for (const [at, { olds, now }] of this.#sectors.entries()) {
      this.#sectors[at] = { olds: olds.filter(({ change }) => change > upTo), now };
    }
  }

  /** What is read afterwards is one of what it may be, and syncing it changes nothing. */
  #lose(): void {
    this.inode.loseUnsynced(this.#random);
    const found = this.#found("after a failed sync");
    for (const [at, { olds, now }] of this.#sectors.entries()) {
      const change = Number.POSITIVE_INFINITY;
      const may = [...olds.map(({ letter }) => letter), now].map((letter) => ({ letter, change }));
      this.#sectors[at] = { olds: may, now: found[at]! };
    }
  }
}

function sectorsOf(letter: string, count: number): Buffer {
  return Buffer.alloc(count * SECTOR_BYTES, letter, "utf16le");
}

/** The letter of each sector; complains about a torn one. */
function lettersOf(inode: SimInode): string[] {
  const text = inode.contents().toString("utf16le");
  return Array.from({ length: inode.size / SECTOR_BYTES }, (_, at) => {
    const sector = text.slice((at * SECTOR_BYTES) / 2, ((at + 1) * SECTOR_BYTES) / 2);
    if (sector !== sector[0]!.repeat(sector.length)) throw new Error(`sector ${at} is torn`);
    return sector[0]!;
  });
}

describe("a file under power cuts", () => {
  test("holds in each sector what it may hold, whatever happened before", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = new SimRandom(seed);
      const model = new Model(random);
      for (let round = 0; round < 4; round++) {
        for (let left = random.between(1, 12); left > 0; left--) {
          model.act();
          model.check();
        }
        model.crash();
      }
      expect(model.problems).toEqual([]);
    }
  });

  test("may lose what is written after a sync began, and around what is durable", () => {
    const left = [0, 1, 2].map(() => new Set<string>());
    for (let seed = 0; seed < 50; seed++) {
      const inode = new SimInode();
      inode.writeDurable(sectorsOf("a", 3), 0);
      inode.write(sectorsOf("b", 3), 0);
      const upTo = inode.changes;
      inode.write(sectorsOf("c", 3), 0);
      inode.writeDurable(sectorsOf("d", 1), SECTOR_BYTES);
      inode.sync(upTo);
      inode.crash(new SimRandom(seed));
      for (const [at, letter] of lettersOf(inode).entries()) left[at]!.add(letter);
    }
    expect(left).toEqual([new Set(["b", "c"]), new Set(["d"]), new Set(["b", "c"])]);
  });

  test("keeps a synced length, and may lose one that is not", () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const inode = new SimInode();
      inode.write(Buffer.alloc(700, "a"), 0);
      inode.sync();
      inode.write(Buffer.alloc(700, "b"), 700);
      inode.crash(new SimRandom(seed));
      sizes.add(inode.size);
      expect(inode.contents().subarray(0, 700).equals(Buffer.alloc(700, "a"))).toBe(true);
      expect(/^a*b*\0*b*\0*$/.test(inode.contents().toString())).toBe(true);
    }
    expect(Math.min(...sizes)).toBe(700);
    expect(Math.max(...sizes)).toBe(1_400);
  });

  test("a part of a file that was cut off does not come back when it grows", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = new SimRandom(seed);
      const inode = new SimInode();
      inode.writeDurable(Buffer.alloc(2_000, "a"), 0);
      inode.truncate(100);
      inode.write(Buffer.alloc(100, "b"), 1_900);
      expect(inode.contents().toString()).toBe(
        `${"a".repeat(100)}${"\0".repeat(1_800)}${"b".repeat(100)}`,
      );
      inode.sync();
      inode.crash(random);
      expect(inode.contents().toString()).toBe(
        `${"a".repeat(100)}${"\0".repeat(1_800)}${"b".repeat(100)}`,
      );
    }
  });
});
