// One line of the result: a figure of Kvorum, the peer's, and how it stands against the bars.
import type { Bar } from "./rows.ts";
import { median, pairedRatio, pairedRatios } from "./stats.ts";

/** `aim` and `ok` (the must) are reached; `MISS` is not; `FAILED` could not be measured right. */
export type Verdict = "aim" | "ok" | "MISS" | "FAILED" | "-";

/** Latencies of one side, medians over the rounds, in milliseconds. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** One side of a finding: what was measured in each round. */
export interface Side {
  readonly name: string;
  readonly rounds: readonly number[];
  readonly latency?: Latency;
}

/** One figure with its verdict. */
export interface Finding {
  readonly row: string;
  readonly title: string;
  /** Unit of the figure: `ops/s`, `cpu us/op`, `bytes/key`, ... */
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** Whether the bars are for the ratio to the peer or for Kvorum's own figure. */
  readonly judged: "ratio" | "value" | "nothing";
  readonly kvorum: Side | null;
  readonly peer: Side | null;
  readonly ratio: number | null;
  /** Lowest and highest ratio of a single round. */
  readonly ratioSpread: readonly [number, number] | null;
  readonly bar: Bar | null;
  readonly verdict: Verdict;
  readonly notes: readonly string[];
}

/** What a finding is made from. */
export interface FindingParts {
  readonly row: string;
  readonly title: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  readonly judged: "ratio" | "value";
  readonly kvorum: Side | null;
  readonly peer: Side | null;
  readonly bar: Bar | null;
  /** Reasons why the figures do not count; any makes the verdict `FAILED`. */
  readonly problems?: readonly string[];
  readonly notes?: readonly string[];
}

/** Works out ratio and verdict. */
export function makeFinding(parts: FindingParts): Finding {
  const { kvorum, peer, bar, problems = [], notes = [] } = parts;
  const hasBoth = isMeasured(kvorum) && isMeasured(peer);
  const ratios = hasBoth ? pairedRatios(kvorum.rounds, peer.rounds) : [];
  const ratio = hasBoth ? pairedRatio(kvorum.rounds, peer.rounds) : null;
  const value = isMeasured(kvorum) ? median(kvorum.rounds) : null;
  const figure = parts.judged === "ratio" ? ratio : value;
  return {
    row: parts.row,
    title: parts.title,
    unit: parts.unit,
    better: parts.better,
    judged: bar === null ? "nothing" : parts.judged,
    kvorum,
    peer,
    ratio,
    ratioSpread: ratios.length > 0 ? [Math.min(...ratios), Math.max(...ratios)] : null,
    bar,
    verdict: problems.length > 0 ? "FAILED" : verdictOf(figure, bar, parts.better),
    notes: [...problems, ...notes],
  };
}

/** A finding that says only why a row could not be measured. */
export function failedFinding(row: string, title: string, unit: string, why: string): Finding {
  const parts = { row, title, unit, better: "higher", judged: "value" } as const;
  return makeFinding({ ...parts, kvorum: null, peer: null, bar: null, problems: [why] });
}

/** How a figure stands against its bar; `-` without a figure or without a bar. */
export function verdictOf(
  figure: number | null,
  bar: Bar | null,
  better: "higher" | "lower",
): Verdict {
  if (figure === null || bar === null) return "-";
  const sign = better === "higher" ? 1 : -1;
  if (sign * figure >= sign * bar.aim) return "aim";
  if (sign * figure >= sign * bar.must) return "ok";
  return "MISS";
}

function isMeasured(side: Side | null): side is Side {
  return side !== null && side.rounds.length > 0;
}
