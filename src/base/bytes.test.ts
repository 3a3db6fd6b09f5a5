// Moving, comparing and numbering bytes.
import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBytes, copyBytes, equalBytes, getUint53, setUint53, viewOf } from "./bytes.ts";

describe("copyBytes", () => {
  test.each([0, 1, 3, 4, 5, 255, 256, 257, 1_000])("moves %i bytes and no more", (length) => {
    const source = Buffer.alloc(length + 10);
    for (let at = 0; at < source.length; at++) source[at] = at + 1;
    const target = Buffer.alloc(length + 20, 0xee);
    copyBytes(source, viewOf(source), 3, target, viewOf(target), 9, length);
    expect(target.subarray(9, 9 + length).equals(source.subarray(3, 3 + length))).toBe(true);
    expect(target.subarray(0, 9).every((byte) => byte === 0xee)).toBe(true);
    expect(target.subarray(9 + length).every((byte) => byte === 0xee)).toBe(true);
  });
});

describe("compareBytes and equalBytes", () => {
  test("agree with Buffer.compare", () => {
    const bytes = fc.uint8Array({ maxLength: 12, max: 3 });
    fc.assert(
      fc.property(bytes, bytes, (left, right) => {
        const order = compareBytes(left, 0, left.length, right, 0, right.length);
        expect(Math.sign(order)).toBe(Buffer.compare(left, right));
        const length = Math.min(left.length, right.length);
        const same = Buffer.compare(left.subarray(0, length), right.subarray(0, length)) === 0;
        expect(equalBytes(left, 0, right, 0, length)).toBe(same);
      }),
    );
  });
});

describe("setUint53", () => {
  test("writes what getUint53 and BigInt read", () => {
    const edges = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    const numbers = fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat());
    fc.assert(
      fc.property(numbers, (value) => {
        const bytes = Buffer.alloc(12, 0xff);
        setUint53(viewOf(bytes), 2, value);
        expect(getUint53(viewOf(bytes), 2)).toBe(value);
        expect(bytes.readBigUInt64LE(2)).toBe(BigInt(value));
      }),
    );
  });
});
