// Judges whether a history is linearizable, key by key.
import { groupByKey, printOperation, type Finding, type Judgement } from "./history.ts";
import type { Operation } from "./history.ts";
import { explain, type Explanation } from "./minimise.ts";
import type { Model } from "./model.ts";
import { search } from "./search.ts";

/** Bounds on the work for one key. */
export interface LinearizabilityOptions {
  /** Steps of the search after which a key counts as undecided; a million take some 0.1 s. */
  readonly stepsMax?: number;
  /** Keys whose violations are minimised and explained; of the rest, only the key is named. */
  readonly explainedKeysMax?: number;
}

const STEPS_MAX = 2_000_000;
const EXPLAINED_KEYS_MAX = 3;
/** All searches for an explanation, compared with the one that found it necessary. */
const EXPLAINING_FACTOR = 0.5;
/** Of longer lists in an explanation, the end is printed. */
const LINES_MAX = 20;

/**
 * Checks each key by itself: a history is linearizable when those of all its keys are.
 *
 * @param history In any order; each operation belongs to its first key, so commands on several keys
 *   are recorded as one operation per key.
 * @example
 * const { findings, undecided } = judgeLinearizability(history, stringModel());
 */
export function judgeLinearizability<State, Op extends Operation>(
  history: readonly Op[],
  model: Model<State, Op>,
  options: LinearizabilityOptions = {},
): Judgement {
  const { stepsMax = STEPS_MAX, explainedKeysMax = EXPLAINED_KEYS_MAX } = options;
  const findings: Finding[] = [];
  const undecided: string[] = [];
  for (const [key, operations] of groupByKey(history) as Map<string, Op[]>) {
    const { verdict, steps } = search(operations, model, stepsMax);
    if (verdict === "undecided") {
      undecided.push(`key ${key}: gave up on ${operations.length} operations at ${steps} steps`);
    } else if (verdict === "violation") {
      const text =
        findings.length < explainedKeysMax
          ? printExplanation(
              explain(operations, model, EXPLAINING_FACTOR * stepsMax),
              model,
              operations,
            )
          : `${operations.length} operations, not explained`;
      findings.push({ rule: "not linearizable", text: `key ${key}: ${text}` });
    }
  }
  return { checkedCount: history.length, findings, undecided };
}

/**
 * An explanation for people, an operation a line.
 *
 * @param history All operations of the key: to tell where a stale value came from.
 */
export function printExplanation<State, Op extends Operation>(
  { core, culprit, prefix, otherCount, beforeCount }: Explanation<Op>,
  model: Model<State, Op>,
  history: readonly Op[],
): string {
  const print = (one: Op): string =>
    `  ${printOperation(one, (action, keys) => model.describe(action, keys))}`;
  const others = otherCount === 0 ? "" : `, whatever the other ${otherCount} did`;
  const before = beforeCount === 0 ? "" : `, ${beforeCount} of them before`;
  const value = typeof culprit.reply === "string" ? culprit.reply : null;
  const isAbout = (line: string): boolean => value !== null && line.split(" ").includes(value);
  const about = history
    .filter((one) => !core.includes(one))
    .map(print)
    .filter(isAbout);
  return [
    `these contradict each other${others}${before}:`,
    ...lastOf(core.map(print)),
    prefix.length === 0 ? "nothing comes before" : "the longest order that can be:",
    ...lastOf(prefix.map(print)),
    "and then there is no place for:",
    print(culprit),
    ...(about.length === 0 ? [] : [`others about ${value}:`, ...about.slice(0, LINES_MAX)]),
  ].join("\n");
}

/** The end of a long list of lines. */
function lastOf(lines: readonly string[]): readonly string[] {
  const hiddenCount = lines.length - LINES_MAX;
  return hiddenCount <= 0 ? lines : [`  (and ${hiddenCount} before)`, ...lines.slice(hiddenCount)];
}
