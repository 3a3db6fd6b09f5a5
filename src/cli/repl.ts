// The interactive part of `kvorum cli`: lines with history and completion, replies as redis-cli
// shows them.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { DbError } from "../base/errors.ts";
import { splitWords } from "./command-words.ts";
import { complete, help } from "./completion.ts";
import { printed } from "./reply-format.ts";
import type { CliSession } from "./session.ts";

const HISTORY_LINES_MAX = 1_000;
/** Lines that hold a password are not kept. */
const SECRET_LINE = /^\s*(auth\b|hello\b.*\bauth\b|config\s+set\s+requirepass\b|acl\s+setuser\b)/i;

/** Reads and runs lines until the user leaves. */
export async function runRepl(session: CliSession): Promise<void> {
  await tryConnect(session);
  const history = new HistoryFile();
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    completer: complete,
    history: history.load(),
    historySize: HISTORY_LINES_MAX,
    removeHistoryDuplicates: true,
    prompt: session.prompt,
  });
  lines.on("SIGINT", () => {
    process.stdout.write("\n");
    // An unfinished line is dropped; an empty one ends the session, as Ctrl-C does in redis-cli.
    if (lines.line === "") lines.close();
    else clearLine(lines);
  });
  lines.prompt();
  for await (const line of lines) {
    const goesOn = await runLine(session, line);
    if (line.trim() !== "") history.add(line);
    if (!goesOn) break;
    lines.setPrompt(session.prompt);
    lines.prompt();
  }
  lines.close();
  session.close();
}

function clearLine(lines: Interface): void {
  lines.write(null, { ctrl: true, name: "e" });
  lines.write(null, { ctrl: true, name: "u" });
}

/** Runs one line; false when the user wants to leave. */
async function runLine(session: CliSession, line: string): Promise<boolean> {
  const words = splitWords(line);
  if (words === null) {
    process.stdout.write("Invalid argument(s)\n");
    return true;
  }
  const [name, ...rest] = words.map((word) => word.toString());
  switch (name?.toLowerCase()) {
    case undefined:
      return true;
    case "exit":
    case "quit":
      return false;
    case "clear":
      process.stdout.write("\x1b[H\x1b[2J");
      return true;
    case "help":
    case "?":
      process.stdout.write(`${help(rest)}\n`);
      return true;
    default:
      await runCommand(session, words);
      return true;
  }
}

async function runCommand(session: CliSession, words: readonly Buffer[]): Promise<void> {
  const startedMs = performance.now();
  try {
    const reply = await session.run(words);
    const seconds = (performance.now() - startedMs) / 1000;
    const took = seconds >= 0.5 ? `(${seconds.toFixed(2)}s)\n` : "";
    process.stdout.write(printed(words, reply, false));
    process.stdout.write(took);
  } catch (error) {
    process.stdout.write(`${reasonOf(error)}\n`);
  }
}

async function tryConnect(session: CliSession): Promise<void> {
  try {
    await session.connect();
  } catch (error) {
    process.stdout.write(`${reasonOf(error)}\n`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof DbError) return `Error: ${error.message}`;
  return `Error: ${error instanceof Error ? error.message : String(error)}`;
}

/** Lines of earlier sessions, newest last in the file. */
class HistoryFile {
  readonly #path = process.env["KVORUM_CLI_HISTORY"] ?? join(homedir(), ".kvorum_history");
  #works = true;

  /** Newest first, as readline wants them. */
  load(): string[] {
    try {
      if (!existsSync(this.#path)) return [];
      const lines = readFileSync(this.#path, "utf8")
        .split("\n")
        .filter((line) => line !== "");
      const kept = lines.slice(-HISTORY_LINES_MAX);
      if (lines.length > 2 * HISTORY_LINES_MAX) {
        writeFileSync(this.#path, `${kept.join("\n")}\n`, { mode: 0o600 });
      }
      return kept.toReversed();
    } catch (error) {
      this.#giveUp(error);
      return [];
    }
  }

  add(line: string): void {
    if (!this.#works || SECRET_LINE.test(line)) return;
    try {
      appendFileSync(this.#path, `${line}\n`, { mode: 0o600 });
    } catch (error) {
      this.#giveUp(error);
    }
  }

  #giveUp(error: unknown): void {
    this.#works = false;
    process.stdout.write(`(no history file: ${String(error)})\n`);
  }
}
