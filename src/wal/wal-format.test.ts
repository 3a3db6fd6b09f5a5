// Golden bytes: a change here is a change of the format on people's disks. And round trips of
// records.
import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import {
  emptyFrameHeader,
  FRAME_HEADER_BYTES,
  frameDiskBytes,
  FrameFlag,
  isFrameSound,
  readFrameHeader,
  readSegmentHeader,
  writeFrame,
  writeSegmentHeader,
} from "./wal-format.ts";
import {
  DROP_BYTES,
  ENTRY_HEADER_BYTES,
  HARD_STATE_BYTES,
  MARK_BYTES,
  PIECE_HEADER_BYTES,
  RecordKind,
  RecordReader,
  writeDrop,
  writeEntry,
  writeHardState,
  writeMark,
  writePiece,
} from "./wal-records.ts";

const UINT53 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

/** Hexadecimal, 32 bytes a line, without the zeros at the end. */
function dump(bytes: Buffer): string[] {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  const lines: string[] = [];
  for (let at = 0; at < end; at += 32) {
    lines.push(
      bytes
        .toString("hex", at, Math.min(bytes.length, at + 32))
        .replace(/.{8}/g, "$& ")
        .trim(),
    );
  }
  return lines;
}

describe("golden bytes", () => {
  test("segment header", () => {
    const bytes = Buffer.alloc(512, 0xff);
    writeSegmentHeader(bytes, viewOf(bytes), {
      number: 7,
      previous: 5,
      salt: 0x01020304,
      firstSequence: 2 ** 40 + 9,
      durableSequence: 2 ** 40 + 8,
      capacityBytes: 64 * 1024 * 1024,
      filledBytes: 1024,
    });
    expect(dump(bytes)).toMatchInlineSnapshot(`
      [
        "06acb37a 4b565753 01000000 04030201 07000000 00000000 09000000 00010000",
        "00000004 00000000 00040000 00000000 05000000 00000000 08000000 00010000",
      ]
    `);
  });

  test("frame with one record of each kind", () => {
    const bytes = Buffer.alloc(1024, 0xff);
    const view = viewOf(bytes);
    let at = FRAME_HEADER_BYTES;
    writeEntry(bytes, view, at, RecordKind.entry, 1, 2, 3, 4, Buffer.from("entry"));
    at += ENTRY_HEADER_BYTES + 5;
    writeEntry(bytes, view, at, RecordKind.copy, 2 ** 33, 2, 3, 0, Buffer.from("copy"));
    at += ENTRY_HEADER_BYTES + 4;
    writePiece(bytes, view, at, 1, 2, 3, 4, Buffer.from("0123456789"), 4, 3);
    at += PIECE_HEADER_BYTES + 3;
    writeHardState(view, at, 1, 2, 3, 4);
    at += HARD_STATE_BYTES;
    writeMark(view, at, 1, 9, 2, true, true);
    at += MARK_BYTES;
    writeDrop(view, at, 1);
    at += DROP_BYTES;
    const payloadBytes = at - FRAME_HEADER_BYTES;
    writeFrame(bytes, view, 0, {
      salt: 0x01020304,
      flags: FrameFlag.relaxed,
      sequence: 2 ** 40 + 9,
      durableSequence: 2 ** 40 + 7,
      oldestSegment: 3,
      segment: 7,
      payloadBytes,
      recordCount: 6,
    });
    expect(dump(bytes.subarray(0, frameDiskBytes(payloadBytes)))).toMatchInlineSnapshot(`
      [
        "2ca5a47a 4b565746 01080000 04030201 09000000 00010000 07000000 00010000",
        "03000000 00000000 07000000 00000000 d4000000 06000000 00000000 00000000",
        "01040000 05000000 01000000 00000000 02000000 00000000 03000000 00000000",
        "656e7472 79020000 00040000 00000000 00020000 00020000 00000000 00030000",
        "00000000 00636f70 79030400 00030000 00010000 00000000 00020000 00000000",
        "00030000 00000000 000a0000 00000000 00040000 00000000 00343536 04000000",
        "00000000 01000000 00000000 02000000 00000000 03000000 00000000 04000000",
        "00000000 05030000 00000000 01000000 00000000 02000000 00000000 09000000",
        "00000000 06000000 00000000 01000000 00000000 00000000 00000000 00000000",
      ]
    `);
    expect(bytes[frameDiskBytes(payloadBytes)]).toBe(0xff);
  });
});

describe("headers", () => {
  test("a segment header is read as it was written", () => {
    fc.assert(
      fc.property(fc.tuple(UINT53, UINT53, UINT53, UINT53, UINT53, UINT53), (numbers) => {
        const [number, previous, firstSequence, durableSequence, capacityBytes, filledBytes] =
          numbers;
        const header = {
          ...{ number, previous, firstSequence, durableSequence, capacityBytes, filledBytes },
          salt: 0xfffffffe,
        };
        const bytes = Buffer.alloc(512);
        writeSegmentHeader(bytes, viewOf(bytes), header);
        expect(readSegmentHeader(bytes, viewOf(bytes), 512)).toEqual({ kind: "header", header });
      }),
    );
  });

  test("a frame header is read as it was written, and any flipped bit is found", () => {
    const header = { ...emptyFrameHeader(), salt: 9, sequence: 2 ** 50, payloadBytes: 100 };
    const bytes = Buffer.alloc(512, 0x5a);
    const view = viewOf(bytes);
    writeFrame(bytes, view, 0, header);
    const read = emptyFrameHeader();
    expect(readFrameHeader(view, 0, read)).toBe(true);
    expect(read).toEqual(header);
    for (let bit = 0; bit < (FRAME_HEADER_BYTES + 100) * 8; bit++) {
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
      expect(isFrameSound(bytes, view, 0, 100)).toBe(false);
      bytes[bit >> 3] = bytes[bit >> 3]! ^ (1 << (bit & 7));
    }
    expect(isFrameSound(bytes, view, 0, 100)).toBe(true);
  });

  test.each([
    { name: "nothing", bytes: Buffer.alloc(0), kind: "empty" },
    { name: "half a sector", bytes: Buffer.alloc(256, 1), kind: "empty" },
    { name: "zeros", bytes: Buffer.alloc(512), kind: "empty" },
    { name: "noise", bytes: Buffer.alloc(512, 7), kind: "damaged" },
  ])("$name is $kind", ({ bytes, kind }) => {
    expect(readSegmentHeader(bytes, viewOf(bytes), bytes.length)).toEqual({ kind });
  });
});

describe("records", () => {
  test("are read as they were written", () => {
    const entry = fc.record({
      shard: UINT53,
      term: UINT53,
      index: UINT53,
      type: fc.integer({ min: 0, max: 255 }),
      data: fc.uint8Array({ maxLength: 200 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        const bytes = Buffer.alloc(8192);
        const view = viewOf(bytes);
        let at = 10;
        for (const { shard, term, index, type, data } of entries) {
          writeEntry(bytes, view, at, RecordKind.entry, shard, term, index, type, data);
          at += ENTRY_HEADER_BYTES + data.length;
        }
        const reader = new RecordReader();
        reader.start(bytes, view, 10, at - 10);
        const found: unknown[] = [];
        while (reader.next()) {
          const { shard, term, index, type, data } = reader;
          found.push({ shard, term, index, type, data: new Uint8Array(data) });
        }
        expect(found).toEqual(entries);
      }),
    );
  });
});
