// `kvorum status`: how a cluster is, asked through any of its nodes.
import { type Command, InvalidArgumentError, Option } from "commander";
import { readClusterStatus } from "./cluster-status.ts";
import { statusJson, statusText } from "./status-report.ts";

const EXAMPLES = `
Examples:
  kvorum status                 the cluster of the node on 127.0.0.1:6379
  kvorum status -p 7000 --json  for programs

The exit code is 1 when the node cannot be asked or the cluster has no leader.`;

interface StatusFlags {
  readonly host: string;
  readonly port: number;
  readonly pass: string;
  readonly json: boolean;
}

/** Adds the subcommand. */
export function addStatusCommand(program: Command): void {
  program
    .command("status")
    .summary("show the nodes of a cluster, who leads, who lags")
    .description("Asks a node for the others, and each of them how it is.")
    .helpOption("--help", "display help for command")
    .addOption(new Option("-h, --host <host>", "node to ask").default("127.0.0.1"))
    .addOption(new Option("-p, --port <port>", "its port").default(6379).argParser(port))
    .addOption(
      new Option("-a, --pass <password>", "password; better in KVORUM_CLI_AUTH")
        .env("KVORUM_CLI_AUTH")
        .default("", "none"),
    )
    .option("--json", "as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(async ({ host, port: at, pass, json }: StatusFlags) => {
      const status = await readClusterStatus({ host, port: at, password: pass, user: "" });
      process.stdout.write(`${json ? statusJson(status) : statusText(status)}\n`);
      const hasLeader = status.nodes.some(({ info }) => info?.role === "leader");
      process.exitCode = hasLeader ? 0 : 1;
    });
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError("A port is a number from 1 to 65535.");
  }
  return value;
}
