// Registers with one writer each, who writes 1, 2, 3, ...: whether every read is as fresh as it
// must be can be told from times alone, without a search.

/** A value on its way into a register, or there. Times in milliseconds of one clock. */
interface RegisterWrite {
  readonly value: number;
  readonly startMs: number;
  /** Infinity: not acknowledged, perhaps never written. */
  endMs: number;
}

interface RegisterRead {
  /** 0: nothing was there. */
  readonly value: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * One key and what happened to it. Its writer leaves it at the first write of unknown fate: such a
 * write may still take effect long after, so it is the last one.
 */
export class Register {
  readonly key: string;
  readonly #writes: RegisterWrite[] = [];
  readonly #reads: RegisterRead[] = [];
  readonly #refused = new Set<number>();
  #last = 0;

  constructor(key: string) {
    this.key = key;
  }

  /** Values that were sent, whatever became of them. */
  get sent(): number {
    return this.#last;
  }

  get reads(): number {
    return this.#reads.length;
  }

  /** The next value is about to be sent. */
  writing(startMs: number): RegisterWrite {
    this.#last++;
    const write = { value: this.#last, startMs, endMs: Number.POSITIVE_INFINITY };
    this.#writes.push(write);
    return write;
  }

  /** The write was certainly not executed: nobody may ever read its value. */
  refused(write: RegisterWrite): void {
    this.#refused.add(write.value);
    this.#writes.pop();
  }

  /** A read has ended. */
  read(value: number, startMs: number, endMs: number): void {
    this.#reads.push({ value, startMs, endMs });
  }

  /** What is wrong with the reads; nothing when all is well. */
  violations(): string[] {
    const found: string[] = [];
    const byEnd = this.#reads.toSorted((left, right) => left.endMs - right.endMs);
    let ended = 0;
    let seen = 0;
    for (const read of this.#reads.toSorted((left, right) => left.startMs - right.startMs)) {
      while (ended < byEnd.length && byEnd[ended]!.endMs < read.startMs) {
        seen = Math.max(seen, byEnd[ended]!.value);
        ended++;
      }
      const { value } = read;
      const written = this.#lastEndedBefore(read.startMs);
      if (value < written) found.push(this.#describe(read, `${written} was acknowledged before`));
      else if (value < seen) found.push(this.#describe(read, `${seen} was read before`));
      else if (this.#refused.has(value)) found.push(this.#describe(read, "it had been refused"));
      else if (value > this.#lastStartedBefore(read.endMs)) {
        found.push(this.#describe(read, "nobody had written it yet"));
      }
    }
    return found;
  }

  #lastEndedBefore(ms: number): number {
    return this.#writes.findLast(({ endMs }) => endMs < ms)?.value ?? 0;
  }

  #lastStartedBefore(ms: number): number {
    return this.#writes.findLast(({ startMs }) => startMs <= ms)?.value ?? 0;
  }

  #describe({ value, startMs, endMs }: RegisterRead, what: string): string {
    const times = `${startMs.toFixed(1)} to ${endMs.toFixed(1)} ms`;
    return `${this.key}: ${value} was read at ${times}, but ${what}`;
  }
}
