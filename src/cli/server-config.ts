// From settings as typed to the configuration of a node: ports counted out, addresses checked,
// secrets read.
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { DbError } from "../base/errors.ts";
import type { PeerAddress } from "../transport/dialer.ts";
import type { WalSync } from "../wal/wal-types.ts";
import type { SettingValue } from "./config-file.ts";

const PORT_MAX = 65_535;
const PEER_PORT_OFFSET = 10_000;
const HTTP_PORT_OFFSET = 2_000;

/** A checked configuration. */
export interface ServerConfig {
  readonly port: number;
  readonly bind: readonly string[];
  readonly peerPort: number;
  readonly httpPort: number;
  /** 0: none. */
  readonly clusterPort: number;
  readonly redirect: "auto" | "always" | "never";
  /** Where others reach this node. */
  readonly announce: string;
  readonly loopbackOnly: boolean;
  readonly data: string;
  readonly fsync: WalSync;
  readonly acceptLoss: boolean;
  readonly maxMemoryBytes: number;
  readonly join: readonly PeerAddress[];
  readonly bootstrapExpect: number;
  readonly downAfterMs: number;
  readonly secret: Uint8Array;
  readonly password: string;
  readonly clientsMax: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly debugCommands: boolean;
  readonly stopWithStdin: boolean;
  /** Empty: none. */
  readonly configFile: string;
}

/**
 * Checks settings together.
 *
 * @param values All settings that have a value, by name.
 * @throws DbError `BAD_CONFIG` or `UNSAFE_BIND` that says what to do.
 */
export function resolveServerConfig(
  values: ReadonlyMap<string, SettingValue>,
  configFile = "",
): ServerConfig {
  const port = numberOf(values, "port", 6379);
  const bind = listOf(values, "bind", ["127.0.0.1"]);
  const peerPort = numberOf(values, "peer-port", neighbourPort(port, PEER_PORT_OFFSET));
  const httpPort = numberOf(values, "http-port", neighbourPort(port, HTTP_PORT_OFFSET));
  const clusterPort = numberOf(values, "cluster-port", 0);
  requireDifferent({
    port,
    "peer-port": peerPort,
    "http-port": httpPort,
    "cluster-port": clusterPort,
  });
  const join = listOf(values, "join", []).map((text) => parseAddress(text, peerPort));
  const bootstrapExpect = numberOf(values, "bootstrap-expect", 0);
  if (bootstrapExpect > 1 && join.length === 0) {
    throw bad("--bootstrap-expect needs --join: the addresses at which the nodes find each other");
  }
  const loopbackOnly = bind.every(isLoopback);
  const password = textOf(values, "requirepass", "");
  const secret = readSecret(values);
  if (!loopbackOnly) requireSafe(bind, password, secret);
  return Object.freeze({
    port,
    bind,
    peerPort,
    httpPort,
    clusterPort,
    redirect: textOf(values, "redirect", "auto") as ServerConfig["redirect"],
    announce: textOf(values, "announce", "") || announcedHost(bind),
    loopbackOnly,
    data: resolve(textOf(values, "data", "./data")),
    fsync: textOf(values, "fsync", "always") as WalSync,
    acceptLoss: textOf(values, "accept-loss", "no") === "yes",
    maxMemoryBytes: numberOf(values, "maxmemory", 0),
    join,
    bootstrapExpect,
    downAfterMs: numberOf(values, "down-after", 60) * 1000,
    secret,
    password,
    clientsMax: numberOf(values, "maxclients", 10_000),
    logLevel: textOf(values, "log-level", "info") as ServerConfig["logLevel"],
    stopWithStdin: textOf(values, "stop-with-stdin", "no") === "yes",
    debugCommands: textOf(values, "debug-commands", "no") === "yes",
    configFile,
  });
}

/** A port that follows from the main one: so much above it, or below it where there is no room. */
export function neighbourPort(port: number, offset: number): number {
  if (port === 0) return 0;
  return port + offset <= PORT_MAX ? port + offset : port - offset;
}

/** `HOST:PORT`, `[V6]:PORT`, or a host alone, which is asked at this node's own peer port. */
export function parseAddress(text: string, defaultPort: number): PeerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? defaultPort);
  if (host === undefined || port < 1 || port > PORT_MAX) {
    throw bad(`--join: "${text}" is no address; write HOST:PEERPORT, such as 10.0.0.1:16379`);
  }
  return { host, port };
}

/** Whether only this machine can connect to an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "*";
}

function requireSafe(bind: readonly string[], password: string, secret: Uint8Array): void {
  const missing: string[] = [];
  if (password === "") missing.push("a password for clients (--requirepass or KVORUM_REQUIREPASS)");
  if (secret.length === 0) {
    missing.push("a secret for its nodes (--cluster-secret-file or KVORUM_CLUSTER_SECRET)");
  }
  if (missing.length === 0) return;
  const open = bind.filter((host) => !isLoopback(host));
  throw new DbError(
    "UNSAFE_BIND",
    `other machines can connect to ${open.join(", ")}, so Kvorum ` +
      `wants ${missing.join(" and ")}; \`openssl rand -hex 32\` makes one. ` +
      "For this machine alone use --bind 127.0.0.1",
  );
}

/** The host that others are told: the one that is listened on, or the machine's only one. */
function announcedHost(bind: readonly string[]): string {
  const reachable = bind.find((host) => !isLoopback(host)) ?? bind[0] ?? "127.0.0.1";
  if (!isWildcard(reachable)) return reachable;
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((each) => !each.internal && each.family === "IPv4")
    .map((each) => each.address);
  const [first, second] = addresses;
  if (first !== undefined && second === undefined) return first;
  const found = addresses.length === 0 ? "none" : addresses.join(", ");
  throw bad(
    `--bind ${reachable} listens on all addresses of this machine (found: ${found}): ` +
      "say with --announce under which one others reach it",
  );
}

function readSecret(values: ReadonlyMap<string, SettingValue>): Uint8Array {
  const given = textOf(values, "cluster-secret", "");
  const path = textOf(values, "cluster-secret-file", "");
  if (given !== "" && path !== "") {
    throw bad("give --cluster-secret or --cluster-secret-file, not both");
  }
  if (path === "") return Buffer.from(given);
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    throw bad(`cannot read --cluster-secret-file ${path}: ${String(error)}`);
  }
  if (text === "") throw bad(`--cluster-secret-file ${path} is empty: write the secret into it`);
  return Buffer.from(text);
}

function requireDifferent(ports: Readonly<Record<string, number>>): void {
  const seen = new Map<number, string>();
  for (const [name, port] of Object.entries(ports)) {
    const other = port === 0 ? undefined : seen.get(port);
    if (other !== undefined) throw bad(`--${other} and --${name} are both ${port}: choose another`);
    seen.set(port, name);
  }
}

function numberOf(
  values: ReadonlyMap<string, SettingValue>,
  name: string,
  standard: number,
): number {
  const value = values.get(name);
  return typeof value === "number" ? value : standard;
}

function textOf(values: ReadonlyMap<string, SettingValue>, name: string, standard: string): string {
  const value = values.get(name);
  return typeof value === "string" ? value : standard;
}

function listOf(
  values: ReadonlyMap<string, SettingValue>,
  name: string,
  standard: readonly string[],
): readonly string[] {
  const value = values.get(name);
  return typeof value === "object" ? value : standard;
}

function bad(message: string): DbError {
  return new DbError("BAD_CONFIG", message);
}
