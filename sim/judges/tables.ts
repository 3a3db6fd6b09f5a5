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

/** A set of sequences of integers, which lie one behind the other in one array. */
export class SequenceSet {
  #slots = new Int32Array(256).fill(FREE);
  #mask = 255;
  #count = 0;
  /** Length, hash and words of each sequence. */
  #arena = new Int32Array(1024);
  #used = 0;

  /** Adds the first `length` words; false when they were there already. O(length). */
  add(words: Int32Array, length: number): boolean {
    let hash = length;
    for (let place = 0; place < length; place++) hash = mix(hash, words[place]!);
    let slot = hash & this.#mask;
    for (; this.#slots[slot] !== FREE; slot = (slot + 1) & this.#mask) {
      if (this.#equals(this.#slots[slot]!, hash, words, length)) return false;
    }
    this.#slots[slot] = this.#append(hash, words, length);
    if (2 * ++this.#count > this.#mask) this.#grow();
    return true;
  }

  #equals(at: number, hash: number, words: Int32Array, length: number): boolean {
    const arena = this.#arena;
    if (arena[at] !== length || arena[at + 1] !== hash) return false;
    for (let place = 0; place < length; place++) {
      if (arena[at + 2 + place] !== words[place]) return false;
    }
    return true;
  }

  #append(hash: number, words: Int32Array, length: number): number {
    const at = this.#used;
    this.#used += length + 2;
    if (this.#used > this.#arena.length) {
      const larger = new Int32Array(2 * this.#used);
      larger.set(this.#arena.subarray(0, at));
      this.#arena = larger;
    }
    this.#arena[at] = length;
    this.#arena[at + 1] = hash;
    for (let place = 0; place < length; place++) this.#arena[at + 2 + place] = words[place]!;
    return at;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length).fill(FREE);
    this.#mask = 2 * this.#mask + 1;
    for (const at of old) {
      if (at === FREE) continue;
      let slot = this.#arena[at + 1]! & this.#mask;
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = at;
    }
  }
}
