// The conformance suite: every engine must pass it.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT } from "../../base/slot.ts";
import { KEEP_EXPIRY, type Keyspace, NO_EXPIRY, RecordType } from "../keyspace.ts";
import { KeyspaceTester } from "./keyspace-tester.ts";
import { slotOfText } from "./model.ts";
import { type ChunkLoader, Play } from "./play.ts";

/** How the suite makes keyspaces of one kind. */
export interface KeyspaceKind {
  /** An empty keyspace; keyspaces with equal seeds order keys alike. */
  readonly make: (seed?: number) => Keyspace;
  /** A loader of snapshots into an empty keyspace. */
  readonly newLoader: (seed?: number) => ChunkLoader;
  /** Throws if the insides of a keyspace contradict themselves. */
  readonly check: (keyspace: Keyspace) => void;
}

const NOW = 1_700_000_000_000;

/** Declares the suite's tests. */
export function describeKeyspace(name: string, kind: KeyspaceKind): void {
  describe(`keyspace: ${name}`, () => {
    describeRecords(kind);
    describeExpiry(kind);
    describeVersions(kind);
    describeDatabases(kind);
    describeWalks(kind);
    describeWorkingSets(kind);
    describeSnapshots(kind);
    describePlay(kind);
  });
}

function start(kind: KeyspaceKind): { keyspace: Keyspace; tester: KeyspaceTester } {
  const keyspace = kind.make();
  keyspace.nowMs = NOW;
  keyspace.writeIndex = 1;
  return { keyspace, tester: new KeyspaceTester(keyspace) };
}

function describeRecords(kind: KeyspaceKind): void {
  const sizes = [
    { name: "an empty key and value", key: 0, value: 0 },
    { name: "one byte each", key: 1, value: 1 },
    { name: "a record of just two units", key: 10, value: 6 },
    { name: "a record of two units and a byte", key: 10, value: 7 },
    { name: "a value beyond a page", key: 16, value: 40_000 },
    { name: "a key of 65534 bytes", key: 65_534, value: 3 },
    { name: "a key of 65535 bytes", key: 65_535, value: 3 },
    { name: "a key of 70000 bytes", key: 70_000, value: 70_000 },
    { name: "a value of 524 kB", key: 16, value: 524_200 },
    { name: "a value of 20 MB", key: 16, value: 20_000_000 },
  ];
  test.each(sizes)("keeps $name, with and without expiry", ({ key, value }) => {
    const { keyspace, tester } = start(kind);
    const name = "k".repeat(key);
    for (const [fill, expireAt] of [
      ["a", NO_EXPIRY],
      ["b", NOW + 5000],
      ["c", NO_EXPIRY],
    ] as const) {
      tester.put(3, name, fill.repeat(value), expireAt);
      const record = tester.read(3, name);
      expect(record?.expireAt).toBe(expireAt);
      expect(record?.type).toBe(RecordType.string);
      expect(record?.value === fill.repeat(value)).toBe(true);
    }
    expect(tester.setExpiry(3, name, NOW + 9)).toBe(true);
    expect(tester.read(3, name)?.value === "c".repeat(value)).toBe(true);
    expect(keyspace.size(3)).toBe(1);
    expect(tester.find(2, name)).toBe(0);
    expect(tester.keys(3)).toEqual([name]);
    expect(tester.remove(3, name)).toBe(true);
    expect(tester.remove(3, name)).toBe(false);
    expect(tester.find(3, name)).toBe(0);
    kind.check(keyspace);
  });

  test("finds no key that only begins like one that is there", () => {
    const { tester } = start(kind);
    tester.put(0, "key", "1");
    for (const other of ["ke", "key1", "kex", "", "KEY", "yek"])
      expect(tester.find(0, other)).toBe(0);
  });

  test("create leaves the replaced record readable while the new one is filled", () => {
    const { tester } = start(kind);
    tester.put(0, "k", "old value");
    const old = tester.find(0, "k");
    tester.create(0, "k", "new value", NO_EXPIRY, RecordType.zset);
    expect(tester.keyOf(old)).toBe("k");
    expect(tester.valueOf(old)).toBe("old value");
    expect(tester.read(0, "k")).toMatchObject({ type: RecordType.zset, value: "new value" });
    tester.put(0, "k", "new-value");
    expect(tester.read(0, "k")).toMatchObject({ type: RecordType.string, value: "new-value" });
  });

  test("remove leaves the record readable until the next change", () => {
    const { tester } = start(kind);
    tester.put(0, "k", "value");
    const ref = tester.find(0, "k");
    tester.remove(0, "k");
    expect(tester.valueOf(ref)).toBe("value");
  });

  test("a key's bytes may lie in the keyspace's own memory", () => {
    const { keyspace, tester } = start(kind);
    tester.put(0, "k", "value");
    const ref = tester.find(0, "k");
    const bytes = keyspace.bytesOf(ref);
    const view = keyspace.viewOf(ref);
    const offset = keyspace.keyOffsetOf(ref);
    expect(keyspace.setExpiry(0, bytes, view, offset, 1, NOW + 5)).toBe(true);
    expect(tester.read(0, "k")).toMatchObject({ value: "value", expireAt: NOW + 5 });
    const again = tester.find(0, "k");
    expect(
      keyspace.remove(
        0,
        keyspace.bytesOf(again),
        keyspace.viewOf(again),
        keyspace.keyOffsetOf(again),
        1,
      ),
    ).toBe(true);
    expect(keyspace.size(0)).toBe(0);
  });

  test("one slot with 300,000 keys grows, is walked and shrinks to nothing", () => {
    const { keyspace, tester } = start(kind);
    const count = 300_000;
    for (let key = 0; key < count; key++) tester.put(0, `{t}${key}`, `v${key}`);
    expect(keyspace.size(0)).toBe(count);
    kind.check(keyspace);
    for (let key = 0; key < count; key += 1001) {
      expect(tester.read(0, `{t}${key}`)?.value).toBe(`v${key}`);
    }
    expect(new Set(tester.keys(0)).size).toBe(count);
    for (let key = 0; key < count; key++) {
      invariant(tester.remove(0, `{t}${key}`), "the key is there");
      if (key === 250_000) kind.check(keyspace);
    }
    expect(keyspace.size(0)).toBe(0);
    kind.check(keyspace);
  });
}

