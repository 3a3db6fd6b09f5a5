// The settings of `kvorum server`, checked, and what they say of the node.
import { arch, release as osRelease, type } from "node:os";
import { resolve } from "node:path";
import { nodeName } from "../server/cluster-view.ts";
import type { Identity } from "../cluster/identity.ts";
import type { Random } from "../platform/random.ts";
import type { NodeIdentity, NodeSettings } from "../server/node-view.ts";
import type { WalSync } from "../wal/wal-types.ts";
import { release } from "./release.ts";

/** Settings after defaults, environment, file and flags. Ports 0: none. */
export interface ServerSettings {
  readonly port: number;
  readonly bind: string;
  readonly data: string;
  readonly peerPort: number;
  readonly httpPort: number;
  readonly clusterPort: number;
  readonly announce: string;
  readonly join: readonly { readonly host: string; readonly port: number }[];
  readonly bootstrapExpect: number;
  readonly clusterSecret: string;
  readonly redirect: NodeSettings["redirect"];
  readonly fsync: WalSync;
  readonly requirepass: string;
  readonly maxMemoryBytes: number;
  readonly logLevel: NodeSettings["logLevel"];
  readonly config: string;
}

/** A port beside the main one: counted downwards when it would pass 65535. */
export function portBeside(port: number, distance: number): number {
  return port + distance <= 65535 ? port + distance : port - distance;
}

/** Who this node is, for INFO and CLUSTER. */
export function describeNode(
  settings: ServerSettings,
  identity: Identity,
  random: Random,
): NodeIdentity {
  const { clusterId, nodeId } = identity;
  const cluster = nodeName(clusterId, 0);
  return {
    version: release,
    nodeId,
    name: nodeName(cluster, nodeId),
    runId: nodeName(`${random.uint32()}`, random.uint32()),
    clusterId: cluster,
    processId: process.pid,
    os: `${type()} ${osRelease()} ${arch()}`,
    runtime: `node ${process.version}`,
    executable: process.argv[1] ?? "",
    configFile: settings.config,
    dataDirectory: resolve(settings.data),
    engine: "memory",
    bind: [settings.bind],
    port: settings.port,
    clusterPort: settings.clusterPort,
    peerPort: settings.peerPort,
    httpPort: settings.httpPort,
    loopbackOnly: isLoopback(settings.bind),
    announcesCluster: settings.clusterPort !== 0,
    debugAllowed: false,
  };
}

/** Whether only this machine can reach an address. */
export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || address.startsWith("127.");
}
