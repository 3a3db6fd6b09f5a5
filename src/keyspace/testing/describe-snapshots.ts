// Conformance of engines: working sets and snapshots, where old and new states live side by side.
import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import type { Keyspace } from "../keyspace.ts";
import { type KeyspaceKind, NOW, start } from "./keyspace-kind.ts";
import type { KeyspaceTester } from "./keyspace-tester.ts";
import type { ChunkLoader } from "./play.ts";

/** Declares the tests of `begin`, `commit` and `rollback`. */
export function describeWorkingSets(kind: KeyspaceKind): void {
  /** Some of everything. */
  function change(keyspace: Keyspace, tester: KeyspaceTester): void {
    keyspace.writeIndex++;
    tester.put(0, "a", "changed");
    tester.put(0, "a", "changed again", NOW + 77);
    tester.put(0, "new", "v");
    tester.remove(0, "b");
    tester.remove(0, "new");
    tester.setExpiry(0, "c", NOW + 1000);
    tester.create(0, "c", "created");
    keyspace.swap(0, 1);
    tester.put(0, "a", "in the other");
    keyspace.flush(0);
    tester.put(0, "a", "after the flush");
    keyspace.flush(1);
    keyspace.flush(0);
    tester.put(1, "z", "v", NOW + 3);
  }

  function fill(tester: KeyspaceTester): void {
    for (const key of ["a", "b", "c", "d"]) tester.put(0, key, `value of ${key}`);
    tester.setExpiry(0, "b", NOW + 500);
    tester.put(1, "e", "value of e");
  }

  test("rollback restores everything, versions and removals too", () => {
    const { keyspace, tester } = start(kind);
    fill(tester);
    const before = keyspace.digest(true);
    keyspace.begin();
    change(keyspace, tester);
    expect(keyspace.digest(true)).not.toBe(before);
    keyspace.rollback();
    expect(keyspace.digest(true)).toBe(before);
    expect([keyspace.size(0), keyspace.sizeWithExpiry(0)]).toEqual([4, 1]);
    kind.check(keyspace);
    keyspace.nowMs = NOW + 500;
    const found: string[] = [];
    keyspace.expired(10, (_, ref) => found.push(tester.keyOf(ref)));
    expect(found).toEqual(["b"]);
  });

  test("commit leaves what the same changes leave without a set", () => {
    const first = start(kind);
    fill(first.tester);
    change(first.keyspace, first.tester);
    const second = start(kind);
    fill(second.tester);
    second.keyspace.begin();
    change(second.keyspace, second.tester);
    second.keyspace.commit();
    expect(second.keyspace.digest(true)).toBe(first.keyspace.digest(true));
    while (second.keyspace.cleanStep(1));
    kind.check(second.keyspace);
  });

  test("sets are not nested, and end once", () => {
    const { keyspace } = start(kind);
    keyspace.begin();
    expect(() => keyspace.begin()).toThrow("not nested");
    keyspace.rollback();
    expect(() => keyspace.rollback()).toThrow("open working set");
    expect(() => keyspace.commit()).toThrow("open working set");
  });

  test("hundreds of flushes within one set can be taken back", () => {
    const { keyspace, tester } = start(kind);
    fill(tester);
    const before = keyspace.digest(true);
    keyspace.begin();
    keyspace.writeIndex++;
    for (let round = 0; round < 600; round++) {
      tester.put(0, `${round}`, "v");
      keyspace.flush(0);
    }
    keyspace.rollback();
    expect(keyspace.digest(true)).toBe(before);
    kind.check(keyspace);
  });
}

/** Reads a whole snapshot; `between` runs after every chunk. */
function copyChunks(
  keyspace: Keyspace,
  loader: ChunkLoader,
  chunkBytes: number,
  between: (chunk: number) => void,
): void {
  const chunks = keyspace.pin();
  const target = Buffer.alloc(chunkBytes);
  let number = 0;
  for (let length = chunks.next(target); length > 0; length = chunks.next(target)) {
    loader.add(target.subarray(0, length));
    between(number++);
  }
  loader.finish();
}

