// Values of configuration parameters as text: how each kind is read and shown, with Redis's words
// for what is wrong.

/** A value that was read, or why it cannot be. */
export type Read<T> = { readonly value: T } | { readonly error: string };

const MEMORY_FORM = /^(\d{1,15})(b|k|kb|m|mb|g|gb)?$/i;
const MEMORY_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1e6,
  mb: 1024 ** 2,
  g: 1e9,
  gb: 1024 ** 3,
};

/** Reads an integer between two bounds, both inclusive. */
export function readInteger(text: string, min: number, max: number): Read<number> {
  if (!/^-?\d{1,19}$/.test(text)) return { error: "argument couldn't be parsed into an integer" };
  return withinBounds(Number(text), min, max);
}

/** Reads bytes: `1048576`, `1mb` (1024 x 1024), `1m` (1000 x 1000). */
export function readMemory(text: string, min: number, max: number): Read<number> {
  const match = MEMORY_FORM.exec(text);
  if (match === null) return { error: "argument must be a memory value" };
  const unit = MEMORY_UNITS[(match[2] ?? "b").toLowerCase()]!;
  return withinBounds(Number(match[1]) * unit, min, max);
}

function withinBounds(value: number, min: number, max: number): Read<number> {
  if (value >= min && value <= max) return { value };
  return { error: `argument must be between ${min} and ${max} inclusive` };
}

/** Reads one of some words, letters compared without case. */
export function readWord<T extends string>(text: string, words: readonly T[]): Read<T> {
  const value = words.find((word) => word === text.toLowerCase());
  if (value !== undefined) return { value };
  return { error: `argument(s) must be one of the following: ${words.join(", ")}` };
}
