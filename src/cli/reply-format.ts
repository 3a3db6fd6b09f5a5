// Replies as text: for people, in the form that redis-cli made known, or raw for the next program.
import type { ReplyValue } from "./reply-reader.ts";

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x5c, "\\\\"],
  [0x22, '\\"'],
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
  [0x07, "\\a"],
  [0x08, "\\b"],
]);

const LINE_END = 0x0a;
const NEW_LINE = Buffer.from("\n");

/** Bytes in quotes, all but printable ASCII escaped. */
export function quoted(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const escape = ESCAPES.get(byte);
    if (escape !== undefined) text += escape;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${text}"`;
}

/** A reply for people; no line end behind it. */
export function formatReply(reply: ReplyValue, indent = ""): string {
  switch (reply.kind) {
    case "simple":
    case "number":
      return reply.text;
    case "error":
      return `(error) ${reply.text}`;
    case "integer":
      return `(integer) ${reply.text}`;
    case "double":
      return `(double) ${reply.text}`;
    case "boolean":
      return reply.value ? "(true)" : "(false)";
    case "nil":
      return "(nil)";
    case "bulk":
      return quoted(reply.bytes);
    case "verbatim":
      return reply.bytes.toString("utf8");
    case "array":
    case "set":
    case "push":
    case "map":
      return formatItems(reply.kind, reply.items, indent);
    default:
      return reply satisfies never;
  }
}

const EMPTY = {
  array: "(empty array)",
  set: "(empty set)",
  push: "(empty push)",
  map: "(empty hash)",
};
const MARK = { array: ")", set: "~", push: ")", map: "#" };

function formatItems(
  kind: keyof typeof EMPTY,
  items: readonly ReplyValue[],
  indent: string,
): string {
  if (items.length === 0) return EMPTY[kind];
  const step = kind === "map" ? 2 : 1;
  const count = items.length / step;
  const width = String(count).length;
  const inner = indent + " ".repeat(width + 2);
  const lines: string[] = [];
  for (let at = 0; at < items.length; at += step) {
    const number = String(at / step + 1).padStart(width);
    const first = formatReply(items[at]!, inner);
    const value = step === 1 ? "" : ` => ${formatValue(items[at + 1]!, inner)}`;
    lines.push(`${at === 0 ? "" : indent}${number}${MARK[kind]} ${first}${value}`);
  }
  return lines.join("\n");
}

/** The value of a map's entry: one with several parts begins on a line of its own. */
function formatValue(value: ReplyValue, indent: string): string {
  const text = formatReply(value, indent);
  const parts = "items" in value ? value.items.length / (value.kind === "map" ? 2 : 1) : 0;
  return parts > 1 ? `\n${indent}${text}` : text;
}

/** Commands that answer with text made for people: shown as it is. */
const TEXT_COMMANDS = /^(info|lolwut|client (list|info)|cluster (info|nodes)|latency doctor)$/;

/**
 * What to print for a reply to a command, line end included.
 *
 * @param isRaw For another program.
 */
export function printed(
  words: readonly Uint8Array[],
  reply: ReplyValue,
  isRaw: boolean,
): Uint8Array {
  const [name = "", second = ""] = words.map((word) => Buffer.from(word).toString("latin1"));
  const isText =
    TEXT_COMMANDS.test(name.toLowerCase()) || TEXT_COMMANDS.test(`${name} ${second}`.toLowerCase());
  if (isText && "bytes" in reply) {
    return reply.bytes.at(-1) === LINE_END ? reply.bytes : Buffer.concat([reply.bytes, NEW_LINE]);
  }
  return Buffer.concat([isRaw ? rawReply(reply) : Buffer.from(formatReply(reply)), NEW_LINE]);
}

/** A reply for another program: bytes as they are, parts on lines of their own. */
function rawReply(reply: ReplyValue): Buffer {
  switch (reply.kind) {
    case "bulk":
    case "verbatim":
      return reply.bytes;
    case "nil":
      return Buffer.alloc(0);
    case "boolean":
      return Buffer.from(reply.value ? "(true)" : "(false)");
    case "array":
    case "set":
    case "push":
      return joined(reply.items.map(rawReply), "\n");
    case "map":
      return rawMap(reply.items);
    case "simple":
    case "error":
    case "integer":
    case "double":
    case "number":
      return Buffer.from(reply.text);
    default:
      return reply satisfies never;
  }
}

function rawMap(items: readonly ReplyValue[]): Buffer {
  const lines: Buffer[] = [];
  for (let at = 0; at + 1 < items.length; at += 2) {
    lines.push(joined([rawReply(items[at]!), rawReply(items[at + 1]!)], " "));
  }
  return joined(lines, "\n");
}

function joined(parts: readonly Buffer[], separator: string): Buffer {
  const between = Buffer.from(separator);
  return Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [between, part])));
}
