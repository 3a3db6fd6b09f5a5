// A fingerprint of a simulated run, and, when wanted, its transcript: two runs of one seed must
// agree.

/** What is mixed into a {@link Trace}. */
export const TraceKind = {
  /** An event was run: time, sequence. */
  event: 1,
  /** Bytes were handed out: link and length, checksum. */
  packet: 2,
  /** Bytes were written: path and position, length and checksum. */
  write: 3,
  /** A file was synced: path, change. */
  sync: 4,
  /** A machine or a process died: host, how. */
  crash: 5,
  /** A fault was put in: kind, what. */
  fault: 6,
} as const;

/**
 * A running hash of everything that happens. Not fit against intention; two different runs agree by
 * chance once in 2^64.
 *
 * @example
 * world.trace = new Trace((line) => lines.push(line));
 * await world.advance(1_000);
 * world.trace.digest(); // "5f0c..."
 */
export class Trace {
  /** Called with each line of the transcript; undefined when nobody reads one. */
  readonly note: ((text: string) => void) | undefined;
  #low = 0x811c9dc5;
  #high = 0x1b873593;
  readonly #hashes = new Map<string, number>();

  /** @param note Takes the transcript line by line; without it no line is ever made. */
  constructor(note?: (text: string) => void) {
    this.note = note;
  }

  /** Takes two numbers; of each the lower 32 bits of its whole part count. */
  mix(kind: number, a: number, b: number): void {
    const low = Math.imul(this.#low ^ a, 0x85ebca6b);
    const high = Math.imul(this.#high ^ b ^ (kind << 24), 0xc2b2ae35);
    this.#low = (((low << 13) | (low >>> 19)) + high) | 0;
    this.#high = (((high << 17) | (high >>> 15)) ^ this.#low) | 0;
  }

  /** Takes a text and a number: names of hosts, paths. The hash of a text is made once. */
  mixText(kind: number, text: string, b: number): void {
    this.mix(kind, this.hashOf(text), b);
  }

  /** A 32-bit hash of a text. */
  hashOf(text: string): number {
    let hash = this.#hashes.get(text);
    if (hash === undefined) {
      hash = hashText(text);
      this.#hashes.set(text, hash);
    }
    return hash;
  }

  /** Everything so far: 16 hexadecimal digits. */
  digest(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

/** A 32-bit hash of a text (FNV-1a over its code units). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
