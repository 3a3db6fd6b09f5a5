// A queue of record references without objects: a ring that doubles when it is full.

const CAPACITY_MIN = 64;

/** First in, first out. */
export class RefQueue {
  length = 0;
  #ring = new Uint32Array(CAPACITY_MIN);
  #head = 0;

  push(ref: number): void {
    if (this.length === this.#ring.length) this.#double();
    this.#ring[(this.#head + this.length) & (this.#ring.length - 1)] = ref;
    this.length++;
  }

  /** The oldest reference, 0 when the queue is empty. */
  peek(): number {
    return this.length === 0 ? 0 : this.#ring[this.#head]!;
  }

  /** Takes the oldest reference out; 0 when the queue is empty. */
  shift(): number {
    const ref = this.peek();
    if (ref === 0) return 0;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.length--;
    return ref;
  }

  #double(): void {
    const ring = new Uint32Array(this.#ring.length * 2);
    for (let index = 0; index < this.length; index++) {
      ring[index] = this.#ring[(this.#head + index) & (this.#ring.length - 1)]!;
    }
    this.#ring = ring;
    this.#head = 0;
  }
}
