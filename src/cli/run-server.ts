// Runs one node with its client port until a signal ends it.
import { lookup } from "node:dns/promises";
import { resolve } from "node:path";
import { type Logger, pino } from "pino";
import { ClusterNode } from "../cluster/cluster-node.ts";
import { ClusterView } from "../server/cluster-view.ts";
import { defaultNodeOptions } from "../cluster/node.ts";
import { dataCommands } from "../commands/table.ts";
import { nodeAuthenticator } from "../platform/node/node-authenticator.ts";
import { nodeClock } from "../platform/node/node-clock.ts";
import { NodeDisk } from "../platform/node/node-disk.ts";
import { NodeNetwork } from "../platform/node/node-network.ts";
import { nodeRandom } from "../platform/node/node-random.ts";
import { nodeScheduler } from "../platform/node/node-scheduler.ts";
import { sessionCommands } from "../server/commands/table.ts";
import { defaultServerOptions, RespServer } from "../server/resp-server.ts";
import { transactionCommands } from "../server/transaction.ts";
import { ProcessMeter } from "./process-meter.ts";
import { release } from "./release.ts";
import { describeNode, type ServerSettings } from "./server-settings.ts";

/** Exit status when the node stopped because it could not go on safely. */
const EXIT_FATAL = 70;
/** How long a leader that ends waits for another to take over, milliseconds. */
const HAND_OVER_MS = 2_000;

/** Opens the data directory, serves, and ends the process when the node has stopped. */
export async function runServer(settings: ServerSettings): Promise<void> {
  const logger = pino({ level: settings.logLevel, base: null }, pino.destination(2));
  const onFatal = (error: Error): void => {
    logger.fatal({ err: error }, "the node stops: it cannot go on safely");
    process.exit(EXIT_FATAL);
  };
  process.on("uncaughtException", onFatal);
  process.on("unhandledRejection", (reason) => {
    onFatal(reason instanceof Error ? reason : new Error(String(reason)));
  });
  const cluster = await openCluster(settings, logger, onFatal);
  const stop = new Stop();
  const server = openServer(cluster, settings, logger, stop);
  cluster.node.flushReplies = () => server.flush();
  cluster.start();
  const port = await server.listen(settings.bind, settings.port);
  if (settings.clusterPort !== 0) await server.listen(settings.bind, settings.clusterPort);
  process.stdout.write(`kvorum ready on ${settings.bind}:${port}\n`);
  const save = await stop.wanted;
  logger.info("stopping");
  if (save) await cluster.node.saveSnapshot();
  await cluster.handOver(HAND_OVER_MS);
  await server.close();
  await cluster.close();
  process.exit(0);
}

async function openCluster(
  settings: ServerSettings,
  logger: Logger,
  onFatal: (error: Error) => void,
): Promise<ClusterNode> {
  const { bind, announce, peerPort, port, clusterPort, httpPort } = settings;
  const host = announce === "" ? bind : announce;
  return await ClusterNode.open(
    {
      clock: nodeClock,
      scheduler: nodeScheduler,
      random: nodeRandom,
      disk: new NodeDisk(),
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
      node: { ...defaultNodeOptions, directory: resolve(settings.data), sync: settings.fsync },
      bind: [bind],
      address: { host, peerPort, clientPort: port, clusterPort, httpPort },
      secret: Buffer.from(settings.clusterSecret),
      join: settings.join,
      bootstrapExpect: settings.bootstrapExpect,
      release,
    },
  );
}

function openServer(
  cluster: ClusterNode,
  settings: ServerSettings,
  logger: Logger,
  stop: Stop,
): RespServer {
  const meter = new ProcessMeter();
  meter.start();
  const { node } = cluster;
  const view = new ClusterView(cluster, {
    identity: describeNode(settings, node.identity, nodeRandom),
    settings: {
      maxMemoryBytes: settings.maxMemoryBytes,
      fsync: settings.fsync,
      redirect: settings.redirect,
      logLevel: settings.logLevel,
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
    { ...defaultServerOptions, password: settings.requirepass },
    [...dataCommands, ...transactionCommands, ...sessionCommands],
  );
}

/** The wish to stop: from a signal, or from SHUTDOWN. A second signal ends the process at once. */
class Stop {
  /** Resolves with whether to save a snapshot first. */
  readonly wanted: Promise<boolean>;
  #resolve: (save: boolean) => void = () => {};

  constructor() {
    this.wanted = new Promise((resolvePromise) => {
      this.#resolve = resolvePromise;
    });
    let signals = 0;
    const onSignal = (): void => {
      signals++;
      if (signals > 1) process.exit(1);
      this.want(false);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  }

  want(save: boolean): void {
    this.#resolve(save);
  }
}
