// Runs one node with its client port until a signal or SHUTDOWN ends it.
import { lookup } from "node:dns/promises";
import { type Logger, pino } from "pino";
import { ClusterNode } from "../cluster/cluster-node.ts";
import { defaultNodeOptions } from "../cluster/node-environment.ts";
import { dataCommands } from "../commands/table.ts";
import { nodeAuthenticator } from "../platform/node/node-authenticator.ts";
import { readBootId } from "../platform/node/node-boot-id.ts";
import { nodeClock } from "../platform/node/node-clock.ts";
import { NodeDisk } from "../platform/node/node-disk.ts";
import { NodeNetwork } from "../platform/node/node-network.ts";
import { nodeRandom } from "../platform/node/node-random.ts";
import { nodeScheduler } from "../platform/node/node-scheduler.ts";
import { ClusterView } from "../server/cluster-view.ts";
import { sessionCommands } from "../server/commands/table.ts";
import { drain } from "../server/drain.ts";
import { RespServer } from "../server/resp-server.ts";
import { defaultServerOptions } from "../server/server-options.ts";
import { transactionCommands } from "../server/transaction.ts";
import { describeNode } from "./node-description.ts";
import { ProcessMeter } from "./process-meter.ts";
import { release } from "./release.ts";
import type { ServerConfig } from "./server-config.ts";
import { Stop } from "./stop.ts";

/** Exit status when the node stopped because it could not go on safely. */
const EXIT_FATAL = 70;
/** How long a leader that ends waits for another to take over, milliseconds. */
const HAND_OVER_MS = 2_000;
/** How long commands under way may take until their connections are closed, milliseconds. */
const DRAIN_MS = 2_000;

/** Opens the data directory, serves, and ends the process when the node has stopped. */
export async function runServer(given: ServerConfig): Promise<void> {
  const logger = pino({ level: given.logLevel, base: null }, pino.destination(2));
  const onFatal = (error: Error): void => {
    logger.fatal({ err: error }, "the node stops: it cannot go on safely");
    process.exit(EXIT_FATAL);
  };
  const stop = new Stop(given.stopWithStdin);
  const config = await withPort(given);
  const cluster = await openCluster(config, logger, onFatal);
  process.on("uncaughtException", onFatal);
  process.on("unhandledRejection", (reason) => {
    onFatal(reason instanceof Error ? reason : new Error(String(reason)));
  });
  const server = openServer(cluster, config, logger, stop);
  cluster.node.flushReplies = () => server.flush();
  cluster.start();
  const port = await listen(server, config);
  const ready = cluster.membership.whenReady().then(() => sayReady(cluster, config, port));
  stop.begin();
  await Promise.race([ready, stop.wanted]);
  const save = await stop.wanted;
  logger.info("stopping");
  if (save) await cluster.node.saveSnapshot();
  const handedOver = await cluster.handOver(HAND_OVER_MS);
  if (!handedOver) logger.info("nobody took over leadership");
  await drain(server, DRAIN_MS);
  await server.close();
  await cluster.close();
  logger.info("stopped");
  process.exit(0);
}

/** Other nodes are told the client port before it is opened: "any free one" is chosen here. */
async function withPort(config: ServerConfig): Promise<ServerConfig> {
  if (config.port !== 0) return config;
  const probe = await new NodeNetwork().listen(config.bind[0] ?? "127.0.0.1", 0, () => null);
  await probe.close();
  return { ...config, port: probe.port };
}

async function listen(server: RespServer, config: ServerConfig): Promise<number> {
  let port = config.port;
  for (const host of config.bind) {
    port = await server.listen(host, port);
    if (config.clusterPort !== 0) await server.listen(host, config.clusterPort, true);
  }
  return port;
}

function sayReady(cluster: ClusterNode, config: ServerConfig, port: number): void {
  const { nodeId, clusterId } = cluster.node.identity;
  const { peerPort } = cluster.membership.self;
  const places = config.bind.map((host) => `${host}:${port}`).join(", ");
  const who = `node ${nodeId} of cluster ${clusterId.slice(0, 8)}, peers on ${peerPort}`;
  process.stdout.write(`kvorum ${release} ready on ${places} (${who})\n`);
}

async function openCluster(
  config: ServerConfig,
  logger: Logger,
  onFatal: (error: Error) => void,
): Promise<ClusterNode> {
  const { bind, announce, peerPort, port, clusterPort, secret, join, bootstrapExpect } = config;
  const { data: directory, fsync: sync, acceptLoss } = config;
  return ClusterNode.open(
    {
      clock: nodeClock,
      scheduler: nodeScheduler,
      random: nodeRandom,
      disk: new NodeDisk(),
      bootId: readBootId(),
      network: new NodeNetwork(),
      authenticator: nodeAuthenticator,
      report: (level, message, facts) => logger[level](facts, message),
      onFatal,
      resolveHost: async (name) => {
        const found = await lookup(name, { all: true });
        return found.map(({ address }) => address);
      },
    },
    {
      node: { ...defaultNodeOptions, directory, sync, acceptLoss },
      bind,
      address: { host: announce, peerPort, clientPort: port, clusterPort, httpPort: 0 },
      secret,
      join,
      bootstrapExpect,
      downAfterMs: config.downAfterMs,
      release,
    },
  );
}

function openServer(
  cluster: ClusterNode,
  config: ServerConfig,
  logger: Logger,
  stop: Stop,
): RespServer {
  const meter = new ProcessMeter();
  meter.start();
  const { node } = cluster;
  const view = new ClusterView(cluster, {
    identity: describeNode(config, node.identity, nodeRandom),
    settings: {
      maxMemoryBytes: config.maxMemoryBytes,
      fsync: config.fsync,
      redirect: config.redirect,
      logLevel: config.logLevel,
    },
    process: () => meter.read(),
    resetProcessStats: () => meter.reset(),
    shutdown: (save) => stop.want(save),
    sleep: (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
    setLogLevel: (level) => {
      logger.level = level;
    },
  });
  return new RespServer(
    {
      clock: nodeClock,
      scheduler: nodeScheduler,
      network: new NodeNetwork(),
      backend: node.router,
      node: view,
      report: (level, message, facts) => logger[level](facts, message),
      incarnation: node.replicas.incarnation,
    },
    { ...defaultServerOptions, password: config.password, clientsMax: config.clientsMax },
    [...dataCommands, ...transactionCommands, ...sessionCommands],
  );
}
