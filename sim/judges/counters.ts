// Judges counters that are incremented by one: each increment happens exactly once. Cheaper than a
// search, and it takes histories of any length.
import {
  byInvocation,
  groupByKey,
  printOperation,
  type Finding,
  type Judgement,
  type Operation,
} from "./history.ts";

/** INCR, or GET. Counters begin at 0. */
export type CounterAction = { readonly kind: "increment" } | { readonly kind: "read" };

/** One operation; its reply is the value, null for a read of a missing key. */
export type CounterOperation = Operation<CounterAction, number>;

/**
 * Checks each counter: replies of increments are unique, values never go back in real time, and
 * each lies between the increments that must have happened and those that may have.
 *
 * @param finals Values at the very end, when nothing is under way any more; none: not checked.
 * @remarks O(n log n).
 */
export function judgeCounters(
  history: readonly CounterOperation[],
  finals: ReadonlyMap<string, number> = new Map(),
): Judgement {
  const findings: Finding[] = [];
  for (const [key, operations] of groupByKey(history)) {
    findings.push(...checkUnique(operations), ...checkValues(operations));
    findings.push(...checkFinal(key, operations, finals.get(key)));
  }
  return { checkedCount: history.length, findings, undecided: [] };
}

function checkUnique(operations: readonly CounterOperation[]): Finding[] {
  const seen = new Map<number, CounterOperation>();
  return operations.filter(isAcknowledged).flatMap((one) => {
    const other = seen.get(valueOf(one));
    seen.set(valueOf(one), one);
    return other === undefined ? [] : [finding("two increments gave one value", [other, one])];
  });
}

function checkValues(operations: readonly CounterOperation[]): Finding[] {
  const answered = operations.filter(({ outcome }) => outcome === "ok");
  const byReturn = answered.toSorted((a, b) => a.returnedAt - b.returnedAt);
  const mayHaveBegun = byInvocation(operations.filter(isIncrement)).map((one) => one.invokedAt);
  const findings: Finding[] = [];
  let highest: CounterOperation | null = null;
  let [returnedCount, doneCount] = [0, 0];
  for (const one of byInvocation(answered)) {
    for (; byReturn[returnedCount]!.returnedAt < one.invokedAt; returnedCount++) {
      const returned = byReturn[returnedCount]!;
      if (isIncrement(returned)) doneCount++;
      if (highest === null || valueOf(returned) > valueOf(highest)) highest = returned;
    }
    // An increment counts itself.
    const own = isIncrement(one) ? 1 : 0;
    if (highest !== null && valueOf(one) < valueOf(highest) + own) {
      findings.push(finding("counter went back", [highest, one]));
    } else if (valueOf(one) < doneCount + own) {
      const text = `${doneCount} increments had returned before`;
      findings.push(finding("increment lost", [one], text));
    }
    const begunCount = countUpTo(mayHaveBegun, one.returnedAt);
    if (valueOf(one) > begunCount) {
      const text = `only ${begunCount} increments had begun`;
      findings.push(finding("increment happened twice", [one], text));
    }
  }
  return findings;
}

function checkFinal(
  key: string,
  operations: readonly CounterOperation[],
  final: number | undefined,
): Finding[] {
  const atLeast = operations.filter(isAcknowledged).length;
  const atMost = operations.filter(isIncrement).length;
  if (final === undefined || (final >= atLeast && final <= atMost)) return [];
  const rule = final < atLeast ? "increment lost" : "increment happened twice";
  return [{ rule, text: `${key} ended at ${final}, not in ${atLeast}..${atMost}` }];
}

function isIncrement({ action, outcome }: CounterOperation): boolean {
  return action.kind === "increment" && outcome !== "failed";
}

function isAcknowledged(one: CounterOperation): boolean {
  return isIncrement(one) && one.outcome === "ok";
}

function valueOf({ reply }: CounterOperation): number {
  return reply ?? 0;
}

/** How many of the sorted times are at most `time`. */
function countUpTo(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function finding(rule: string, operations: readonly CounterOperation[], text = ""): Finding {
  const lines = operations.map(
    (one) => `  ${printOperation(one, ({ kind }, keys) => `${kind} ${keys.join(" ")}`)}`,
  );
  return { rule, text: [text === "" ? rule : text, ...lines].join("\n") };
}
