// Judges whether transactions on lists are strictly serializable, after Elle's list-append
// (Kingsbury and Alvaro, 2020): a list that is only appended to shows the order of its writes.
import type { Finding, Judgement } from "./history.ts";
import { findCycles } from "./list-graph.ts";
import type { Transaction } from "./list-transactions.ts";
import { checkElements, checkInternal, checkOrder, versionsOf } from "./list-versions.ts";

const FINDINGS_PER_RULE_MAX = 3;

/**
 * Finds what contradicts one order of all transactions that agrees with real time. When it finds
 * nothing, there is such an order.
 *
 * @param history Transactions in any order. One of unknown outcome counts as happened when one of
 *   its elements was read, and as never happened otherwise.
 * @throws InvariantError when two transactions append one element to one list.
 * @remarks O(n) in transactions and elements read, times the clients at work at once.
 */
export function judgeAppendLists(history: readonly Transaction[]): Judgement {
  const lists = versionsOf(history);
  const unordered = lists.flatMap(checkOrder);
  const findings = [...unordered, ...lists.flatMap(checkElements)];
  findings.push(...history.flatMap(checkInternal));
  // Edges say something only of lists whose order is known, and whose elements are all someone's.
  if (findings.every(({ rule }) => rule === "lost element" || rule === "G1b")) {
    const seen = new Set<Transaction | undefined>();
    for (const { order, writers } of lists) {
      for (const element of order) seen.add(writers.get(element));
    }
    const happened = history.filter((one) => one.outcome === "ok" || seen.has(one));
    findings.push(...findCycles(happened, lists));
  }
  return { checkedCount: history.length, findings: firstOfEachRule(findings), undecided: [] };
}

function firstOfEachRule(findings: readonly Finding[]): Finding[] {
  const counts = new Map<string, number>();
  return findings.filter(({ rule }) => {
    const count = (counts.get(rule) ?? 0) + 1;
    counts.set(rule, count);
    return count <= FINDINGS_PER_RULE_MAX;
  });
}
