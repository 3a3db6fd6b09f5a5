// The repository keeps its own rules, and every rule of the style check can fail: one bad file
// each.
import { describe, expect, test } from "vitest";
import { check, describeFinding, readTree, treeOf } from "./tidy.ts";
import { tightenRatchet } from "./tidy/lengths.ts";
import { parseSource } from "./tidy/source.ts";
import { wrapComments } from "./tidy/wrap.ts";

/**
 * Findings in a repository of these files, as lines of text; sources get a header unless they have
 * one.
 */
function findingsOf(files: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(files).map(([path, text]) => ({
    path,
    text: path.endsWith(".ts") && !/^\/[/*]/.test(text) ? `// A file.\n${text}` : text,
  }));
  return check(treeOf(entries)).map(describeFinding);
}

test("the repository is tidy", () => {
  expect(check(readTree()).map(describeFinding)).toEqual([]);
});

test("broken syntax is one finding, not a crash", () => {
  expect(findingsOf({ "sim/a.ts": "function (" })).toEqual([
    expect.stringMatching(/^sim\/a\.ts:1: /),
  ]);
});

test("an empty tree is tidy", () => {
  expect(findingsOf({})).toEqual([]);
});

describe("import direction", () => {
  const empty = "export const one = 1;";

  test.each([
    { name: "upwards", from: "src/wal/a.ts", to: "src/replica/b.ts", says: "not below it" },
    { name: "a sibling", from: "src/raft/a.ts", to: "src/wal/b.ts", says: "its sibling wal/" },
    { name: "the same row", from: "src/client/a.ts", to: "src/embedded/b.ts", says: "not below" },
    {
      name: "the machine's platform",
      from: "src/server/a.ts",
      to: "src/platform/node/b.ts",
      says: "take the interface of src/platform/",
    },
    {
      name: "the simulated platform",
      from: "src/cli/a.ts",
      to: "src/platform/simulated/b.ts",
      says: "imports test code",
    },
    { name: "a test", from: "src/cli/a.ts", to: "src/cli/b.test.ts", says: "imports test code" },
    { name: "what is not in src", from: "src/cli/a.ts", to: "sim/b.ts", says: "outside src/" },
  ])("refuses $name", ({ from, to, says }) => {
    const path = `${"../".repeat(from.split("/").length - 1)}${to}`;
    const found = findingsOf({ [from]: `import { one } from "${path}";\none;\n`, [to]: empty });
    expect(found).toEqual([expect.stringContaining(says)]);
    expect(found[0]).toMatch(new RegExp(`^${from}:2: .*; `));
  });

  test("refuses it in types and dynamic imports too", () => {
    const found = findingsOf({
      "src/wal/a.ts": 'import type { A } from "../raft/b.ts";\nexport type B = A;\n',
      "src/wal/c.ts": 'export const load = async () => import("../raft/b.ts");\n',
      "src/raft/b.ts": "export type A = 1;\n",
    });
    expect(found.filter((line) => line.includes("its sibling"))).toHaveLength(2);
  });

  test.each([
    { from: "src/commands/a.ts", to: "src/keyspace/b.ts" },
    { from: "src/commands/a.ts", to: "src/resp/b.ts" },
    { from: "src/embedded/a.ts", to: "src/platform/node/b.ts" },
    { from: "src/raft/a.test.ts", to: "src/wal/b.ts" },
    { from: "src/replica/a.test.ts", to: "src/platform/simulated/b.ts" },
    { from: "sim/a.ts", to: "src/platform/simulated/b.ts" },
  ])("lets $from import $to", ({ from, to }) => {
    const path = `${"../".repeat(from.split("/").length - 1)}${to}`;
    const text = `import { one } from "${path}";\none;\n`;
    expect(findingsOf({ [from]: text, [to]: empty })).toEqual([]);
  });

  test("refuses a folder that is no layer", () => {
    expect(findingsOf({ "src/utils/a.ts": empty })[0]).toContain('no layer "utils"');
  });
});

describe("import graph", () => {
  test("refuses a cycle, and names it", () => {
    const found = findingsOf({
      "src/base/a.ts": 'import { b } from "./b.ts";\nexport const a = () => b;\n',
      "src/base/b.ts": 'import { a } from "./a.ts";\nexport const b = () => a;\n',
    });
    expect(found.join("\n")).toContain("src/base/a.ts -> src/base/b.ts -> src/base/a.ts");
  });

  test("lets types refer to each other", () => {
    const found = findingsOf({
      "src/base/a.ts": 'import type { B } from "./b.ts";\nexport type A = B | 1;\n',
      "src/base/b.ts": 'import type { A } from "./a.ts";\nexport type B = A | 2;\n',
    });
    expect(found).toEqual([]);
  });

  test("refuses re-exports but in src/index.ts", () => {
    const files = {
      "src/base/a.ts": "export const a = 1;\n",
      "src/base/b.ts": 'export { a } from "./a.ts";\n',
      "src/base/c.ts": 'export * from "./a.ts";\n',
      "src/index.ts": 'export { a } from "./base/a.ts";\n',
    };
    expect(findingsOf(files).map((line) => line.split(":")[0])).toEqual([
      "src/base/b.ts",
      "src/base/c.ts",
    ]);
  });

  test("refuses a file that only a test uses, once there is a product", () => {
    const files = {
      "src/base/a.ts": "export const a = 1;\n",
      "src/base/a.test.ts": 'import { a } from "./a.ts";\na;\n',
      "src/index.ts": "export const version = 1;\n",
    };
    expect(findingsOf(files)).toEqual([]);
    const withCommand = { ...files, "src/cli/main.ts": "export const main = 1;\n" };
    expect(findingsOf(withCommand)).toEqual([
      expect.stringMatching(/^src\/base\/a\.ts:1: nothing/),
    ]);
  });

  test("counts tests as users of the simulated platform, and a worker's URL as use", () => {
    const found = findingsOf({
      "src/platform/simulated/a.ts": "export const a = 1;\n",
      "sim/main.ts": 'import { a } from "../src/platform/simulated/a.ts";\na;\n',
      "src/cli/worker.ts": "export const worker = 1;\n",
      "src/cli/main.ts": 'export const url = new URL("./worker.js", import.meta.url);\n',
      "src/index.ts": "export const version = 1;\n",
    });
    expect(found).toEqual([]);
  });
});

describe("banned calls", () => {
  test.each([
    { code: "Date.now();", says: "Clock" },
    { code: "const at = new Date();", says: "Clock" },
    { code: "performance.now();", says: "Clock" },
    { code: "globalThis.performance.now();", says: "Clock" },
    { code: "Math.random();", says: "Random" },
    { code: "crypto.randomUUID();", says: "Random" },
    { code: "setTimeout(() => 1, 5);", says: "Scheduler" },
    { code: "const later = { later: setImmediate };", says: "Scheduler" },
    { code: "const later = { setInterval };", says: "Scheduler" },
    { code: "queueMicrotask(() => 1);", says: "Scheduler" },
    { code: "await fetch(url);", says: "Network" },
    { code: "process.env;", says: "configuration" },
    { code: 'import * as fs from "node:fs";', says: "src/platform/node/" },
    { code: 'import type { Socket } from "net";', says: "src/platform/node/" },
    { code: 'import { crc32 } from "node:zlib";', says: "src/platform/node/" },
    { code: "console.log(1);", says: "logger" },
    { code: "let anything: any;", says: "unknown" },
    { code: "try { act(); } catch { }", says: "empty catch" },
    { code: "try { act(); } catch { /* Gone already. */ }", says: "empty catch" },
  ])("refuses $code", ({ code, says }) => {
    expect(findingsOf({ "src/raft/a.ts": code })).toEqual([expect.stringContaining(says)]);
    expect(findingsOf({ "src/raft/a.ts": code })[0]).toContain("src/raft/a.ts:2: ");
  });

  test.each([
    { path: "src/raft/a.ts", code: "clock.setTimeout(5); const t = { Date: 1 }; t.Date;" },
    { path: "src/raft/a.ts", code: "class A { performance = 1; process() { return 1; } }" },
    { path: "src/raft/a.ts", code: "function run(process: number) { return process; }" },
    { path: "src/raft/a.ts", code: "const { process, x: [fetch] } = options; fetch(process);" },
    { path: "src/raft/a.ts", code: "// Date.now()\nconst text = 'Date.now()';" },
    { path: "src/raft/a.ts", code: 'import { Buffer } from "node:buffer";' },
    { path: "src/base/checksum.ts", code: 'import { crc32 } from "node:zlib";' },
    { path: "src/platform/node/a.ts", code: 'import * as fs from "node:fs"; Date.now();' },
    { path: "src/server/a.ts", code: "setTimeout(() => process.exit(), Math.random());" },
    { path: "src/cli/a.ts", code: "console.log(process.argv);" },
    { path: "src/raft/a.test.ts", code: "Date.now(); console.log(Math.random());" },
    { path: "bench/a.ts", code: "try { Date.now(); } catch { /* Gone already. */ }" },
  ])("lets $path say $code", ({ path, code }) => {
    expect(findingsOf({ [path]: code })).toEqual([]);
  });

  test("holds the simulated platform to the same rules", () => {
    const found = findingsOf({ "src/platform/simulated/a.ts": "Date.now();" });
    expect(found).toEqual([expect.stringContaining("Clock")]);
  });
});

