// The parameters of CONFIG GET and SET: those that mean something here, and those that clients ask
// for.
import type { RespServer } from "../resp-server.ts";
import { outputBufferLimit } from "./buffer-limit.ts";
import { fixed, live, only, type Parameter } from "./parameter.ts";
import { readInteger, readMemory, readWord } from "./values.ts";

const MIB = 1024 * 1024;
const BYTES_MAX = 2 ** 53 - 1;
const CLIENTS_MAX = 1_000_000;
const SECONDS_MAX = 2 ** 31 - 1;
/** Room in a request for what stands around its longest argument. */
const REQUEST_EXTRA_BYTES = 64 * 1024;
const ARGUMENT_BYTES_MAX = 512 * MIB;
const SLOW_ENTRIES_MAX = 100_000;
const FSYNC = ["always", "everysec", "no"] as const;
const REDIRECT = ["auto", "always", "never"] as const;
const LOG_LEVELS = ["debug", "verbose", "notice", "warning"] as const;
const OUR_LEVELS = { debug: "debug", verbose: "debug", notice: "info", warning: "warn" } as const;
const THEIR_LEVELS = { debug: "debug", info: "notice", warn: "warning", error: "warning" } as const;

const HOLDS = "acknowledged writes are always logged";

/** What a client may do. */
const clientParameters: readonly Parameter[] = [
  live({
    name: "maxclients",
    summary: "Connections that are accepted.",
    get: ({ options }) => String(options.clientsMax),
    read: (text) => readInteger(text, 1, CLIENTS_MAX),
    set: ({ options }, value) => {
      options.clientsMax = value;
      return null;
    },
  }),
  live({
    name: "timeout",
    summary: "Seconds without a command after which a connection is closed; 0: never.",
    get: ({ options }) => String(Math.round(options.idleMsMax / 1000)),
    read: (text) => readInteger(text, 0, SECONDS_MAX),
    set: ({ options }, value) => {
      options.idleMsMax = value * 1000;
      return null;
    },
  }),
  live({
    name: "client-query-buffer-limit",
    summary: "Bytes of input that may wait in one connection.",
    get: ({ options }) => String(options.queryBufferBytesMax),
    read: (text) => readMemory(text, MIB, BYTES_MAX),
    set: ({ options }, value) => {
      options.queryBufferBytesMax = value;
      return null;
    },
  }),
  outputBufferLimit,
  live({
    name: "proto-max-bulk-len",
    summary: "Bytes of the longest argument.",
    get: ({ options }) => String(options.limits.argumentBytesMax),
    read: (text) => readMemory(text, MIB, ARGUMENT_BYTES_MAX),
    set: ({ options }, value) => {
      const requestBytesMax = value + REQUEST_EXTRA_BYTES;
      options.limits = { ...options.limits, argumentBytesMax: value, requestBytesMax };
      return null;
    },
  }),
  live({
    name: "requirepass",
    summary: "Password of this node's clients; empty: none is asked for.",
    get: ({ options }) => options.password,
    read: (text, { node }) =>
      text === "" && !node.identity.loopbackOnly
        ? { error: "a server that listens beyond loopback must have a password" }
        : { value: text },
    set: (server, value) => {
      server.setPassword(value);
      return null;
    },
  }),
  fixed("tcp-keepalive", "Seconds between probes of an idle connection.", "60"),
  fixed("tcp-backlog", "Connections that wait to be accepted.", "511"),
];

/** What is kept and how. */
const dataParameters: readonly Parameter[] = [
  live({
    name: "maxmemory",
    summary: "Bytes of data above which writes that need memory are refused; 0: no limit.",
    get: ({ node }) => String(node.settings.maxMemoryBytes),
    read: (text) => readMemory(text, 0, BYTES_MAX),
    set: ({ node }, value) => node.change("maxMemoryBytes", value),
  }),
  only(
    "maxmemory-policy",
    "What goes when memory is full.",
    "noeviction",
    "argument(s) must be one of the following: noeviction",
  ),
  fixed("maxmemory-samples", "Keys looked at when one must go.", "5"),
  live({
    name: "appendfsync",
    summary: "When a write is on disk: always before it is acknowledged, every second, or no.",
    get: ({ node }) => node.settings.fsync,
    read: (text) => readWord(text, FSYNC),
    set: ({ node }, value) => node.change("fsync", value),
  }),
  only("appendonly", "Every write goes to the log.", "yes", `${HOLDS}: only 'yes' is possible`),
  only("save", "Times of snapshots.", "", "snapshots are written as the log grows; see BGSAVE"),
  fixed("databases", "Databases to choose from with SELECT.", "16"),
  fixed("dir", "Where the data is.", ({ node }) => node.identity.dataDirectory),
  fixed("dbfilename", "Name of the snapshot in Redis; there are several here.", ""),
  fixed("stop-writes-on-bgsave-error", "Whether writes stop when a snapshot fails.", "no"),
  only("notify-keyspace-events", "Events on keys that are published.", "", "not supported yet"),
];

