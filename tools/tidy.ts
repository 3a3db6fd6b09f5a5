// The style check: `npm run tidy [-- PATH..]` prints what is wrong; `--update` tightens the
// ratchet, `--wrap PATH..` breaks comment lines that are too long. Runs as a test too
// (tidy.test.ts). What it holds code to is explained in CONTRIBUTING.md.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkBans } from "./tidy/bans.ts";
import { checkDocumentation } from "./tidy/documentation.ts";
import { checkGraph } from "./tidy/graph.ts";
import { checkLayers } from "./tidy/layers.ts";
import { checkLengths, LINE_CHARACTERS_MAX, tightenRatchet, type Ratchet } from "./tidy/lengths.ts";
import { checkErrorCodes, checkLeaks, ERROR_PAGE, type TextFile } from "./tidy/repository.ts";
import { isGenerated, parseSource, type Finding, type Source } from "./tidy/source.ts";
import { wrapComments } from "./tidy/wrap.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const RATCHET_PATH = "tools/ratchet.json";
const CODE = /^(src|sim|bench|tools|test|proto)\/.*\.(ts|mjs)$/;

/** Everything the checks look at. */
export interface Tree {
  readonly files: readonly TextFile[];
  readonly sources: readonly Source[];
  readonly ratchet: Ratchet;
}

/** Builds a tree from files in memory. */
export function treeOf(files: readonly TextFile[]): Tree {
  const ratchet = files.find(({ path }) => path === RATCHET_PATH)?.text ?? "{}";
  const sources = files
    .filter(({ path }) => CODE.test(path))
    .map((file) => parseSource(file.path, file.text));
  return { files, sources, ratchet: JSON.parse(ratchet) as Ratchet };
}

/**
 * Reads the files of the repository that are tracked or about to be: all that git does not ignore.
 */
export function readTree(root: string = ROOT): Tree {
  const options = { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 } as const;
  const listed = execFileSync("git", ["ls-files", "-coz", "--exclude-standard"], options);
  const paths = listed.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
  const files = [...new Set(paths)].toSorted().map((path) => ({
    path,
    text: readFileSync(join(root, path), "utf8"),
  }));
  return treeOf(files.filter(({ text }) => !text.includes("\0")));
}

/** Runs every check; findings sorted by file and line. */
export function check({ files, sources, ratchet }: Tree): Finding[] {
  const errorPage = files.find(({ path }) => path === ERROR_PAGE)?.text ?? null;
  return [
    ...sources.flatMap(checkSyntax),
    ...checkLayers(sources),
    ...checkGraph(sources),
    ...checkBans(sources),
    ...checkDocumentation(sources),
    ...checkLengths(sources, ratchet),
    ...checkLeaks(files),
    ...checkErrorCodes(sources, errorPage),
  ].toSorted((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

function checkSyntax({ path, syntaxError }: Source): Finding[] {
  return syntaxError === null ? [] : [{ path, line: 1, message: `${syntaxError}; npm run check` }];
}

/** One line per finding: `file:line: what is wrong; what to do instead`. */
export function describeFinding({ path, line, message }: Finding): string {
  return `${path}:${line}: ${message}`;
}

function main(args: readonly string[]): void {
  const tree = readTree();
  const paths = args.filter((arg) => !arg.startsWith("--"));
  const starts = paths.map((path) => (path === "." ? "" : path.replace(/^\.\//, "")));
  const isChosen = ({ path }: { readonly path: string }): boolean =>
    starts.length === 0 || starts.some((start) => path.startsWith(start));
  if (args.includes("--update")) updateRatchet(tree);
  else if (args.includes("--wrap")) wrapFiles(tree.files.filter(isChosen));
  else report(check(tree).filter(isChosen), tree.files.length);
}

function updateRatchet({ sources, ratchet }: Tree): void {
  const tightened = tightenRatchet(sources, ratchet);
  writeFileSync(join(ROOT, RATCHET_PATH), `${JSON.stringify(tightened, null, 2)}\n`);
}

function wrapFiles(files: readonly TextFile[]): void {
  for (const { path, text } of files.filter(
    (file) => CODE.test(file.path) && !isGenerated(file.path),
  )) {
    const wrapped = wrapComments(text, LINE_CHARACTERS_MAX);
    if (wrapped !== text) writeFileSync(join(ROOT, path), wrapped);
  }
}

function report(findings: readonly Finding[], fileCount: number): void {
  for (const finding of findings) console.log(describeFinding(finding));
  console.log(`tidy: ${findings.length} to fix in ${fileCount} files`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
