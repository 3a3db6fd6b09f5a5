// Everything that the bytes of a log entry or of a leader's batch may ask for, by id.
import type { DataCommand } from "./command.ts";
import { expireKeysCommand } from "./expire-keys.ts";
import { CommandTable, dataCommands } from "./table.ts";
import { execCommand, rawReplyCommand } from "./transaction.ts";
import { watchVersionsCommand } from "./watch-versions.ts";

/** The commands that a replica can apply: those of clients, and the internal ones. */
export const appliedCommands: CommandTable<DataCommand> = new CommandTable([
  ...dataCommands,
  execCommand,
  rawReplyCommand,
  watchVersionsCommand,
  expireKeysCommand,
]);
