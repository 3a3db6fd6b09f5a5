// Defaults and checks of the core's settings.
import { DbError } from "../base/errors.ts";
import type { NodeId, RaftConfig } from "./types.ts";

/**
 * Everything but the node's own id. With 50 ms ticks: heartbeats each 100 ms, elections after 1 s.
 */
export const raftDefaults: Omit<RaftConfig, "id"> = Object.freeze({
  electionTicks: 20,
  heartbeatTicks: 2,
  entryBytesPerMessageMax: 1 << 20,
  inflightMessagesMax: 256,
  inflightBytesMax: 16 << 20,
  uncommittedBytesMax: 64 << 20,
  applyingBytesMax: 64 << 20,
  preVote: true,
  checkQuorum: true,
  applyBeforePersist: true,
});

/** Whether `id` may name a node: an integer from 1 to 2^53 - 1. */
export function isNodeId(id: number): boolean {
  return Number.isSafeInteger(id) && id > 0;
}

/**
 * Merges and validates once; the core trusts the frozen result.
 *
 * @throws DbError BAD_CONFIG when a value makes no sense.
 */
export function resolveRaftConfig(
  given: Partial<RaftConfig> & { readonly id: NodeId },
): RaftConfig {
  const config: RaftConfig = { ...raftDefaults, ...given };
  if (!isNodeId(config.id)) throw bad("id must be an integer from 1 to 2^53 - 1", config.id);
  requirePositive("heartbeatTicks", config.heartbeatTicks);
  requirePositive("electionTicks", config.electionTicks);
  if (config.electionTicks <= 2 * config.heartbeatTicks) {
    throw bad("electionTicks must be above two heartbeats", config.electionTicks);
  }
  requirePositive("entryBytesPerMessageMax", config.entryBytesPerMessageMax);
  requirePositive("inflightMessagesMax", config.inflightMessagesMax);
  requirePositive("inflightBytesMax", config.inflightBytesMax);
  requirePositive("uncommittedBytesMax", config.uncommittedBytesMax);
  requirePositive("applyingBytesMax", config.applyingBytesMax);
  return Object.freeze(config);
}

function requirePositive(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw bad(`${name} must be a positive integer`, value);
  }
}

function bad(message: string, value: number): DbError {
  return new DbError("BAD_CONFIG", message, { value });
}
