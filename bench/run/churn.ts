// Churn row: minutes of sets and deletes of mixed sizes with snapshots in between: does the memory
// a node counts follow the memory it takes, and does the cleaner keep dead space low?
import { type Finding, makeFinding } from "../finding.ts";
import { sendCommands } from "../load/fill.ts";
import { keyOf, randomSource, respCommand, valueOf } from "../load/keys.ts";
import type { SpecialRow } from "../rows.ts";
import { pause } from "../servers/children.ts";
import { ask, infoFields } from "../servers/resp-control.ts";
import { attempt, type Bench } from "./bench.ts";
import { settledBytes, type SingleNode, startSingle } from "./single.ts";

const SNAPSHOT_EVERY_MS = 20_000;
const SAMPLE_EVERY_MS = 30_000;
/** One command in so many deletes. */
const DELETE_ONE_IN = 8;
/** Lengths are drawn evenly in the logarithm from 2^4 to 2^12 bytes: many small, few large. */
const LENGTH_BITS = [4, 12] as const;
/** INFO fields of Kvorum: all memory it counts, and the part of it that holds nothing live. */
const COUNTED_FIELD = "used_memory";
/** The keyspace's part of it, and what of that is dead. */
const RESERVED_FIELD = "kvorum_reserved_bytes";
const DEAD_FIELD = "kvorum_dead_bytes";

/** Runs the churn on Kvorum alone: the bars are its own figures. */
export async function runChurn(row: SpecialRow, bench: Bench): Promise<Finding[]> {
  const problems: string[] = [];
  const isAsked = bench.families.includes("kvorum");
  const figures = isAsked
    ? await attempt(bench, problems, "kvorum", () => churn(row, bench))
    : null;
  const points = [
    { title: "counted memory against RSS growth", figure: figures?.gapPercent },
    { title: "dead space", figure: figures?.deadPercent },
  ];
  return points.map(({ title, figure }, at) =>
    makeFinding({
      row: row.name,
      title: `${row.title}, ${title}`,
      unit: "percent",
      better: "lower",
      judged: "value",
      kvorum: figure === undefined ? null : { name: "kvorum-relaxed", rounds: [figure] },
      peer: null,
      bar: row.bars[at] ?? null,
      problems,
    }),
  );
}

async function churn(
  row: SpecialRow,
  bench: Bench,
): Promise<{ readonly gapPercent: number; readonly deadPercent: number }> {
  const node = await startSingle(bench, "kvorum", "relaxed");
  try {
    const emptyRss = await settledBytes(node);
    const emptyCounted = await fieldOf(node, COUNTED_FIELD);
    const endsAt = Date.now() + bench.options.churnMinutes * 60_000;
    const load = sendCommands(node.port, churnCommands(row.keys, endsAt));
    await Promise.all([load, snapshots(node, endsAt), samples(bench, node, endsAt)]);
    const grownRss = (await settledBytes(node)) - emptyRss;
    const grownCounted = (await fieldOf(node, COUNTED_FIELD)) - emptyCounted;
    const reserved = await fieldOf(node, RESERVED_FIELD);
    const deadPercent = (100 * (await fieldOf(node, DEAD_FIELD))) / reserved;
    return { gapPercent: (100 * Math.abs(grownRss - grownCounted)) / grownRss, deadPercent };
  } finally {
    await node.stop();
  }
}

/** Sets and deletes of random keys until the clock says `endsAt` (Unix milliseconds). */
function* churnCommands(keys: number, endsAt: number): Generator<string> {
  const random = randomSource(7);
  const [low, high] = LENGTH_BITS;
  while (Date.now() < endsAt) {
    const key = keyOf(random() % keys);
    if (random() % DELETE_ONE_IN === 0) {
      yield respCommand("UNLINK", key);
      continue;
    }
    const length = Math.floor(2 ** (low + (random() / 2 ** 32) * (high - low)));
    yield respCommand("SET", key, valueOf(length, random()));
  }
}

async function snapshots(node: SingleNode, endsAt: number): Promise<void> {
  while (Date.now() + SNAPSHOT_EVERY_MS < endsAt) {
    await pause(SNAPSHOT_EVERY_MS);
    // One that the server has begun by itself is as good.
    await ask(node.port, "BGSAVE").catch((error: unknown) => {
      if (!String(error).includes("already in progress")) throw error;
    });
  }
}

async function samples(bench: Bench, node: SingleNode, endsAt: number): Promise<void> {
  while (Date.now() + SAMPLE_EVERY_MS < endsAt) {
    await pause(SAMPLE_EVERY_MS);
    const counted = await fieldOf(node, COUNTED_FIELD);
    const reserved = await fieldOf(node, RESERVED_FIELD);
    const share = ((100 * (await fieldOf(node, DEAD_FIELD))) / reserved).toFixed(1);
    const [all, data] = [counted, reserved].map((bytes) => (bytes / 1e6).toFixed(0));
    bench.log(`  churn: ${all} MB counted, ${data} MB of it data, ${share} % of that dead`);
  }
}

async function fieldOf(node: SingleNode, name: string): Promise<number> {
  const value = Number((await infoFields(node.port, "memory")).get(name) ?? Number.NaN);
  if (Number.isNaN(value)) throw new Error(`INFO memory has no ${name}`);
  return value;
}
