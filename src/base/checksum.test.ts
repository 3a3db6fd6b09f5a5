// The table loop and the built-in must be one function.
import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { crc32 as builtin } from "node:zlib";
import { describe, expect, test } from "vitest";
import { crc32 } from "./checksum.ts";

describe("crc32", () => {
  test("has the check value of CRC-32/ISO-HDLC", () => {
    expect(crc32(Buffer.from("123456789"), 0, 9)).toBe(0xcbf43926);
  });

  test.each([0, 1, 199, 200, 201, 5_000])("agrees with zlib on %i bytes at an offset", (length) => {
    const bytes = Buffer.alloc(length + 20);
    for (let at = 0; at < bytes.length; at++) bytes[at] = at * 13;
    expect(crc32(bytes, 7, length)).toBe(builtin(bytes.subarray(7, 7 + length)));
  });

  test("can be computed in parts of any size", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(600), (bytes, cut) => {
        const at = Math.min(cut, bytes.length);
        const parts = crc32(bytes, at, bytes.length - at, crc32(bytes, 0, at));
        expect(parts).toBe(crc32(bytes, 0, bytes.length));
      }),
    );
  });
});
