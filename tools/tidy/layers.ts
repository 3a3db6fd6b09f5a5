// Import direction: which folder of src/ may import which, and who may import the machine's
// platform.
import { importsOf, isTestCode, findingAt, type Finding, type Source } from "./source.ts";

/**
 * Layers from the top; a file imports its own layer and those below. One row: no imports between
 * them.
 */
const LAYERS: readonly (readonly string[])[] = [
  ["index.ts"],
  ["cli"],
  ["embedded", "client"],
  ["http"],
  ["server"],
  ["cluster"],
  ["replica"],
  ["commands"],
  ["keyspace"],
  ["raft"],
  ["wal"],
  ["transport"],
  ["resp"],
  ["observe"],
  ["platform"],
  ["base"],
];

/** Layers that know nothing of each other, wherever they stand in the list. */
const STRANGERS: ReadonlySet<string> = new Set(["raft", "wal", "resp", "keyspace", "transport"]);

/** Layers that put the product together and choose the platform it runs on. */
const COMPOSERS: ReadonlySet<string> = new Set(["cli", "embedded"]);

/** Checks every import of every file of the product. */
export function checkLayers(sources: readonly Source[]): Finding[] {
  return sources.filter((source) => source.path.startsWith("src/")).flatMap(checkFile);
}

function checkFile(source: Source): Finding[] {
  const found: Finding[] = [];
  if (rankOf(layerOf(source.path)) === -1) {
    const message = `no layer "${layerOf(source.path)}" in tools/tidy/layers.ts; use one of those`;
    found.push(findingAt(source, 0, message));
  }
  for (const { target, offset } of importsOf(source)) {
    const message = target === null ? null : complaintAbout(source.path, target);
    if (message !== null) found.push(findingAt(source, offset, message));
  }
  return found;
}

function complaintAbout(from: string, to: string): string | null {
  if (isTestCode(from)) return null;
  if (!to.startsWith("src/"))
    return `imports ${to} from outside src/; move what is shared into src/`;
  if (isTestCode(to))
    return `the product imports test code (${to}); take an interface as an argument`;
  const [upper, lower] = [layerOf(from), layerOf(to)];
  if (to.startsWith("src/platform/node/") && !from.startsWith("src/platform/node/")) {
    if (COMPOSERS.has(upper)) return null;
    return `imports ${to}; take the interface of src/platform/ as an argument`;
  }
  if (upper === lower) return null;
  if (STRANGERS.has(upper) && STRANGERS.has(lower)) {
    return `${upper}/ imports its sibling ${lower}/; join them in a layer above, or use base/`;
  }
  if (rankOf(lower) > rankOf(upper)) return null;
  return `${upper}/ imports ${lower}/, not below it; take an interface declared in ${upper}/`;
}

function layerOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function rankOf(layer: string): number {
  return LAYERS.findIndex((row) => row.includes(layer));
}
