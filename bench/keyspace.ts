// Measures the memory engine alone: `npx tsx bench/keyspace.ts [KEYS]`, 3 million keys by default.
// Times are processor time of this process, which a busy machine disturbs less than wall time.
import { PerformanceObserver } from "node:perf_hooks";
import { copyBytes, viewOf } from "../src/base/bytes.ts";
import { NO_EXPIRY } from "../src/keyspace/keyspace.ts";
import { MemoryKeyspace } from "../src/keyspace/memory/memory-keyspace.ts";
import { SnapshotLoader } from "../src/keyspace/memory/snapshot-loader.ts";

const KEY_BYTES = 16;
const VALUE_BYTES = 100;
const RANDOM_OPERATIONS = 2_000_000;
const CHUNK_BYTES = 65_536;
/** Changes between two looks at the cleaner, as between two turns of the event loop. */
const CLEAN_EVERY = 256;
const CLEAN_MS = 1;

const key = Buffer.alloc(KEY_BYTES, "0");
const keyView = viewOf(key);
key.write("key:", "latin1");
const value = Buffer.alloc(4096, "x");
const valueView = viewOf(value);
const out = Buffer.alloc(VALUE_BYTES);
const outView = viewOf(out);

let seed = 7;
function random(limit: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % limit;
}

