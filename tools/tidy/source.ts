// A source file as the style checks see it: text, syntax tree, comments, lines.
import { posix } from "node:path";
import { parseSync } from "oxc-parser";

/** A node of the ESTree syntax tree; fields differ by `type`, see {@link child} and its sisters. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** A comment with its place; `value` is what stands between the marks. */
export interface Comment {
  readonly type: "Line" | "Block";
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** One file, parsed. */
export interface Source {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly program: Node;
  readonly comments: readonly Comment[];
  /** Offset of each line's first character. */
  readonly lineStarts: readonly number[];
  readonly syntaxError: string | null;
}

/** One thing that is wrong, with what to do instead. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** Parses a file. With broken syntax, what could be read and the first error are returned. */
export function parseSource(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text);
  const lines = text.split("\n");
  return {
    path,
    text,
    lines,
    program: program as unknown as Node,
    comments,
    lineStarts: startsOf(lines),
    syntaxError: errors[0]?.message ?? null,
  };
}

function startsOf(lines: readonly string[]): number[] {
  let start = 0;
  return lines.map((line) => {
    start += line.length + 1;
    return start - line.length - 1;
  });
}

/** A finding at an offset of the file's text. */
export function findingAt(source: Source, offset: number, message: string): Finding {
  return { path: source.path, line: lineAt(source, offset), message };
}

/** Line number of an offset, from 1. */
export function lineAt({ lineStarts }: Source, offset: number): number {
  let low = 0;
  for (let high = lineStarts.length; high - low > 1;) {
    const middle = (low + high) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** Called for a node; `ancestors` ends with the parent, and is valid during the call alone. */
export type Visit = (node: Node, ancestors: readonly Node[]) => void;

/** Visits a node and all below it, parents first. */
export function walk(node: Node, visit: Visit): void {
  descend(node, visit, []);
}

function descend(node: Node, visit: Visit, ancestors: Node[]): void {
  visit(node, ancestors);
  ancestors.push(node);
  for (const value of Object.values(node)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (isNode(item)) descend(item, visit, ancestors);
    }
  }
  ancestors.pop();
}

/** The node in a field, or null when the field is empty. */
export function child(node: Node | null, field: string): Node | null {
  const value = node?.[field];
  return isNode(value) ? value : null;
}

/** The nodes in a list field; holes are left out. */
export function children(node: Node | null, field: string): Node[] {
  const value = node?.[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The text in a field (a name, an operator, a string literal's value), or null. */
export function textOf(node: Node | null, field: string): string | null {
  const value = node?.[field];
  return typeof value === "string" ? value : null;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/**
 * Tests, the simulated platform and what stands in a `testing/` folder: never part of the product.
 */
export function isTestCode(path: string): boolean {
  return /\.test\.ts$|\/testing\/|^src\/platform\/simulated\/|^(test|sim|bench)\//.test(path);
}

/** Written by a program: checked for nothing but imports. */
export function isGenerated(path: string): boolean {
  return path.includes("/generated/");
}

/** Part of the product: below `src/` and no test code. */
export function isProduct(path: string): boolean {
  return path.startsWith("src/") && !isTestCode(path);
}

/** An import of another file or package, however it is written. */
export interface Import {
  readonly specifier: string;
  /** The file meant, when the specifier is relative. */
  readonly target: string | null;
  /** `import type` and the like: nothing of it is left when the program runs. */
  readonly isErased: boolean;
  readonly offset: number;
}

/**
 * Everything a file imports or re-exports: static, dynamic, in types, and `new URL(..)` of a
 * worker.
 */
export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  walk(source.program, (node) => {
    const specifier = specifierOf(node);
    if (specifier === null) return;
    const target = resolve(source.path, specifier);
    const isErased = node["importKind"] === "type" || node.type === "TSImportType";
    found.push({ specifier, target, isErased, offset: node.start });
  });
  return found;
}

function specifierOf(node: Node): string | null {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return textOf(child(node, "source"), "value");
    case "NewExpression": {
      const [first, second] = children(node, "arguments");
      const isUrl = textOf(child(node, "callee"), "name") === "URL";
      const isLocal = child(second ?? null, "object")?.type === "MetaProperty";
      const path = textOf(first ?? null, "value");
      return isUrl && isLocal && path !== null && /\.[jt]s$/.test(path) ? path : null;
    }
    default:
      return null;
  }
}

function resolve(from: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
}
