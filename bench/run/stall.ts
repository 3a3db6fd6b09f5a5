// Stall row: how long nothing else is answered while a snapshot is written under load.
import { type Finding, makeFinding, type Side } from "../finding.ts";
import { programArgs } from "../load/child.ts";
import { preload } from "../load/fill.ts";
import type { PingResult } from "../load/ping-load.ts";
import type { RespLoadSpec } from "../load/resp-load.ts";
import { type SpecialRow, VALUE_BYTES } from "../rows.ts";
import { type Child, pause, until } from "../servers/children.ts";
import { ask, infoFields } from "../servers/resp-control.ts";
import { attempt, type Bench } from "./bench.ts";
import { type SingleNode, singleFamilies, startSingle, untilSaved } from "./single.ts";

const BASELINE_MS = 3000;
const SNAPSHOT_TIMEOUT_MS = 300_000;
const LOAD_MS_MAX = 600_000;
/** LASTSAVE counts whole seconds: two saves within one second look like one. */
const LASTSAVE_STEP_MS = 1100;
const SETTLE_MS = 500;
/** INFO field in which Kvorum itself says the longest turn of its loop; 0 resets are its own. */
const STALL_FIELD = "event_loop_stall_ms_max";

/** What was seen on one server. */
interface Stall {
  /** Longest latencies of PING, with and without a snapshot being written. */
  readonly snapshot: PingResult;
  readonly baseline: PingResult;
  /** The server's own figure, when it has one. */
  readonly ownMs: string | null;
}

/** Loads many keys, keeps a mixed load on, and compares PING with and without BGSAVE. */
export async function runStall(row: SpecialRow, bench: Bench): Promise<Finding[]> {
  const problems: string[] = [];
  const notes: string[] = [];
  const sides = new Map<string, Side>();
  for (const family of singleFamilies(bench)) {
    const stall = await attempt(bench, problems, family, () => watch(row, bench, family));
    if (stall === null) continue;
    const { snapshot, baseline, ownMs } = stall;
    const latency = { p50Ms: snapshot.p50Ms, p99Ms: snapshot.p99Ms };
    sides.set(family, { name: `${family}-durable`, rounds: [snapshot.maxMs], latency });
    const calm = `longest PING without a snapshot ${baseline.maxMs.toFixed(1)} ms`;
    const own = ownMs === null ? "" : `, ${STALL_FIELD} ${ownMs}`;
    notes.push(`${family}: ${calm}${own}`);
    bench.log(`  ${row.name} ${family}: ${snapshot.maxMs.toFixed(1)} ms; ${calm}${own}`);
  }
  const finding = makeFinding({
    row: row.name,
    title: `${row.title}: longest PING at 1 ms pace`,
    unit: "ms",
    better: "lower",
    judged: "value",
    kvorum: sides.get("kvorum") ?? null,
    peer: sides.get("redis") ?? null,
    bar: row.bars[0] ?? null,
    problems,
    notes,
  });
  return [finding];
}

async function watch(row: SpecialRow, bench: Bench, family: "kvorum" | "redis"): Promise<Stall> {
  const node = await startSingle(bench, family, "durable");
  let load: Child | null = null;
  try {
    await preload(node.port, row.keys, VALUE_BYTES);
    await untilSaved(node);
    load = bench.children.start(process.execPath, programArgs("resp-load.ts", loadSpec(row, node)));
    await pause(LASTSAVE_STEP_MS + SETTLE_MS);
    const baseline = await pingDuring(bench, node, () => pause(BASELINE_MS));
    const snapshot = await pingDuring(bench, node, () => saveNow(node));
    if (!load.isAlive()) throw new Error(`the load ended: ${load.log().slice(-500)}`);
    const ownMs = (await infoFields(node.port, "all")).get(STALL_FIELD) ?? null;
    return { snapshot, baseline, ownMs };
  } finally {
    if (load !== null) await bench.children.kill(load);
    await node.stop();
  }
}

function loadSpec(row: SpecialRow, node: SingleNode): RespLoadSpec {
  return {
    port: node.port,
    mix: "mixed",
    clients: 50,
    pipeline: 2,
    wait: false,
    keys: row.keys,
    valueBytes: VALUE_BYTES,
    warmupMs: 0,
    measureMs: LOAD_MS_MAX,
    seed: 1,
    roots: node.roots,
  };
}

/** Pings the server at 1 ms pace while `work` runs. */
async function pingDuring(
  bench: Bench,
  node: SingleNode,
  work: () => Promise<void>,
): Promise<PingResult> {
  const args = programArgs("ping-load.ts", { port: node.port });
  const pinger = bench.children.start(process.execPath, args);
  await pause(SETTLE_MS);
  await work();
  await bench.children.stop(pinger);
  return JSON.parse(pinger.log()) as PingResult;
}

/**
 * Writes a snapshot and waits until LASTSAVE says that it is done. Another one may run already: the
 * log grows under the load.
 */
async function saveNow(node: SingleNode): Promise<void> {
  await untilSaved(node);
  const before = await ask(node.port, "LASTSAVE");
  await ask(node.port, "BGSAVE");
  const isSaved = async (): Promise<boolean> => (await ask(node.port, "LASTSAVE")) !== before;
  const timing = { timeoutMs: SNAPSHOT_TIMEOUT_MS, everyMs: 50 };
  await until("the snapshot is written", [node.child], isSaved, timing);
}