function nameKey(number: number): void {
  let rest = number;
  for (let at = KEY_BYTES - 1; at >= 4; at--) {
    key[at] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function put(keyspace: MemoryKeyspace, number: number, valueBytes: number, expireAt: number): void {
  nameKey(number);
  keyspace.putString(0, key, keyView, 0, KEY_BYTES, value, valueView, 0, valueBytes, expireAt);
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function report(name: string, text: string): void {
  process.stdout.write(`${name.padEnd(34)}${text}\n`);
}

function measure(name: string, operations: number, run: () => void): number {
  const before = cpuMs();
  run();
  const ms = cpuMs() - before;
  const rate = `${(operations / ms / 1000).toFixed(2)} M/s`;
  report(name, `${rate.padEnd(12)}${ms.toFixed(0)} ms`);
  return ms;
}

function clean(keyspace: MemoryKeyspace): void {
  if (keyspace.needsCleaning) keyspace.cleanStep(CLEAN_MS);
}

function makeKeyspace(): MemoryKeyspace {
  const keyspace = new MemoryKeyspace({ seed0: 0x12345678, seed1: 0x9abcdef0 });
  keyspace.nowMs = 1_700_000_000_000;
  return keyspace;
}

/** Fills a keyspace; reports memory per key between a fifth of the keys and all of them. */
function fill(keyspace: MemoryKeyspace, keys: number): void {
  let rssBefore = 0;
  measure("insert", keys, () => {
    for (let number = 0; number < keys; number++) {
      if (number === Math.floor(keys / 5)) rssBefore = process.memoryUsage().rss;
      put(keyspace, number, VALUE_BYTES, NO_EXPIRY);
      if (number % CLEAN_EVERY === 0) clean(keyspace);
    }
  });
  const { reservedBytes, liveBytes } = keyspace.stats();
  const rss = (process.memoryUsage().rss - rssBefore) / (keys * 0.8);
  report(
    "bytes per key",
    `${rss.toFixed(1)} resident, ${(reservedBytes / keys).toFixed(1)} reserved, ` +
      `${(liveBytes / keys).toFixed(1)} live`,
  );
}

function operate(keyspace: MemoryKeyspace, keys: number): void {
  const order = Uint32Array.from({ length: RANDOM_OPERATIONS }, () => random(keys));
  measure("find and read, random", RANDOM_OPERATIONS, () => {
    for (const number of order) {
      nameKey(number);
      const ref = keyspace.find(0, keyView, 0, KEY_BYTES);
      const bytes = keyspace.bytesOf(ref);
      const view = keyspace.viewOf(ref);
      const from = keyspace.valueOffsetOf(ref);
      copyBytes(bytes, view, from, out, outView, 0, keyspace.valueLengthOf(ref));
    }
  });
  measure("overwrite, same size, random", RANDOM_OPERATIONS, () => {
    for (const number of order) put(keyspace, number, VALUE_BYTES, NO_EXPIRY);
  });
  measure("create, same size, random", RANDOM_OPERATIONS, () => {
    for (const number of order) {
      nameKey(number);
      const ref = keyspace.create(0, key, keyView, 0, KEY_BYTES, 5, VALUE_BYTES, NO_EXPIRY);
      const bytes = keyspace.bytesOf(ref);
      const view = keyspace.viewOf(ref);
      copyBytes(value, valueView, 0, bytes, view, keyspace.valueOffsetOf(ref), VALUE_BYTES);
    }
  });
}

/** Writes a snapshot while keys are overwritten, then loads it. */
function snapshot(keyspace: MemoryKeyspace, keys: number): void {
  const chunks: Buffer[] = [];
  const stream = keyspace.pin();
  keyspace.writeIndex++;
  let worst = 0;
  measure("snapshot, 20 writes per chunk", keys, () => {
    for (;;) {
      const target = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      const before = cpuMs();
      const length = stream.next(target);
      worst = Math.max(worst, cpuMs() - before);
      if (length === 0) break;
      chunks.push(target.subarray(0, length));
      for (let count = 0; count < 20; count++) put(keyspace, random(keys), VALUE_BYTES, NO_EXPIRY);
    }
  });
  report("  slowest chunk", `${worst.toFixed(2)} ms`);
  const loaded = makeKeyspace();
  const loader = new SnapshotLoader(loaded);
  measure("load of the snapshot", keys, () => {
    for (const chunk of chunks) loader.add(chunk);
    loader.finish();
  });
}

/** Overwrites with values of all sizes; the cleaner runs as it would between turns. */
function churn(keyspace: MemoryKeyspace, keys: number): void {
  let worst = 0;
  measure("churn, 10 to 300 bytes, cleaner on", RANDOM_OPERATIONS, () => {
    for (let count = 0; count < RANDOM_OPERATIONS; count++) {
      put(keyspace, random(keys), 10 + random(290), NO_EXPIRY);
      if (count % CLEAN_EVERY !== 0) continue;
      clean(keyspace);
      const { reservedBytes, liveBytes } = keyspace.stats();
      worst = Math.max(worst, 1 - liveBytes / reservedBytes);
    }
  });
  report("  most memory not live", `${(worst * 100).toFixed(1)} %`);
}

function expire(keyspace: MemoryKeyspace, keys: number): void {
  const count = Math.floor(keys / 3);
  measure("overwrite with an expiry", count, () => {
    for (let number = 0; number < count; number++) {
      put(keyspace, number, VALUE_BYTES, keyspace.nowMs + 1 + random(600_000));
    }
  });
  keyspace.nowMs += 600_001;
  let found = 0;
  measure("find expired keys and remove them", count, () => {
    for (let more = true; more;) {
      const refs: number[] = [];
      more = keyspace.expired(100, (_, ref) => refs.push(ref));
      for (const ref of refs) {
        const offset = keyspace.keyOffsetOf(ref);
        keyspace.remove(0, keyspace.bytesOf(ref), keyspace.viewOf(ref), offset, KEY_BYTES);
      }
      found += refs.length;
    }
  });
  report("  expired", `${found} of ${count}`);
}

/** Flushes and cleans; what the system gets back shows after the next full garbage collection. */
function flush(keyspace: MemoryKeyspace, keys: number): void {
  const before = process.memoryUsage().rss;
  measure("flush, and all cleaning after it", keys, () => {
    keyspace.flush(0);
    while (keyspace.cleanStep(CLEAN_MS));
  });
  (globalThis as { gc?: () => void }).gc?.();
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  report(
    "  memory after it",
    `resident ${megabytes(before)} -> ${megabytes(process.memoryUsage().rss)} MB, ` +
      `reserved ${megabytes(keyspace.stats().reservedBytes)} MB`,
  );
}

function main(): void {
  const keys = Number(process.argv[2] ?? 3_000_000);
  let worstPause = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) worstPause = Math.max(worstPause, entry.duration);
  });
  observer.observe({ entryTypes: ["gc"] });
  const keyspace = makeKeyspace();
  fill(keyspace, keys);
  operate(keyspace, keys);
  churn(keyspace, keys);
  snapshot(keyspace, keys);
  expire(keyspace, keys);
  flush(keyspace, keys);
  setTimeout(() => report("longest GC pause", `${worstPause.toFixed(1)} ms`), 10);
}

main();
