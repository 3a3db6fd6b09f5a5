// The published vectors of HalfSipHash-1-3.
import { describe, expect, test } from "vitest";
import { halfSipHash13 } from "./half-sip-hash.ts";

/**
 * Hashes of the bytes 0, 1, 2 .. n - 1 under the key 00 01 .. 07; from lib/test_siphash.c of Linux.
 */
const VECTORS = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
  0x577999b1, 0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6, 0x16658a7c, 0xd0257b04,
  0x8b31d501, 0x2b1cd04b, 0x06712339, 0x522aca67, 0x911bb605, 0x90a65f0e, 0xf826ef7b, 0x62512deb,
];

describe("halfSipHash13", () => {
  test.each(VECTORS.map((hash, length) => ({ length, hash })))(
    "gives the published hash of $length bytes",
    ({ length, hash }) => {
      const bytes = Uint8Array.from({ length: length + 3 }, (_, index) => (index - 3) & 0xff);
      const view = new DataView(bytes.buffer);
      expect(halfSipHash13(view, 3, length, 0x03020100, 0x07060504) >>> 0).toBe(hash);
    },
  );

  test("depends on both halves of the seed", () => {
    const view = new DataView(new ArrayBuffer(8));
    const hashes = [0, 1, 2 ** 31, 2 ** 32 - 1].flatMap((seed) => [
      halfSipHash13(view, 0, 8, seed, 0),
      halfSipHash13(view, 0, 8, 0, seed),
    ]);
    expect(new Set(hashes).size).toBe(7);
  });
});
