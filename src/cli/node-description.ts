// Who this node is, in the words of INFO and CLUSTER: from its configuration, its identity and the
// process.
import { arch, release as osRelease, type } from "node:os";
import type { Identity } from "../cluster/identity.ts";
import type { Random } from "../platform/random.ts";
import { nodeName } from "../server/cluster-view.ts";
import type { NodeIdentity } from "../server/node-view.ts";
import { release } from "./release.ts";
import type { ServerConfig } from "./server-config.ts";

/** Facts that stay the same from start to end. */
export function describeNode(
  config: ServerConfig,
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
    configFile: config.configFile,
    dataDirectory: config.data,
    engine: "memory",
    bind: config.bind,
    port: config.port,
    clusterPort: config.clusterPort,
    peerPort: config.peerPort,
    httpPort: 0,
    loopbackOnly: config.loopbackOnly,
    announcesCluster: config.clusterPort !== 0 || config.redirect === "always",
    debugAllowed: config.debugCommands,
  };
}
