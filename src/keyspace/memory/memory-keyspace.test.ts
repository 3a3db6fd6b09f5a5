// The memory engine under the conformance suite, and with hashes that collide.
import { describe, expect, test } from "vitest";
import { invariant } from "../../base/invariant.ts";
import type { Keyspace } from "../keyspace.ts";
import { checkStore } from "../testing/check-store.ts";
import { describeKeyspace } from "../testing/describe-keyspace.ts";
import type { KeyspaceKind } from "../testing/keyspace-kind.ts";
import { KeyspaceTester } from "../testing/keyspace-tester.ts";
import { type ChunkLoader, Play } from "../testing/play.ts";
import { halfSipHash13, type KeyHash } from "./half-sip-hash.ts";
import { MemoryKeyspace } from "./memory-keyspace.ts";
import { SnapshotLoader } from "./snapshot-loader.ts";

/** Few different hashes: many keys share one, at both ends of the order. */
const weakHash: KeyHash = (view, offset, length, seed0, seed1) => {
  const hash = halfSipHash13(view, offset, length, seed0, seed1);
  return (hash & 1) === 0 ? hash & 0x40000006 : hash | 0x3ffffff8;
};

/** Hashes in two runs without gaps, at both ends. */
const denseHash: KeyHash = (view, offset, length, seed0, seed1) => {
  const hash = halfSipHash13(view, offset, length, seed0, seed1);
  return (hash & 32) === 0 ? hash & 31 : hash | ~31;
};

function kindOf(hash: KeyHash): KeyspaceKind {
  const make = (seed = 5): MemoryKeyspace => new MemoryKeyspace({ seed0: seed, seed1: 9, hash });
  return {
    make,
    newLoader: (seed) => {
      const keyspace = make(seed);
      const loader = new SnapshotLoader(keyspace);
      return {
        keyspace,
        add: (chunk) => loader.add(chunk),
        finish: () => {
          loader.finish();
        },
      };
    },
    check: (keyspace: Keyspace) => {
      invariant(keyspace instanceof MemoryKeyspace, "the suite gives back what it was given");
      checkStore(keyspace.store);
    },
  };
}

describeKeyspace("memory engine", kindOf(halfSipHash13));

describe("a slot with thousands of keys", () => {
  test.each([
    { name: "strong", hash: halfSipHash13 },
    { name: "weak", hash: weakHash },
    { name: "dense", hash: denseHash },
  ])("is loaded from a snapshot, $name hash", ({ hash }) => {
    const kind = kindOf(hash);
    const keyspace = kind.make();
    const tester = new KeyspaceTester(keyspace);
    for (let key = 0; key < 5000; key++) tester.put(key % 2, `{t}${key}`, `${key}`, key % 3);
    const loader = kind.newLoader(5);
    const stream = keyspace.pin();
    const target = Buffer.alloc(4096);
    for (let bytes = stream.next(target); bytes > 0; bytes = stream.next(target)) {
      loader.add(target.subarray(0, bytes));
    }
    loader.finish();
    expect(loader.keyspace.digest(true)).toBe(keyspace.digest(true));
    expect(loader.keyspace.sizeWithExpiry(1)).toBe(keyspace.sizeWithExpiry(1));
    kind.check(loader.keyspace);
  });
});

describe("memory engine with colliding hashes", () => {
  test("keeps thousands of keys of equal hash in one slot", () => {
    const kind = kindOf(weakHash);
    const keyspace = kind.make();
    const tester = new KeyspaceTester(keyspace);
    const count = 6000;
    for (let key = 0; key < count; key++) tester.put(0, `{t}${key}`, `${key}`);
    kind.check(keyspace);
    for (let key = 0; key < count; key += 7) {
      expect(tester.read(0, `{t}${key}`)?.value).toBe(`${key}`);
      tester.remove(0, `{t}${key}`);
    }
    kind.check(keyspace);
    expect(tester.keys(0).length).toBe(count - Math.ceil(count / 7));
    for (let key = 0; key < count; key++) tester.remove(0, `{t}${key}`);
    kind.check(keyspace);
    expect(keyspace.size(0)).toBe(0);
  });

  test.each([1, 2, 3, 4])("agrees with a model on a random play, seed %i", (seed) => {
    const kind = kindOf(seed % 2 === 0 ? weakHash : denseHash);
    const keyspace = kind.make();
    const newLoader = (): ChunkLoader => kind.newLoader();
    const play = { seed, steps: 6000, keys: 150, valueBytesMax: 2000, keyspace, newLoader };
    const run = new Play(play);
    run.run();
    kind.check(keyspace);
    expect(run.snapshots).toBeGreaterThan(0);
    expect(run.views).toBeGreaterThan(0);
  });

  test("a walk gives all keys of one hash together, whatever the visitor says", () => {
    const keyspace = kindOf(() => 7).make();
    const tester = new KeyspaceTester(keyspace);
    for (const key of ["{t}c", "{t}a", "{t}b", "{u}"]) tester.put(0, key, "v");
    const from = { slot: 0, hash: 0 };
    const seen: string[] = [];
    keyspace.walk(0, from, (ref) => {
      seen.push(tester.keyOf(ref));
      return false;
    });
    expect([["{t}a", "{t}b", "{t}c"], ["{u}"]]).toContainEqual(seen);
  });
});
