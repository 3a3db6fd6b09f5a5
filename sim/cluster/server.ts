// One start of a server on a simulated machine: the production code, put together as `kvorum
// server` does it.
import { type ClusterEnvironment, ClusterNode } from "../../src/cluster/cluster-node.ts";
import { dataCommands } from "../../src/commands/table.ts";
import type { Scheduler } from "../../src/platform/clock.ts";
import { nodeAuthenticator } from "../../src/platform/node/node-authenticator.ts";
import type { SimHost } from "../../src/platform/simulated/sim-host.ts";
import type { SimProcess } from "../../src/platform/simulated/sim-process.ts";
import { ClusterView, nodeName } from "../../src/server/cluster-view.ts";
import { sessionCommands } from "../../src/server/commands/table.ts";
import type { NodeIdentity, ProcessView } from "../../src/server/node-view.ts";
import { drain } from "../../src/server/drain.ts";
import { RespServer } from "../../src/server/resp-server.ts";
import { defaultServerOptions } from "../../src/server/server-options.ts";
import { transactionCommands } from "../../src/server/transaction.ts";
import type { MessageFaults } from "../../src/transport/testing/message-faults.ts";
import type { WalSync } from "../../src/wal/wal-types.ts";

/** Where clients connect to on every simulated machine. */
export const CLIENT_PORT = 7_000;
const PEER_PORT = 17_000;
const DATA = "/data";
const RELEASE = "0.0.0";
const HAND_OVER_MS = 2_000;
const DRAIN_MS = 500;

/** What a run may draw of a server's settings, the same for all its machines. */
export interface ServerKnobs {
  readonly sync: WalSync;
  /** Bytes of one segment of the log. */
  readonly segmentBytes: number;
  readonly snapshotLogBytes: number;
  readonly electionTicks: number;
  readonly entryBytesPerMessageMax: number;
  readonly inflightMessagesMax: number;
  readonly downAfterMs: number;
  /** How long a turn of the loop takes: what arrives is handled between turns. Milliseconds. */
  readonly turnMs: number;
}

/** Whom a server tells what happens to it. */
export interface ServerEvents {
  onLine(level: string, message: string, facts: Readonly<Record<string, unknown>>): void;
  /** The server cannot go on safely: its process must end now. */
  onFatal(error: Error): void;
}

/** How a server becomes a member. */
export interface Entry {
  readonly join: readonly string[];
  readonly bootstrapExpect: number;
}

/** A server that runs. */
export interface RunningServer {
  readonly cluster: ClusterNode;
  readonly resp: RespServer;
}

/**
 * Opens the data of the machine, becomes a member, serves clients.
 *
 * @param entry Machines to ask for membership, none: alone; and how many make a new cluster.
 * @throws DbError for damage, or a cluster that refuses.
 */
export async function openServer(
  host: SimHost,
  process: SimProcess,
  entry: Entry,
  knobs: ServerKnobs,
  messages: MessageFaults,
  events: ServerEvents,
): Promise<RunningServer> {
  const environment = environmentOf(host, process, knobs, messages, events);
  const cluster = await ClusterNode.open(environment, {
    node: {
      directory: DATA,
      sync: knobs.sync,
      segmentBytes: knobs.segmentBytes,
      snapshotLogBytes: knobs.snapshotLogBytes,
      electionTicks: knobs.electionTicks,
      entryBytesPerMessageMax: knobs.entryBytesPerMessageMax,
      inflightMessagesMax: knobs.inflightMessagesMax,
      acceptLoss: false,
    },
    bind: [host.name],
    address: {
      host: host.name,
      peerPort: PEER_PORT,
      clientPort: CLIENT_PORT,
      clusterPort: 0,
      httpPort: 0,
    },
    secret: Buffer.from("secret"),
    join: entry.join.map((name) => ({ host: name, port: PEER_PORT })),
    bootstrapExpect: entry.bootstrapExpect,
    downAfterMs: knobs.downAfterMs,
    release: RELEASE,
  });
  const resp = respServerOf(host, process, cluster, environment);
  cluster.node.flushReplies = () => resp.flush();
  cluster.start();
  await resp.listen(host.name, CLIENT_PORT);
  return { cluster, resp };
}

/** Ends a server in good order, as SIGTERM does. */
export async function closeServer({ cluster, resp }: RunningServer): Promise<void> {
  await cluster.handOver(HAND_OVER_MS);
  await drain(resp, DRAIN_MS);
  await resp.close();
  await cluster.close();
}

function environmentOf(
  host: SimHost,
  process: SimProcess,
  knobs: ServerKnobs,
  messages: MessageFaults,
  events: ServerEvents,
): ClusterEnvironment {
  const { clock, random, disk, network } = process;
  const scheduler: Scheduler = {
    after: (delayMs, run) => process.scheduler.after(delayMs, run),
    soon: (run) => void process.schedule(knobs.turnMs, run),
  };
  return {
    clock,
    scheduler,
    random,
    disk,
    network,
    bootId: host.bootId,
    authenticator: nodeAuthenticator,
    resolveHost: async (name) => [name],
    interceptPeers: (handler) => messages.intercept(process, handler),
    report: (level, message, facts) => events.onLine(level, message, facts),
    onFatal: (error) => events.onFatal(error),
  };
}

function respServerOf(
  host: SimHost,
  process: SimProcess,
  cluster: ClusterNode,
  environment: ClusterEnvironment,
): RespServer {
  const { node } = cluster;
  const view = new ClusterView(cluster, {
    identity: identityOf(host, cluster),
    settings: { maxMemoryBytes: 0, fsync: "always", redirect: "auto", logLevel: "info" },
    process: () => NO_PROCESS,
    resetProcessStats() {},
    shutdown() {},
    sleep() {},
    setLogLevel() {},
  });
  return new RespServer(
    {
      clock: process.clock,
      scheduler: environment.scheduler,
      network: process.network,
      backend: node.router,
      node: view,
      report: (level, message, facts) => environment.report(level, message, facts),
      incarnation: node.replicas.incarnation,
    },
    { ...defaultServerOptions },
    [...dataCommands, ...transactionCommands, ...sessionCommands],
  );
}

function identityOf(host: SimHost, cluster: ClusterNode): NodeIdentity {
  const { clusterId, nodeId } = cluster.node.identity;
  const name = nodeName(clusterId, 0);
  return {
    version: RELEASE,
    nodeId,
    name: nodeName(name, nodeId),
    runId: nodeName(name, cluster.node.replicas.incarnation),
    clusterId: name,
    processId: 1,
    os: "simulated",
    runtime: "simulated",
    executable: "",
    configFile: "",
    dataDirectory: DATA,
    engine: "memory",
    bind: [host.name],
    port: CLIENT_PORT,
    clusterPort: 0,
    peerPort: PEER_PORT,
    httpPort: 0,
    loopbackOnly: true,
    announcesCluster: false,
    debugAllowed: false,
  };
}

const NO_PROCESS: ProcessView = {
  rssBytes: 0,
  rssPeakBytes: 0,
  heapUsedBytes: 0,
  heapTotalBytes: 0,
  externalBytes: 0,
  systemBytes: 0,
  cpuUserSeconds: 0,
  cpuSystemSeconds: 0,
  eventLoopStallMsMax: 0,
};