function describeExpiry(kind: KeyspaceKind): void {
  test("a key is gone at its expiry, but counted until it is removed", () => {
    const { keyspace, tester } = start(kind);
    tester.put(0, "k", "v", NOW + 10);
    keyspace.nowMs = NOW + 9;
    expect(tester.read(0, "k")?.value).toBe("v");
    keyspace.nowMs = NOW + 10;
    expect(tester.find(0, "k")).toBe(0);
    expect(tester.keys(0)).toEqual([]);
    expect(keyspace.randomKey(0, 1, 2)).toBe(0);
    expect(tester.setExpiry(0, "k", NOW + 50)).toBe(false);
    expect(keyspace.size(0)).toBe(1);
    expect(keyspace.sizeWithExpiry(0)).toBe(1);
    expect(tester.remove(0, "k")).toBe(false);
    expect(keyspace.size(0)).toBe(0);
    expect(keyspace.sizeWithExpiry(0)).toBe(0);
  });

  const writes = [
    { name: "keeps the expiry of a live key", at: NOW + 9, given: KEEP_EXPIRY, result: NOW + 10 },
    { name: "keeps none of an expired key", at: NOW + 10, given: KEEP_EXPIRY, result: NO_EXPIRY },
    { name: "takes the expiry away", at: NOW + 9, given: NO_EXPIRY, result: NO_EXPIRY },
    { name: "sets another", at: NOW + 9, given: NOW + 70, result: NOW + 70 },
  ];
  test.each(writes)("a write $name", ({ at, given, result }) => {
    const { keyspace, tester } = start(kind);
    tester.put(0, "k", "v", NOW + 10);
    keyspace.nowMs = at;
    tester.put(0, "k", "w", given);
    expect(tester.read(0, "k")).toMatchObject({ value: "w", expireAt: result });
    tester.put(0, "k", "v", NOW + 10);
    tester.create(0, "k", "longer value", given);
    expect(tester.read(0, "k")?.expireAt).toBe(result);
    expect(keyspace.sizeWithExpiry(0)).toBe(result === NO_EXPIRY ? 0 : 1);
  });

  test("expired finds what is due, soon after and years later, and nothing else", () => {
    const { keyspace, tester } = start(kind);
    const delays = [1, 2, 63, 64, 65, 4095, 4096, 70_000, 3_600_000, 86_400_000, 31_536_000_000];
    for (const delay of delays) tester.put(delay % 3, `after ${delay}`, "v", NOW + delay);
    tester.put(0, "never", "v");
    for (const delay of delays) {
      for (const [at, count] of [
        [NOW + delay - 1, 0],
        [NOW + delay, 1],
      ] as const) {
        keyspace.nowMs = at;
        const found: string[] = [];
        keyspace.expired(10, (database, ref) => found.push(`${database} ${tester.keyOf(ref)}`));
        expect(found).toEqual(count === 0 ? [] : [`${delay % 3} after ${delay}`]);
      }
      tester.remove(delay % 3, `after ${delay}`);
    }
    kind.check(keyspace);
  });

  test("expired visits at most as many as asked, until they are removed", () => {
    const { keyspace, tester } = start(kind);
    const count = 10_000;
    for (let key = 0; key < count; key++)
      tester.put(0, `k${key}`, "v", NOW + 1 + (key % 50) * 1000);
    keyspace.nowMs = NOW + 100_000;
    let removed = 0;
    for (let more = true; more;) {
      const found: string[] = [];
      more = keyspace.expired(64, (_, ref) => found.push(tester.keyOf(ref)));
      expect(found.length).toBeLessThanOrEqual(64);
      for (const key of found) tester.remove(0, key);
      removed += found.length;
    }
    expect(removed).toBe(count);
    expect(keyspace.size(0)).toBe(0);
  });

  test("an expiry put off or brought forward counts, the first one no more", () => {
    const { keyspace, tester } = start(kind);
    tester.put(0, "later", "v", NOW + 1000);
    tester.put(0, "sooner", "v", NOW + 1_000_000);
    tester.put(0, "never", "v", NOW + 1000);
    tester.setExpiry(0, "later", NOW + 5000);
    tester.setExpiry(0, "sooner", NOW + 2000);
    tester.setExpiry(0, "never", NO_EXPIRY);
    const foundAt = (nowMs: number): string[] => {
      const found: string[] = [];
      keyspace.nowMs = nowMs;
      keyspace.expired(10, (_, ref) => found.push(tester.keyOf(ref)));
      return found.sort();
    };
    expect(foundAt(NOW + 1999)).toEqual([]);
    expect(foundAt(NOW + 4999)).toEqual(["sooner"]);
    expect(foundAt(NOW + 5000)).toEqual(["later", "sooner"]);
    expect(keyspace.sizeWithExpiry(0)).toBe(2);
  });
}

