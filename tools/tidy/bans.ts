// What code below the edges may not use, because a simulated run must depend on its seed alone.
import { builtinModules } from "node:module";
import {
  child,
  children,
  findingAt,
  importsOf,
  isProduct,
  textOf,
  walk,
  type Finding,
  type Node,
  type Source,
} from "./source.ts";

/**
 * Folders that talk to the machine; everything else gets time, chance, disk and network as
 * arguments.
 */
const EDGES = /^src\/(platform\/node|server|http|cli|embedded)\//;

const CLOCK = "take a Clock (src/platform/clock.ts) as an argument";
const SCHEDULER = "take a Scheduler (src/platform/clock.ts) as an argument";
const RANDOM = "take a Random (src/platform/random.ts) as an argument";

/** Global names, with what to use instead. */
const GLOBALS: ReadonlyMap<string, string> = new Map([
  ["Date", CLOCK],
  ["performance", CLOCK],
  ["setTimeout", SCHEDULER],
  ["setInterval", SCHEDULER],
  ["setImmediate", SCHEDULER],
  ["queueMicrotask", SCHEDULER],
  ["crypto", RANDOM],
  ["fetch", "take a Network (src/platform/network.ts) as an argument"],
  ["process", "take what you need from configuration, as an argument"],
]);

const BUILTINS: ReadonlySet<string> = new Set(builtinModules);

/** Checks the files of src/; `any` and silent catches are looked for in all files given. */
export function checkBans(sources: readonly Source[]): Finding[] {
  return sources.flatMap((source) => [
    ...checkAny(source),
    ...checkCatches(source),
    ...checkConsole(source),
    ...(isDeterministic(source.path) ? [...checkGlobals(source), ...checkBuiltins(source)] : []),
  ]);
}

/** Test code, and yet all that happens in it must come from the seed. */
const SIMULATED = /^(src\/platform\/simulated|sim\/(cluster|faults|invariants|judges|load))\//;

function isDeterministic(path: string): boolean {
  if (SIMULATED.test(path)) return !/\.test\.ts$|\/testing\/|\/timing\.ts$/.test(path);
  return isProduct(path) && !EDGES.test(path);
}

function checkAny(source: Source): Finding[] {
  const message =
    "`any` switches the type check off; use `unknown` and narrow it, or a type parameter";
  return nodesOf(source, (node) => node.type === "TSAnyKeyword").map((node) =>
    findingAt(source, node.start, message),
  );
}

function checkCatches(source: Source): Finding[] {
  const isStrict = isProduct(source.path);
  const isSilent = (node: Node): boolean => {
    const body = child(node, "body");
    if (node.type !== "CatchClause" || body === null || children(body, "body").length > 0)
      return false;
    const isExplained = source.comments.some(({ start }) => start > body.start && start < body.end);
    return isStrict || !isExplained;
  };
  const message = "an empty catch hides a failure; act on the error, or let it pass to who can act";
  return nodesOf(source, isSilent).map((node) => findingAt(source, node.start, message));
}

function checkConsole(source: Source): Finding[] {
  if (!isProduct(source.path) || source.path.startsWith("src/cli/")) return [];
  const message = "`console` outside cli/; take a logger of src/observe/ as an argument";
  return nodesOf(source, isGlobal("console")).map((node) => findingAt(source, node.start, message));
}

function checkGlobals(source: Source): Finding[] {
  const declared = declaredNames(source);
  const found: Finding[] = [];
  walk(source.program, (node, ancestors) => {
    if (isMember(node, "Math", "random")) {
      found.push(findingAt(source, node.start, `\`Math.random\` breaks replay; ${RANDOM}`));
    }
    const name = globalName(node, ancestors);
    const instead = GLOBALS.get(name ?? "");
    if (instead === undefined || declared.has(name ?? "")) return;
    found.push(findingAt(source, node.start, `\`${name}\` breaks replay; ${instead}`));
  });
  return found;
}

function checkBuiltins(source: Source): Finding[] {
  const instead =
    "take an interface of src/platform/ as an argument, implement it in src/platform/node/";
  return importsOf(source)
    .filter(({ specifier }) => isBanned(source.path, specifier))
    .map(({ specifier, offset }) =>
      findingAt(source, offset, `imports "${specifier}" below the edges; ${instead}`),
    );
}

function isBanned(path: string, specifier: string): boolean {
  if (!specifier.startsWith("node:") && !BUILTINS.has(specifier)) return false;
  if (specifier === "node:zlib" && path === "src/base/checksum.ts") return false;
  return specifier !== "node:buffer";
}

function nodesOf(
  source: Source,
  isMeant: (node: Node, ancestors: readonly Node[]) => boolean,
): Node[] {
  const found: Node[] = [];
  walk(source.program, (node, ancestors) => {
    if (isMeant(node, ancestors)) found.push(node);
  });
  return found;
}

function isGlobal(name: string): (node: Node, ancestors: readonly Node[]) => boolean {
  return (node, ancestors) => globalName(node, ancestors) === name;
}

/**
 * The name a node refers to, directly or through `globalThis`; null when it is only a label or
 * member.
 */
function globalName(node: Node, ancestors: readonly Node[]): string | null {
  if (node.type === "MemberExpression" && textOf(child(node, "object"), "name") === "globalThis") {
    return textOf(child(node, "property"), "name");
  }
  if (node.type !== "Identifier") return null;
  const parent = ancestors.at(-1) ?? null;
  const isComputed = parent?.["computed"] === true;
  const isLabel = child(parent, "key") === node && !isComputed;
  const isProperty = child(parent, "property") === node && !isComputed;
  const isTypeMember = parent?.type === "TSQualifiedName" && child(parent, "right") === node;
  return isLabel || isProperty || isTypeMember ? null : textOf(node, "name");
}

function isMember(node: Node, object: string, property: string): boolean {
  if (node.type !== "MemberExpression") return false;
  const isObject = textOf(child(node, "object"), "name") === object;
  return isObject && textOf(child(node, "property"), "name") === property;
}

/** Names the file itself declares anywhere: those are not the global ones. */
function declaredNames(source: Source): Set<string> {
  const names = new Set<string>();
  const add = (pattern: Node | null): void => {
    if (pattern === null) return;
    if (pattern.type === "Identifier") names.add(textOf(pattern, "name") ?? "");
    // Destructuring: { a: pattern }, [pattern], pattern = 1, ...pattern.
    for (const property of children(pattern, "properties"))
      add(child(property, "value") ?? property);
    for (const element of children(pattern, "elements")) add(element);
    add(child(pattern, "left") ?? child(pattern, "argument"));
  };
  walk(source.program, (node) => {
    if (node.type === "VariableDeclarator" || /^(Function|Class)/.test(node.type))
      add(child(node, "id"));
    if (node.type.startsWith("Import")) add(child(node, "local"));
    for (const parameter of children(node, "params")) add(parameter);
  });
  return names;
}
