// `MOVED`: whom a client should ask instead, for those clients that want to be told.
import { slotOf } from "../base/slot.ts";
import type { Args } from "../resp/args.ts";
import type { CommandEntry } from "./command-entry.ts";
import type { Session } from "./session.ts";

/**
 * The redirection for a command with keys, or null: it runs here, or is forwarded.
 *
 * Who came by the cluster port is always redirected. On the main port it depends on `--redirect`;
 * with `auto`, on whether this very connection asked for the topology.
 */
export function redirectionOf(session: Session, entry: CommandEntry, args: Args): string | null {
  if (!followsRedirects(session) || entry.firstKey >= args.count) return null;
  const { node } = session.server;
  const slot = slotOf(args.view, args.offset(entry.firstKey), args.length(entry.firstKey));
  const shard = node
    .shards()
    .find(({ firstSlot, lastSlot }) => slot >= firstSlot && slot <= lastSlot);
  if (shard === undefined || shard.leaderId === 0) return null;
  const leader = node.members().find(({ nodeId }) => nodeId === shard.leaderId);
  if (leader === undefined || leader.isSelf) return null;
  return `MOVED ${slot} ${leader.host}:${leader.port}`;
}

function followsRedirects(session: Session): boolean {
  const { state, server } = session;
  if (state.onClusterPort) return true;
  const { redirect } = server.node.settings;
  return redirect === "always" || (redirect === "auto" && state.asksTopology);
}