/** Where the server listens and who it is. */
const nodeParameters: readonly Parameter[] = [
  fixed("port", "Port for clients.", ({ node }) => String(node.identity.port)),
  fixed("bind", "Addresses that are listened on.", ({ node }) => node.identity.bind.join(" ")),
  fixed("protected-mode", "Beyond loopback a password is always needed.", "yes"),
  fixed("tls-port", "Port for clients with TLS.", "0"),
  fixed("unixsocket", "Path of a socket for clients.", ""),
  fixed("cluster-enabled", "Whether clients are told of a cluster.", ({ node }) =>
    node.identity.announcesCluster ? "yes" : "no",
  ),
  fixed(
    "cluster-announce-port",
    "Port announced to cluster clients; 0: the main one.",
    ({ node }) => String(node.identity.clusterPort),
  ),
  fixed("cluster-port", "Port for other nodes.", ({ node }) => String(node.identity.peerPort)),
  live({
    name: "redirect",
    summary: "Who gets MOVED: connections that asked for the topology, all, or none.",
    get: ({ node }) => node.settings.redirect,
    read: (text) => readWord(text, REDIRECT),
    set: ({ node }, value) => node.change("redirect", value),
  }),
  fixed("replica-read-only", "Writes to a follower go to its leader.", "no"),
  fixed("replicaof", "The leader is elected.", ""),
  fixed("min-replicas-to-write", "A majority takes part in every write.", "0"),
];

/** Watching it. */
const watchParameters: readonly Parameter[] = [
  live({
    name: "slowlog-log-slower-than",
    summary: "Microseconds from which a command is logged as slow; negative: none is.",
    get: ({ slowLog }) => String(slowLog.thresholdUsec),
    read: (text) => readInteger(text, -1, BYTES_MAX),
    set: ({ slowLog }, value) => {
      slowLog.thresholdUsec = value;
      return null;
    },
  }),
  live({
    name: "slowlog-max-len",
    summary: "Entries of the slow log.",
    get: ({ slowLog }) => String(slowLog.lengthMax),
    read: (text) => readInteger(text, 0, SLOW_ENTRIES_MAX),
    set: ({ slowLog }, value) => {
      slowLog.resize(value);
      return null;
    },
  }),
  live({
    name: "loglevel",
    summary: "What is logged, in Redis's words: debug, verbose, notice, warning.",
    get: ({ node }) => THEIR_LEVELS[node.settings.logLevel],
    read: (text) => readWord(text, LOG_LEVELS),
    set: ({ node }, value) => node.change("logLevel", OUR_LEVELS[value]),
  }),
  fixed("latency-monitor-threshold", "Milliseconds of a latency event; none are recorded.", "0"),
  fixed("latency-tracking", "Whether latencies of commands are recorded.", "no"),
  fixed("hz", "Rounds of house-keeping a second.", "1"),
  fixed("io-threads", "Threads that serve clients.", "1"),
  fixed("busy-reply-threshold", "Milliseconds after which a script is called slow.", "5000"),
  fixed("lua-time-limit", "Milliseconds after which a script is called slow.", "5000"),
];

/** All parameters, by name. */
export const parameters: readonly Parameter[] = [
  ...clientParameters,
  ...dataParameters,
  ...nodeParameters,
  ...watchParameters,
].toSorted((left, right) => (left.name < right.name ? -1 : 1));

const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));

/** The parameter of that name, letters compared without case. */
export function findParameter(name: string): Parameter | undefined {
  return byName.get(name.toLowerCase());
}

/** One pair of CONFIG SET. */
export interface Assignment {
  readonly parameter: Parameter;
  readonly text: string;
}

/**
 * Sets parameters, all or none: nothing is changed before all values are checked, and what was
 * changed is put back when a later one fails.
 *
 * @returns Null, or the name of the parameter that failed and why.
 */
export function setParameters(
  server: RespServer,
  assignments: readonly Assignment[],
): { readonly name: string; readonly why: string } | null {
  const changes: { name: string; run: () => string | null; undo: (() => void) | null }[] = [];
  for (const { parameter, text } of assignments) {
    const { name, prepare } = parameter;
    if (prepare === null) return { name, why: "can't set immutable config" };
    const run = prepare(server, text);
    if (typeof run === "string") return { name, why: run };
    const back = prepare(server, parameter.get(server));
    changes.push({ name, run, undo: typeof back === "string" ? null : back });
  }
  for (const [place, change] of changes.entries()) {
    const why = change.run();
    if (why === null) continue;
    for (const done of changes.slice(0, place).toReversed()) done.undo?.();
    return { name: change.name, why };
  }
  return null;
}
