// Which write of the consensus core each frame of the log completes.

const COMPACT_AT = 1024;

/** Pairs of (frame, write), both rising. */
export class PersistQueue {
  readonly #frames: number[] = [];
  readonly #writes: number[] = [];
  #head = 0;

  get empty(): boolean {
    return this.#head === this.#frames.length;
  }

  push(frame: number, write: number): void {
    this.#frames.push(frame);
    this.#writes.push(write);
  }

  /** Takes all pairs up to a frame; returns the newest write among them, 0 when there is none. */
  take(frame: number): number {
    let write = 0;
    while (this.#head < this.#frames.length && this.#frames[this.#head]! <= frame) {
      write = this.#writes[this.#head]!;
      this.#head++;
    }
    if (this.#head === this.#frames.length) {
      this.#frames.length = 0;
      this.#writes.length = 0;
      this.#head = 0;
    } else if (this.#head >= COMPACT_AT) {
      this.#frames.splice(0, this.#head);
      this.#writes.splice(0, this.#head);
      this.#head = 0;
    }
    return write;
  }
}
