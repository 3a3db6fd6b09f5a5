// What clients asked to be written, and what was acknowledged: to compare with what is there later.
import { createHash } from "node:crypto";
import { type Reply, show } from "./reply.ts";
import type { RespConnection } from "./resp-connection.ts";

const CHECK_AT_ONCE = 2000;

/** Keys that one command writes, all or none of them. */
export interface Write {
  readonly keys: readonly string[];
  /** Bytes of each value. */
  readonly valueBytes: number;
  acknowledged: boolean;
}

/** The writes of one client in the order they were sent. */
export class ClientHistory {
  readonly writes: Write[] = [];
  /** How many were acknowledged: these are the first ones. */
  acknowledgedCount = 0;

  /** Remembers a write that is about to be sent. */
  sending(keys: readonly string[], valueBytes: number): Write {
    const write = { keys, valueBytes, acknowledged: false };
    this.writes.push(write);
    return write;
  }

  /** The reply to the oldest write without one has come. @throws Error when it is an error. */
  replied(reply: Reply): void {
    if (reply.kind === "error") throw new Error(`a write was refused: ${show(reply)}`);
    this.writes[this.acknowledgedCount]!.acknowledged = true;
    this.acknowledgedCount++;
  }
}

/** The value a key gets: made from the key, so that a mixed-up or torn value shows. */
export function valueOf(key: string, bytes: number): Buffer {
  const seed = createHash("sha256").update(key).digest();
  const value = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += seed.length) seed.copy(value, at);
  return value;
}

/** What {@link checkHistory} found. */
export interface HistoryReport {
  readonly acknowledged: number;
  /** Never acknowledged, and there all the same: allowed. */
  readonly unacknowledgedThere: number;
}

/**
 * Compares a client's history with the data.
 *
 * @throws Error for an acknowledged write that is missing, a wrong value, a write of several keys
 *   that is half there, or one that is there although an earlier one of the same client is not.
 */
export async function checkHistory(
  history: ClientHistory,
  connection: RespConnection,
): Promise<HistoryReport> {
  let unacknowledgedThere = 0;
  let gapAt = -1;
  for (let from = 0; from < history.writes.length; from += CHECK_AT_ONCE) {
    const writes = history.writes.slice(from, from + CHECK_AT_ONCE);
    const replies = await connection.pipeline(writes.map(({ keys }) => ["MGET", ...keys]));
    for (const [place, write] of writes.entries()) {
      const there = isThere(write, replies[place]!);
      if (!there && write.acknowledged) throw new Error(`lost: ${write.keys.join(", ")}`);
      if (there && gapAt >= 0) {
        throw new Error(`write ${from + place} is there, the earlier ${gapAt} is not`);
      }
      if (!there && gapAt < 0) gapAt = from + place;
      if (there && !write.acknowledged) unacknowledgedThere++;
    }
  }
  return { acknowledged: history.acknowledgedCount, unacknowledgedThere };
}

/** Whether a write is there. @throws Error when a part of it is. */
function isThere({ keys, valueBytes }: Write, reply: Reply): boolean {
  const found = keys.map((key, place) => {
    const item = reply.items[place];
    if (item === undefined || item.kind === "null") return false;
    if (item.text === valueOf(key, valueBytes).toString("latin1")) return true;
    throw new Error(`wrong value of ${key}: ${show(item).slice(0, 200)}`);
  });
  if (found.includes(true) && found.includes(false)) {
    throw new Error(`half there: ${keys.filter((_, place) => found[place]).join(", ")}`);
  }
  return found[0] ?? false;
}
