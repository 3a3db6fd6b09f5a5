// The committed code is what the schema makes now.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generateMessages } from "../../../proto/generate.ts";

test("the generated messages are those of the schema (else: npx tsx proto/generate.ts)", () => {
  const committed = readFileSync(new URL("messages.ts", import.meta.url), "utf8");
  expect(committed).toBe(generateMessages());
});
