// Histories of string commands in a readable form, for tables of test cases.
import type { Outcome } from "../history.ts";
import {
  setAction,
  type Expiry,
  type SetAction,
  type StringAction,
  type StringOperation,
  type StringReply,
} from "../string-actions.ts";

/**
 * Reads lines such as `1 0..5 SET x PX 100 -> OK`: client, times, the command without its key, and
 * the reply, `failed` or `unknown`. All are about one key. Numbers and `nil` are read as such
 * but for the values of GET and its like.
 */
export function parseHistory(lines: readonly string[], key = "k"): StringOperation[] {
  return lines.map((line) => parseOperation(line, key));
}

function parseOperation(line: string, key: string): StringOperation {
  const parts = /^(\d+) ([\d.]+?)\.\.([\d.]*) (.*?) (?:-> (.*)|(failed|unknown))$/.exec(line);
  if (parts === null) throw new Error(`not an operation: ${line}`);
  const [, client, invoked, returned, words, reply, outcome = "ok"] = parts;
  const action = parseAction(words!.split(" "));
  return {
    client: Number(client),
    invokedAt: Number(invoked),
    returnedAt: returned === "" ? Infinity : Number(returned),
    keys: [key],
    action,
    outcome: outcome as Outcome,
    reply: reply === undefined ? null : parseReply(action, reply),
  };
}

function parseReply({ name }: StringAction, text: string): StringReply {
  if (text === "nil") return null;
  const isValue = name === "GET" || name === "GETSET" || name === "GETDEL" || name === "SET";
  return isValue ? text : Number(text);
}

function parseAction([name, ...rest]: readonly string[]): StringAction {
  const [first = "", second = ""] = rest;
  if (name === "SET") return parseSet(first, rest.slice(1));
  if (name === "GETSET" || name === "APPEND") return { name, value: first };
  if (name === "INCRBY") return { name, delta: Number(first) };
  if (name === "PEXPIRE") return { name, ms: Number(first) };
  if (name === "CAS") {
    return {
      name: "compare-and-set",
      expected: first === "nil" ? null : first,
      value: second,
    };
  }
  return { name: name as "GET" };
}

function parseSet(value: string, words: readonly string[]): SetAction {
  const has = (word: string): boolean => words.includes(word);
  const after = (word: string): number => Number(words[words.indexOf(word) + 1]);
  let expiry: Expiry = { kind: "none" };
  if (has("KEEPTTL")) expiry = { kind: "keep" };
  if (has("PX")) expiry = { kind: "after", ms: after("PX") };
  if (has("PXAT")) expiry = { kind: "at", ms: after("PXAT") };
  const onlyIf = has("NX") ? "absent" : has("XX") ? "present" : null;
  return setAction(value, { onlyIf, returnsOld: has("GET"), expiry });
}
