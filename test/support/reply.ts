// Replies of a RESP2 or RESP3 server as plain records that keep every difference of the protocol.

/** What a reply's first byte says. */
export type ReplyKind =
  | "simple"
  | "error"
  | "integer"
  | "bulk"
  | "array"
  | "null"
  | "boolean"
  | "double"
  | "bignum"
  | "bulkerror"
  | "verbatim"
  | "map"
  | "set"
  | "push";

/**
 * A reply. `text` holds one character per byte (latin1); of a null it is the type that was sent:
 * `$`, `*` or `_`. `items` of a map are keys and values in turn.
 */
export interface Reply {
  readonly kind: ReplyKind;
  readonly text: string;
  readonly items: readonly Reply[];
}

const NO_ITEMS: readonly Reply[] = [];
const CR = 0x0d;
const LF = 0x0a;

const LINES: Readonly<Record<string, ReplyKind>> = {
  "+": "simple",
  "-": "error",
  ":": "integer",
  "#": "boolean",
  ",": "double",
  "(": "bignum",
};
const BULKS: Readonly<Record<string, ReplyKind>> = { $: "bulk", "=": "verbatim", "!": "bulkerror" };
const AGGREGATES: Readonly<Record<string, ReplyKind>> = {
  "*": "array",
  "%": "map",
  "~": "set",
  ">": "push",
};

/** Reads replies one after the other from one buffer. */
export class ReplyReader {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  /**
   * The next reply; null when it is not complete, then `at` stays where it is.
   *
   * @throws Error when the bytes are not RESP.
   */
  next(): Reply | null {
    const start = this.at;
    const reply = this.#read();
    if (reply === null) this.at = start;
    return reply;
  }

  #read(): Reply | null {
    const end = this.#bytes.indexOf(CR, this.at);
    if (end === -1 || end + 1 >= this.#bytes.length) return null;
    const line = this.#bytes.toString("latin1", this.at, end);
    if (this.#bytes[end + 1] !== LF) throw notResp(line);
    this.at = end + 2;
    const type = line.slice(0, 1);
    const rest = line.slice(1);
    if (type === "_" && rest === "") return { kind: "null", text: "_", items: NO_ITEMS };
    const lineKind = LINES[type];
    if (lineKind !== undefined) return { kind: lineKind, text: rest, items: NO_ITEMS };
    if (rest === "-1" && (type === "$" || type === "*")) {
      return { kind: "null", text: type, items: NO_ITEMS };
    }
    if (!/^\d+$/.test(rest)) throw notResp(line);
    const bulkKind = BULKS[type];
    if (bulkKind !== undefined) return this.#bulk(bulkKind, Number(rest));
    const kind = AGGREGATES[type];
    if (kind === undefined) throw notResp(line);
    return this.#aggregate(kind, kind === "map" ? Number(rest) * 2 : Number(rest));
  }

  #bulk(kind: ReplyKind, length: number): Reply | null {
    const end = this.at + length;
    if (end + 2 > this.#bytes.length) return null;
    if (this.#bytes[end] !== CR || this.#bytes[end + 1] !== LF)
      throw notResp("no CRLF behind data");
    const text = this.#bytes.toString("latin1", this.at, end);
    this.at = end + 2;
    return { kind, text, items: NO_ITEMS };
  }

  #aggregate(kind: ReplyKind, count: number): Reply | null {
    const items: Reply[] = [];
    for (let index = 0; index < count; index++) {
      const item = this.#read();
      if (item === null) return null;
      items.push(item);
    }
    return { kind, text: "", items };
  }
}

/** One line that shows type and value: `+OK`, `-ERR no`, `:5`, `"bytes"`, `nil$`, `*[:1 :2]`. */
export function show(reply: Reply): string {
  switch (reply.kind) {
    case "simple":
      return `+${reply.text}`;
    case "error":
      return `-${reply.text}`;
    case "integer":
      return `:${reply.text}`;
    case "bulk":
      return JSON.stringify(reply.text);
    case "null":
      return `nil${reply.text}`;
    case "array":
      return showItems("*", reply);
    case "map":
      return showItems("%", reply);
    case "set":
      return showItems("~", reply);
    case "push":
      return showItems(">", reply);
    case "boolean":
    case "double":
    case "bignum":
    case "bulkerror":
    case "verbatim":
      return `${reply.kind}(${reply.text})`;
  }
}

function showItems(type: string, { items }: Reply): string {
  return `${type}[${items.map(show).join(" ")}]`;
}

function notResp(line: string): Error {
  return new Error(`not a RESP reply: ${JSON.stringify(line.slice(0, 80))}`);
}