describe("documentation", () => {
  test.each([
    {
      name: "no header",
      text: "/** Says one. */\nexport const one = () => 1;\n",
      says: "no header",
    },
    { name: "a long header", text: "// 1\n// 2\n// 3\n// 4\n\n", says: "4 lines, limit 3" },
    {
      name: "an undocumented function",
      text: "// A.\nexport function f() {}\n",
      says: "function `f`",
    },
    { name: "an undocumented arrow", text: "// A.\nexport const f = () => 1;\n", says: "`f`" },
    { name: "an undocumented class", text: "// A.\nexport class C {}\n", says: "class `C`" },
    { name: "an undocumented interface", text: "// A.\nexport interface I {}\n", says: "`I`" },
    { name: "a line comment", text: "// A.\n\n// Runs.\nexport function f() {}\n", says: "`f`" },
    { name: "a default export", text: "// A.\nexport default function f() {}\n", says: "`f`" },
    { name: "an export list", text: "// A.\nfunction f() {}\nexport { f };\n", says: "`f`" },
  ])("refuses $name", ({ text, says }) => {
    expect(findingsOf({ "src/base/a.ts": text })).toEqual([expect.stringContaining(says)]);
  });

  test.each([
    { name: "a documented function", text: "// A.\n/** Runs. */\nexport function f() {}\n" },
    { name: "a header as a block", text: "/* A. */\nimport { b } from 'c';\nb;\n" },
    { name: "what is not exported", text: "// A.\nfunction f() {}\nf();\n" },
    {
      name: "overloads with one comment",
      text: "// A.\n/** F */\nexport function f(a: 1): 1;\nexport function f(a: 2) { return a; }\n",
    },
  ])("lets $name pass", ({ text }) => {
    expect(findingsOf({ "src/base/a.ts": text })).toEqual([]);
  });
});

