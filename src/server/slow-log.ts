// The slow log: commands that took longer than a threshold, newest first, bounded.
import type { Args } from "../resp/args.ts";

const ARGUMENTS_SHOWN_MAX = 32;
const ARGUMENT_BYTES_SHOWN_MAX = 128;

/** One slow command. */
export interface SlowEntry {
  readonly id: number;
  /** Unix seconds. */
  readonly time: number;
  readonly usec: number;
  readonly args: readonly string[];
  readonly client: string;
  readonly clientName: string;
}

/** A bounded list of slow commands. */
export class SlowLog {
  /** Microseconds; negative: nothing is logged. */
  thresholdUsec = 10_000;
  lengthMax = 128;
  #entries: SlowEntry[] = [];
  #nextId = 0;

  get entries(): readonly SlowEntry[] {
    return this.#entries;
  }

  clear(): void {
    this.#entries = [];
  }

  /** Logs a command if it was slow. */
  consider(usec: number, nowMs: number, args: Args, client: string, clientName: string): void {
    if (this.thresholdUsec < 0 || usec < this.thresholdUsec) return;
    this.#entries.unshift({
      id: this.#nextId++,
      time: Math.floor(nowMs / 1000),
      usec: Math.round(usec),
      args: shownArguments(args),
      client,
      clientName,
    });
    if (this.#entries.length > this.lengthMax) this.#entries.length = this.lengthMax;
  }
}

function shownArguments(args: Args): string[] {
  const shown: string[] = [];
  const count = Math.min(args.count, ARGUMENTS_SHOWN_MAX);
  for (let i = 0; i < count; i++) {
    const more = args.length(i) - ARGUMENT_BYTES_SHOWN_MAX;
    const end = args.offset(i) + Math.min(args.length(i), ARGUMENT_BYTES_SHOWN_MAX);
    const text = Buffer.from(args.bytes.subarray(args.offset(i), end)).toString("latin1");
    shown.push(more > 0 ? `${text}... (${more} more bytes)` : text);
  }
  if (args.count > count) shown.push(`... (${args.count - count} more arguments)`);
  return shown;
}
