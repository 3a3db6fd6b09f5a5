// The conformance suite: every engine must pass it.
import { describe, expect, test } from "vitest";
import { invariant } from "../../base/invariant.ts";
import { SLOT_COUNT } from "../../base/slot.ts";
import { KEEP_EXPIRY, NO_EXPIRY, RecordType } from "../keyspace.ts";
import { describeSnapshots, describeWorkingSets } from "./describe-snapshots.ts";
import { type KeyspaceKind, NOW, start } from "./keyspace-kind.ts";
import { slotOfText } from "./model.ts";
import { type ChunkLoader, Play } from "./play.ts";

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
    expect(run.views).toBeGreaterThan(0);
  });
}
