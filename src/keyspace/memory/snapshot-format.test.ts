// Golden bytes of snapshot chunks, and what the loader does with damaged or hostile ones.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { viewOf } from "../../base/bytes.ts";
import { DbError } from "../../base/errors.ts";
import { RecordType } from "../keyspace.ts";
import { KeyspaceTester } from "../testing/keyspace-tester.ts";
import { MemoryKeyspace } from "./memory-keyspace.ts";
import { sealChunk } from "./snapshot-format.ts";
import { SnapshotLoader } from "./snapshot-loader.ts";

const OPTIONS = { seed0: 1, seed1: 2 };
const EXPIRY = 0x1_8bcf_e568;
/** Bytes before the first item of a chunk. */
const HEADER = 16;

/** A state with a bit of everything. */
function sample(): MemoryKeyspace {
  const keyspace = new MemoryKeyspace(OPTIONS);
  const tester = new KeyspaceTester(keyspace);
  keyspace.nowMs = 1;
  keyspace.writeIndex = 0x1_0000_0002;
  keyspace.writePosition = 3;
  tester.put(0, "gone", "v");
  tester.remove(0, "gone");
  tester.put(0, "key", "value");
  tester.create(5, "h", "12", EXPIRY, RecordType.hash);
  return keyspace;
}

function chunksOf(keyspace: MemoryKeyspace, chunkBytes: number): Buffer[] {
  const chunks: Buffer[] = [];
  const stream = keyspace.pin();
  for (;;) {
    const target = Buffer.alloc(chunkBytes);
    const length = stream.next(target);
    if (length === 0) return chunks;
    chunks.push(target.subarray(0, length));
  }
}

function load(chunks: readonly Uint8Array[]): MemoryKeyspace {
  const keyspace = new MemoryKeyspace(OPTIONS);
  const loader = new SnapshotLoader(keyspace);
  for (const chunk of chunks) loader.add(chunk);
  loader.finish();
  return keyspace;
}

/** The failure that a loader meets, or "loaded"; anything but a DbError goes through. */
function outcome(chunks: readonly Uint8Array[]): string {
  try {
    load(chunks);
    return "loaded";
  } catch (error) {
    if (error instanceof DbError) return error.code;
    throw error;
  }
}

describe("snapshot chunks", () => {
  test("have the bytes that docs/internals/snapshot-format.md draws", () => {
    const [chunk, ...others] = chunksOf(sample(), 1024);
    expect(others).toEqual([]);
    const parts = [
      // Chunk: magic, version, number, length.
      "4b5643480200000000000000",
      "f5000000",
      // Head: kind, log index, last flush, keys of 16 databases.
      "01000200000001000000",
      "0000000000000000",
      "0100000000000000".padEnd(5 * 16, "0"),
      "0100000000000000".padEnd(11 * 16, "0"),
      // Removals: kind, count; slot of "gone" (11139), log index.
      "02000100",
      "832b0200000001000000",
      // Record: kind, type, database, flags, key length, value length, version, key, value.
      "03010000",
      "0300000005000000",
      "0200000001000300",
      Buffer.from("keyvalue").toString("hex"),
      // Record with an expiry.
      "03050501",
      "0100000002000000",
      "0200000001000300",
      "68e5cf8b01000000",
      Buffer.from("h12").toString("hex"),
      // End: kind, records.
      "06000200000000000000",
    ];
    expect(chunk!.toString("hex")).toBe(parts.join(""));
  });

  test("of a long value come as a start and parts", () => {
    const keyspace = new MemoryKeyspace(OPTIONS);
    new KeyspaceTester(keyspace).put(0, "k", "v".repeat(2000));
    const chunks = chunksOf(keyspace, 1024);
    expect(chunks.length).toBe(3);
    const kinds = chunks.map((chunk) => chunk[HEADER]);
    expect(kinds).toEqual([1, 5, 5]);
    expect(chunks[0]![HEADER + 146]).toBe(4);
    expect(load(chunks).digest(true)).toBe(keyspace.digest(true));
  });
});

describe("a damaged snapshot", () => {
  const intact = chunksOf(sample(), 1024)[0]!;

  test.each(Array.from({ length: HEADER }, (_, at) => ({ at })))(
    "is refused when byte $at of a chunk's header is changed",
    ({ at }) => {
      for (const bit of [1, 0x80]) {
        const chunk = Buffer.from(intact);
        chunk[at]! ^= bit;
        expect(outcome([chunk])).toBe("SNAPSHOT_CORRUPT");
      }
    },
  );

  test.each([0, 1, HEADER - 1, HEADER, HEADER + 1, 100, intact.length - 1])(
    "is refused when cut at %i",
    (length) => {
      expect(outcome([intact.subarray(0, length)])).toBe("SNAPSHOT_CORRUPT");
    },
  );

  test("is refused when chunks come twice, or not at all", () => {
    expect(outcome([intact])).toBe("loaded");
    expect(outcome([intact, intact])).toBe("SNAPSHOT_CORRUPT");
    expect(outcome([])).toBe("SNAPSHOT_CORRUPT");
  });
});

describe("a hostile snapshot", () => {
  const big = new MemoryKeyspace(OPTIONS);
  new KeyspaceTester(big).put(3, "k", "v".repeat(3000), 5);
  const originals = [...chunksOf(sample(), 1024), ...chunksOf(big, 1024)];

  test("is loaded or refused, whatever bytes are changed", () => {
    let random = 99;
    const below = (limit: number): number => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((random / 2 ** 32) * limit);
    };
    const outcomes = new Set<string>();
    for (let round = 0; round < 20_000; round++) {
      const chunk = Buffer.from(originals[below(originals.length)]!);
      for (let change = below(3); change >= 0; change--) {
        const at = HEADER + below(chunk.length - HEADER);
        chunk[at] = below(2) === 0 ? below(256) : [0, 1, 2, 3, 4, 5, 6, 0x1f, 0xff][below(9)]!;
      }
      const length = below(4) === 0 ? HEADER + below(chunk.length - HEADER + 1) : chunk.length;
      sealChunk(viewOf(chunk), 0, length);
      outcomes.add(outcome([chunk.subarray(0, length)]));
    }
    expect([...outcomes].sort()).toEqual(["SNAPSHOT_CORRUPT", "loaded"]);
  });

  test("is refused when its keys are not those it counts", () => {
    const chunk = Buffer.from(originals[0]!);
    chunk[HEADER + 18] = 7;
    sealChunk(viewOf(chunk), 0, chunk.length);
    expect(outcome([chunk])).toBe("SNAPSHOT_CORRUPT");
  });

  test("is refused when a key comes twice", () => {
    const keyspace = new MemoryKeyspace(OPTIONS);
    const tester = new KeyspaceTester(keyspace);
    tester.put(0, "{t}a", "v");
    tester.put(0, "{t}b", "v");
    const chunk = chunksOf(keyspace, 1024)[0]!;
    chunk[chunk.lastIndexOf("{t}b") + 3] = 0x61;
    chunk[chunk.lastIndexOf("{t}") + 3] = 0x61;
    sealChunk(viewOf(chunk), 0, chunk.length);
    expect(outcome([chunk])).toBe("SNAPSHOT_CORRUPT");
  });
});

test("a snapshot is loaded only into an empty keyspace", () => {
  expect(() => new SnapshotLoader(sample())).toThrow("empty keyspace");
});
