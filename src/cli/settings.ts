// The table of settings of `kvorum server`: flag, environment variable and key in the file are one
// row.
import { InvalidArgumentError } from "commander";

/** Group in the help text. */
export type SettingGroup = "Network" | "Data" | "Cluster" | "Security" | "Limits and logs";

/**
 * One setting. Its variable is `KVORUM_` and the name in capitals, its key in the file the name.
 */
export interface Setting {
  /** As the flag without dashes: `peer-port`. */
  readonly name: string;
  /** What stands for the value in the help text: `port`. */
  readonly value: string;
  readonly text: string;
  readonly group: SettingGroup;
  /** As it would be typed; left out when there is none. */
  readonly standard?: string;
  /** Reads the text of a value; throws InvalidArgumentError with what would be right. */
  readonly parse: (text: string) => string | number | readonly string[];
  /** Not shown in the help text. */
  readonly hidden?: boolean;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** Settings in the order of the help text. */
export const serverSettings: readonly Setting[] = [
  {
    name: "port",
    value: "port",
    text: "port for Redis clients",
    group: "Network",
    standard: "6379",
    parse: parsePort,
  },
  {
    name: "bind",
    value: "addresses",
    text: "addresses to listen on, separated by commas",
    group: "Network",
    standard: "127.0.0.1",
    parse: parseList,
  },
  {
    name: "peer-port",
    value: "port",
    text: "port for other nodes (default: PORT + 10000, or PORT - 10000 above 65535)",
    group: "Network",
    parse: parsePort,
  },
  {
    name: "http-port",
    value: "port",
    text: "port for HTTP (default: PORT + 2000, or PORT - 2000 above 65535)",
    group: "Network",
    parse: parsePort,
  },
  {
    name: "cluster-port",
    value: "port",
    text: "second port for Redis Cluster clients: there the wrong node always answers MOVED",
    group: "Network",
    parse: parsePort,
  },
  {
    name: "redirect",
    value: "auto|always|never",
    text: "MOVED on the main port: to clients that asked for the topology, to all, or to none",
    group: "Network",
    standard: "auto",
    parse: choice("auto", "always", "never"),
  },
  {
    name: "announce",
    value: "host",
    text: "name or address under which others reach this node (default: the one of --bind)",
    group: "Network",
    parse: parseText,
  },
  {
    name: "data",
    value: "dir",
    text: "directory of this node's data; made when missing",
    group: "Data",
    standard: "./data",
    parse: parseText,
  },
  {
    name: "engine",
    value: "memory|disk",
    text: "where the data lies (disk comes with a later release)",
    group: "Data",
    standard: "memory",
    parse: parseEngine,
  },
  {
    name: "fsync",
    value: "always|everysec|no",
    text: "when a write counts as done: synced to disk, or (faster, less safe) before that",
    group: "Data",
    standard: "always",
    parse: choice("always", "everysec", "no"),
  },
  {
    name: "accept-loss",
    value: "yes|no",
    text: "vote though a crash under --fsync everysec|no may have cost acknowledged writes",
    group: "Data",
    standard: "no",
    parse: choice("yes", "no"),
  },
  {
    name: "maxmemory",
    value: "bytes",
    text: "refuse writes when the data takes more, such as 500mb or 2gb; 0: no limit",
    group: "Data",
    standard: "0",
    parse: parseBytes,
  },
  {
    name: "join",
    value: "addresses",
    text: "HOST:PEERPORT of nodes of the cluster to join, separated by commas; or a DNS name",
    group: "Cluster",
    parse: parseList,
  },
  {
    name: "bootstrap-expect",
    value: "n",
    text: "start a new cluster once N nodes with these flags and no data have found each other",
    group: "Cluster",
    parse: parseCount,
  },
  {
    name: "down-after",
    value: "seconds",
    text: "a voter that is silent for so long gives its vote to a learner, if there is one",
    group: "Cluster",
    standard: "60",
    parse: parseCount,
  },
  {
    name: "cluster-secret",
    value: "secret",
    text: "what nodes prove to each other; the same on all nodes",
    group: "Security",
    parse: parseText,
  },
  {
    name: "cluster-secret-file",
    value: "file",
    text: "file that holds the secret: better than a flag that others can see",
    group: "Security",
    parse: parseText,
  },
  {
    name: "requirepass",
    value: "password",
    text: "password that clients must give by AUTH",
    group: "Security",
    parse: parseText,
  },
  {
    name: "maxclients",
    value: "n",
    text: "connections of clients at a time",
    group: "Limits and logs",
    standard: "10000",
    parse: parseCount,
  },
  {
    name: "log-level",
    value: "debug|info|warn|error",
    text: "least severe level that is logged to stderr",
    group: "Limits and logs",
    standard: "info",
    parse: choice("debug", "info", "warn", "error"),
  },
  {
    name: "stop-with-stdin",
    value: "yes|no",
    text: "stop in good order when standard input ends: for a process that started this one",
    group: "Limits and logs",
    standard: "no",
    parse: choice("yes", "no"),
    hidden: true,
  },
  {
    name: "debug-commands",
    value: "yes|no",
    text: "allow commands that stop or slow the node, for tests",
    group: "Limits and logs",
    standard: "no",
    parse: choice("yes", "no"),
    hidden: true,
  },
];

/** The environment variable of a setting. */
export function variableOf(name: string): string {
  return `KVORUM_${name.toUpperCase().replaceAll("-", "_")}`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError("A port is a number from 0 (any free one) to 65535.");
  }
  return port;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || !Number.isSafeInteger(count)) {
    throw new InvalidArgumentError("It is a whole number from 1.");
  }
  return count;
}

function parseBytes(text: string): number {
  const match = /^(\d+)([a-z]*)$/.exec(text.toLowerCase());
  const unit = UNITS[match?.[2] ?? "?"];
  const bytes = Number(match?.[1] ?? Number.NaN) * (unit ?? Number.NaN);
  if (!Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError("It is a number of bytes, such as 500mb, 2gb or 1073741824.");
  }
  return bytes;
}

function parseText(text: string): string {
  if (text === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}

function parseList(text: string): readonly string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.some((part) => part === "")) {
    throw new InvalidArgumentError("Values are separated by single commas.");
  }
  return parts;
}

function parseEngine(text: string): string {
  if (text === "disk") {
    throw new InvalidArgumentError("The disk engine is not part of this release: use memory.");
  }
  return choice("memory")(text);
}

function choice(...allowed: readonly string[]): (text: string) => string {
  return (text) => {
    if (allowed.includes(text)) return text;
    throw new InvalidArgumentError(`Allowed: ${allowed.join(", ")}.`);
  };
}
