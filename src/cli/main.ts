// The command `kvorum`: picks the subcommand, prints what it returns, sets the exit code.
import { Command } from "commander";
import { DbError } from "../base/errors.ts";
import { release } from "./release.ts";

const EXAMPLES = `
Examples:
  kvorum server                  one node on 127.0.0.1:6379
  kvorum cli SET greeting hello  a command to it; without one, a prompt
  kvorum dev                     three nodes on this machine, to try what happens when one dies
  kvorum server --help           settings, and how to start a cluster`;

/** By name; what the others need is not loaded when one of them is asked for. */
const subcommands = new Map<string, () => Promise<(program: Command) => void>>([
  ["server", async () => (await import("./server-command.ts")).addServerCommand],
  ["check", async () => (await import("./check-command.ts")).addCheckCommand],
  ["dev", async () => (await import("./dev-command.ts")).addDevCommand],
  ["cli", async () => (await import("./cli-command.ts")).addCliCommand],
  ["status", async () => (await import("./status-command.ts")).addStatusCommand],
]);

const program = new Command("kvorum")
  .description(
    "Kvorum: a key-value database that speaks the Redis protocol.\n" +
      "An acknowledged write is on disk at a majority, and every read sees it.",
  )
  .version(release, "-v, --version")
  .showHelpAfterError("(add --help for the options)")
  .addHelpText("after", EXAMPLES);
program.enablePositionalOptions();
const asked = subcommands.get(process.argv[2] ?? "");
for (const load of asked === undefined ? subcommands.values() : [asked]) {
  const addTo = await load();
  addTo(program);
}

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
