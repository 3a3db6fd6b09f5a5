// The read behind WATCH: what version each key has, in order with the session's other operations.
import { viewOf } from "../base/bytes.ts";
import { slotOf } from "../base/slot.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import { ALL_KEYS, findKey } from "./access.ts";
import type { CommandContext, DataCommand } from "./command.ts";
import { CommandId } from "./ids.ts";

/** Bytes of one version in the reply: present (u8), index (f64), position (u16), little endian. */
export const WATCH_VERSION_BYTES = 11;
const INDEX_AT = 1;
const POSITION_AT = 9;

/**
 * Replies with one bulk string that holds a version for each key.
 *
 * A missing key's index is that of the last entry that has touched the data when the read ran: a
 * later removal in the key's slot has a greater one. What came and went within that same entry is
 * not seen; the key is missing before and after, so a transaction that relies on this is none the
 * worse.
 */
export const watchVersionsCommand: DataCommand = {
  id: CommandId.watchVersions,
  name: "kvorum.watch-versions",
  arity: -2,
  flags: ["readonly"],
  keys: ALL_KEYS,
  group: "transactions",
  summary: "Internal: the versions of keys, for WATCH.",
  since: "0.1.0",
  complexity: "O(N) in the keys",
  apply: watchVersions,
};

function watchVersions(context: CommandContext, args: Args, reply: Reply): void {
  const keyspace = context.keyspace;
  const bytes = new Uint8Array((args.count - 1) * WATCH_VERSION_BYTES);
  const view = viewOf(bytes);
  for (let key = 1; key < args.count; key++) {
    const at = (key - 1) * WATCH_VERSION_BYTES;
    const ref = findKey(context, args, key);
    const missing = ref === 0;
    const slot = slotOf(args.view, args.offset(key), args.length(key));
    const index = missing
      ? Math.max(keyspace.writeIndex, keyspace.lastRemovalIndex(slot))
      : keyspace.versionIndexOf(ref);
    view.setUint8(at, missing ? 0 : 1);
    view.setFloat64(at + INDEX_AT, index, true);
    view.setUint16(at + POSITION_AT, missing ? 0 : keyspace.versionPositionOf(ref), true);
  }
  reply.bulk(bytes, view, 0, bytes.length);
}