describe("lengths", () => {
  const long = (name: string, lines: number): string =>
    `function ${name}() {\n${"  act();\n".repeat(lines - 2)}}\n`;

  test.each([
    { name: "a file", text: "act();\n".repeat(400), says: "a file of 401 lines" },
    { name: "a function", text: long("run", 71), says: "function run: 71 lines" },
    { name: "a line", text: `// ${"x".repeat(98)}\n`, says: "a line of 101 characters" },
  ])("refuses $name that is too long", ({ text, says }) => {
    const found = findingsOf({ "sim/a.ts": text });
    expect(found).toEqual([expect.stringContaining(says)]);
  });

  test("lets everything of exactly the limit pass", () => {
    const text = `// ${"x".repeat(97)}\n${long("run", 70)}${"act();\n".repeat(329)}`;
    expect(findingsOf({ "sim/a.ts": text })).toEqual([]);
  });

  test("does not count the callbacks of tests, but counts what is in them", () => {
    const inner = `test("x", () => {\n${"  act();\n".repeat(80)}});\n`;
    const suite = `describe.each([1])("s", () => {\n${"  test('y', () => {});\n".repeat(80)}});\n`;
    expect(findingsOf({ "src/base/a.test.ts": suite })).toEqual([]);
    expect(findingsOf({ "src/base/a.test.ts": inner })).toHaveLength(1);
  });

  test("does not measure generated files", () => {
    expect(findingsOf({ "sim/generated/a.ts": "act();\n".repeat(500) })).toEqual([]);
  });

  test.each([
    { name: "an exception that is met", allowed: 80, lines: 80, says: [] },
    { name: "growth", allowed: 80, lines: 81, says: ["81 lines"] },
    { name: "an exception that is too wide", allowed: 80, lines: 75, says: ["has shrunk"] },
    { name: "an exception no longer needed", allowed: 80, lines: 20, says: ["has shrunk"] },
  ])("ratchet: $name", ({ allowed, lines, says }) => {
    const found = findingsOf({
      "sim/a.ts": long("run", lines),
      "tools/ratchet.json": JSON.stringify({ "function sim/a.ts run": allowed }),
    });
    expect(found).toEqual(says.map((text) => expect.stringContaining(text) as string));
  });

  test("tightening lowers and drops exceptions, and never raises or adds one", () => {
    const text = long("a", 75) + long("b", 90) + long("c", 20) + long("d", 99);
    const ratchet = {
      "function sim/a.ts a": 80,
      "function sim/a.ts b": 85,
      "function sim/a.ts c": 72,
    };
    expect(tightenRatchet([parseSource("sim/a.ts", text)], ratchet)).toEqual({
      "function sim/a.ts a": 75,
      "function sim/a.ts b": 85,
    });
  });
});

