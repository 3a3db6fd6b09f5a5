// The arguments of a command, read from its one-line syntax: for COMMAND DOCS and the reference
// pages.

/** An argument in the terms of `COMMAND DOCS`. */
export interface SyntaxArgument {
  readonly name: string;
  /**
   * `key`, `string`, `integer`, `double`, `pattern`, `unix-time`, `pure-token`, `oneof`, `block`.
   */
  readonly type: string;
  /** The word that stands before the argument, or that it is. */
  readonly token?: string;
  readonly optional: boolean;
  readonly multiple: boolean;
  /** The choices of a `oneof`, the parts of a `block`. */
  readonly parts: readonly SyntaxArgument[];
}

const TOKEN = /^[A-Z][A-Z0-9-]*$/;
const LABEL = /^([a-z][a-z-]*)=/;
const REPEATED = " ...";

/**
 * Parses a syntax line.
 *
 * The notation: `name`, `name:type` (a string without a type, a key when its name is key), `TOKEN`,
 * `TOKEN name` (a token belongs to the name behind it), `A|B` (one of some words), `A x | B y` (one
 * of some sequences), `[optional]`, `[label=A|B]` (a choice with a name), and `x [x ...]` for
 * repetition.
 */
export function parseSyntax(text: string): SyntaxArgument[] {
  return parseChoice(text);
}

/** The line for people: without types and labels. */
export function displaySyntax(text: string): string {
  return text.replaceAll(/:[a-z][a-z-]*/g, "").replaceAll(/(^|\[)[a-z][a-z-]*=/g, "$1");
}

/**
 * Sequences with ` | ` between them, perhaps with a label in front: one `oneof`; else a sequence.
 */
function parseChoice(text: string): SyntaxArgument[] {
  const label = LABEL.exec(text)?.[1];
  const rest = label === undefined ? text : text.slice(label.length + 1);
  const choices = splitOutside(rest, " | ");
  if (choices.length > 1) {
    const parts = choices.map((choice) => asOne(parseSequence(choice)));
    return [argument(label ?? joinedNames(parts), "oneof", { parts })];
  }
  const parts = parseSequence(rest);
  const only = parts[0];
  return label === undefined || only === undefined ? parts : [{ ...only, name: label }];
}

function parseSequence(text: string): SyntaxArgument[] {
  const items = splitOutside(text, " ");
  const parts: SyntaxArgument[] = [];
  for (let at = 0; at < items.length; at++) {
    const item = items[at]!;
    const next = items[at + 1];
    if (item.startsWith("[")) {
      parseBrackets(item.slice(1, -1), parts);
    } else if (
      TOKEN.test(item) &&
      next !== undefined &&
      !next.startsWith("[") &&
      !TOKEN.test(next)
    ) {
      parts.push({ ...parseWord(next), token: item });
      at++;
    } else {
      parts.push(parseWord(item));
    }
  }
  return parts;
}

/** An optional part, or the repetition of what stands before it. */
function parseBrackets(inside: string, parts: SyntaxArgument[]): void {
  if (!inside.endsWith(REPEATED)) {
    parts.push({ ...asOne(parseChoice(inside)), optional: true });
    return;
  }
  const repeated = parseSequence(inside.slice(0, -REPEATED.length));
  const last = parts.splice(parts.length - repeated.length, repeated.length);
  parts.push({ ...asOne(last), multiple: true });
}

function parseWord(word: string): SyntaxArgument {
  const choices = word.split("|");
  if (choices.length > 1) {
    const parts = choices.map(parseWord);
    return argument(joinedNames(parts), "oneof", { parts });
  }
  if (TOKEN.test(word)) return argument(word.toLowerCase(), "pure-token", { token: word });
  const [name = word, type = name === "key" ? "key" : "string"] = word.split(":");
  return argument(name, type, {});
}

function asOne(parts: readonly SyntaxArgument[]): SyntaxArgument {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return only;
  return argument(joinedNames(parts), "block", { parts });
}

function joinedNames(parts: readonly SyntaxArgument[]): string {
  return parts.map(({ name }) => name).join("_");
}

function argument(
  name: string,
  type: string,
  rest: { readonly token?: string; readonly parts?: readonly SyntaxArgument[] },
): SyntaxArgument {
  return { name, type, optional: false, multiple: false, parts: [], ...rest };
}

/** Splits at a separator that stands in no brackets. */
function splitOutside(text: string, separator: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "[") depth++;
    else if (text[at] === "]") depth--;
    if (depth !== 0 || !text.startsWith(separator, at)) continue;
    pieces.push(text.slice(start, at));
    start = at + separator.length;
    at = start - 1;
  }
  pieces.push(text.slice(start));
  return pieces.filter((piece) => piece !== "");
}
