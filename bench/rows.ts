// The rows of the benchmark as data: what is run, against whom, what must be reached.
import type { ServerKind } from "./servers/server.ts";

/** Keys in every throughput row, all of them present. */
export const KEYS = 100_000;
/** Bytes of their values. */
export const VALUE_BYTES = 100;
/** Keys of the rows on memory, restart and stalls. */
export const MANY_KEYS = 1_000_000;

/** A bar: what must be reached and what is aimed at; a finding says whether more is better. */
export interface Bar {
  readonly must: number;
  readonly aim: number;
}

/** Server CPU per operation as a ratio to the peer's, lower is better: one bar for all rows. */
export const cpuBars: Readonly<Record<"redis" | "etcd", Bar>> = {
  redis: { must: 1.35, aim: 1.15 },
  etcd: { must: 0.3, aim: 0.15 },
};

/** What a throughput row sends. */
export interface Work {
  readonly mix: "get" | "set" | "mixed";
  readonly clients: number;
  readonly pipeline: number;
  /**
   * `redis-benchmark` for plain single-node commands; `own` where it cannot do the work, then on
   * both sides, with `WAIT 1` behind every burst to Redis and etcd's calls to etcd.
   */
  readonly generator: "redis-benchmark" | "own";
}

/** A throughput row: operations per second as a ratio to each peer's, higher is better. */
export interface ThroughputRow extends Work {
  readonly kind: "throughput";
  readonly name: string;
  readonly title: string;
  readonly kvorum: ServerKind;
  readonly peers: ReadonlyArray<Bar & { readonly server: ServerKind }>;
}

/** A row that is a procedure of its own; lower is better in all of them. */
export interface SpecialRow {
  readonly kind: "memory" | "restart" | "stall" | "failover" | "churn";
  readonly name: string;
  readonly title: string;
  /** Bars in the order in which the procedure reports. */
  readonly bars: readonly Bar[];
  readonly keys: number;
  /** Long: runs only when named with `--rows`. */
  readonly onRequest: boolean;
}

export type Row = ThroughputRow | SpecialRow;

const relaxed = { kind: "throughput", kvorum: "kvorum-relaxed", clients: 50 } as const;
const durable = { kind: "throughput", kvorum: "kvorum-durable" } as const;
const three = { kind: "throughput", kvorum: "kvorum-three", generator: "own" } as const;
const plain = { generator: "redis-benchmark" } as const;

function redisRelaxed(must: number, aim: number): ThroughputRow["peers"] {
  return [{ server: "redis-relaxed", must, aim }];
}

function redisDurable(must: number, aim: number): ThroughputRow["peers"] {
  return [{ server: "redis-durable", must, aim }];
}

