// Breaks comment lines that are too long, because the formatter leaves comments alone. Prose flows
// on into the next line of its paragraph; lists, tags and drawings begin lines of their own.

const COMMENT = /^(\s*)(\/\/|\*)( +)(\S.*)$/;
const ONE_LINE_DOC = /^(\s*)\/\*\*\s+(.*\S)\s*\*\/$/;
/** A line that starts something of its own: a tag, a list, code, a drawing. */
const OWN_LINE = /^(@|[-*+|#] |```|\d+[.)] |\S+\s{2,})/;

/** Text further in than this is a drawing or an example, not prose. */
const HANGING_SPACES_MAX = 4;

/** Wraps the comments of a file's text at `widthMax` characters. */
export function wrapComments(text: string, widthMax: number): string {
  const waiting = text.split("\n").toReversed();
  const done: string[] = [];
  for (let line = waiting.pop(); line !== undefined; line = waiting.pop()) {
    const parts = line.length > widthMax ? breakLine(line, widthMax) : null;
    if (parts === null) {
      done.push(line);
      continue;
    }
    const [first, rest] = parts;
    done.push(...first);
    if (rest !== null) waiting.push(...joinNext(rest, waiting.pop()).toReversed());
  }
  return done.join("\n");
}

/** Finished lines, and the rest that may join the line after; null when it cannot be broken. */
function breakLine(line: string, widthMax: number): [string[], string | null] | null {
  const doc = ONE_LINE_DOC.exec(line);
  if (doc !== null) {
    const [, indent = "", words = ""] = doc;
    const body = wrapComments(`${indent} * ${words}`, widthMax);
    return [[`${indent}/**`, ...body.split("\n"), `${indent} */`], null];
  }
  const comment = COMMENT.exec(line);
  if (comment === null || (comment[3] ?? "").length > HANGING_SPACES_MAX) return null;
  const at = line.lastIndexOf(" ", widthMax);
  const prefix = `${comment[1]}${comment[2]}${comment[3]}`;
  if (at <= prefix.length) return null;
  return [[line.slice(0, at)], `${prefix}${line.slice(at + 1)}`];
}

/** Puts the rest before the words of the next line when that continues the same paragraph. */
function joinNext(rest: string, next: string | undefined): string[] {
  const here = COMMENT.exec(rest);
  const there = COMMENT.exec(next ?? "");
  if (next === undefined) return [rest];
  if (here === null || there === null || OWN_LINE.test(there[4] ?? "")) return [rest, next];
  const [, indent, mark, , words] = here;
  if (indent !== there[1] || mark !== there[2]) return [rest, next];
  // A hanging indent of the next line (below a tag or a list item) becomes the rest's as well.
  return [`${indent}${mark}${there[3]}${words} ${there[4]}`];
}
