// Prints findings as an aligned table for the terminal or as Markdown for docs/performance.md.
import type { Finding, Side } from "./finding.ts";
import { type Bar, rows, type Row } from "./rows.ts";
import { median } from "./stats.ts";

const HEAD = ["row", "unit", "peer", "kvorum", "peer's", "ratio", "spread", "must", "aim", ""];
const LATENCY_HEAD = ["p50/p99 ms", "peer's"];
/** Columns that hold figures stand to the right. */
const RIGHT_FROM = 3;
const RIGHT_TO = 8;

/** The findings as a table of aligned columns, notes below. */
export function textReport(
  findings: readonly Finding[],
  facts: ReadonlyMap<string, string>,
): string {
  const lines = [
    [...HEAD, ...LATENCY_HEAD],
    ...findings.map((finding) => cells(finding.row, finding)),
  ];
  const notes = noteLines(findings);
  return [...factLines(facts), "", ...aligned(lines), ...(notes.length > 0 ? ["", ...notes] : [])]
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** The findings as Markdown: facts, one table, notes. */
export function markdownReport(
  findings: readonly Finding[],
  facts: ReadonlyMap<string, string>,
): string {
  const head = ["work", ...HEAD.slice(1, -1), "verdict", ...LATENCY_HEAD];
  const lines = [head, head.map(() => "---"), ...findings.map((one) => cells(one.title, one))];
  const table = lines.map((line) => `| ${line.join(" | ")} |`);
  const notes = noteLines(findings).map((note) => `- ${note}`);
  const intro = [...facts].map(([name, value]) => `${name}: ${value}`).join("; ");
  return `${[`${intro}.`, "", ...table, "", ...notes].join("\n").trimEnd()}\n`;
}

/** The rows with their bars, for `--list`. */
export function listRows(): string {
  const lines = [["row", "peer", "must", "aim", "what"], ...rows.flatMap(listLines)];
  return aligned(lines)
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

function listLines(row: Row): string[][] {
  const asked = row.kind !== "throughput" && row.onRequest ? " (only when named)" : "";
  const bars: ReadonlyArray<Bar & { readonly server?: string }> =
    row.kind === "throughput" ? row.peers : row.bars;
  return bars.map(({ must, aim, server = "-" }) => {
    return [row.name, server, String(must), String(aim), row.title + asked];
  });
}

function cells(name: string, finding: Finding): string[] {
  const { kvorum, peer, ratio, ratioSpread, bar, verdict, unit } = finding;
  const spread = ratioSpread === null ? "" : ratioSpread.map(ratioText).join("-");
  const limit = (value: number | undefined): string => {
    return value === undefined ? "" : finding.judged === "ratio" ? ratioText(value) : String(value);
  };
  const figures = [figureText(kvorum), figureText(peer), ratio === null ? "" : ratioText(ratio)];
  const bars = [limit(bar?.must), limit(bar?.aim), verdict];
  const latencies = unit === "ops/s" ? [latencyText(kvorum), latencyText(peer)] : ["", ""];
  return [name, unit, peer?.name ?? "-", ...figures, spread, ...bars, ...latencies];
}

/** The median of a side's rounds with as many digits as it deserves. */
export function figureText(side: Side | null): string {
  if (side === null || side.rounds.length === 0) return "-";
  const value = median(side.rounds);
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3);
}

function latencyText(side: Side | null): string {
  if (side?.latency === undefined) return "";
  const { p50Ms, p99Ms } = side.latency;
  return `${p50Ms.toPrecision(2)}/${p99Ms.toPrecision(2)}`;
}

function ratioText(ratio: number): string {
  return ratio.toFixed(2);
}

function factLines(facts: ReadonlyMap<string, string>): string[] {
  return aligned([...facts].map(([name, value]) => [name, value]));
}

function noteLines(findings: readonly Finding[]): string[] {
  // A failed start brings the tail of a log along; that was printed when it happened.
  const lines = findings.flatMap(({ row, notes }) =>
    notes.map((note) => `${row}: ${note.split("\n", 1)[0]}`),
  );
  return [...new Set(lines)];
}

function aligned(lines: ReadonlyArray<readonly string[]>): string[] {
  const widths: number[] = [];
  for (const line of lines) {
    line.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const isWide = (lines[0]?.length ?? 0) > RIGHT_TO;
  return lines.map((line) =>
    line
      .map((cell, column) => {
        const isRight = isWide && column >= RIGHT_FROM && column <= RIGHT_TO;
        return isRight ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
      })
      .join("  "),
  );
}
