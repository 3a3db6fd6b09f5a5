// Length of files, functions and lines, with a ratchet: listed exceptions may shrink, never grow.
import {
  child,
  children,
  findingAt,
  isGenerated,
  isTestCode,
  lineAt,
  textOf,
  walk,
  type Finding,
  type Node,
  type Source,
} from "./source.ts";

const FILE_LINES_MAX = 400;
/** Tests hold tables of cases. */
const TEST_FILE_LINES_MAX = 800;
const FUNCTION_LINES_MAX = 70;
/** Width of a line, comments included. */
export const LINE_CHARACTERS_MAX = 100;

/** Exceptions: what is measured (see {@link measureLengths}) to the length it may have. */
export type Ratchet = Readonly<Record<string, number>>;

/** Something longer than its limit. */
export interface Excess {
  /** Names what was measured in the ratchet's file. */
  readonly key: string;
  readonly size: number;
  readonly finding: Finding;
}

/** Compares all files with the limits and the exceptions. */
export function checkLengths(sources: readonly Source[], ratchet: Ratchet): Finding[] {
  const excesses = sources.flatMap(measureLengths);
  const sizes = new Map(excesses.map(({ key, size }) => [key, size]));
  const grown = excesses.filter(({ key, size }) => size > (ratchet[key] ?? 0));
  const slack = Object.keys(ratchet).filter((key) => (sizes.get(key) ?? 0) < (ratchet[key] ?? 0));
  return [
    ...grown.map(({ finding }) => finding),
    ...slack.map((key) => ({
      path: "tools/ratchet.json",
      line: 1,
      message: `"${key}" has shrunk; run: npm run tidy -- --update`,
    })),
  ];
}

/**
 * The exceptions after tightening: lowered to what is measured or dropped, never raised or added.
 */
export function tightenRatchet(sources: readonly Source[], ratchet: Ratchet): Ratchet {
  const sizes = new Map(sources.flatMap(measureLengths).map(({ key, size }) => [key, size]));
  const kept = Object.entries(ratchet).flatMap(([key, allowed]) => {
    const size = sizes.get(key);
    return size === undefined ? [] : [[key, Math.min(size, allowed)] as const];
  });
  return Object.fromEntries(kept);
}

/** Everything in a file that is over a limit. */
export function measureLengths(source: Source): Excess[] {
  if (isGenerated(source.path)) return [];
  return [...measureFile(source), ...measureLines(source), ...measureFunctions(source)];
}

function measureFile(source: Source): Excess[] {
  const limit = source.path.endsWith(".test.ts") ? TEST_FILE_LINES_MAX : FILE_LINES_MAX;
  const size = source.lines.length - (source.text.endsWith("\n") ? 1 : 0);
  if (size <= limit) return [];
  const message = `a file of ${size} lines, limit ${limit}; split it by subject`;
  return [{ key: `file ${source.path}`, size, finding: findingAt(source, 0, message) }];
}

/** All long lines of a file are one entry of the ratchet: their number. */
function measureLines(source: Source): Excess[] {
  const long = [...source.lines.entries()].filter(([, text]) => text.length > LINE_CHARACTERS_MAX);
  return long.map(([index, text]) => {
    const message = `a line of ${text.length} characters, limit ${LINE_CHARACTERS_MAX}; break it`;
    const finding = { path: source.path, line: index + 1, message };
    return { key: `long-lines ${source.path}`, size: long.length, finding };
  });
}

function measureFunctions(source: Source): Excess[] {
  const found = new Map<string, Excess>();
  walk(source.program, (node, ancestors) => {
    const size = functionLines(source, node, ancestors);
    if (size <= FUNCTION_LINES_MAX) return;
    const name = nameOf(node, ancestors);
    const key = `function ${source.path} ${name}`;
    const message = `function ${name}: ${size} lines, limit ${FUNCTION_LINES_MAX}; name its parts`;
    if (size <= (found.get(key)?.size ?? 0)) return;
    found.set(key, { key, size, finding: findingAt(source, node.start, message) });
  });
  return [...found.values()];
}

/**
 * Lines of a function; 0 for other nodes. In test code the callbacks of `describe` and `test` do
 * not count.
 */
function functionLines(source: Source, node: Node, ancestors: readonly Node[]): number {
  if (!isFunction(node)) return 0;
  const total = linesOf(source, node);
  if (!isTestCode(source.path)) return total;
  if (suiteOf(node, ancestors) === "describe") return 0;
  let callbacks = 0;
  walk(node, (inner, between) => {
    const isOutermost = !between.some((outer, at) => suiteOf(outer, between.slice(0, at)) !== null);
    if (inner !== node && isOutermost && suiteOf(inner, between) !== null) {
      callbacks += linesOf(source, inner);
    }
  });
  return total - callbacks;
}

function isFunction(node: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

function linesOf(source: Source, node: Node): number {
  return lineAt(source, node.end) - lineAt(source, node.start) + 1;
}

/** Which of describe, test and it a function is the callback of, or null. */
function suiteOf(node: Node, ancestors: readonly Node[]): string | null {
  const call = ancestors.at(-1) ?? null;
  if (!isFunction(node) || call?.type !== "CallExpression") return null;
  if (!children(call, "arguments").includes(node)) return null;
  let callee = child(call, "callee");
  while (callee !== null && callee.type !== "Identifier") {
    callee = child(callee, "callee") ?? child(callee, "object");
  }
  const name = textOf(callee, "name") ?? "";
  return /^(describe|test|it)$/.test(name) ? name : null;
}

function nameOf(node: Node, ancestors: readonly Node[]): string {
  const parent = ancestors.at(-1) ?? null;
  const label = child(node, "id") ?? child(parent, "key") ?? child(parent, "id");
  return textOf(label, "name") ?? "(anonymous)";
}
