// Planted bugs are off, stand where the table says, and cannot be switched on by the product.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { plantedBugs } from "./planted-bugs.ts";

const PRODUCT = new URL("../", import.meta.url);
const TABLE = new URL("../../docs/internals/planted-bugs.md", import.meta.url);
const NAMES = Object.keys(plantedBugs);

/** The product's files but for this layer's, behind one another; tests are none of it. */
function productText(): string {
  return readdirSync(PRODUCT, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/\.test\.ts$|^base\/|\/testing\//.test(name))
    .map((name) => readFileSync(new URL(name, PRODUCT), "utf8"))
    .join("\n");
}

test("no bug is on by default", () => {
  for (const isOn of Object.values(plantedBugs)) expect(isOn).toBe(false);
});

test("every bug is asked for at exactly one place of the product", () => {
  const names = Array.from(productText().matchAll(/plantedBugs\.(\w+)/g), (match) => match[1]!);
  expect(names.toSorted()).toEqual(NAMES.toSorted());
});

test("the product does nothing with them but ask", () => {
  const text = productText().replaceAll(
    'import { plantedBugs } from "../base/planted-bugs.ts";',
    "",
  );
  expect(text).not.toMatch(/plantedBugs(?!\.\w+\b)|plantedBugs\.\w+\s*=[^=]/);
});

test("the table has a row for every bug", () => {
  const rows = readFileSync(TABLE, "utf8").matchAll(/^\| `(\w+)` +\|/gm);
  expect(Array.from(rows, (row) => row[1]!)).toEqual(NAMES);
});
