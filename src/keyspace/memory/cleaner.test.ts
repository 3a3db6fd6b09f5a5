// The cleaner: dead space stays small, nothing is lost, and memory goes back.
import { describe, expect, test } from "vitest";
import { invariant } from "../../base/invariant.ts";
import { NO_EXPIRY } from "../keyspace.ts";
import { checkStore } from "../testing/check-store.ts";
import { KeyspaceTester } from "../testing/keyspace-tester.ts";
import { MemoryKeyspace } from "./memory-keyspace.ts";
import { SnapshotLoader } from "./snapshot-loader.ts";

const KEYS = 20_000;

/** Overwrites random keys with values of random length; remembers the lengths. */
class Churn {
  readonly keyspace = new MemoryKeyspace({ seed0: 3, seed1: 4 });
  readonly tester = new KeyspaceTester(this.keyspace);
  readonly lengths = new Map<number, number>();
  #random = 11;

  constructor() {
    this.keyspace.nowMs = 1000;
    this.keyspace.writeIndex = 1;
  }

  below(limit: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * limit);
  }

  change(): void {
    const key = this.below(KEYS);
    const length = this.below(this.below(10) === 0 ? 20_000 : 1500);
    const expiry = this.below(4) === 0 ? 1_000_000 + this.below(100_000) : NO_EXPIRY;
    this.tester.put(0, `k${key}`, String.fromCharCode(65 + (length % 50)).repeat(length), expiry);
    this.lengths.set(key, length);
  }

  compare(): void {
    invariant(this.keyspace.size(0) === this.lengths.size, "as many keys as were put");
    for (const [key, length] of this.lengths) {
      const value = String.fromCharCode(65 + (length % 50)).repeat(length);
      invariant(this.tester.read(0, `k${key}`)?.value === value, `k${key} has its value`);
    }
  }
}

describe("the cleaner", () => {
  test("keeps dead space below 15 % under churn", () => {
    const churn = new Churn();
    let worst = 0;
    for (let round = 0; round < 60_000; round++) {
      churn.change();
      if (round % 64 === 0 && churn.keyspace.needsCleaning) churn.keyspace.cleanStep(1);
      const { liveBytes, reservedBytes } = churn.keyspace.stats();
      if (round > 20_000) worst = Math.max(worst, 1 - liveBytes / reservedBytes);
    }
    expect(worst).toBeLessThan(0.15);
    churn.compare();
    checkStore(churn.keyspace.store);
  });

  test("works on while a snapshot waits, and the snapshot is right", () => {
    const churn = new Churn();
    for (let round = 0; round < 20_000; round++) churn.change();
    const digest = churn.keyspace.digest(true);
    const stream = churn.keyspace.pin();
    churn.keyspace.writeIndex++;
    for (let round = 0; round < 20_000; round++) {
      churn.change();
      if (round % 16 === 0) churn.keyspace.cleanStep(0.2);
    }
    checkStore(churn.keyspace.store);
    const loaded = new MemoryKeyspace({ seed0: 3, seed1: 4 });
    const loader = new SnapshotLoader(loaded);
    const target = new Uint8Array(65_536);
    for (let length = stream.next(target); length > 0; length = stream.next(target)) {
      loader.add(target.subarray(0, length));
      churn.keyspace.cleanStep(0.2);
    }
    loader.finish();
    expect(loaded.digest(true)).toBe(digest);
    while (churn.keyspace.cleanStep(1));
    const { liveBytes, reservedBytes } = churn.keyspace.stats();
    expect(liveBytes / reservedBytes).toBeGreaterThan(0.85);
    churn.compare();
    checkStore(churn.keyspace.store);
  });

  test("gives nearly everything back after a flush, in bounded steps", () => {
    const churn = new Churn();
    for (let round = 0; round < 20_000; round++) churn.change();
    const before = churn.keyspace.stats().reservedBytes;
    churn.keyspace.flush(0);
    let steps = 0;
    while (churn.keyspace.cleanStep(0.1)) steps++;
    expect(steps).toBeGreaterThan(10);
    const after = churn.keyspace.stats();
    expect(after.reservedBytes).toBeLessThan(before / 3);
    expect(after.keys).toBe(0);
    expect(churn.keyspace.needsCleaning).toBe(false);
    checkStore(churn.keyspace.store);
  });

  test("gathers the pages of tables that lost most of their keys", () => {
    const keyspace = new MemoryKeyspace({ seed0: 3, seed1: 4 });
    const tester = new KeyspaceTester(keyspace);
    const count = 400_000;
    for (let key = 0; key < count; key++) tester.put(0, `k${key}`, "");
    for (let key = 0; key < count; key++) if (key % 6 !== 0) tester.remove(0, `k${key}`);
    while (keyspace.cleanStep(1));
    const { liveBytes, chunkBytes } = keyspace.store.pages;
    expect(chunkBytes - liveBytes).toBeLessThan(2.2e6);
    expect(keyspace.store.pages.isScattered).toBe(false);
    checkStore(keyspace.store);
    expect(keyspace.size(0)).toBe(Math.ceil(count / 6));
    for (let key = 0; key < count; key += 6) {
      invariant(tester.find(0, `k${key}`) !== 0, `key ${key} is there`);
    }
  });

  test("finds nothing to do in a small keyspace", () => {
    const keyspace = new MemoryKeyspace({ seed0: 3, seed1: 4 });
    const tester = new KeyspaceTester(keyspace);
    for (let key = 0; key < 100; key++) tester.put(0, `k${key}`, "v".repeat(key));
    for (let key = 0; key < 50; key++) tester.remove(0, `k${key}`);
    expect(keyspace.needsCleaning).toBe(false);
    expect(keyspace.cleanStep(1)).toBe(false);
  });
});

describe("the expiry index", () => {
  test("finds few due keys among many others in one bounded call", () => {
    const { keyspace, tester } = new Churn();
    for (let key = 0; key < 100_000; key++) tester.put(0, `far${key}`, "v", 90_000_000 + key * 50);
    for (let key = 0; key < 10; key++) tester.put(0, `near${key}`, "v", 70_000 + key);
    keyspace.nowMs = 80_000;
    const found: string[] = [];
    expect(keyspace.expired(20, (_, ref) => found.push(tester.keyOf(ref)))).toBe(false);
    expect(found.length).toBe(10);
    expect(found.every((key) => key.startsWith("near"))).toBe(true);
  });

  test("sorts a crowded list in several calls, each of which says that there is more", () => {
    const { keyspace, tester } = new Churn();
    const count = 30_000;
    for (let key = 0; key < count; key++) tester.put(0, `k${key}`, "v", 10_000_000 + key);
    keyspace.nowMs = 10_000_000 + count / 2;
    const found = new Set<string>();
    let calls = 0;
    for (let more = true; more && calls < 1000; calls++) {
      const due: string[] = [];
      more = keyspace.expired(500, (_, ref) => due.push(tester.keyOf(ref)));
      for (const key of due) {
        found.add(key);
        tester.remove(0, key);
      }
    }
    expect(found.size).toBe(count / 2 + 1);
    expect(calls).toBeGreaterThan(10);
    checkStore(keyspace.store);
  });
});
