// Operations that waited too long: answered with what is certain about them, and forgotten.
import { type Raft, Role } from "../raft/types.ts";
import type { Batch } from "./batch.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Operations } from "./operations.ts";

/** Operations whose fate is not known after so long are answered `-UNCERTAIN`. */
const UNCERTAIN_AFTER_MS = 8_000;
/** Operations that found no leader for so long are answered `-CLUSTERDOWN`. */
const LEADERLESS_MS_MAX = 5_000;

/**
 * Gives up what waited too long, of one replica.
 *
 * @param serving This node leads and answers.
 * @returns Whether replies were written.
 */
export function dropStale(
  nowMs: number,
  raft: Raft,
  serving: boolean,
  operations: Operations,
  forwarder: Forwarder,
): boolean {
  const isLeader = raft.role === Role.leader;
  let failed = forwarder.tick(nowMs);
  if (raft.leader === 0 || (isLeader && !serving)) {
    failed = operations.failOpen(nowMs - LEADERLESS_MS_MAX) || failed;
  }
  if (!isLeader) {
    const isLost = (batch: Batch): boolean => nowMs - batch.sinceMs > UNCERTAIN_AFTER_MS;
    failed = operations.failProposed(isLost) || failed;
  }
  return failed;
}
