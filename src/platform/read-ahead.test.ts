// Pieces of a file: what they hold, when their memory is used again, and how failures come out.
import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { readAhead } from "./read-ahead.ts";

const CONTENTS = Buffer.from("abcdefghij");

/** A file in memory that notes where it was read, and fails from a place on. */
function fileOf(failsFrom = Number.POSITIVE_INFINITY) {
  const reads: number[] = [];
  const read = async (target: Uint8Array, offset: number, length: number, position: number) => {
    reads.push(position);
    if (position >= failsFrom) throw new Error(`EIO at ${position}`);
    return CONTENTS.copy(target, offset, position, position + length);
  };
  return { read, reads };
}

async function textsOf(pieces: AsyncIterable<Buffer>): Promise<string[]> {
  const texts: string[] = [];
  for await (const piece of pieces) texts.push(piece.toString("latin1"));
  return texts;
}

describe("reading ahead", () => {
  test.each([
    { from: 0, to: 10, pieces: ["abcd", "efgh", "ij"] },
    { from: 2, to: 6, pieces: ["cdef"] },
    { from: 7, to: 99, pieces: ["hij"] },
    { from: 10, to: 99, pieces: [] },
    { from: 4, to: 4, pieces: [] },
  ])("from $from to $to gives $pieces", async ({ from, to, pieces }) => {
    for (const reuse of [false, true]) {
      expect(await textsOf(readAhead(fileOf(), from, to, 4, reuse))).toEqual(pieces);
    }
  });

  test("has the next piece under way while one is looked at", async () => {
    const { read, reads } = fileOf();
    const under: number[] = [];
    for await (const piece of readAhead({ read }, 0, 10, 4, false)) {
      expect(piece.length).toBeGreaterThan(0);
      under.push(reads.length);
    }
    expect(under).toEqual([2, 3, 3]);
  });

  test.each([
    { reuse: true, count: 2 },
    { reuse: false, count: 5 },
  ])("takes memory for $count of five pieces: reuse $reuse", async ({ reuse, count }) => {
    const memories = new Set<ArrayBufferLike>();
    for await (const piece of readAhead(fileOf(), 0, 10, 2, reuse)) memories.add(piece.buffer);
    expect(memories.size).toBe(count);
  });

  test("tells of a failure where the piece is asked for, and not when nobody asks", async () => {
    const asked = readAhead(fileOf(4), 0, 10, 4, false);
    expect((await asked.next()).value?.toString("latin1")).toBe("abcd");
    await expect(asked.next()).rejects.toThrow("EIO at 4");
    const left = readAhead(fileOf(4), 0, 10, 4, false);
    expect((await left.next()).value?.toString("latin1")).toBe("abcd");
    await left.return();
  });
});
