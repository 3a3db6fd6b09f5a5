// Checks on all files of the repository, not only on code: machine paths, registry hosts, error
// codes.
import {
  child,
  children,
  findingAt,
  isProduct,
  textOf,
  walk,
  type Finding,
  type Node,
  type Source,
} from "./source.ts";

/** A file that goes into the repository, as text. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

const LEAKS: readonly { pattern: RegExp; message: string }[] = [
  {
    pattern: /(?<![\w.$}])(\/(home|Users)\/[a-z][\w.-]*\/|\/root\/[\w.]|\/work\/(main|shared)\b)/,
    message: "a path of one machine; use a relative path or a placeholder such as DIR",
  },
  {
    pattern: /\bregistry\.(npmjs|yarnpkg)\.|:\/\/[^\s"'/]*(artifactory|nexus|verdaccio|registry)/i,
    message: "a registry host; leave it out, npm takes it from the user's configuration",
  },
  {
    pattern: /^\s*"resolved": "(?!\.)/,
    message: "a download address in the lock file; run npm install with the project's .npmrc",
  },
];

/** Looks for what would tie the repository to one machine or one registry. */
export function checkLeaks(files: readonly TextFile[]): Finding[] {
  return files.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) =>
      LEAKS.filter(({ pattern }) => pattern.test(line)).map(({ message }) => ({
        path,
        line: index + 1,
        message,
      })),
    ),
  );
}

/** Where every code of a `DbError` is explained. */
export const ERROR_PAGE = "docs/reference/errors.md";

/**
 * Checks that the page of errors names every code the product throws. Does nothing without the
 * page.
 */
export function checkErrorCodes(sources: readonly Source[], page: string | null): Finding[] {
  if (page === null) return [];
  const explained = new Set(page.match(/\b[A-Z][A-Z0-9_]+\b/g));
  return sources
    .filter(({ path }) => isProduct(path))
    .flatMap((source) =>
      errorCodes(source)
        .filter(({ code }) => !explained.has(code))
        .map(({ code, at }) =>
          findingAt(source, at, `error code ${code} is not in ${ERROR_PAGE}; explain it there`),
        ),
    );
}

function errorCodes(source: Source): { code: string; at: number }[] {
  const found: { code: string; at: number }[] = [];
  walk(source.program, (node) => {
    if (node.type !== "NewExpression" || textOf(child(node, "callee"), "name") !== "DbError")
      return;
    const first = children(node, "arguments")[0] ?? null;
    for (const code of literalsOf(first)) found.push({ code, at: node.start });
  });
  return found;
}

/** The strings an argument can be: a literal, or both sides of a choice. */
function literalsOf(node: Node | null): string[] {
  if (node?.type === "ConditionalExpression") {
    return [...literalsOf(child(node, "consequent")), ...literalsOf(child(node, "alternate"))];
  }
  const code = textOf(node, "value");
  return code === null ? [] : [code];
}
