// Memory row: bytes of RSS per key, fresh and after overwrites and deletions.
import { type Finding, makeFinding } from "../finding.ts";
import { fill, preload } from "../load/fill.ts";
import { type SpecialRow, VALUE_BYTES } from "../rows.ts";
import { ask } from "../servers/resp-control.ts";
import { attempt, type Bench } from "./bench.ts";
import { settledBytes, singleFamilies, startSingle } from "./single.ts";

const OVERWRITES = 3;
const OVERWRITE_BYTES = [50, 200] as const;
/** Every fifth key is deleted at the end: 20 %. */
const DELETE_EVERY = 5;

/** Bytes per key at the two points. */
interface Sizes {
  readonly fresh: number;
  readonly worn: number;
}

/** Fills, wears out and weighs a fresh Kvorum and a fresh Redis, both without persistence. */
export async function runMemory(row: SpecialRow, bench: Bench): Promise<Finding[]> {
  const sizes = new Map<string, Sizes>();
  const problems: string[] = [];
  for (const family of singleFamilies(bench)) {
    const weighed = await attempt(bench, problems, family, () => weigh(row, bench, family));
    if (weighed !== null) sizes.set(family, weighed);
  }
  const points = [
    { size: "fresh", title: `${row.title}, just loaded` },
    { size: "worn", title: `${row.title}, after 3 overwrites and 20 % deletes` },
  ] as const;
  return points.map(({ size, title }, at) => {
    const side = (family: string, name: string) => {
      const found = sizes.get(family);
      return found === undefined ? null : { name, rounds: [found[size]] };
    };
    return makeFinding({
      row: row.name,
      title,
      unit: "bytes/key",
      better: "lower",
      judged: "ratio",
      kvorum: side("kvorum", "kvorum-relaxed"),
      peer: side("redis", "redis-relaxed"),
      bar: row.bars[at] ?? null,
      problems,
    });
  });
}

async function weigh(row: SpecialRow, bench: Bench, family: "kvorum" | "redis"): Promise<Sizes> {
  const node = await startSingle(bench, family, "relaxed");
  try {
    const { port } = node;
    const empty = await settledBytes(node);
    await preload(port, row.keys, VALUE_BYTES);
    await expectKeys(port, row.keys);
    const fresh = ((await settledBytes(node)) - empty) / row.keys;
    for (let seed = 1; seed <= OVERWRITES; seed++) {
      const valueBytes = OVERWRITE_BYTES;
      await fill({ port, command: "set", keys: row.keys, every: 1, valueBytes, seed });
    }
    const deletion = { command: "del", every: DELETE_EVERY, valueBytes: [0, 0], seed: 1 } as const;
    await fill({ port, keys: row.keys, ...deletion });
    const left = row.keys - Math.ceil(row.keys / DELETE_EVERY);
    await expectKeys(port, left);
    const worn = ((await settledBytes(node)) - empty) / left;
    const text = `${fresh.toFixed(1)} bytes/key, worn ${worn.toFixed(1)}`;
    bench.log(`  memory ${family}: ${text} (empty ${(empty / 1e6).toFixed(0)} MB)`);
    return { fresh, worn };
  } finally {
    await node.stop();
  }
}

/** Throws unless DBSIZE says that many keys. */
export async function expectKeys(port: number, count: number): Promise<void> {
  const size = await ask(port, "DBSIZE");
  if (size !== count) throw new Error(`DBSIZE says ${String(size)}, not ${count}`);
}
