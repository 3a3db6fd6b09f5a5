// `kvorum cli`: commands to a server, from the command line, a pipe, or typed.
import { createInterface } from "node:readline";
import { type Command, InvalidArgumentError, Option } from "commander";
import { DbError } from "../base/errors.ts";
import { splitWords } from "./command-words.ts";
import { printed } from "./reply-format.ts";
import type { ReplyValue } from "./reply-reader.ts";
import { runRepl } from "./repl.ts";
import { CliSession } from "./session.ts";

/** Commands of a pipe that may be on their way. */
const OPEN_COMMANDS_MAX = 1_000;

const EXAMPLES = `
Examples:
  kvorum cli                              type commands; TAB completes, help explains
  kvorum cli SET greeting "hello world"
  kvorum cli -p 7001 -n 2 GET greeting
  cat value.bin | kvorum cli -x SET file  the last argument comes from standard input
  kvorum cli < commands.txt               one command a line

The exit code is 1 when there is no connection or a reply is an error, otherwise 0.`;

interface CliFlags {
  readonly host: string;
  readonly port: number;
  readonly pass: string;
  readonly user: string;
  readonly db: number;
  readonly resp3: boolean;
  readonly raw?: boolean;
  readonly x: boolean;
}

/** Adds the subcommand. */
export function addCliCommand(program: Command): void {
  program
    .command("cli")
    .summary("talk to a server: a command, a pipe of commands, or a prompt")
    .description("Sends commands to a server and shows the replies as redis-cli does.")
    .helpOption("--help", "display help for command")
    .addOption(new Option("-h, --host <host>", "server's host").default("127.0.0.1"))
    .addOption(new Option("-p, --port <port>", "server's port").default(6379).argParser(port))
    .addOption(
      new Option(
        "-a, --pass <password>",
        "password; better in KVORUM_CLI_AUTH, which others do not see",
      )
        .env("KVORUM_CLI_AUTH")
        .default("", "none"),
    )
    .addOption(new Option("--user <name>", "user for AUTH").default("", "the default user"))
    .addOption(new Option("-n, --db <number>", "database").default(0).argParser(database))
    .option("-3, --resp3", "speak RESP3", false)
    .option("-x", "read the last argument from standard input", false)
    .option("--raw", "replies without marks and quotes (the default when not on a terminal)")
    .option("--no-raw", "replies with marks and quotes even when not on a terminal")
    .argument("[command...]", "command to send; without one, lines of standard input")
    .passThroughOptions()
    .addHelpText("after", EXAMPLES)
    .action(async (words: readonly string[], flags: CliFlags) => {
      process.exitCode = await runCli(words, flags);
    });
}

async function runCli(words: readonly string[], flags: CliFlags): Promise<number> {
  const session = new CliSession({
    host: flags.host,
    port: flags.port,
    password: flags.pass,
    user: flags.user,
    database: flags.db,
    protocol: flags.resp3 ? 3 : 2,
  });
  const isRaw = flags.raw ?? !process.stdout.isTTY;
  if (words.length === 0 && process.stdin.isTTY && !flags.x) {
    await runRepl(session);
    return session.everConnected ? 0 : 1;
  }
  try {
    await session.connect();
    if (words.length === 0) return await runPipe(session, isRaw);
    const sent: Buffer[] = words.map((word) => Buffer.from(word));
    if (flags.x) sent.push(await readStandardInput());
    const reply = await session.run(sent);
    process.stdout.write(printed(sent, reply, isRaw));
    return reply.kind === "error" ? 1 : 0;
  } catch (error) {
    process.stderr.write(`${error instanceof DbError ? error.message : String(error)}\n`);
    return 1;
  } finally {
    session.close();
  }
}

/**
 * Runs the lines of standard input; replies come in their order, while later lines are on their
 * way.
 */
async function runPipe(session: CliSession, isRaw: boolean): Promise<number> {
  let failed = false;
  let shown: Promise<void> = Promise.resolve();
  let open = 0;
  const finish = (words: readonly Buffer[], reply: ReplyValue): void => {
    open--;
    if (reply.kind === "error") failed = true;
    process.stdout.write(printed(words, reply, isRaw));
  };
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const words = splitWords(line);
    if (words?.length === 0) continue;
    const reply =
      words === null
        ? Promise.resolve<ReplyValue>({ kind: "error", text: `ERR quotes do not match: ${line}` })
        : session.run(words);
    open++;
    const before = shown;
    shown = Promise.all([before, reply]).then(([, value]) => finish(words ?? [], value));
    // Not to be reported as unhandled before the end, where it is awaited.
    shown.catch(() => {});
    if (open >= OPEN_COMMANDS_MAX) await shown;
  }
  await shown;
  return failed ? 1 : 0;
}

async function readStandardInput(): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts);
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError("A port is a number from 1 to 65535.");
  }
  return value;
}

function database(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 15) {
    throw new InvalidArgumentError("A database is a number from 0 to 15.");
  }
  return value;
}
