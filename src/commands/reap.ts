// The removal of expired keys that a leader proposes: takes only what is expired by shard time.
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { ALL_KEYS, findKey, removeKey } from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { CommandId } from "./ids.ts";

/**
 * Removes those of the keys that have expired. One that was written again after the leader had chosen it
 * is alive, and stays.
 */
export const reapCommand: DataCommand = {
  id: CommandId.reap,
  name: "kvorum.reap",
  arity: -2,
  flags: ["write"],
  keys: ALL_KEYS,
  group: "generic",
  summary: "Internal: removes expired keys.",
  since: "0.1.0",
  complexity: "O(N) in the keys",
  apply: reap,
};

function reap(context: CommandContext, args: Args, reply: Reply): void {
  for (let index = 1; index < args.count; index++) {
    if (findKey(context, args, index) === 0) removeKey(context, args, index);
  }
  reply.ok();
}
