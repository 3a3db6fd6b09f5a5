// How long commands take: for the slow log, INFO commandstats, and the budget of a burst.
import { invariant } from "../base/invariant.ts";
import type { CommandContext } from "../commands/command.ts";
import type { Args } from "../resp/args.ts";
import type { Reply } from "../resp/reply.ts";
import type { CommandEntry } from "./command-entry.ts";
import type { Session } from "./session.ts";

/** Runs a read whose cost depends on data. */
export function runTimed(
  session: Session,
  entry: CommandEntry,
  context: CommandContext,
  args: Args,
): void {
  const { server } = session;
  const { clock, writer } = server;
  const startMs = clock.monotonicMs();
  invariant(entry.data !== null, "a timed read is a data command");
  const errorsBefore = writer.errors;
  entry.data.apply(context, args, writer);
  if (writer.errors !== errorsBefore) entry.failedCalls++;
  const usec = (clock.monotonicMs() - startMs) * 1000;
  server.work += Math.ceil(usec);
  noteTime(session, entry, usec, args);
}

/** Runs a command of the server's own. */
export function runTimedSession(
  session: Session,
  entry: CommandEntry,
  args: Args,
  reply: Reply,
): void {
  const { server } = session;
  const startMs = server.clock.monotonicMs();
  invariant(entry.session !== null, "a timed session command is one");
  entry.session.run(session, args, reply);
  const usec = (server.clock.monotonicMs() - startMs) * 1000;
  server.work += Math.ceil(usec);
  noteTime(session, entry, usec, args);
}

/** A command of the session took so long. */
export function noteTime(session: Session, entry: CommandEntry, usec: number, args: Args): void {
  entry.usec += usec;
  const { slowLog } = session.server;
  if (!slowLog.wants(usec)) return;
  const nameWords = entry.name.includes("|") ? 2 : 1;
  const shownCount = entry.hidesArguments ? nameWords : args.count;
  const { connection, server, state } = session;
  const client = { address: connection.remote, name: state.name };
  slowLog.add(usec, server.nowMs(), entry.name, args, shownCount, client);
}
