// Every file of src/ says what it is for, every exported function, class and interface what it
// does.
import {
  child,
  children,
  findingAt,
  isGenerated,
  isProduct,
  lineAt,
  textOf,
  type Comment,
  type Finding,
  type Node,
  type Source,
} from "./source.ts";

const HEADER_LINES_MAX = 3;

/** Checks headers in src/, tests included, and documentation in the product. */
export function checkDocumentation(sources: readonly Source[]): Finding[] {
  const written = sources.filter(({ path }) => path.startsWith("src/") && !isGenerated(path));
  const product = written.filter(({ path }) => isProduct(path));
  return [...written.flatMap(checkHeader), ...product.flatMap(checkExports)];
}

function checkHeader(source: Source): Finding[] {
  const count = headerLines(source);
  if (count >= 1 && count <= HEADER_LINES_MAX) return [];
  const message =
    count === 0
      ? "no header; open the file with 1 to 3 lines of comment: what it is for and what it is not"
      : `a header of ${count} lines, limit ${HEADER_LINES_MAX}; move the rest to docs/internals/`;
  return [findingAt(source, 0, message)];
}

function headerLines(source: Source): number {
  const first = source.comments[0];
  if (first === undefined || source.text.slice(0, first.start).trim() !== "") return 0;
  if (first.type === "Block") return isDocOf(source, first) ? 0 : wordLines(first);
  const end = source.lines.findIndex((line) => !line.startsWith("//"));
  return end === -1 ? source.lines.length : end;
}

/** A block comment that touches a declaration documents that, not the file. */
function isDocOf(source: Source, comment: Comment): boolean {
  const after = source.text.slice(comment.end);
  return !/^\s*\n\s*\n/.test(after) && !/^\s*import\b/.test(after);
}

function wordLines(comment: Comment): number {
  return comment.value.split("\n").filter((line) => /[^\s*]/.test(line)).length;
}

function checkExports(source: Source): Finding[] {
  const documented = new Set<string>();
  const missing = new Map<string, Finding>();
  for (const { name, kind, at } of exportedDeclarations(source)) {
    if (hasDoc(source, at)) documented.add(name);
    const message = `exported ${kind} \`${name}\` has no doc comment; say in /** */ what it does`;
    if (!missing.has(name)) missing.set(name, findingAt(source, at.start, message));
  }
  return [...missing].filter(([name]) => !documented.has(name)).map(([, finding]) => finding);
}

interface Declared {
  readonly name: string;
  readonly kind: string;
  /** The statement a doc comment has to stand before. */
  readonly at: Node;
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ["FunctionDeclaration", "function"],
  ["TSDeclareFunction", "function"],
  ["ClassDeclaration", "class"],
  ["TSInterfaceDeclaration", "interface"],
]);

/** Exported functions, classes and interfaces, also those exported by a list further down. */
function exportedDeclarations(source: Source): Declared[] {
  const statements = children(source.program, "body");
  const listed = new Set(
    statements
      .filter((node) => node.type === "ExportNamedDeclaration" && child(node, "source") === null)
      .flatMap((node) => children(node, "specifiers"))
      .map((specifier) => textOf(child(specifier, "local"), "name")),
  );
  return statements.flatMap((at) => {
    const isExport = /^Export(Named|Default)Declaration$/.test(at.type);
    const declared = declaredBy(isExport ? child(at, "declaration") : at);
    return declared
      .filter(({ name }) => isExport || listed.has(name))
      .map(({ name, kind }) => ({ name, kind, at }));
  });
}

/** Name and kind of what a declaration declares; constants count when they hold a function. */
function declaredBy(declaration: Node | null): { name: string; kind: string }[] {
  const kind = KINDS.get(declaration?.type ?? "");
  if (kind !== undefined)
    return [{ name: textOf(child(declaration, "id"), "name") ?? "default", kind }];
  return children(declaration, "declarations")
    .filter((node) => /Function/.test(child(node, "init")?.type ?? ""))
    .map((node) => ({ name: textOf(child(node, "id"), "name") ?? "", kind: "function" }));
}

function hasDoc(source: Source, statement: Node): boolean {
  const line = lineAt(source, statement.start);
  return source.comments.some(
    (comment) =>
      comment.type === "Block" &&
      comment.value.startsWith("*") &&
      comment.end <= statement.start &&
      lineAt(source, comment.end) >= line - 1,
  );
}
