// Strings that one client appends numbered tokens to: the end shows every single write, how often
// it happened and in which order.
import type { Reply } from "../support/reply.ts";

const TOKEN_CHARACTERS = 7;

/** One key and the tokens that were sent to it. */
export class AppendLog {
  readonly key: string;
  /** By token: length that the acknowledgement told; 0 when the fate is unknown; -1: refused. */
  readonly #lengths: number[] = [];

  constructor(key: string) {
    this.key = key;
  }

  get sent(): number {
    return this.#lengths.length;
  }

  /** The next token, as it is appended. Its fate counts as unknown until told. */
  next(): string {
    this.#lengths.push(0);
    return `${String(this.#lengths.length - 1).padStart(TOKEN_CHARACTERS - 1, "0")},`;
  }

  /** The token that was sent last is there. */
  acknowledged(reply: Reply): void {
    this.#lengths[this.#lengths.length - 1] = Number(reply.text);
  }

  /** The token that was sent last is not there and never will be. */
  refused(): void {
    this.#lengths[this.#lengths.length - 1] = -1;
  }

  /** What is wrong with the string that is there at the end; nothing when all is well. */
  violations(text: string): string[] {
    const found: string[] = [];
    const places = new Map<number, number>();
    for (const [place, token] of text.split(",").slice(0, -1).entries()) {
      const number = Number(token);
      if (places.has(number)) found.push(`${this.key}: ${number} was appended twice`);
      places.set(number, place);
    }
    for (const [number, length] of this.#lengths.entries()) {
      const place = places.get(number);
      if (length > 0 && place === undefined) found.push(`${this.key}: ${number} is lost`);
      else if (length > 0 && length !== (place! + 1) * TOKEN_CHARACTERS) {
        found.push(`${this.key}: ${number} is at place ${place}, its reply said ${length} bytes`);
      } else if (length < 0 && place !== undefined) {
        found.push(`${this.key}: ${number} had been refused`);
      }
    }
    return found;
  }
}
