// The import graph of src/: no cycles, no barrels, no file that nothing uses.
import {
  children,
  findingAt,
  importsOf,
  isTestCode,
  type Finding,
  type Import,
  type Source,
} from "./source.ts";

/** Where the product begins; the check for dead files waits until both exist. */
const ROOTS = ["src/index.ts", "src/cli/main.ts"];

type Graph = ReadonlyMap<string, readonly string[]>;

/** Checks the graph of all files given; findings are about files of src/ alone. */
export function checkGraph(sources: readonly Source[]): Finding[] {
  const product = sources.filter((source) => source.path.startsWith("src/"));
  const graph = graphOf(sources, () => true);
  const atRunTime = graphOf(sources, ({ isErased }) => !isErased);
  return [
    ...product.flatMap(checkBarrel),
    ...checkCycles(product, atRunTime),
    ...checkDead(product, graph),
  ];
}

function graphOf(sources: readonly Source[], counts: (edge: Import) => boolean): Graph {
  const known = new Set(sources.map((source) => source.path));
  const targets = (source: Source): string[] =>
    importsOf(source)
      .filter(counts)
      .flatMap(({ target }) => (target !== null && known.has(target) ? [target] : []));
  return new Map(sources.map((source) => [source.path, targets(source)]));
}

function checkBarrel(source: Source): Finding[] {
  if (source.path === "src/index.ts") return [];
  const message =
    "re-exports from another file; import it where it is declared (only src/index.ts re-exports)";
  return children(source.program, "body")
    .filter((node) => node.type.startsWith("Export") && node["source"])
    .map((node) => findingAt(source, node.start, message));
}

/**
 * Looks for cycles at run time; `import type` makes none. Reports each where the walk entered it.
 */
function checkCycles(product: readonly Source[], graph: Graph): Finding[] {
  const found: Finding[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt !== -1) {
      const cycle = [...trail.slice(seenAt), path].join(" -> ");
      found.push({
        path,
        line: 1,
        message: `import cycle ${cycle}; move what they share to a third file`,
      });
      return;
    }
    if (done.has(path)) return;
    trail.push(path);
    for (const target of graph.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const source of product) visit(source.path);
  return found;
}

function checkDead(product: readonly Source[], graph: Graph): Finding[] {
  if (!ROOTS.every((root) => graph.has(root))) return [];
  const inProduct = reachable(ROOTS, graph);
  const tests = [...graph.keys()].filter((path) => /\.test\.ts$|^(test|sim|bench)\//.test(path));
  const inTests = reachable(tests, graph);
  const isUsed = (path: string): boolean =>
    inProduct.has(path) || (isTestCode(path) && inTests.has(path));
  const message = `nothing reaches this file from ${ROOTS.join(" or ")}; use it or delete it`;
  return product
    .filter((source) => !isUsed(source.path))
    .map((source) => ({ path: source.path, line: 1, message }));
}

function reachable(roots: readonly string[], graph: Graph): Set<string> {
  const seen = new Set<string>();
  const waiting = [...roots];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    waiting.push(...(graph.get(path) ?? []));
  }
  return seen;
}