function describeVersions(kind: KeyspaceKind): void {
  test("every write gives the version of its command", () => {
    const { keyspace, tester } = start(kind);
    const big = 2 ** 48 - 1;
    const calls: ((at: string) => void)[] = [
      (key) => tester.put(0, key, "a"),
      (key) => tester.put(0, key, "b"),
      (key) => tester.create(0, key, "cc"),
      (key) => tester.setExpiry(0, key, NOW + 1),
      (key) => tester.setExpiry(0, key, NOW + 2),
    ];
    for (const [place, call] of calls.entries()) {
      keyspace.writeIndex = big - 10 + place;
      keyspace.writePosition = 65_535 - place;
      call("k");
      const version = { index: big - 10 + place, position: 65_535 - place };
      expect(tester.read(0, "k")).toMatchObject(version);
    }
  });

  test("a slot's last removal is that of any key in it, of a flush or of a swap", () => {
    const { keyspace, tester } = start(kind);
    const slot = slotOfText("k");
    const other = slotOfText("other");
    tester.put(0, "k", "v");
    tester.put(0, "{k}2", "v");
    expect(keyspace.lastRemovalIndex(slot)).toBe(0);
    keyspace.writeIndex = 7;
    tester.remove(0, "absent");
    expect(keyspace.lastRemovalIndex(slotOfText("absent"))).toBe(0);
    tester.remove(0, "{k}2");
    expect(keyspace.lastRemovalIndex(slot)).toBe(7);
    expect(keyspace.lastRemovalIndex(other)).toBe(0);
    keyspace.writeIndex = 8;
    keyspace.flush(1);
    expect(keyspace.lastRemovalIndex(other)).toBe(0);
    keyspace.flush(0);
    expect(keyspace.lastRemovalIndex(other)).toBe(8);
    keyspace.writeIndex = 9;
    keyspace.swap(0, 1);
    expect(keyspace.lastRemovalIndex(slot)).toBe(9);
  });
}

