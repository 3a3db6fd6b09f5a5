// The command `kvorum`: picks the subcommand, prints what it returns, sets the exit code.
import { Command } from "commander";
import { DbError } from "../base/errors.ts";
import { addCliCommand } from "./cli-command.ts";
import { addDevCommand } from "./dev-command.ts";
import { addCheckCommand } from "./check-command.ts";
import { addServerCommand } from "./server-command.ts";
import { release } from "./release.ts";
import { addStatusCommand } from "./status-command.ts";

const EXAMPLES = `
Examples:
  kvorum server                  one node on 127.0.0.1:6379
  kvorum cli SET greeting hello  a command to it; without one, a prompt
  kvorum dev                     three nodes on this machine, to try what happens when one dies
  kvorum server --help           settings, and how to start a cluster`;

const program = new Command("kvorum")
  .description(
    "Kvorum: a key-value database that speaks the Redis protocol.\n" +
      "An acknowledged write is on disk at a majority, and every read sees it.",
  )
  .version(release, "-v, --version")
  .showHelpAfterError("(add --help for the options)")
  .addHelpText("after", EXAMPLES);
program.enablePositionalOptions();
addServerCommand(program);
addCheckCommand(program);
addDevCommand(program);
addCliCommand(program);
addStatusCommand(program);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.stderr.write(`kvorum: ${describe(error)}\n`);
  // A server that failed half-way has timers and files open that would keep the process.
  process.exit(1);
}

/** One line for people; the stack only for what should never happen. */
function describe(error: unknown): string {
  if (error instanceof DbError) {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
    return `${error.message}${cause} [${error.code}]`;
  }
  if (error instanceof Error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === undefined ? (error.stack ?? error.message) : error.message;
  }
  return String(error);
}