/** Declares the tests of `pin` and of loaders. */
export function describeSnapshots(kind: KeyspaceKind): void {
  const churns: { name: string; between: (tester: KeyspaceTester, chunk: number) => void }[] = [
    { name: "nothing changes", between: () => undefined },
    {
      name: "every key is overwritten after each chunk",
      between: (tester, chunk) => {
        for (let key = 0; key < 500; key++) tester.put(0, `k${key}`, `${chunk}`.padEnd(key, "."));
      },
    },
    {
      name: "every key is removed",
      between: (tester) => {
        for (let key = 0; key < 500; key++) tester.remove(0, `k${key}`);
      },
    },
    {
      name: "databases are flushed, swapped and filled again",
      between: (tester, chunk) => {
        if (chunk % 2 === 0) tester.keyspace.flush(0);
        tester.keyspace.swap(0, 1);
        for (let key = 0; key < 50; key++) tester.put(chunk % 3, `k${key * 7}`, "other");
      },
    },
    {
      name: "keys expire and are given other expiries",
      between: (tester, chunk) => {
        tester.keyspace.nowMs += 10;
        for (let key = 0; key < 500; key++) tester.setExpiry(0, `k${key}`, NOW + 100_000 + chunk);
      },
    },
    {
      name: "changes are taken back",
      between: (tester) => {
        tester.keyspace.begin();
        for (let key = 0; key < 500; key++) tester.remove(0, `k${key}`);
        tester.keyspace.flush(1);
        tester.keyspace.rollback();
      },
    },
  ];
  test.each(churns)("a snapshot holds the state of its beginning when $name", ({ between }) => {
    const { keyspace, tester } = start(kind);
    for (let key = 0; key < 500; key++) tester.put(0, `k${key}`, "v".repeat(key), NOW + 50 * key);
    for (let key = 0; key < 100; key++) tester.create(1, `k${key}`, "w".repeat(key * 20));
    tester.put(2, "big", "B".repeat(50_000), NOW + 9);
    tester.remove(0, "k77");
    const digest = keyspace.digest(true);
    const loader = kind.newLoader();
    copyChunks(keyspace, loader, 4096, (chunk) => {
      keyspace.writeIndex++;
      if (chunk < 30) between(tester, chunk);
      if (chunk % 4 === 0) keyspace.cleanStep(1);
    });
    expect(loader.keyspace.digest(true)).toBe(digest);
    expect(loader.keyspace.writeIndex).toBe(1);
    kind.check(loader.keyspace);
    while (keyspace.cleanStep(1));
    kind.check(keyspace);
  });

  test("a value longer than many chunks survives being overwritten half-way", () => {
    const { keyspace, tester } = start(kind);
    tester.put(0, "small", "s");
    tester.put(0, "big", "x".repeat(3_000_000));
    const digest = keyspace.digest(true);
    const loader = kind.newLoader();
    copyChunks(keyspace, loader, 65_536, (chunk) => {
      keyspace.writeIndex++;
      if (chunk === 5) tester.put(0, "big", "y".repeat(3_000_000));
      if (chunk === 6) tester.remove(0, "big");
      tester.put(0, "other", "z".repeat(3_000_000));
    });
    expect(loader.keyspace.digest(true)).toBe(digest);
  });

  test("several snapshots of different states run at once, up to four", () => {
    const { keyspace, tester } = start(kind);
    const running = [0, 1, 2, 3].map((round) => {
      keyspace.writeIndex++;
      for (let key = 0; key < 300; key++) tester.put(0, `k${key}`, `${round}`.repeat(key));
      const digest = keyspace.digest(true);
      return { digest, chunks: keyspace.pin(), loader: kind.newLoader() };
    });
    keyspace.writeIndex++;
    expect(() => keyspace.pin()).toThrow("too many snapshots");
    for (let key = 0; key < 300; key += 2) tester.remove(0, `k${key}`);
    keyspace.flush(0);
    const target = Buffer.alloc(2048);
    for (const { digest, chunks, loader } of running) {
      for (let length = chunks.next(target); length > 0; length = chunks.next(target)) {
        loader.add(target.subarray(0, length));
      }
      loader.finish();
      expect(loader.keyspace.digest(true)).toBe(digest);
    }
    while (keyspace.cleanStep(1));
    kind.check(keyspace);
    keyspace.pin().release();
  });

  test("a released snapshot ends and gives its memory back", () => {
    const { keyspace, tester } = start(kind);
    for (let key = 0; key < 300; key++) tester.put(0, `k${key}`, "v".repeat(100));
    for (let round = 0; round < 10; round++) {
      const chunks = keyspace.pin();
      chunks.next(Buffer.alloc(2000));
      keyspace.writeIndex++;
      for (let key = 0; key < 300; key++) tester.put(0, `k${key}`, "w".repeat(100));
      chunks.release();
      chunks.release();
      expect(chunks.next(Buffer.alloc(2000))).toBe(0);
    }
    kind.check(keyspace);
  });

  test("an empty keyspace has a snapshot", () => {
    const { keyspace } = start(kind);
    const loader = kind.newLoader();
    copyChunks(keyspace, loader, 1024, () => undefined);
    expect(loader.keyspace.digest(true)).toBe(keyspace.digest(true));
  });

  test("a loader refuses what is not complete", () => {
    const { keyspace, tester } = start(kind);
    for (let key = 0; key < 300; key++) tester.put(0, `k${key}`, "v".repeat(100));
    const chunks = keyspace.pin();
    const target = Buffer.alloc(4096);
    const loader = kind.newLoader();
    loader.add(target.subarray(0, chunks.next(target)));
    expect(() => loader.finish()).toThrow("not complete");
    chunks.next(target);
    const later = target.subarray(0, chunks.next(target));
    expect(() => loader.add(later)).toThrow("out of order");
    chunks.release();
  });
}
