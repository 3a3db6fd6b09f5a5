// Goal: frames come out as they went in however the stream is cut, and damage never passes.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "../base/bytes.ts";
import { FRAME_HEADER_BYTES, sealFrameBefore, type FrameFault } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";

const BODY_BYTES_MAX = 2_000;

interface Frame {
  readonly type: number;
  readonly body: Uint8Array;
}

const frames: fc.Arbitrary<Frame[]> = fc.array(
  fc.record({ type: fc.nat(255), body: fc.uint8Array({ maxLength: BODY_BYTES_MAX }) }),
  { maxLength: 8 },
);

function encode(given: readonly Frame[]): Uint8Array {
  const writer = new FrameWriter();
  for (const { type, body } of given) {
    const encoder = writer.begin(body.length + 10);
    encoder.buf.set(body, encoder.pos);
    encoder.pos += body.length;
    writer.end(type);
  }
  const written: Uint8Array[] = [];
  writer.flush((bytes) => written.push(bytes));
  expect(written.length).toBeLessThanOrEqual(1);
  return Buffer.concat(written);
}

/**
 * Reads a stream cut at the given lengths, each chunk in a buffer that is scribbled over
 * afterwards.
 */
function decode(
  stream: Uint8Array,
  cuts: readonly number[],
): { read: Frame[]; fault: FrameFault | null; reader: FrameReader } {
  const read: Frame[] = [];
  const reader = new FrameReader(BODY_BYTES_MAX, {
    onFrame(type, bytes, _view, from, to) {
      read.push({ type, body: new Uint8Array(bytes.subarray(from, to)) });
      return true;
    },
  });
  let at = 0;
  let fault: FrameFault | null = null;
  for (const cut of [...cuts, stream.length]) {
    const chunk = stream.slice(at, at + cut);
    at += chunk.length;
    fault ??= reader.push(chunk, viewOf(chunk), 0, chunk.length);
    chunk.fill(0xdd);
    reader.release();
  }
  return { read, fault, reader };
}

describe("frames", () => {
  test("have the golden bytes", () => {
    const bytes = encode([
      { type: 1, body: Buffer.from("hello") },
      { type: 240, body: new Uint8Array(0) },
    ]);
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "050000000100000049b012f568656c6c6f00000000f0000000cec944e3",
    );
  });

  test("come out the same however the stream is cut", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 30 });
    fc.assert(
      fc.property(frames, cuts, (given, lengths) => {
        const { read, fault, reader } = decode(encode(given), lengths);
        expect(fault).toBeNull();
        expect(read).toEqual(given);
        expect(reader.heldBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("come out the same byte by byte", () => {
    const given = [
      { type: 9, body: new Uint8Array(300).fill(7) },
      { type: 1, body: new Uint8Array(0) },
    ];
    const stream = encode(given);
    expect(decode(stream, Array<number>(stream.length).fill(1)).read).toEqual(given);
  });

  test("are refused when any bit is flipped", () => {
    const given = { type: 3, body: new Uint8Array(40).fill(5) };
    const stream = encode([given]);
    for (let bit = 0; bit < stream.length * 8; bit++) {
      const damaged = Uint8Array.from(stream);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const { read, fault, reader } = decode(damaged, []);
      expect(read, `bit ${bit}`).toEqual([]);
      // A longer length waits for bytes that never come; everything else is noticed at once.
      const isWaiting = fault === null && reader.heldBytes === stream.length;
      expect(isWaiting || fault !== null, `bit ${bit}`).toBe(true);
    }
  });

  test("are refused when too long, before their bytes are held", () => {
    const header = new Uint8Array(FRAME_HEADER_BYTES);
    viewOf(header).setUint32(0, BODY_BYTES_MAX + 1, true);
    for (const cuts of [[], [5], [4, 4]]) {
      const { fault, reader } = decode(header, cuts);
      expect(fault).toBe("oversized");
      expect(reader.heldBytes).toBeLessThanOrEqual(FRAME_HEADER_BYTES);
    }
  });

  test("are refused with a type beyond a byte", () => {
    const head = new Uint8Array(FRAME_HEADER_BYTES);
    sealFrameBefore(head, 0x101, new Uint8Array(0));
    expect(decode(head, []).fault).toBe("malformed");
  });

  test("stop when the sink says so", () => {
    const stream = encode([
      { type: 1, body: new Uint8Array(1) },
      { type: 2, body: new Uint8Array(1) },
    ]);
    const types: number[] = [];
    const reader = new FrameReader(10, {
      onFrame(type) {
        types.push(type);
        return false;
      },
    });
    expect(reader.push(stream, viewOf(stream), 0, stream.length)).toBeNull();
    expect(reader.push(stream, viewOf(stream), 0, stream.length)).toBeNull();
    expect(types).toEqual([1]);
  });

  test("random bytes never crash the reader, and it holds no more than a frame", () => {
    let inputs = 0;
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.nat(60), { maxLength: 8 }),
        (noise, cuts) => {
          inputs++;
          const { reader } = decode(noise, cuts);
          expect(reader.heldBytes).toBeLessThanOrEqual(FRAME_HEADER_BYTES + BODY_BYTES_MAX);
        },
      ),
      { numRuns: 10_000 },
    );
    expect(inputs).toBe(10_000);
  });

  test("leave in one write per flush but for full slabs, and written memory stays", () => {
    const writer = new FrameWriter();
    const written: Uint8Array[] = [];
    const copies: Uint8Array[] = [];
    for (let turn = 0; turn < 40; turn++) {
      const before = written.length;
      for (let message = 0; message < 3; message++) {
        const encoder = writer.begin(4_000);
        encoder.buf.fill(turn, encoder.pos, encoder.pos + 3_000);
        encoder.pos += 3_000;
        writer.end(1);
      }
      expect(writer.pendingBytes).toBe(3 * (3_000 + FRAME_HEADER_BYTES));
      writer.flush((bytes) => {
        written.push(bytes);
        copies.push(new Uint8Array(bytes));
      });
      expect(writer.pendingBytes).toBe(0);
      expect(written.length - before).toBeLessThanOrEqual(2);
    }
    writer.release();
    expect(Buffer.concat(written).equals(Buffer.concat(copies))).toBe(true);
  });
});
