// `kvorum server`: one node in this process. Flags, their checks and their environment variables.
import { type Command, InvalidArgumentError, Option } from "commander";
import { DbError } from "../base/errors.ts";
import { runServer } from "./run-server.ts";
import { isLoopback, portBeside, type ServerSettings } from "./server-settings.ts";

const EXAMPLES = `
Examples:
  kvorum server                                     one node on 127.0.0.1:6379, data in ./data
  kvorum server --port 7000 --data /var/lib/kvorum
  kvorum server --port 7001 --join 127.0.0.1:17000  one more node for the cluster of port 7000

Every flag is also read from the environment: --peer-port from KVORUM_PEER_PORT, and so on.`;

/** Flags as commander gives them. */
interface ServerFlags extends Omit<ServerSettings, "peerPort" | "httpPort"> {
  readonly peerPort?: number;
  readonly httpPort?: number;
}

/** Adds the subcommand. */
export function addServerCommand(program: Command): void {
  const command = program
    .command("server")
    .description("Run one node. Alone it is a cluster of one; --join adds it to another.")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: ServerFlags) => {
      await runServer(settingsOf(flags));
    });
  for (const option of [...addressOptions(), ...clusterOptions(), ...dataOptions()]) {
    command.addOption(option);
  }
}

function addressOptions(): Option[] {
  return [
    option("--port <port>", "port for Redis clients").default(6379).argParser(port),
    option("--bind <address>", "address to listen on").default("127.0.0.1"),
    option("--requirepass <password>", "password that clients must give").default("", "none"),
    option("--cluster-port <port>", "second client port, whose clients follow MOVED (0: none)")
      .default(0)
      .argParser(port),
    option("--redirect <when>", "send clients to the leader instead of forwarding")
      .choices(["auto", "always", "never"])
      .default("auto"),
    option("--http-port <port>", "port for HTTP (default: port + 2000)").argParser(port),
  ];
}

function clusterOptions(): Option[] {
  return [
    option("--peer-port <port>", "port for other nodes (default: port + 10000)").argParser(port),
    option("--join <list>", "HOST:PEERPORT[,...] of nodes of a cluster to join")
      .default([], "none")
      .argParser(addresses),
    option("--bootstrap-expect <n>", "start a new cluster once so many nodes are there")
      .default(0)
      .argParser(count),
    option("--announce <host>", "host under which other nodes reach this one").default(
      "",
      "the one of --bind",
    ),
    option("--cluster-secret <secret>", "secret that all nodes of the cluster share").default(
      "",
      "none",
    ),
  ];
}

function dataOptions(): Option[] {
  return [
    option("--data <dir>", "data directory").default("./data"),
    option("--fsync <when>", "when writes are synced to disk")
      .choices(["always", "everysec", "no"])
      .default("always"),
    option("--maxmemory <bytes>", "bytes of data above which writes are refused (0: no limit)")
      .default(0)
      .argParser(count),
    option("--log-level <level>", "least severe level that is logged")
      .choices(["debug", "info", "warn", "error"])
      .default("info"),
  ];
}

function settingsOf(flags: ServerFlags & { readonly maxmemory?: number }): ServerSettings {
  const open = !isLoopback(flags.bind);
  if (open && (flags.requirepass === "" || flags.clusterSecret === "")) {
    throw new DbError(
      "BAD_CONFIG",
      `--bind ${flags.bind} can be reached from other machines: give --requirepass and ` +
        "--cluster-secret as well, or bind to 127.0.0.1",
    );
  }
  return {
    ...flags,
    peerPort: flags.peerPort ?? portBeside(flags.port, 10_000),
    httpPort: flags.httpPort ?? portBeside(flags.port, 2_000),
    maxMemoryBytes: flags.maxmemory ?? 0,
    config: "",
  };
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

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError("it is a whole number, 0 or more");
  }
  return value;
}

function addresses(text: string): { host: string; port: number }[] {
  return text.split(",").map((part) => {
    const colon = part.lastIndexOf(":");
    if (colon < 1) throw new InvalidArgumentError("an address is HOST:PEERPORT");
    const host = part.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
    return { host, port: port(part.slice(colon + 1)) };
  });
}
