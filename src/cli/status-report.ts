// `kvorum status` as text: a table of nodes, and what an operator should know or do.
import type { ClusterStatus, NodeInfo, NodeStatus } from "./cluster-status.ts";

const HEADINGS = ["NODE", "ADDRESS", "ROLE", "TERM", "APPLIED", "LAG", "KEYS", "MEMORY"];
/** Columns of numbers, to the right. */
const RIGHT = new Set(["NODE", "TERM", "APPLIED", "LAG", "KEYS", "MEMORY"]);
/** Entries behind the leader that are worth a word. */
const LAG_ENTRIES = 1_000;

/** The whole report. */
export function statusText(status: ClusterStatus): string {
  const leader = leaderOf(status);
  const rows = status.nodes.map((node) => rowOf(node, leader));
  const advice = adviceOn(status).map((sentence) => `  ${sentence}`);
  return [...table([HEADINGS, ...rows]), "", ...advice].join("\n");
}

/** The node that leads as its own word goes, of the highest term. */
function leaderOf({ nodes }: ClusterStatus): NodeInfo | null {
  let leader: NodeInfo | null = null;
  for (const { info } of nodes) {
    if (info?.role === "leader" && info.term >= (leader?.term ?? 0)) leader = info;
  }
  return leader;
}

function rowOf({ address, info }: NodeStatus, leader: NodeInfo | null): string[] {
  if (info === null) return ["?", address, "down", "-", "-", "-", "-", "-"];
  const lag = leader === null ? "-" : String(Math.max(0, leader.lastIndex - info.appliedIndex));
  return [
    String(info.nodeId),
    address,
    info.role,
    String(info.term),
    String(info.appliedIndex),
    info.role === "leader" ? "-" : lag,
    String(info.keys),
    memoryText(info.usedBytes),
  ];
}

function memoryText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column]!;
        return RIGHT.has(HEADINGS[column]!) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

/** Sentences on the cluster as a whole; the first one says how it is. */
export function adviceOn(status: ClusterStatus): string[] {
  const leader = leaderOf(status);
  const count = status.nodes.length;
  const down = status.nodes.filter(({ info }) => info === null);
  if (leader === null) {
    return ["no leader: commands wait, then fail with CLUSTERDOWN", ...reachWords(down)];
  }
  const { voters } = leader;
  const sentences = [failoverWords(voters, count, down.length), ...reachWords(down)];
  for (const { info } of status.nodes) {
    if (info === null || info.role === "leader") continue;
    const lag = leader.lastIndex - info.appliedIndex;
    if (lag > LAG_ENTRIES)
      sentences.push(`node ${info.nodeId} is ${lag} entries behind: catching up`);
  }
  return sentences;
}

function failoverWords(voters: number, count: number, down: number): string {
  if (voters === 1 && count === 1) {
    return "one node: no copies, no failover; add two more with kvorum server --join";
  }
  if (voters === 1 && count === 2) {
    return "no failover yet: 2 nodes, one voter and one learner; add a third one";
  }
  if (voters === 1) return `no failover yet: ${count} nodes, learners are catching up`;
  const tolerated = Math.floor((voters - 1) / 2);
  const left = tolerated - down;
  const whole = `${voters} voters: any ${tolerated === 1 ? "one" : tolerated} of them may fail`;
  if (down === 0) return `healthy: ${whole}`;
  if (left > 0) return `${whole}; ${left} more now`;
  return `${whole}, and ${down === 1 ? "one has" : `${down} have`}: the next loss stops writes`;
}

function reachWords(down: readonly NodeStatus[]): string[] {
  return down.map(({ address, failure }) => `${address} does not answer: ${failure}`);
}

/** The report for other programs. */
export function statusJson(status: ClusterStatus): string {
  const leader = leaderOf(status);
  const nodes = status.nodes.map(({ address, name, info, failure }) => ({
    address,
    name,
    online: info !== null,
    ...(info ?? { failure }),
    lag:
      info === null || leader === null ? null : Math.max(0, leader.lastIndex - info.appliedIndex),
  }));
  const summary = {
    leader: leader?.nodeId ?? null,
    term: leader?.term ?? null,
    voters: leader?.voters ?? null,
    advice: adviceOn(status),
    nodes,
  };
  return JSON.stringify(summary, null, 2);
}
