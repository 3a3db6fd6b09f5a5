// `kvorum server`: one node in this process. Settings come from flags, the environment and a file.
import { type Command, Option } from "commander";
import type { SettingValue } from "./config-file.ts";
import { runServer } from "./run-server.ts";
import { resolveServerConfig, type ServerConfig } from "./server-config.ts";
import { serverSettings, variableOf } from "./settings.ts";

const EXAMPLES = `
Settings:
  Every flag is also read from the environment (--peer-port from KVORUM_PEER_PORT) and from the file
  given with --config, in TOML: peer-port = 17000. A flag goes before the environment, and that
  before the file.

Examples:
  One node, for this machine alone:
    kvorum server --port 6379 --data ./data
  One more node for its cluster; with three, any one may fail:
    kvorum server --port 6380 --data ./data2 --join 127.0.0.1:16379
  Three machines that start a cluster together, the same command on each but for --announce:
    export KVORUM_CLUSTER_SECRET=... KVORUM_REQUIREPASS=...
    kvorum server --bind 0.0.0.0 --announce 10.0.0.1 --bootstrap-expect 3 \\
      --join 10.0.0.1:16379,10.0.0.2:16379,10.0.0.3:16379
  Redis Cluster clients that find the leader by themselves:
    kvorum server --cluster-port 7379`;

/** Adds the subcommand. */
export function addServerCommand(program: Command): void {
  const command = program
    .command("server")
    .summary("run one node")
    .description(
      "Runs one node. Without --join it is a cluster of one; with it, it joins the nodes named\n" +
        "there and never starts a cluster by itself. Prints one line with `ready` when it serves.",
    )
    .addHelpText("after", EXAMPLES)
    .configureHelp({ optionDescription: (option) => option.description })
    .action(async (flags: Record<string, unknown>) => {
      await runServer(await configOf(command, flags));
    });
  for (const { name, value, text, group, standard, parse, hidden } of serverSettings) {
    const suffix = standard === undefined ? "" : ` (default: ${standard})`;
    const option = new Option(`--${name} <${value}>`, text + suffix)
      .env(variableOf(name))
      .helpGroup(`${group}:`)
      .argParser(parse);
    command.addOption(hidden === true ? option.hideHelp() : option);
  }
  const file = new Option("--config <file>", "read settings from this file").env("KVORUM_CONFIG");
  command.addOption(file);
}

/** Flags and environment over the file. */
async function configOf(command: Command, flags: Record<string, unknown>): Promise<ServerConfig> {
  const path = flags["config"];
  const configFile = typeof path === "string" ? path : "";
  const values = configFile === "" ? new Map<string, SettingValue>() : await fileValues(configFile);
  for (const option of command.options) {
    const value = flags[option.attributeName()];
    const name = option.long?.slice(2) ?? "";
    if (value === undefined || !serverSettings.some((setting) => setting.name === name)) continue;
    values.set(name, value as SettingValue);
  }
  return resolveServerConfig(values, configFile);
}

/** The parser of the file's language is loaded only for this. */
async function fileValues(path: string): Promise<Map<string, SettingValue>> {
  const { readConfigFile } = await import("./config-file.ts");
  return readConfigFile(path, serverSettings);
}
