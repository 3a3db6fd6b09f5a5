// Scripts of commands with the replies they must give, for table tests.
import { isDeepStrictEqual } from "node:util";
import type { CommandTester, Word } from "./command-tester.ts";
import { ErrorText, type Recorded, SimpleText } from "./reply-recorder.ts";

/**
 * A command and its reply. The command is a line of words split at spaces, `""` for an empty one,
 * or the words themselves. Of the reply, `"+TEXT"` and `"-TEXT"` (with a letter) stand for a simple
 * string and an error.
 */
export type Line = readonly [command: string | readonly Word[], reply: Recorded];

/** A reply that was not the one in the script. */
export interface Mismatch {
  readonly command: string;
  readonly wanted: Recorded;
  readonly got: Recorded;
}

/** Runs the lines in turn: the replies that differ. */
export function play(tester: CommandTester, lines: readonly Line[]): Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const [command, reply] of lines) {
    const words = typeof command === "string" ? splitWords(command) : command;
    const [name, ...rest] = words;
    const wanted = expand(reply);
    const got = tester.run(String(name).toLowerCase(), ...rest);
    if (isDeepStrictEqual(got, wanted)) continue;
    mismatches.push({ command: words.join(" ").slice(0, 200), wanted, got });
  }
  return mismatches;
}

/** The error with this text. */
export function failure(text: string): ErrorText {
  return new ErrorText(text);
}

function splitWords(line: string): Word[] {
  return line.split(" ").map((word) => (word === '""' ? "" : word));
}

function expand(reply: Recorded): Recorded {
  if (typeof reply !== "string") return reply;
  if (/^\+[A-Za-z]/.test(reply)) return new SimpleText(reply.slice(1));
  return /^-[A-Z]/.test(reply) ? new ErrorText(reply.slice(1)) : reply;
}
