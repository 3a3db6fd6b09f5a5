// `kvorum server`: one node in this process.
import { type Command, InvalidArgumentError, Option } from "commander";
import { runServer, type ServerSettings } from "./run-server.ts";

/** Adds the subcommand. */
export function addServerCommand(program: Command): void {
  program
    .command("server")
    .description("Run one node. Alone it is a cluster of one; --join adds it to another.")
    .addOption(option("--port <port>", "port for Redis clients").default(6379).argParser(port))
    .addOption(option("--bind <address>", "address to listen on").default("127.0.0.1"))
    .addOption(option("--data <dir>", "data directory").default("./data"))
    .addOption(
      option("--peer-port <port>", "port for other nodes (default: port + 10000)").argParser(port),
    )
    .addOption(option("--http-port <port>", "port for HTTP (default: port + 2000)").argParser(port))
    .addOption(
      option("--fsync <when>", "when writes are synced to disk")
        .choices(["always", "everysec", "no"])
        .default("always"),
    )
    .addOption(option("--requirepass <password>", "password that clients must give"))
    .addOption(
      option("--log-level <level>", "least severe level that is logged")
        .choices(["debug", "info", "warn", "error"])
        .default("info"),
    )
    .action(async (settings: ServerSettings) => {
      await runServer(settings);
    });
}

/** An option that is also read from `KVORUM_...`. */
function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  const name = made.long!.slice(2).toUpperCase().replaceAll("-", "_");
  return made.env(`KVORUM_${name}`);
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65535) {
    throw new InvalidArgumentError("a port is a number from 0 to 65535");
  }
  return value;
}
