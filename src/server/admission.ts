// Whether a command may run: known, of the right shape, allowed to this client, at this node, now.
import { unknownSubcommand, wrongArity } from "../commands/errors.ts";
import type { Args } from "../resp/args.ts";
import type { CommandEntry } from "./command-entry.ts";
import { redirectionOf } from "./redirection.ts";
import type { Session } from "./session.ts";

/**
 * Finds the command that `args` name, and answers it when it may not run.
 *
 * @returns The command; null when it was refused; undefined when it must be seen again later.
 */
export function admit(session: Session, args: Args): CommandEntry | null | undefined {
  const { server, state } = session;
  const named = server.commands.lookup(args.bytes, args.offsets[0]!, args.lengths[0]!);
  if (named === undefined) {
    server.failUnknown(session, args);
    return null;
  }
  const entry = named.isContainer && args.count > 1 ? subcommandOf(session, named, args) : named;
  if (entry === null) return null;
  if (args.count < entry.argumentsMin || args.count > entry.argumentsMax) {
    entry.rejectedCalls++;
    if (entry.name === "exec") abortTransaction(session, wrongArity(entry.name));
    else refuse(session, wrongArity(entry.name));
    return null;
  }
  if (!state.authenticated && !entry.needsNoLogin) {
    entry.rejectedCalls++;
    refuse(session, "NOAUTH Authentication required.");
    return null;
  }
  if (server.pause.holdsWrites && server.pause.mustHold(session, entry)) return undefined;
  session.lastEntry = entry;
  if (entry.firstKey > 0 && server.redirectsNow) {
    const redirection = redirectionOf(session, entry, args);
    if (redirection !== null) {
      entry.rejectedCalls++;
      refuse(session, redirection);
      return null;
    }
  }
  return entry;
}

function subcommandOf(session: Session, container: CommandEntry, args: Args): CommandEntry | null {
  const subcommand = session.server.findSubcommand(container, args);
  if (subcommand !== undefined) return subcommand;
  container.rejectedCalls++;
  refuse(session, unknownSubcommand(container.name, args));
  return null;
}

/** Answers with an error, which a transaction that is being queued does not get over. */
function refuse(session: Session, error: string): void {
  if (session.state.transaction !== null) session.state.transaction.failed = true;
  session.replyError(error);
}

/** An EXEC that is refused ends the transaction, as in Redis. */
function abortTransaction(session: Session, error: string): void {
  session.state.transaction = null;
  session.state.watched = null;
  const why = error.replace(/^ERR /, "");
  session.replyError(`EXECABORT Transaction discarded because of: ${why}`);
}
