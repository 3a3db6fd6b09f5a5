// Commands on one string key, as the load sends them and as the judges read them.
import type { Operation } from "./history.ts";

/** When a key that is set is to go. */
export type Expiry =
  | { readonly kind: "none" }
  /** After so many ms: PX. */
  | { readonly kind: "after"; readonly ms: number }
  /** At a Unix time in ms: PXAT. */
  | { readonly kind: "at"; readonly ms: number }
  /** When it would have gone anyway: KEEPTTL. */
  | { readonly kind: "keep" };

/** SET with its options. */
export interface SetAction {
  readonly name: "SET";
  readonly value: string;
  readonly onlyIf: "absent" | "present" | null;
  /** GET: the reply is the value before, also when nothing was set. */
  readonly returnsOld: boolean;
  readonly expiry: Expiry;
}

/**
 * A command on one string key. Values are text of one byte per character.
 *
 * `compare-and-set` is WATCH, GET, MULTI, SET, EXEC in one: `ok` with 1 when EXEC applied it after
 * GET had shown `expected`, `ok` with nil when EXEC gave nil. Where GET showed another value,
 * record a plain GET.
 */
export type StringAction =
  | { readonly name: "GET" | "GETDEL" | "DEL" | "EXISTS" | "STRLEN" | "PERSIST" | "PTTL" }
  | SetAction
  | { readonly name: "GETSET" | "APPEND"; readonly value: string }
  | { readonly name: "INCRBY"; readonly delta: number }
  | { readonly name: "PEXPIRE"; readonly ms: number }
  | {
      readonly name: "compare-and-set";
      readonly expected: string | null;
      readonly value: string;
    };

/** A value, "OK", a number, or nil. */
export type StringReply = string | number | null;

/** One command on one string key; times in ms. */
export type StringOperation = Operation<StringAction, StringReply>;

/** SET without options, or with those given. */
export function setAction(value: string, options: Partial<SetAction> = {}): SetAction {
  const plain = { onlyIf: null, returnsOld: false, expiry: { kind: "none" } } as const;
  return { name: "SET", value, ...plain, ...options };
}

/**
 * The words to send, and to print.
 *
 * @example
 * wordsOf(setAction("7", { onlyIf: "absent" }), ["a"]); // ["SET", "a", "7", "NX"]
 */
export function wordsOf(action: StringAction, keys: readonly string[]): string[] {
  return [action.name, keys[0] ?? "", ...argumentsOf(action)];
}

function argumentsOf(action: StringAction): string[] {
  if (action.name === "SET") return [action.value, ...setWords(action)];
  if (action.name === "compare-and-set") return [action.expected ?? "nil", action.value];
  if (action.name === "INCRBY") return [String(action.delta)];
  if (action.name === "PEXPIRE") return [String(action.ms)];
  return action.name === "GETSET" || action.name === "APPEND" ? [action.value] : [];
}

function setWords({ onlyIf, returnsOld, expiry }: SetAction): string[] {
  const words: string[] = [];
  if (onlyIf !== null) words.push(onlyIf === "absent" ? "NX" : "XX");
  if (returnsOld) words.push("GET");
  if (expiry.kind === "keep") words.push("KEEPTTL");
  else if (expiry.kind !== "none")
    words.push(expiry.kind === "after" ? "PX" : "PXAT", `${expiry.ms}`);
  return words;
}

/** Whether a command changes nothing. */
export function isRead({ name }: StringAction): boolean {
  return name === "GET" || name === "EXISTS" || name === "STRLEN" || name === "PTTL";
}
