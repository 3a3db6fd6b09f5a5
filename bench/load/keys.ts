// Keys, values and ready-made request bytes, the same for every server.

/** Bytes of every key: `key:` and twelve digits, as `redis-benchmark -r` makes them. */
export const KEY_BYTES = 16;

/** Key number `index` (0 to 10^12 - 1) in the form of `redis-benchmark`: `key:000000000042`. */
export function keyOf(index: number): string {
  return `key:${String(index).padStart(12, "0")}`;
}

/** Pseudo-random whole numbers from 0 to 2^32 - 1, the same for the same seed (xorshift32). */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0 || 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
}

/** A value of `length` printable bytes; `salt` makes values differ. */
export function valueOf(length: number, salt: number): string {
  return String(salt).padEnd(length, "kvorum-").slice(0, length);
}

/** One command in RESP, as every Redis client sends it. */
export function respCommand(...args: string[]): string {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return `*${args.length}\r\n${parts.join("")}`;
}

/** What one burst (everything a client sends before it waits for the replies) is made of. */
export interface BurstShape {
  /** `mixed` alternates GET and SET. */
  readonly mix: "get" | "set" | "mixed";
  /** Commands in a burst, 1 or more. */
  readonly pipeline: number;
  /** Ends each burst with `WAIT 1`: Redis's way of asking for a replica's acknowledgement. */
  readonly wait: boolean;
  /** Keys are drawn evenly from the first so many, 1 or more. */
  readonly keys: number;
  readonly valueBytes: number;
}

/** How long `WAIT` may take before it answers with too few replicas, which counts as an error. */
const WAIT_TIMEOUT_MS = "5000";

/** Ready-made bursts in one block of memory: burst `i` is bytes `ends[i - 1]` to `ends[i]`. */
export interface Bursts {
  readonly bytes: Buffer;
  readonly ends: Uint32Array;
}

/**
 * Writes `count` bursts ahead of time, so that the generator only sends bytes while it measures.
 *
 * @remarks About 140 bytes a SET: 200,000 commands take 28 MB.
 */
export function makeBursts(shape: BurstShape, count: number, seed: number): Bursts {
  const random = randomSource(seed);
  const ends = new Uint32Array(count);
  const parts: Buffer[] = [];
  let end = 0;
  for (let burst = 0; burst < count; burst++) {
    let text = "";
    for (let at = 0; at < shape.pipeline; at++) {
      const key = keyOf(random() % shape.keys);
      const isGet = shape.mix === "get" || (shape.mix === "mixed" && at % 2 === 0);
      if (isGet) text += respCommand("GET", key);
      else text += respCommand("SET", key, valueOf(shape.valueBytes, random()));
    }
    if (shape.wait) text += respCommand("WAIT", "1", WAIT_TIMEOUT_MS);
    const bytes = Buffer.from(text, "latin1");
    parts.push(bytes);
    end += bytes.length;
    ends[burst] = end;
  }
  return { bytes: Buffer.concat(parts), ends };
}
