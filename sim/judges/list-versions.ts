// The order of elements in each list, from the longest read, and all that is wrong before any
// cycle is looked for.
import { invariant } from "../../src/base/invariant.ts";
import type { Finding } from "./history.ts";
import {
  appendsTo,
  printTransaction,
  readsOf,
  type ListRead,
  type Transaction,
} from "./list-transactions.ts";

/** One list. */
export interface ListVersions {
  readonly key: string;
  /** The longest list read: all others must be its beginnings. */
  readonly order: readonly number[];
  readonly reads: readonly ListRead[];
  /** Who appended which element, whatever the outcome. */
  readonly writers: ReadonlyMap<number, Transaction>;
}

interface Growing {
  order: readonly number[];
  readonly reads: ListRead[];
  readonly writers: Map<number, Transaction>;
}

/** Gathers reads and appends by key. */
export function versionsOf(history: readonly Transaction[]): ListVersions[] {
  const lists = new Map<string, Growing>();
  const listOf = (key: string): Growing => {
    let list = lists.get(key);
    if (list === undefined) lists.set(key, (list = { order: [], reads: [], writers: new Map() }));
    return list;
  };
  for (const transaction of history) {
    for (const step of transaction.action) {
      if (step.kind === "read") continue;
      const { writers } = listOf(step.key);
      invariant(!writers.has(step.element), "an element is appended to a list once in a run");
      writers.set(step.element, transaction);
    }
    for (const read of readsOf(transaction)) {
      const list = listOf(read.key);
      list.reads.push(read);
      if (read.list.length > list.order.length) list.order = read.list;
    }
  }
  return Array.from(lists, ([key, { order, reads, writers }]) => ({ key, order, reads, writers }));
}

/** Whether the order of elements can be told: without this, there are no edges. */
export function checkOrder({ key, order, reads }: ListVersions): Finding[] {
  const longest = reads.find(({ list }) => list === order);
  const findings: Finding[] = [];
  const repeated = order.find((element, place) => order.indexOf(element) !== place);
  if (longest !== undefined && repeated !== undefined) {
    findings.push(finding("duplicate element", `${repeated} is in ${key} twice`, [longest]));
  }
  for (const read of reads) {
    if (read.list.every((element, place) => order[place] === element)) continue;
    const text = `one of these lists in ${key} should be the beginning of the other`;
    findings.push(finding("incompatible order", text, [read, longest!]));
  }
  return findings;
}

/** Elements that should not have been seen, and elements that should have been. */
export function checkElements(versions: ListVersions): Finding[] {
  return [
    ...checkSources(versions),
    ...checkIntermediate(versions),
    ...checkTorn(versions),
    ...checkLost(versions),
  ];
}

/** G1a, and elements nobody appended. */
function checkSources({ key, order, reads, writers }: ListVersions): Finding[] {
  return order.flatMap((element) => {
    const writer = writers.get(element);
    if (writer !== undefined && writer.outcome !== "failed") return [];
    const seenBy = reads.filter(({ list }) => list.includes(element)).slice(0, 1);
    if (writer === undefined) {
      return [finding("element from nowhere", `nobody appended ${element} to ${key}`, seenBy)];
    }
    return [finding("G1a", `${element} in ${key} is of a failed transaction`, seenBy, [writer])];
  });
}

/** G1b: another transaction's appends seen in part. */
function checkIntermediate({ key, reads, writers }: ListVersions): Finding[] {
  return reads.flatMap((read) => {
    const last = read.list.at(-1);
    const writer = last === undefined ? undefined : writers.get(last);
    if (writer === undefined || writer === read.transaction) return [];
    if (appendsTo(writer, key).at(-1) === last) return [];
    const text = `${key} is read in the middle of a transaction, after ${last}`;
    return [finding("G1b", text, [read], [writer])];
  });
}

/** A transaction's appends to one list are seen from the first on, in their order. */
function checkTorn({ key, order, writers }: ListVersions): Finding[] {
  const places = new Map(order.map((element, place) => [element, place]));
  return [...new Set(writers.values())].flatMap((writer) => {
    const appends = appendsTo(writer, key);
    const seenAt = appends.map((element) => places.get(element) ?? Infinity);
    // Infinity twice is two that nobody saw.
    const isTorn = seenAt.some(
      (place, at) => at > 0 && place !== Infinity && place < seenAt[at - 1]!,
    );
    if (!isTorn) return [];
    const text = `${appends.join(" ")} should be together and in this order in ${key}`;
    return [finding("torn transaction", text, [], [writer])];
  });
}

/** An acknowledged element that a later read does not show, and no other read either. */
function checkLost({ key, order, reads, writers }: ListVersions): Finding[] {
  const seen = new Set(order);
  const latest = reads.reduce<ListRead | null>(
    (best, read) =>
      best === null || read.transaction.invokedAt > best.transaction.invokedAt ? read : best,
    null,
  );
  if (latest === null) return [];
  return Array.from(writers).flatMap(([element, writer]) => {
    const isLost =
      writer.outcome === "ok" &&
      !seen.has(element) &&
      writer.returnedAt < latest.transaction.invokedAt;
    if (!isLost) return [];
    return [finding("lost element", `${element} is missing in ${key}`, [latest], [writer])];
  });
}

/**
 * Reads of a transaction must agree with its own reads and appends before, and with no later one.
 */
export function checkInternal(transaction: Transaction): Finding[] {
  const reads = readsOf(transaction);
  const found = new Map<string, readonly number[]>();
  const appended = new Map<string, number[]>();
  for (const { kind, key, ...step } of transaction.action) {
    const own = appended.get(key) ?? [];
    appended.set(key, own);
    if (kind === "append") {
      own.push((step as { element: number }).element);
      continue;
    }
    const read = reads.shift();
    if (read === undefined) return [];
    const all = new Set(appendsTo(transaction, key));
    const others = found.get(key) ?? read.list.filter((element) => !all.has(element));
    found.set(key, others);
    if (!isSameList(read.list, [...others, ...own])) {
      const text = `a transaction should see its own reads and appends of ${key}`;
      return [finding("internal", text, [read])];
    }
  }
  return [];
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((element, place) => element === b[place]);
}

function finding(
  rule: string,
  text: string,
  reads: readonly ListRead[],
  writers: readonly Transaction[] = [],
): Finding {
  const transactions = new Set([...writers, ...reads.map(({ transaction }) => transaction)]);
  const lines = Array.from(transactions, (one) => `  ${printTransaction(one)}`);
  return { rule, text: [text, ...lines].join("\n") };
}
