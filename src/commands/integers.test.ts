// Reading and writing decimal integers, exact at every edge.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  INT64_MAX,
  INT64_MIN,
  INTEGER_TEXT_BYTES_MAX,
  parseInt64,
  parseRoundedInteger,
  parseSafeInteger,
  writeInteger,
} from "./integers.ts";

/** The text with a byte before and behind it, to see that only the range is read. */
function inside(text: string): [Uint8Array, number, number] {
  const bytes = Buffer.from(`7${text}7`, "latin1");
  return [bytes, 1, bytes.length - 2];
}

describe("parsing integers", () => {
  test.each([
    "",
    "-",
    "+1",
    " 1",
    "1 ",
    "01",
    "-01",
    "-0",
    "00",
    "0x1",
    "1.0",
    "1e3",
    "--1",
    "1-",
    "a",
  ])("refuses %j", (text) => {
    expect(parseSafeInteger(...inside(text))).toBeNaN();
    expect(parseInt64(...inside(text))).toBeUndefined();
    expect(parseRoundedInteger(...inside(text))).toBeNaN();
  });

  test.each([
    "0",
    "7",
    "-7",
    "4294967295",
    "4294967296",
    "-4294967296",
    "9007199254740990",
    "9007199254740991",
    "-9007199254740991",
  ])("reads %s fast", (text) => {
    expect(parseSafeInteger(...inside(text))).toBe(Number(text));
    expect(parseInt64(...inside(text))).toBe(BigInt(text));
  });

  test.each([
    "9007199254740992",
    "-9007199254740992",
    "9007199254740993",
    "9999999999999999",
    "9223372036854775807",
    "-9223372036854775808",
  ])("reads %s the exact way alone", (text) => {
    expect(parseSafeInteger(...inside(text))).toBeNaN();
    expect(parseInt64(...inside(text))).toBe(BigInt(text));
    expect(parseRoundedInteger(...inside(text))).toBe(Number(text));
  });

  test.each([
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "99999999999999999999",
    "1".repeat(1000),
  ])("refuses %s as beyond 64 bits", (text) => {
    expect(parseInt64(...inside(text))).toBeUndefined();
    expect(parseRoundedInteger(...inside(text))).toBeNaN();
  });

  test("reads back any 64-bit integer", () => {
    fc.assert(
      fc.property(fc.bigInt(INT64_MIN, INT64_MAX), (value) => {
        const bytes = inside(value.toString());
        const safe = Number.isSafeInteger(Number(value));
        expect(parseInt64(...bytes)).toBe(value);
        expect(parseSafeInteger(...bytes)).toBe(safe ? Number(value) : NaN);
      }),
    );
  });

  test("never takes what is not the canonical form", () => {
    const characters = fc.constantFrom(...Array.from("0123456789-+ .e"));
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 22 }), (text) => {
        const canonical = /^(0|-?[1-9][0-9]*)$/.test(text);
        const fits = canonical && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
        expect(parseInt64(...inside(text)) !== undefined).toBe(fits);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("writing integers", () => {
  const target = new Uint8Array(INTEGER_TEXT_BYTES_MAX);
  const write = (value: number): string =>
    Buffer.from(target.subarray(0, writeInteger(target, value))).toString("latin1");

  test.each([
    0, 1, -1, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 1_000_000_001, 2_147_483_647,
    2_147_483_648, 4_294_967_295, 4_294_967_296, 10_000_000_000, 999_999_999_999_999,
    9_007_199_254_740_991, -9_007_199_254_740_991, -1_000_000_000,
  ])("writes %d", (value) => {
    expect(write(value)).toBe(String(value));
  });

  test("writes any safe integer as JavaScript does", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(write(value)).toBe(String(value));
      }),
    );
  });
});
