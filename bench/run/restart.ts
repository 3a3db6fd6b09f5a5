// Restart row: from starting the process on a full data folder until it serves a read.
import { performance } from "node:perf_hooks";
import { type Finding, makeFinding } from "../finding.ts";
import { preload } from "../load/fill.ts";
import { keyOf } from "../load/keys.ts";
import { type SpecialRow, VALUE_BYTES } from "../rows.ts";
import { pause, until } from "../servers/children.ts";
import { answersPing, withClient } from "../servers/resp-control.ts";
import { attempt, type Bench } from "./bench.ts";
import { expectKeys } from "./memory.ts";
import { singleFamilies, startSingle, untilSaved } from "./single.ts";

const POLL_MS = 5;
const RESTART_TIMEOUT_MS = 300_000;
/** After loading nobody writes for so long. */
const QUIET_MS = 4_000;

/** Loads 1M keys into durable servers, kills them (no save before) and starts them again. */
export async function runRestart(row: SpecialRow, bench: Bench): Promise<Finding[]> {
  const seconds = new Map<string, number[]>();
  const problems: string[] = [];
  for (const family of singleFamilies(bench)) {
    const taken = await attempt(bench, problems, family, () => timeRestarts(row, bench, family));
    if (taken !== null) seconds.set(family, taken);
  }
  const side = (family: string, name: string) => {
    const rounds = seconds.get(family);
    return rounds === undefined ? null : { name, rounds };
  };
  const finding = makeFinding({
    row: row.name,
    title: row.title,
    unit: "s",
    better: "lower",
    judged: "ratio",
    kvorum: side("kvorum", "kvorum-durable"),
    peer: side("redis", "redis-durable"),
    bar: row.bars[0] ?? null,
    problems,
  });
  return [finding];
}

async function timeRestarts(
  row: SpecialRow,
  bench: Bench,
  family: "kvorum" | "redis",
): Promise<number[]> {
  const node = await startSingle(bench, family, "durable");
  const taken: number[] = [];
  try {
    await preload(node.port, row.keys, VALUE_BYTES);
    // Both sides end what loading has caused, so that every round is alike.
    await pause(QUIET_MS);
    await untilSaved(node);
    for (let round = 0; round < bench.options.rounds; round++) {
      await node.kill();
      const startedAt = performance.now();
      node.start();
      const lastKey = keyOf(row.keys - 1);
      const timing = { timeoutMs: RESTART_TIMEOUT_MS, everyMs: POLL_MS };
      await until(`${family} restarts`, [node.child], () => serves(node.port, lastKey), timing);
      taken.push((performance.now() - startedAt) / 1000);
      await expectKeys(node.port, row.keys);
      bench.log(`  restart ${family} round ${round + 1}: ${taken.at(-1)!.toFixed(2)} s`);
    }
    return taken;
  } finally {
    await node.stop();
  }
}

/** PING without LOADING, and a read of real data: the PING alone might come too early. */
async function serves(port: number, key: string): Promise<boolean> {
  if (!(await answersPing(port))) return false;
  const value = await withClient(port, (client) => client.ask("GET", key));
  return typeof value === "string" && value.length === VALUE_BYTES;
}