describe("repository", () => {
  // Put together here, so that this file does not hold what the check looks for.
  const home = ["", "home", "ann", "kvorum"].join("/");
  const host = ["registry", "npmjs", "org"].join(".");
  const [mirror, field] = ["verdaccio", "resolved"];

  test.each([
    { name: "a home folder", text: `see ${home}`, says: "a path of one machine" },
    { name: "root's folder", text: `cd ${["", "root", "x"].join("/")}`, says: "a path of one" },
    { name: "a registry", text: `https://${host}/pbf`, says: "a registry host" },
    { name: "a mirror", text: `https://my-${mirror}.example/pbf`, says: "a registry host" },
    { name: "a lock file's address", text: `  "${field}": "x"`, says: "a download address" },
  ])("refuses $name in any file", ({ text, says }) => {
    const found = findingsOf({ "docs/a.md": `# A\n${text}\n` });
    expect(found).toEqual([expect.stringMatching(new RegExp(`^docs/a.md:2: ${says}`))]);
  });

  test.each([
    "relative/home/file, /homepage, https://example.com/home/",
    "this.registry.lookup(name), the command registry",
    "/var/lib/kvorum, $HOME/kvorum, ~/kvorum",
  ])("lets %s pass", (text) => {
    expect(findingsOf({ "docs/a.md": text })).toEqual([]);
  });

  test("refuses an error code that the page of errors does not explain", () => {
    const files = {
      "src/base/a.ts": 'throw new DbError(full ? "DISK_FULL" : "DISK_GONE", "no room");\n',
    };
    expect(findingsOf(files)).toEqual([]);
    const page = { "docs/reference/errors.md": "| `DISK_FULL` | the disk is full |\n" };
    expect(findingsOf({ ...files, ...page })).toEqual([
      expect.stringContaining("error code DISK_GONE is not in docs/reference/errors.md"),
    ]);
  });
});

describe("wrapComments", () => {
  test.each([
    { name: "short lines stay", from: "// a b c", to: "// a b c" },
    {
      name: "words flow into the next line",
      from: "// aaaa bbbb cccc\n// d",
      to: "// aaaa bbbb\n// cccc d",
    },
    {
      name: "a paragraph ends at an empty line",
      from: " * aaaa bbbb cc\n *\n * d",
      to: " * aaaa bbbb\n * cc\n *\n * d",
    },
    {
      name: "a tag begins a line",
      from: " * aaaa bbbb cc\n * @x",
      to: " * aaaa bbbb\n * cc\n * @x",
    },
    {
      name: "a hanging indent is kept",
      from: " * @x aaaa bbbb\n *   c",
      to: " * @x aaaa\n *   bbbb c",
    },
    {
      name: "a one-line doc comment opens up",
      from: "/** aaaa bbb */",
      to: "/**\n * aaaa bbb\n */",
    },
    { name: "code stays", from: "const a = 1 + 2 + 3;", to: "const a = 1 + 2 + 3;" },
    { name: "a long word stays", from: "// aaaaaaaaaaaaaaaa", to: "// aaaaaaaaaaaaaaaa" },
  ])("$name", ({ from, to }) => {
    expect(wrapComments(from, 13)).toBe(to);
  });
});
