// Runs one node with its client port until a signal ends it.
import { resolve } from "node:path";
import { pino, type Logger } from "pino";
import { KvorumNode, defaultNodeOptions } from "../cluster/node.ts";
import { dataCommands } from "../commands/table.ts";
import { nodeClock } from "../platform/node/node-clock.ts";
import { NodeDisk } from "../platform/node/node-disk.ts";
import { NodeNetwork } from "../platform/node/node-network.ts";
import { nodeRandom } from "../platform/node/node-random.ts";
import { nodeScheduler } from "../platform/node/node-scheduler.ts";
import { defaultServerOptions, RespServer } from "../server/resp-server.ts";
import { transactionCommands } from "../server/transaction.ts";
import type { WalSync } from "../wal/wal-types.ts";

/** Flags of `kvorum server`. */
export interface ServerSettings {
  readonly port: number;
  readonly bind: string;
  readonly data: string;
  readonly peerPort?: number;
  readonly httpPort?: number;
  readonly fsync: WalSync;
  readonly requirepass?: string;
  readonly logLevel: string;
}

/** Opens the data directory, serves, and resolves when the node has stopped. */
export async function runServer(settings: ServerSettings): Promise<void> {
  const logger = pino({ level: settings.logLevel, base: null }, pino.destination(2));
  const onFatal = (error: Error): void => {
    logger.fatal({ err: error }, "the node stops: it cannot go on safely");
    process.exit(70);
  };
  process.on("uncaughtException", onFatal);
  process.on("unhandledRejection", (reason) => {
    onFatal(reason instanceof Error ? reason : new Error(String(reason)));
  });
  const node = await KvorumNode.open(
    {
      clock: nodeClock,
      scheduler: nodeScheduler,
      random: nodeRandom,
      disk: new NodeDisk(),
      report: (level, message, facts) => logger[level](facts, message),
      onFatal,
    },
    { ...defaultNodeOptions, directory: resolve(settings.data), sync: settings.fsync },
  );
  const server = await openServer(node, settings, logger);
  node.flushReplies = () => server.flush();
  node.start();
  const port = await server.listen(settings.bind, settings.port);
  process.stdout.write(`kvorum ready on ${settings.bind}:${port}\n`);
  await stopSignal();
  logger.info("stopping");
  await server.close();
  await node.close();
  process.exit(0);
}

async function openServer(
  node: KvorumNode,
  settings: ServerSettings,
  logger: Logger,
): Promise<RespServer> {
  const environment = {
    clock: nodeClock,
    scheduler: nodeScheduler,
    network: new NodeNetwork(),
    backend: node.router,
    report: (level: "info" | "warn", message: string, facts: object) =>
      logger[level](facts, message),
    incarnation: node.replicas.incarnation,
  };
  const options = { ...defaultServerOptions, password: settings.requirepass ?? "" };
  return new RespServer(environment, options, [...dataCommands, ...transactionCommands]);
}

function stopSignal(): Promise<void> {
  return new Promise((resolveSignal) => {
    process.once("SIGTERM", resolveSignal);
    process.once("SIGINT", resolveSignal);
  });
}
