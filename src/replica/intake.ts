// How much a node takes from its clients that it cannot do itself: what is on its way to the leader
// is bounded, so that no loop is buried under it. Above the bounds sessions wait, nothing fails.
import type { ConfState } from "../raft/types.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Operations } from "./operations.ts";

/** Operations that one session may have open at a node that leads. */
export const SESSION_OPERATIONS_MAX = 16_384;
/** Operations on their way to one leader, and their bytes, from all nodes together. */
const OPERATIONS_MAX = 32_768;
const BYTES_MAX: number = 8 * 1024 * 1024;
/** A node's part of that, however many nodes there are. */
const NODE_OPERATIONS_MIN = 1_024;
const NODE_BYTES_MIN: number = 256 * 1024;
/** A session may always have as many open, unless they are long: an ordinary pipeline. */
const SESSION_OPERATIONS_MIN = 16;

/**
 * Operations that each session of a node that does not lead may have open now: an equal part of
 * what the node may have.
 *
 * @param operations All that are open at this node; `bytes` of them and of the replies expected.
 * @param sessions Sessions that have some.
 * @param nodes All nodes of the group, the leader among them.
 */
export function sessionOperationsMax(
  operations: number,
  bytes: number,
  sessions: number,
  nodes: number,
): number {
  const others = Math.max(1, nodes - 1);
  if (bytes > Math.max(NODE_BYTES_MIN, BYTES_MAX / others)) return 1;
  const nodeMax = Math.max(NODE_OPERATIONS_MIN, OPERATIONS_MAX / others);
  if (operations > nodeMax) return SESSION_OPERATIONS_MIN;
  return Math.max(SESSION_OPERATIONS_MIN, nodeMax / (sessions + 1));
}

/** {@link sessionOperationsMax} of a replica that does not lead, as things stand. */
export function followerOpenMax(
  { voters, learners }: ConfState,
  operations: Operations,
  forwarder: Forwarder,
): number {
  const count = operations.waiting + forwarder.count;
  const bytes = operations.bytes + forwarder.bytesInFlight;
  return sessionOperationsMax(count, bytes, forwarder.sessions, voters.length + learners.length);
}
