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

  /** Keeps at most so many entries from now on. */
  resize(lengthMax: number): void {
    this.lengthMax = lengthMax;
    if (this.#entries.length > lengthMax) this.#entries.length = lengthMax;
  }

  clear(): void {
    this.#entries = [];
  }

  /** Whether a command that took so long is to be logged. */
  wants(usec: number): boolean {
    return this.thresholdUsec >= 0 && usec >= this.thresholdUsec && this.lengthMax > 0;
  }

  /**
   * Logs a command; of its arguments only the first `shownCount`, the rest may be secrets.
   *
   * @param name Stands for the first argument where that is empty, as in the log.
   */
  add(
    usec: number,
    nowMs: number,
    name: string,
    args: Args,
    shownCount: number,
    client: { readonly address: string; readonly name: string },
  ): void {
    this.#entries.unshift({
      id: this.#nextId++,
      time: Math.floor(nowMs / 1000),
      usec: Math.round(usec),
      args: shownArguments(name, args, shownCount),
      client: client.address,
      clientName: client.name,
    });
    if (this.#entries.length > this.lengthMax) this.#entries.length = this.lengthMax;
  }
}

function shownArguments(name: string, args: Args, shownCount: number): string[] {
  const shown: string[] = [];
  const count = Math.min(shownCount, ARGUMENTS_SHOWN_MAX);
  for (let i = 0; i < count; i++) {
    const more = args.length(i) - ARGUMENT_BYTES_SHOWN_MAX;
    const end = args.offset(i) + Math.min(args.length(i), ARGUMENT_BYTES_SHOWN_MAX);
    const text = Buffer.from(args.bytes.subarray(args.offset(i), end)).toString("latin1");
    if (i === 0 && text === "") shown.push(name);
    else shown.push(more > 0 ? `${text}... (${more} more bytes)` : text);
  }
  const hidden = args.count - shownCount;
  if (hidden > 0) shown.push(`(${hidden} arguments redacted)`);
  if (shownCount > count) shown.push(`... (${shownCount - count} more arguments)`);
  return shown;
}
