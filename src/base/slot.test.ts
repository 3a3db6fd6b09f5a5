// Slots against the specification's plain CRC, hash tags included.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewOf } from "./bytes.ts";
import { slotOf } from "./slot.ts";

function slot(key: string | Uint8Array): number {
  const bytes = Buffer.from(key as string);
  return slotOf(viewOf(bytes), 0, bytes.length);
}

/** CRC16/XMODEM bit by bit, and the tag rule in the words of the specification. */
function plainSlot(key: Uint8Array): number {
  const open = key.indexOf(0x7b);
  const close = open === -1 ? -1 : key.indexOf(0x7d, open + 1);
  const hashed = close > open + 1 ? key.subarray(open + 1, close) : key;
  let crc = 0;
  for (const byte of hashed) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % 16384;
}

describe("slotOf", () => {
  test("gives the specification's check value", () => {
    expect(slot("123456789")).toBe(0x31c3);
  });

  test.each([
    { name: "braces pick the tag", key: "{user:1}.age", sameAs: "user:1" },
    { name: "a tag may stand anywhere", key: "some:longer:key:{user:1}", sameAs: "user:1" },
    { name: "only the first pair counts", key: "{a}{b}", sameAs: "a" },
    { name: "a second brace belongs to the tag", key: "foo{{bar}}zap", sameAs: "{bar" },
  ])("$name", ({ key, sameAs }) => {
    expect(slot(key)).toBe(slot(sameAs));
  });

  test("agrees with the plain way, whatever the bytes and wherever they lie", () => {
    const letters = fc.constantFrom(0x7b, 0x7d, 0x7a, 0x7c, 0xfb, 0x00, 0xff, 0x61);
    const keys = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.array(letters, { maxLength: 24 }).map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(
      fc.property(keys, fc.nat(7), (key, offset) => {
        const memory = Buffer.concat([Buffer.alloc(offset, 0x7b), key, Buffer.from("{x}")]);
        expect(slotOf(viewOf(memory), offset, key.length)).toBe(plainSlot(key));
      }),
      { numRuns: 2_000 },
    );
  });
});
