// The reply of a session command that cannot answer at once.
import { invariant } from "../base/invariant.ts";
import type { Reply } from "../resp/reply.ts";
import type { Session } from "./session.ts";

/**
 * Takes charge of the reply to the command that runs: the session's input is held until the
 * returned function is called, with what writes the reply.
 */
export function deferReply(session: Session): (write: (reply: Reply) => void) => void {
  const { holds, server } = session;
  invariant(!holds.deferred, "one deferred reply at a time");
  holds.deferred = true;
  holds.pause();
  const sequence = session.lastSequence;
  return (write) => {
    holds.deferred = false;
    if (session.closed) return;
    write(session.openReply(sequence));
    session.closeReply(sequence);
    // Never at once: this may be the middle of applying a batch. The input goes on with the next
    // flush.
    server.resumeSoon(session);
    server.wantFlush();
  };
}
