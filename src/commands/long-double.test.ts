// 80-bit sums against what redis-server replied on x86-64.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addLongDoubles, formatLongDouble, parseLongDouble } from "./long-double.ts";

/** What INCRBYFLOAT would store, or the word for why not. */
function add(left: string, right: string): string {
  const first = parseLongDouble(left);
  const second = parseLongDouble(right);
  if (first === undefined || second === undefined) return "invalid";
  if (first === "infinite" || second === "infinite") return "infinite";
  const sum = addLongDoubles(first, second);
  return sum === "infinite" ? sum : formatLongDouble(sum);
}

describe("long doubles", () => {
  // Each line was replied by redis-server 7.0.15 on x86-64.
  test.each([
    ["10.50", "0.1", "10.6"],
    ["3.0e3", "200", "3200"],
    ["5.0e3", "-0", "5000"],
    ["3", "1.1", "4.1"],
    ["4.1", "1e-18", "4.1"],
    ["0.1", "0.2", "0.3"],
    ["-466.85", "-0.04", "-466.89000000000000001"],
    ["0.1", "1e-17", "0.10000000000000001"],
    ["1e-17", "1e-17", "0.00000000000000002"],
    ["123456789.123456789123456789", "1e-9", "123456789.12345679011923494"],
    ["0x1p-16445", "0", "0"],
    ["-0", "0", "0"],
    ["-1e-18", "0", "0"],
    ["16", "0x10", "32"],
    ["1", "0x1.8p1", "4"],
    ["10.6", "0x10", "26.6"],
    ["9007199254740993", "1", "9007199254740994"],
    ["9223372036854775807", "1", "9223372036854775808"],
    ["18446744073709551615", "2", "18446744073709551616"],
    ["1", ".5", "1.5"],
    ["1", "5.", "6"],
    ["+1", "+1", "2"],
    ["1e4932", "1e4932", "infinite"],
    ["1", "inf", "infinite"],
    ["1", "-Infinity", "infinite"],
    ["1", "nan", "invalid"],
    ["1", "1e5000", "invalid"],
    ["1", "1e-5000", "invalid"],
    ["1", "0e-5000", "1"],
    ["1", "0e99999999999999999999", "1"],
    ["1", "1e-4950", "1"],
    ["1", "", "invalid"],
    ["1", " 1", "invalid"],
    ["1", "1 ", "invalid"],
    ["1", ".", "invalid"],
    ["1", "1e", "invalid"],
    ["1", "0x", "invalid"],
    ["1", "1_0", "invalid"],
    ["1", "1n", "invalid"],
    ["1", "1\0", "invalid"],
    ["1", "0".repeat(5119), "1"],
    ["1", "0".repeat(5120), "invalid"],
  ])("%s + %s = %s", (left, right, expected) => {
    expect(add(left, right)).toBe(expected);
  });

  test("1e300 has the digits of the nearest 80-bit number", () => {
    const digits = [
      "10000000000000000000089973240795591938705239442732907479382600823212656465961809",
      "35755849152083750497190350372508614274835903592556184672983913096260520748646287",
      "32713564184365329408425510760601678972665293237003055138294762099454029477278188",
      "9620606179267611627097410650567187386105690089424915104006144",
    ];
    expect(add("26.6", "1e300")).toBe(digits.join(""));
  });

  test("sums that binary fractions hold are exact", () => {
    const eighths = fc.integer({ min: -1_000_000_000, max: 1_000_000_000 });
    fc.assert(
      fc.property(eighths, eighths, (left, right) => {
        expect(add(String(left / 8), String(right / 8))).toBe(String((left + right) / 8));
      }),
    );
  });

  test("any text is answered, quickly", () => {
    const unit = fc.constantFrom(...Array.from("0123456789.eE+-xXpPinfa "));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
        expect(typeof add("1", text)).toBe("string");
      }),
      { numRuns: 3000 },
    );
  });
});
