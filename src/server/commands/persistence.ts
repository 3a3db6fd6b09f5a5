// Snapshots on demand and stopping the node: SAVE, BGSAVE, LASTSAVE, SHUTDOWN.
import { SYNTAX_ERROR } from "../../commands/errors.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import { deferReply } from "../deferred-reply.ts";
import type { Session } from "../session.ts";
import { family } from "./family.ts";

const SNAPSHOT_RUNNING = "ERR Background save already in progress";

/** The error reply for a snapshot that failed. Acknowledged writes are in the log all the same. */
function snapshotError(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return `ERR the snapshot failed: ${reason}`;
}

function save(session: Session, _args: Args, reply: Reply): void {
  const { node } = session.server;
  if (node.snapshots().running) {
    reply.error(SNAPSHOT_RUNNING);
    return;
  }
  const answer = deferReply(session);
  node.snapshot().then(
    () => answer((late) => late.ok()),
    (cause: unknown) => answer((late) => late.error(snapshotError(cause))),
  );
}

function backgroundSave(session: Session, args: Args, reply: Reply): void {
  const { server } = session;
  if (args.count > 2 || (args.count === 2 && !args.is(1, "SCHEDULE"))) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (server.node.snapshots().running) {
    if (args.count === 2) reply.simple("Background saving scheduled");
    else reply.error(SNAPSHOT_RUNNING);
    return;
  }
  server.node.snapshot().catch((cause: unknown) => server.reportFailure("BGSAVE", cause));
  reply.simple("Background saving started");
}

function lastSave(session: Session, _args: Args, reply: Reply): void {
  reply.integer(Math.floor(session.server.node.snapshots().lastAtMs / 1000));
}

function shutdown(session: Session, args: Args, reply: Reply): void {
  let saves: boolean | null = null;
  let aborts = false;
  for (let at = 1; at < args.count; at++) {
    const isSave = args.is(at, "SAVE");
    if (isSave || args.is(at, "NOSAVE")) {
      if (saves !== null && saves !== isSave) {
        reply.error(SYNTAX_ERROR);
        return;
      }
      saves = isSave;
    } else if (args.is(at, "ABORT")) aborts = true;
    else if (!args.is(at, "NOW") && !args.is(at, "FORCE")) {
      reply.error(SYNTAX_ERROR);
      return;
    }
  }
  if (aborts) {
    reply.error(args.count > 2 ? SYNTAX_ERROR : "ERR No shutdown in progress.");
    return;
  }
  // As in Redis there is no reply: the connection ends with the process.
  deferReply(session);
  session.server.node.shutdown(saves === true);
}

/** Commands on snapshots, and SHUTDOWN. */
export const persistenceCommands: readonly SessionCommand[] = family("server", [
  {
    name: "save",
    arity: 1,
    flags: ["admin", "noscript", "no_multi"],
    summary:
      "Writes a snapshot and answers when it is on disk; other clients are served meanwhile.",
    complexity: "O(N) in the keys",
    since: "1.0.0",
    run: save,
  },
  {
    name: "bgsave",
    arity: -1,
    flags: ["admin", "noscript", "no_multi"],
    summary: "Begins to write a snapshot. Acknowledged writes are on disk without it.",
    syntax: "[SCHEDULE]",
    since: "1.0.0",
    run: backgroundSave,
  },
  {
    name: "lastsave",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    tips: ["nondeterministic_output"],
    summary: "Unix seconds of the newest snapshot.",
    since: "1.0.0",
    run: lastSave,
  },
  {
    name: "shutdown",
    arity: -1,
    flags: ["admin", "noscript", "loading", "stale", "no_multi", "allow_busy"],
    barrier: true,
    summary: "Hands leadership over and stops this node; with SAVE after a snapshot.",
    syntax: "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]",
    since: "1.0.0",
    run: shutdown,
  },
]);
