// A read that takes several turns of the loop: it runs alone in its session, like a barrier.
import type { Args } from "../resp/args.ts";
import type { CommandEntry } from "./command-entry.ts";
import type { Session } from "./session.ts";

/** Whether a command, one that may be long, is long with these arguments on this data. */
export function isLong({ server, state }: Session, { data }: CommandEntry, args: Args): boolean {
  return server.backend.isLong(data!, state.database, args);
}

/** Submits a long read and holds the input until its reply; false: it must be seen again later. */
export function submitLong(session: Session, entry: CommandEntry, args: Args): boolean {
  const { holds, order, server, state } = session;
  const isAlone = order.open === 0;
  if (isAlone) {
    entry.calls++;
    server.backend.submitLong(entry.data!, state.database, args, session, order.issued++);
  }
  holds.awaitsReplies = true;
  holds.pause();
  return isAlone;
}
