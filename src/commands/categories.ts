// ACL categories of commands, derived from flags and group by Redis's own rules.
import type { CommandDescription, CommandFlag } from "./command.ts";

/** All ACL categories, in the order in which Redis lists them. */
export const CATEGORIES: readonly string[] = [
  "keyspace",
  "read",
  "write",
  "set",
  "sortedset",
  "list",
  "hash",
  "string",
  "bitmap",
  "hyperloglog",
  "geo",
  "stream",
  "pubsub",
  "admin",
  "fast",
  "slow",
  "blocking",
  "dangerous",
  "connection",
  "transaction",
  "scripting",
];

/** Category that membership in a documentation group means; other groups mean none. */
const BY_GROUP = new Map<string, string>([
  ["generic", "keyspace"],
  ["string", "string"],
  ["list", "list"],
  ["set", "set"],
  ["sorted-set", "sortedset"],
  ["hash", "hash"],
  ["bitmap", "bitmap"],
  ["hyperloglog", "hyperloglog"],
  ["geo", "geo"],
  ["stream", "stream"],
  ["pubsub", "pubsub"],
  ["connection", "connection"],
  ["transactions", "transaction"],
  ["scripting", "scripting"],
]);

const BY_FLAG = new Map<CommandFlag, readonly string[]>([
  ["write", ["write"]],
  ["readonly", ["read"]],
  ["admin", ["admin", "dangerous"]],
  ["pubsub", ["pubsub"]],
  ["fast", ["fast"]],
  ["blocking", ["blocking"]],
]);

/**
 * The ACL categories of a command, without `@`, in Redis's order.
 *
 * @param isContainer Whether it only holds subcommands: then its group means no category.
 */
export function categoriesOf(command: CommandDescription, isContainer = false): string[] {
  const found = new Set(command.categories);
  const byGroup = isContainer ? undefined : BY_GROUP.get(command.group);
  if (byGroup !== undefined) found.add(byGroup);
  for (const flag of command.flags) {
    for (const category of BY_FLAG.get(flag) ?? []) found.add(category);
  }
  if (found.has("scripting")) found.delete("read");
  if (!found.has("fast")) found.add("slow");
  return CATEGORIES.filter((category) => found.has(category));
}
