// A typed line as the words of a command: quotes and escapes as redis-cli knows them.

const ESCAPED: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 };
const SPACE = /[\s\0]/;

/**
 * Splits a line at spaces. In "double quotes" `\n \r \t \b \a \xHH` are characters, and `\` before
 * any other one stands for that; in 'single quotes' only `\'` is special. A quote ends its word.
 *
 * @returns Null when a quote is not closed, or something follows it without a space.
 */
export function splitWords(line: string): Buffer[] | null {
  const words: Buffer[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && SPACE.test(line[at]!)) at++;
    if (at >= line.length) return words;
    const word = new Word(line, at);
    if (!word.read()) return null;
    words.push(word.bytes());
    at = word.at;
  }
}

class Word {
  at: number;
  readonly #line: string;
  #parts: Buffer[] = [];

  constructor(line: string, at: number) {
    this.#line = line;
    this.at = at;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  read(): boolean {
    const line = this.#line;
    while (this.at < line.length && !SPACE.test(line[this.at]!)) {
      const letter = this.#take();
      if (letter === '"' || letter === "'") {
        if (!this.#readQuoted(letter)) return false;
        return this.at >= line.length || SPACE.test(line[this.at]!);
      }
      this.#parts.push(Buffer.from(letter));
    }
    return true;
  }

  /** The next character, both halves of a surrogate pair together. */
  #take(): string {
    const letter = String.fromCodePoint(this.#line.codePointAt(this.at)!);
    this.at += letter.length;
    return letter;
  }

  #readQuoted(quote: string): boolean {
    while (this.at < this.#line.length) {
      const letter = this.#take();
      if (letter === quote) return true;
      if (letter === "\\" && quote === '"') this.#readEscape();
      else if (letter === "\\" && this.#line[this.at] === "'")
        this.#parts.push(Buffer.from(this.#take()));
      else this.#parts.push(Buffer.from(letter));
    }
    return false;
  }

  #readEscape(): void {
    const hex = /^x[0-9a-fA-F]{2}/.exec(this.#line.slice(this.at, this.at + 3))?.[0];
    if (hex !== undefined) {
      this.at += hex.length;
      this.#parts.push(Buffer.from([Number.parseInt(hex.slice(1), 16)]));
    } else if (this.at < this.#line.length) {
      const letter = this.#take();
      const code = ESCAPED[letter];
      this.#parts.push(code === undefined ? Buffer.from(letter) : Buffer.from([code]));
    }
  }
}
