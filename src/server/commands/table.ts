// All commands that concern the connection or the server, for the server's command table.
import type { SessionCommand } from "../command-entry.ts";
import { authCommands } from "./auth.ts";
import { clientCommands } from "./client.ts";
import { clusterCommands } from "./cluster.ts";
import { commandCommands } from "./command.ts";
import { configCommands } from "./config.ts";
import { connectionCommands } from "./connection.ts";
import { diagnosticCommands } from "./diagnostics.ts";
import { persistenceCommands } from "./persistence.ts";
import { statusCommands } from "./status.ts";

/** Commands of sessions, subcommands as rows of their own; transactions come beside them. */
export const sessionCommands: readonly SessionCommand[] = [
  ...connectionCommands,
  ...authCommands,
  ...clientCommands,
  ...commandCommands,
  ...configCommands,
  ...statusCommands,
  ...diagnosticCommands,
  ...persistenceCommands,
  ...clusterCommands,
];
