// Hash tables over typed arrays for the search: no object and no string per entry.

const FREE = -1;

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** A map from pairs of integers to integers. */
export class PairTable {
  /** Three words an entry: both parts of the key and the value. */
  #entries = new Int32Array(3 * 256).fill(FREE);
  #mask = 255;
  #count = 0;

  /** The value, or undefined. O(1). */
  get(first: number, second: number): number | undefined {
    const at = this.#find(first, second);
    return this.#entries[at] === FREE ? undefined : this.#entries[at + 2];
  }

  /** Adds a pair that is not there yet; parts of the key are 0 or more. */
  add(first: number, second: number, value: number): void {
    if (2 * ++this.#count > this.#mask) this.#grow();
    this.#put(first, second, value);
  }

  #put(first: number, second: number, value: number): void {
    const at = this.#find(first, second);
    this.#entries[at] = first;
    this.#entries[at + 1] = second;
    this.#entries[at + 2] = value;
  }

  #find(first: number, second: number): number {
    const entries = this.#entries;
    for (let slot = mix(mix(0, first), second) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = 3 * slot;
      if (entries[at] === FREE || (entries[at] === first && entries[at + 1] === second)) return at;
    }
  }

  #grow(): void {
    const old = this.#entries;
    this.#entries = new Int32Array(2 * old.length).fill(FREE);
    this.#mask = 2 * this.#mask + 1;
    for (let at = 0; at < old.length; at += 3) {
      if (old[at] !== FREE) this.#put(old[at]!, old[at + 1]!, old[at + 2]!);
    }
  }
}

/**
 * Remembers nodes of the search: a sequence of words, and a set of bits that has been spent to get
 * there. A node that was reached before with a subset of the bits is no news.
 */
export class NodeMemory {
  #slots = new Int32Array(256).fill(FREE);
  #mask = 255;
  #count = 0;
  /**
   * For each sequence: first record of bits, length, hash, words. For each record of bits: next
   * record of the sequence, length, words (those missing are 0).
   */
  #arena = new Int32Array(1024);
  #used = 0;
  /** Words compared so far: a measure of the work. */
  comparedWords = 0;

  /**
   * Adds a node unless it is no news, which it answers with false.
   *
   * @param bits Holds the words of bits spent, from `from` up to but not including `end`.
   */
  add(words: Int32Array, length: number, bits: Int32Array, from: number, end: number): boolean {
    const at = this.#findOrAppend(words, length);
    for (let record = this.#arena[at]!; record !== FREE; record = this.#arena[record]!) {
      if (this.#isSubset(record, bits, from, end)) return false;
    }
    const record = this.#used;
    this.#reserve(end - from + 2);
    this.#arena[record] = this.#arena[at]!;
    this.#arena[record + 1] = end - from;
    for (let place = from; place < end; place++) {
      this.#arena[record + 2 + place - from] = bits[place]!;
    }
    this.#arena[at] = record;
    return true;
  }

  #isSubset(record: number, bits: Int32Array, from: number, end: number): boolean {
    const arena = this.#arena;
    const length = arena[record + 1]!;
    if (length > end - from) return false;
    this.comparedWords += length;
    for (let place = 0; place < length; place++) {
      if ((arena[record + 2 + place]! & ~bits[from + place]!) !== 0) return false;
    }
    return true;
  }

  #findOrAppend(words: Int32Array, length: number): number {
    let hash = length;
    for (let place = 0; place < length; place++) hash = mix(hash, words[place]!);
    let slot = hash & this.#mask;
    for (; this.#slots[slot] !== FREE; slot = (slot + 1) & this.#mask) {
      const at = this.#slots[slot]!;
      if (this.#equals(at, hash, words, length)) return at;
    }
    const at = this.#used;
    this.#reserve(length + 3);
    this.#arena[at] = FREE;
    this.#arena[at + 1] = length;
    this.#arena[at + 2] = hash;
    for (let place = 0; place < length; place++) this.#arena[at + 3 + place] = words[place]!;
    this.#slots[slot] = at;
    if (2 * ++this.#count > this.#mask) this.#grow();
    return at;
  }

  #equals(at: number, hash: number, words: Int32Array, length: number): boolean {
    const arena = this.#arena;
    if (arena[at + 1] !== length || arena[at + 2] !== hash) return false;
    for (let place = 0; place < length; place++) {
      if (arena[at + 3 + place] !== words[place]) return false;
    }
    return true;
  }

  #reserve(length: number): void {
    this.#used += length;
    if (this.#used <= this.#arena.length) return;
    const larger = new Int32Array(2 * this.#used);
    larger.set(this.#arena);
    this.#arena = larger;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length).fill(FREE);
    this.#mask = 2 * this.#mask + 1;
    for (const at of old) {
      if (at === FREE) continue;
      let slot = this.#arena[at + 2]! & this.#mask;
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = at;
    }
  }
}
