// Counts RESP2 replies in a stream of bytes and checks what they say, without making objects.

const CR = 13;
const LF = 10;
const MINUS = 45;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const TYPE_STATUS = 43;
const TYPE_ERROR = 45;
const TYPE_INTEGER = 58;
const TYPE_BULK = 36;
const ERROR_TEXT_MAX = 200;

/** What the replies of all connections of one generator said. */
export interface Tally {
  /** Replies that are not what was asked for: errors, missing or odd values, too few replicas. */
  errors: number;
  /** The first of them in words, "" when there was none. */
  firstError: string;
}

/** What replies must look like. */
export interface Expectation {
  /** Bytes of every bulk reply; -1 takes any length, but not a missing value. */
  readonly bulkBytes: number;
  /** Lowest integer reply that is no error: 1 for `WAIT 1`. */
  readonly integerMin: number;
}

/** Follows one connection's replies: statuses, errors, integers and bulk strings. */
export class ReplyScanner {
  readonly #tally: Tally;
  readonly #expected: Expectation;
  #type = 0;
  #number = 0;
  #isNegative = false;
  #errorText = "";
  #skipBytes = 0;

  constructor(tally: Tally, expected: Expectation) {
    this.#tally = tally;
    this.#expected = expected;
  }

  /**
   * Takes the next `length` bytes and says how many replies they complete.
   *
   * @throws RangeError at a reply type that none of the generators' commands returns.
   */
  feed(bytes: Uint8Array, length: number): number {
    let completed = 0;
    let at = 0;
    while (at < length) {
      if (this.#skipBytes > 0) {
        const step = Math.min(this.#skipBytes, length - at);
        this.#skipBytes -= step;
        at += step;
        if (this.#skipBytes === 0) completed++;
        continue;
      }
      const byte = bytes[at++]!;
      if (this.#type === 0) this.#begin(byte);
      else if (byte === LF) completed += this.#endLine();
      else if (byte >= DIGIT_0 && byte <= DIGIT_9) this.#onDigit(byte);
      else if (byte === MINUS) this.#isNegative = true;
      if (this.#type === TYPE_ERROR && byte !== CR && this.#errorText.length < ERROR_TEXT_MAX) {
        this.#errorText += String.fromCharCode(byte);
      }
    }
    return completed;
  }

  #begin(type: number): void {
    this.#type = type;
    this.#number = 0;
    this.#isNegative = false;
    this.#errorText = "";
  }

  #onDigit(byte: number): void {
    this.#number = this.#number * 10 + byte - DIGIT_0;
  }

  /** Replies completed by the end of this line: none when a bulk string's bytes follow. */
  #endLine(): number {
    const type = this.#type;
    this.#type = 0;
    if (type === TYPE_STATUS) return 1;
    if (type === TYPE_BULK) return this.#endBulkHeader();
    if (type === TYPE_INTEGER) {
      if (this.#isNegative || this.#number < this.#expected.integerMin) {
        this.#count(`integer reply ${this.#isNegative ? "-" : ""}${this.#number}`);
      }
      return 1;
    }
    if (type === TYPE_ERROR) {
      this.#count(this.#errorText);
      return 1;
    }
    throw new RangeError(`unexpected reply type ${String.fromCharCode(type)}`);
  }

  #endBulkHeader(): number {
    if (this.#isNegative) {
      this.#count("missing value");
      return 1;
    }
    const { bulkBytes } = this.#expected;
    if (bulkBytes >= 0 && this.#number !== bulkBytes) {
      this.#count(`value of ${this.#number} bytes, not ${bulkBytes}`);
    }
    this.#skipBytes = this.#number + 2;
    return 0;
  }

  #count(text: string): void {
    this.#tally.errors++;
    if (this.#tally.firstError === "") this.#tally.firstError = text;
  }
}
