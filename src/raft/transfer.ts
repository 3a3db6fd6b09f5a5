// Handing leadership over: bring the target up to date, then ask it to stand at once (thesis 3.10).
import { failpoints } from "../base/failpoints.ts";
import type { Progress } from "./progress.ts";
import type { RaftState } from "./state.ts";
import { MessageType, Role } from "./types.ts";
import type { Index, NodeId } from "./types.ts";

/**
 * Begins a transfer to `to`; returns false when this cannot be. A running one to another is
 * replaced.
 */
export function startTransfer(raft: RaftState, to: NodeId): boolean {
  if (raft.role !== Role.leader || to === raft.id) return false;
  const progress = raft.members.get(to);
  if (progress === undefined || progress.learner) return false;
  if (raft.transferee === to) return true;
  raft.transferee = to;
  failpoints.reached?.("raft.transfer.begun");
  // The transfer has one whole election timeout.
  raft.electionElapsed = 0;
  if (progress.match === raft.log.lastIndex) {
    sendTimeoutNow(raft, to);
    return true;
  }
  progress.sendWanted = true;
  raft.appendsWanted = true;
  return true;
}

/** Once the target has the whole log it can win: ask it to stand. */
export function maybeSendTimeoutNow(raft: RaftState, progress: Progress): void {
  if (raft.transferee !== progress.id || progress.match !== raft.log.lastIndex) return;
  sendTimeoutNow(raft, progress.id);
}

/** Asks `to` to stand at once; this leader may not use a lease any more. */
export function sendTimeoutNow(raft: RaftState, to: NodeId): void {
  raft.timeoutNowSent = true;
  raft.send(raft.draft(MessageType.timeoutNow, to));
  failpoints.reached?.("raft.timeoutNow.sent");
}

/**
 * The voter who stays after a joint change and is furthest, of those heard from lately who durably
 * know what is committed up to `commitMin`; null when there is none.
 */
export function bestSuccessor(raft: RaftState, commitMin: Index): Progress | null {
  let best: Progress | null = null;
  for (const progress of raft.members.peers) {
    if (!progress.lately || !raft.members.staysVoter(progress.id)) continue;
    if (progress.commit < commitMin) continue;
    if (best === null || progress.match > best.match) best = progress;
  }
  return best;
}
