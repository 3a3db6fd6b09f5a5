// Makes src/transport/generated/messages.ts from kvorum.proto: pbf writes the code, this adds the
// types.
//
//   npx tsx proto/generate.ts
//
// A test runs it too and compares, so that schema and code cannot drift apart.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SCHEMA = fileURLToPath(new URL("kvorum.proto", import.meta.url));
const COMPILER = fileURLToPath(new URL("../node_modules/pbf/bin/pbf", import.meta.url));
const TARGET = fileURLToPath(new URL("../src/transport/generated/messages.ts", import.meta.url));

const HEADER = `// Generated from proto/kvorum.proto by proto/generate.ts: do not edit.
import type { PbfReader, PbfWriter } from "pbf";

/** A message while it is being read. */
type Filling<T> = {
  -readonly [K in keyof T]: T[K] extends readonly (infer Item)[] ? Item[] : T[K];
};
`;

/** How pbf reads a field, and the type of what comes out. */
const FIELD_TYPES: readonly (readonly [RegExp, (match: RegExpMatchArray) => string])[] = [
  [/^obj\.(\w+) = pbf\.readVarint\(\)/, () => "number"],
  [/^obj\.(\w+) = pbf\.readBoolean\(\)/, () => "boolean"],
  [/^obj\.(\w+) = pbf\.readString\(\)/, () => "string"],
  [/^obj\.(\w+) = pbf\.readBytes\(\)/, () => "Uint8Array | undefined"],
  [/^obj\.(\w+) = read(\w+)\(/, (match) => `${match[2]} | undefined`],
  [/^obj\.(\w+)\.push\(read(\w+)\(/, (match) => `readonly ${match[2]}[]`],
  [/^pbf\.readPackedVarint\(obj\.(\w+)\)/, () => "readonly number[]"],
];

/** The text of the generated file, from the schema as it is now. */
export function generateMessages(): string {
  const javascript = execFileSync(process.execPath, [COMPILER, SCHEMA], { encoding: "utf8" });
  const blocks = javascript.split("\n\n").map((block) => block.trim());
  const parts = [HEADER];
  for (const block of blocks) {
    if (block.startsWith("export const ")) parts.push(typedEnum(block));
    else if (block.startsWith("export function read")) parts.push(typedMessage(block));
  }
  return parts.join("\n");
}

function typedEnum(block: string): string {
  const name = /^export const (\w+)/.exec(block)![1]!;
  const values = [...block.matchAll(/"(\w+)": (\d+)/g)];
  const lines = values.map(([, value, code]) => `  ${camelCase(value!)}: ${code},\n`);
  const code = `export const ${name} = {\n${lines.join("")}} as const;\n`;
  return `/** \`${name}\` of the schema. */\n${code}`;
}

function typedMessage(block: string): string {
  const name = /^export function read(\w+)/.exec(block)![1]!;
  const fields = [...block.matchAll(/if \(field === \d+\) (.*)$/gm)].map(([, code]) => {
    for (const [pattern, type] of FIELD_TYPES) {
      const match = pattern.exec(code!);
      if (match !== null) return { name: match[1]!, type: type(match) };
    }
    throw new Error(`no type known for: ${code}`);
  });
  const lines = fields.map((field) => `  readonly ${field.name}: ${field.type};\n`);
  const code = block
    .replace(`read${name}(pbf, end) {`, `read${name}(pbf: PbfReader, end?: number): ${name} {`)
    .replace(/const obj = \{(.*)\};/, (_, defaults: string) => typedDefaults(name, defaults))
    .replace("let field;", "let field: number;")
    .replaceAll(/(writePackedVarint\(\d+, obj\.\w+)\)/g, "$1 as number[])")
    .replace(`write${name}(obj, pbf) {`, `write${name}(obj: ${name}, pbf: PbfWriter): void {`)
    .replace(
      "\nexport function write",
      `\n\n/** Writes a \`${name}\`, zeros and empties left out. */\nexport function write`,
    )
    .replaceAll(/^( {4})+/gm, (spaces) => " ".repeat(spaces.length / 2));
  return [
    `/** \`${name}\` of the schema. */`,
    `export interface ${name} {\n${lines.join("")}}\n`,
    `/** Reads a \`${name}\`; what is missing is zero, empty or undefined. */`,
    `${code}\n`,
  ].join("\n");
}

function typedDefaults(name: string, defaults: string): string {
  const lines = defaults.split(", ").map((value) => `        ${value},\n`);
  return `const obj: Filling<${name}> = {\n${lines.join("")}    };`;
}

function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TARGET, generateMessages());
