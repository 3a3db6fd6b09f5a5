// The names of places and the places themselves: each has the other.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FAILPOINTS } from "./failpoints.ts";

const PRODUCT = new URL("../", import.meta.url);
const REACHED = /failpoints\.reached\?\.\(\s*"([^"]*)"/g;

/** The product's files but for this layer's, behind one another. */
function productText(): string {
  return readdirSync(PRODUCT, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.startsWith("base/"))
    .map((name) => readFileSync(new URL(name, PRODUCT), "utf8"))
    .join("\n");
}

test("every failpoint stands at exactly one place of the product", () => {
  const names = Array.from(productText().matchAll(REACHED), (match) => match[1]!);
  expect(names.toSorted()).toEqual(FAILPOINTS.toSorted());
});