function describeDatabases(kind: KeyspaceKind): void {
  test("flush empties one database, also hundreds of times in a row", () => {
    const { keyspace, tester } = start(kind);
    tester.put(1, "stays", "v");
    for (let round = 0; round < 600; round++) {
      keyspace.writeIndex++;
      tester.put(0, "a", `${round}`, NOW + 5);
      tester.put(0, `b${round}`, "v");
      keyspace.flush(0);
      expect(keyspace.size(0)).toBe(0);
      expect(keyspace.sizeWithExpiry(0)).toBe(0);
      expect(tester.find(0, "a")).toBe(0);
    }
    expect(tester.read(1, "stays")?.value).toBe("v");
    while (keyspace.cleanStep(1));
    kind.check(keyspace);
    keyspace.nowMs = NOW + 5;
    keyspace.expired(10, () => expect.unreachable("a flushed key does not expire"));
  });

  test("swap exchanges two databases and all that belongs to them", () => {
    const { keyspace, tester } = start(kind);
    tester.put(0, "a", "in 0", NOW + 5);
    tester.put(1, "a", "in 1");
    tester.put(1, "b", "in 1");
    keyspace.swap(0, 1);
    expect([keyspace.size(0), keyspace.size(1)]).toEqual([2, 1]);
    expect([keyspace.sizeWithExpiry(0), keyspace.sizeWithExpiry(1)]).toEqual([0, 1]);
    expect(tester.read(0, "a")?.value).toBe("in 1");
    keyspace.swap(1, 1);
    keyspace.nowMs = NOW + 5;
    const found: number[] = [];
    keyspace.expired(10, (database) => found.push(database));
    expect(found).toEqual([1]);
  });
}

function describeWalks(kind: KeyspaceKind): void {
  test("the order of a walk is the same for every history", () => {
    const orders = [0, 1, 2].map((history) => {
      const { keyspace, tester } = start(kind);
      const keys = Array.from({ length: 5000 }, (_, key) => `{${key % 5}}${key}`);
      if (history === 1) keys.reverse();
      for (const key of keys) tester.put(0, key, "v".repeat(history));
      if (history === 2) {
        for (let key = 0; key < 20_000; key++) tester.put(0, `{${key % 5}}more${key}`, "v");
        for (let key = 0; key < 20_000; key++) tester.remove(0, `{${key % 5}}more${key}`);
      }
      kind.check(keyspace);
      const random: string[] = [];
      for (let point = 0; point < 50; point++) {
        random.push(tester.keyOf(keyspace.randomKey(0, point * 97, point * 0x5555555)));
      }
      return [tester.keys(0), random];
    });
    expect(orders[1]).toEqual(orders[0]);
    expect(orders[2]).toEqual(orders[0]);
    expect(new Set(orders[0]![1]).size).toBeGreaterThan(20);
  });

  test("a walk sees every key that stays, while others come and go", () => {
    const { keyspace, tester } = start(kind);
    for (let key = 0; key < 2000; key++) tester.put(0, `{w}stays${key}`, "v");
    const seen = new Set<string>();
    const from = { slot: 0, hash: 0 };
    for (let round = 0; from.slot < SLOT_COUNT; round++) {
      let room = 10;
      keyspace.walk(0, from, (ref) => {
        seen.add(tester.keyOf(ref));
        return --room > 0;
      });
      const other = round % 40 < 20 ? round : round - 20;
      for (let key = 0; key < 300; key++) {
        if (round % 40 < 20) tester.put(0, `{w}${other} goes${key}`, "v");
        else tester.remove(0, `{w}${other} goes${key}`);
      }
    }
    for (let key = 0; key < 2000; key++) expect(seen.has(`{w}stays${key}`)).toBe(true);
  });

  test("a walk of an empty database ends at once", () => {
    const { keyspace } = start(kind);
    const from = { slot: 0, hash: 0 };
    keyspace.walk(5, from, () => expect.unreachable("there is no key"));
    expect(from).toEqual({ slot: SLOT_COUNT, hash: 0 });
    expect(keyspace.randomKey(5, 1, 2)).toBe(0);
  });

  test("random keys start anywhere, the last slot included", () => {
    const { keyspace, tester } = start(kind);
    tester.put(0, "only", "v");
    for (const random1 of [0, 1, 16_383, 16_384, 2 ** 31, 2 ** 32 - 1]) {
      for (const random2 of [0, 2 ** 31, 2 ** 32 - 1]) {
        expect(tester.keyOf(keyspace.randomKey(0, random1, random2))).toBe("only");
      }
    }
  });
}

function describeWorkingSets(kind: KeyspaceKind): void {
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

function describeSnapshots(kind: KeyspaceKind): void {
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

function describePlay(kind: KeyspaceKind): void {
  const plays = [
    { seed: 1, keys: 200, valueBytesMax: 3000 },
    { seed: 2, keys: 30, valueBytesMax: 100_000 },
    { seed: 3, keys: 2000, valueBytesMax: 300 },
  ];
  test.each(plays)("agrees with a model on a random play, seed $seed", (play) => {
    const keyspace = kind.make(play.seed);
    const newLoader = (): ChunkLoader => kind.newLoader(play.seed);
    const run = new Play({ ...play, steps: 6000, keyspace, newLoader });
    run.run();
    kind.check(keyspace);
    expect(run.snapshots).toBeGreaterThan(0);
  });
}
