// The file given with --config: TOML, its keys are the flags without dashes.
import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { parse, TomlError } from "smol-toml";
import { DbError } from "../base/errors.ts";
import type { Setting } from "./settings.ts";

/** A value as `Setting.parse` gives it. */
export type SettingValue = ReturnType<Setting["parse"]>;

/**
 * Reads a configuration file.
 *
 * @returns Values by setting name.
 * @throws DbError `BAD_CONFIG` that names file, line and what would be right.
 */
export function readConfigFile(
  path: string,
  settings: readonly Setting[],
): Map<string, SettingValue> {
  return parseConfig(readText(path), path, settings);
}

/** As {@link readConfigFile}, for the text of a file that is called `path`. */
export function parseConfig(
  text: string,
  path: string,
  settings: readonly Setting[],
): Map<string, SettingValue> {
  const values = new Map<string, SettingValue>();
  for (const [key, value] of Object.entries(parseToml(text, path))) {
    const place = `${path}:${lineOf(text, key)}`;
    const setting = settings.find(({ name }) => name === key);
    if (setting === undefined)
      throw bad(`${place}: there is no setting "${key}"`, hintFor(key, settings));
    values.set(key, readValue(setting, value, place));
  }
  return values;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw bad(`cannot read the configuration file ${path}`, String(error));
  }
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw bad(`${path}:${error.line}:${error.column}: this is not TOML`, firstLine(error.message));
  }
}

function readValue(setting: Setting, value: unknown, place: string): SettingValue {
  const text = textOf(value);
  if (text === null) {
    throw bad(`${place}: "${setting.name}" is a single value, or a list of texts`, "");
  }
  try {
    return setting.parse(text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw bad(`${place}: "${text}" is no value for "${setting.name}"`, error.message);
  }
}

/** A value as it would be typed on the command line; null for what cannot be typed there. */
function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (!Array.isArray(value)) return null;
  return value.every((part) => typeof part === "string") ? value.join(",") : null;
}

/** The line on which a key is set, from 1. */
function lineOf(text: string, key: string): number {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => {
    const name = /^\s*\[?\s*["']?([\w-]+)["']?/.exec(line)?.[1];
    return name === key;
  });
  return at + 1;
}

function hintFor(key: string, settings: readonly Setting[]): string {
  const plain = key.toLowerCase().replaceAll(/[-_]/g, "");
  const near = settings.find(({ name }) => name.replaceAll("-", "") === plain);
  if (near !== undefined) return `did you mean "${near.name}"?`;
  return "`kvorum server --help` lists the settings; keys are the flags without dashes";
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0]!.replace("Invalid TOML document: ", "");
}

function bad(message: string, hint: string): DbError {
  return new DbError("BAD_CONFIG", hint === "" ? message : `${message}: ${hint}`);
}
