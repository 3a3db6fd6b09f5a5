// How much of the log the core keeps in memory: see docs/decisions/0002-single-raft-entry-cache.md.
import type { Raft } from "../raft/types.ts";

/** Entry bytes kept in memory: alone, with followers, and with followers that need old ones. */
const LONE_LOG_BYTES = 256 * 1024;
const CACHED_LOG_BYTES = 8 * 1024 * 1024;
const CACHED_LOG_BYTES_MAX = 256 * 1024 * 1024;

/** Drops applied entries that are too many to keep; whoever needed them gets a snapshot. */
export function trimLog(raft: Raft, isAlone: boolean): void {
  if (raft.logBytes <= (isAlone ? LONE_LOG_BYTES : CACHED_LOG_BYTES)) return;
  const strands = raft.logBytes > CACHED_LOG_BYTES_MAX;
  const index = strands ? raft.appliedIndex : Math.min(raft.appliedIndex, raft.neededIndex() - 1);
  if (index >= raft.firstIndex) raft.compact(index);
}
