// Scripts of commands with the replies they must give, for table tests.
import { expect } from "vitest";
import type { CommandTester, Word } from "./command-tester.ts";
import { ErrorText, type Recorded, SimpleText } from "./reply-recorder.ts";

/**
 * A command and its reply. The command is a line of words split at spaces, `""` for an empty one, or the
 * words themselves. Of the reply, `"+TEXT"` and `"-TEXT"` (with a letter) stand for a simple string and an error.
 */
export type Line = readonly [command: string | readonly Word[], reply: Recorded];

/** Runs the lines in turn and compares each reply. */
export function play(tester: CommandTester, lines: readonly Line[]): void {
  for (const [command, reply] of lines) {
    const words = typeof command === "string" ? splitWords(command) : command;
    const [name, ...rest] = words;
    expect(tester.run(String(name).toLowerCase(), ...rest), words.join(" ").slice(0, 200)).toEqual(
      expand(reply),
    );
  }
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
