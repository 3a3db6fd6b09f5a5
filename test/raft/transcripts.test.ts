// Each `*.txt` here is a transcript: commands and what they must show. REWRITE=1 writes what they
// do show; the reviewer reads the difference.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { replay } from "./transcript.ts";

const FOLDER = new URL(".", import.meta.url);
const REWRITE = process.env["REWRITE"] === "1";

describe("transcripts", () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));
  test.each(names)("%s", (name) => {
    const file = new URL(name, FOLDER);
    const text = readFileSync(file, "utf8");
    const shown = replay(text);
    if (REWRITE) writeFileSync(file, shown);
    expect(shown).toBe(REWRITE ? shown : text);
  });
});
