// The internal write that removes expired keys: proposed by the leader in batches, run by every
// replica.
import { CommandId } from "./ids.ts";
import type { DataCommand } from "./command.ts";

/**
 * Removes those of its keys that are expired at the entry's time: a key that was written again
 * stays. Replies with how many arguments it looked at.
 */
export const expireKeysCommand: DataCommand = {
  id: CommandId.expireKeys,
  name: "kvorum.expire-keys",
  arity: -2,
  flags: ["write"],
  keys: { first: 1, last: -1, step: 1 },
  group: "generic",
  summary: "Internal: removes keys whose time has come.",
  since: "0.1.0",
  complexity: "O(1) for each key",
  apply(context, args, reply) {
    const { keyspace, database } = context;
    for (let i = 1; i < args.count; i++) {
      const offset = args.offset(i);
      const length = args.length(i);
      if (keyspace.find(database, args.view, offset, length) !== 0) continue;
      keyspace.remove(database, args.bytes, args.view, offset, length);
    }
    reply.integer(args.count - 1);
  },
};
