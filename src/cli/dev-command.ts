// `kvorum dev`: a whole cluster on this machine, for development and for trying failures.
import { type Command, InvalidArgumentError, Option } from "commander";
import { DevCluster } from "./dev-cluster.ts";

const EXAMPLES = `
Examples:
  kvorum dev                       three nodes on ports 7000, 7001, 7002; data is thrown away
  kvorum dev --nodes 5 --port 7100 --data ./cluster

Kill a node (its pid is printed) and watch the others go on: kvorum status -p 7001.
The data of a directory given with --data stays; start again with the same number of nodes.`;

interface DevFlags {
  readonly nodes: number;
  readonly port: number;
  readonly data?: string;
  readonly fsync: string;
  readonly logs: boolean;
}

/** Adds the subcommand. */
export function addDevCommand(program: Command): void {
  program
    .command("dev")
    .summary("run a cluster on this machine")
    .description(
      "Starts nodes as processes of their own, on ports that follow each other, and ends them\n" +
        "with it. Prints one line with `ready` when all serve and those that should vote do.",
    )
    .addOption(new Option("--nodes <n>", "how many nodes, 1 to 9").default(3).argParser(nodes))
    .addOption(
      new Option("--port <port>", "client port of the first node").default(7000).argParser(port),
    )
    .addOption(new Option("--data <dir>", "keep data here (default: a directory for this run)"))
    .addOption(
      new Option("--fsync <when>", "as for kvorum server")
        .choices(["always", "everysec", "no"])
        .default("always"),
    )
    .option("--logs", "show the nodes' logs", false)
    .addHelpText("after", EXAMPLES)
    .action(async (flags: DevFlags) => {
      process.exitCode = await new DevCluster(flags).run();
    });
}

function nodes(text: string): number {
  if (!/^[1-9]$/.test(text)) throw new InvalidArgumentError("It is a number from 1 to 9.");
  return Number(text);
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65_500) {
    throw new InvalidArgumentError("A first port is a number from 1 to 65500.");
  }
  return value;
}