/** All rows, in the order they run: rows with the same servers stand together. */
export const rows: readonly Row[] = [
  {
    ...relaxed,
    ...plain,
    name: "get-no-fsync",
    title: "GET, fsync no, 50 clients",
    mix: "get",
    pipeline: 1,
    peers: redisRelaxed(0.85, 1),
  },
  {
    ...relaxed,
    ...plain,
    name: "set-no-fsync",
    title: "SET, fsync no, 50 clients",
    mix: "set",
    pipeline: 1,
    peers: redisRelaxed(0.85, 1),
  },
  {
    ...relaxed,
    ...plain,
    name: "get-no-fsync-p16",
    title: "GET, fsync no, 50 clients, pipeline 16",
    mix: "get",
    pipeline: 16,
    peers: redisRelaxed(1, 1.3),
  },
  {
    ...relaxed,
    ...plain,
    name: "set-no-fsync-p16",
    title: "SET, fsync no, 50 clients, pipeline 16",
    mix: "set",
    pipeline: 16,
    peers: redisRelaxed(1, 1.3),
  },
  {
    ...durable,
    ...plain,
    name: "set-durable",
    title: "SET, fsync always, 50 clients",
    mix: "set",
    clients: 50,
    pipeline: 1,
    peers: redisDurable(0.9, 1.05),
  },
  {
    ...durable,
    ...plain,
    name: "set-durable-p16",
    title: "SET, fsync always, 50 clients, pipeline 16",
    mix: "set",
    clients: 50,
    pipeline: 16,
    peers: redisDurable(1.5, 2),
  },
  {
    ...durable,
    ...plain,
    name: "set-durable-1",
    title: "SET, fsync always, 1 client",
    mix: "set",
    clients: 1,
    pipeline: 1,
    peers: redisDurable(0.9, 1),
  },
  {
    ...durable,
    generator: "own",
    name: "mixed-durable-p16",
    title: "GET:SET 1:1, fsync always, 50 clients, pipeline 16",
    mix: "mixed",
    clients: 50,
    pipeline: 16,
    peers: redisDurable(1, 1.5),
  },
  {
    ...three,
    name: "set-three-64",
    title: "SET, 3 nodes, 64 clients",
    mix: "set",
    clients: 64,
    pipeline: 1,
    peers: [
      { server: "redis-three", must: 1.1, aim: 1.5 },
      { server: "etcd-three", must: 3.5, aim: 5 },
    ],
  },
  {
    ...three,
    name: "set-three-256",
    title: "SET, 3 nodes, 256 clients",
    mix: "set",
    clients: 256,
    pipeline: 1,
    peers: [
      { server: "redis-three", must: 1.5, aim: 2 },
      { server: "etcd-three", must: 5, aim: 7 },
    ],
  },
  {
    ...three,
    name: "set-three-p16",
    title: "SET, 3 nodes, 50 clients, pipeline 16",
    mix: "set",
    clients: 50,
    pipeline: 16,
    peers: [{ server: "redis-three", must: 2, aim: 4 }],
  },
  {
    ...three,
    name: "get-three-64",
    title: "GET linearizable at the leader, 3 nodes, 64 clients",
    mix: "get",
    clients: 64,
    pipeline: 1,
    peers: [{ server: "etcd-three", must: 5.5, aim: 8 }],
  },
  {
    kind: "memory",
    name: "memory",
    title: "memory, 1M keys",
    bars: [
      { must: 0.85, aim: 0.75 },
      { must: 1, aim: 0.85 },
    ],
    keys: MANY_KEYS,
    onRequest: false,
  },
  {
    kind: "stall",
    name: "stall",
    title: "snapshot of 1M keys under load",
    bars: [{ must: 20, aim: 5 }],
    keys: MANY_KEYS,
    onRequest: false,
  },
  {
    kind: "stall",
    name: "stall-10m",
    title: "snapshot of 10M keys under load",
    bars: [{ must: 30, aim: 5 }],
    keys: 10 * MANY_KEYS,
    onRequest: true,
  },
  {
    kind: "restart",
    name: "restart",
    title: "restart with 1M keys",
    bars: [{ must: 1.5, aim: 0.8 }],
    keys: MANY_KEYS,
    onRequest: false,
  },
  {
    kind: "failover",
    name: "failover",
    title: "kill -9 of the leader under load",
    bars: [
      { must: 2, aim: 0.7 },
      { must: 0, aim: 0 },
    ],
    keys: 0,
    onRequest: false,
  },
  {
    kind: "churn",
    name: "churn",
    title: "10 minutes of mixed-size churn with snapshots",
    bars: [
      { must: 5, aim: 5 },
      { must: 15, aim: 15 },
    ],
    keys: 300_000,
    onRequest: true,
  },
];

/**
 * The rows with these names in the order of the table; all but the long ones for no names.
 *
 * @throws RangeError for a name that no row has.
 */
export function chooseRows(names: readonly string[]): Row[] {
  for (const name of names) {
    if (!rows.some((row) => row.name === name)) throw new RangeError(`no row is called ${name}`);
  }
  if (names.length > 0) return rows.filter((row) => names.includes(row.name));
  return rows.filter((row) => row.kind === "throughput" || !row.onRequest);
}

/** All set-ups a throughput row runs on, Kvorum's first. */
export function serversOf(row: ThroughputRow): ServerKind[] {
  return [row.kvorum, ...row.peers.map(({ server }) => server)];
}
