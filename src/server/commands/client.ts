// CLIENT: what clients say of themselves, who is connected, and ending or holding connections.
import { integerArgument } from "../../commands/access.ts";
import { SYNTAX_ERROR } from "../../commands/errors.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import type { Session } from "../session.ts";
import { killFilter, listedSessions } from "./client-filter.ts";
import { clientLine } from "./client-line.ts";
import { clientNameError, libraryNameError } from "./client-name.ts";
import { container, echoed, onOrOff, word } from "./family.ts";

function setName(session: Session, args: Args, reply: Reply): void {
  const error = clientNameError(args, 2);
  if (error !== null) {
    reply.error(error);
    return;
  }
  session.state.name = args.text(2);
  reply.ok();
}

function getName(session: Session, _args: Args, reply: Reply): void {
  if (session.state.name === "") reply.nil();
  else reply.bulkText(session.state.name);
}

function setInfo(session: Session, args: Args, reply: Reply): void {
  const isName = args.is(2, "LIB-NAME");
  if (!isName && !args.is(2, "LIB-VER")) {
    reply.error(`ERR Unrecognized option '${echoed(args, 2)}'`);
    return;
  }
  const error = libraryNameError(args, 3, isName ? "lib-name" : "lib-ver");
  if (error !== null) {
    reply.error(error);
    return;
  }
  if (isName) session.state.libraryName = args.text(3);
  else session.state.libraryVersion = args.text(3);
  reply.ok();
}

function list(session: Session, args: Args, reply: Reply): void {
  const sessions = listedSessions(session.server, args);
  if (typeof sessions === "string") {
    reply.error(sessions);
    return;
  }
  let text = "";
  for (const listed of sessions) text += `${clientLine(listed)}\n`;
  reply.verbatim("txt", text);
}

function kill(session: Session, args: Args, reply: Reply): void {
  if (args.count === 3) {
    killByAddress(session, args, reply);
    return;
  }
  const filter = killFilter(session, args);
  if (typeof filter === "string") {
    reply.error(filter);
    return;
  }
  let killed = 0;
  for (const other of [...session.server.sessions.values()]) {
    if (!filter(other)) continue;
    killed++;
    endOne(session, other);
  }
  reply.integer(killed);
}

function killByAddress(session: Session, args: Args, reply: Reply): void {
  const address = word(args, 2);
  for (const other of session.server.sessions.values()) {
    if (other.connection.remote !== address) continue;
    endOne(session, other);
    reply.ok();
    return;
  }
  reply.error("ERR No such client");
}

/** Ends a session: the one that asks for it after its reply, any other at once. */
function endOne(self: Session, other: Session): void {
  if (other === self) self.ends = true;
  else other.destroy();
}

function replies(session: Session, args: Args, reply: Reply): void {
  if (args.is(2, "ON")) {
    session.setReplies("on");
    reply.ok();
  } else if (args.is(2, "OFF")) session.setReplies("off");
  else if (args.is(2, "SKIP")) session.setReplies("skip");
  else reply.error(SYNTAX_ERROR);
}

function noEvict(session: Session, args: Args, reply: Reply): void {
  const on = onOrOff(args, 2);
  if (on === null) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  session.state.noEvict = on;
  reply.ok();
}

function noTouch(session: Session, args: Args, reply: Reply): void {
  const on = onOrOff(args, 2);
  if (on === null) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  session.state.noTouch = on;
  reply.ok();
}

function pause(session: Session, args: Args, reply: Reply): void {
  const timeoutMs = integerArgument(args, 2);
  const writesOnly = args.count === 4 && args.is(3, "WRITE");
  if (args.count > 4) reply.error(SYNTAX_ERROR);
  else if (args.count === 4 && !writesOnly && !args.is(3, "ALL")) {
    reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
  } else if (Number.isNaN(timeoutMs)) {
    reply.error("ERR timeout is not an integer or out of range");
  } else if (timeoutMs < 0) reply.error("ERR timeout is negative");
  else {
    session.server.pause.begin(writesOnly, timeoutMs);
    reply.ok();
  }
}

/** CLIENT and its subcommands. */
export const clientCommands: readonly SessionCommand[] = container(
  {
    name: "client",
    group: "connection",
    summary: "A container for commands on client connections.",
    since: "2.4.0",
  },
  [
    {
      name: "getname",
      arity: 2,
      flags: ["noscript", "loading", "stale"],
      summary: "The name of this connection, null when it has none.",
      since: "2.6.9",
      run: getName,
    },
    {
      name: "id",
      arity: 2,
      flags: ["noscript", "loading", "stale"],
      summary: "The number of this connection, never used twice while the server runs.",
      since: "5.0.0",
      run: (session, _args, reply) => reply.integer(session.id),
    },
    {
      name: "info",
      arity: 2,
      flags: ["noscript", "loading", "stale"],
      summary: "What is known of this connection.",
      since: "6.2.0",
      run: (session, _args, reply) => reply.verbatim("txt", `${clientLine(session)}\n`),
    },
    {
      name: "kill",
      arity: -3,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "Ends the connections that match all filters; SKIPME is YES by default.",
      syntax:
        "[address] [ID client-id:integer] [TYPE NORMAL|MASTER|REPLICA|PUBSUB] [USER username] " +
        "[ADDR address] [LADDR address] [SKIPME YES|NO]",
      complexity: "O(N) in the connections",
      since: "2.4.0",
      run: kill,
    },
    {
      name: "list",
      arity: -2,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "What is known of all connections, or of some.",
      syntax: "[TYPE NORMAL|MASTER|REPLICA|PUBSUB] [ID client-id:integer [client-id:integer ...]]",
      complexity: "O(N) in the connections",
      since: "2.4.0",
      run: list,
    },
    {
      name: "no-evict",
      arity: 3,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "Keeps this connection when memory for clients runs short.",
      syntax: "ON|OFF",
      since: "7.0.0",
      run: noEvict,
    },
    {
      name: "no-touch",
      arity: 3,
      flags: ["noscript", "loading", "stale"],
      summary: "Lets commands of this connection leave the last access of keys as it is.",
      syntax: "ON|OFF",
      since: "7.2.0",
      run: noTouch,
    },
    {
      name: "pause",
      arity: -3,
      flags: ["admin", "noscript", "loading", "stale", "no_multi"],
      summary: "Holds the commands of all clients, or only writes, for some milliseconds.",
      syntax: "timeout:integer [WRITE|ALL]",
      since: "3.0.0",
      run: pause,
    },
    {
      name: "reply",
      arity: 3,
      flags: ["noscript", "loading", "stale", "no_multi"],
      barrier: true,
      summary: "Switches the replies to this connection on or off, or skips the next one.",
      syntax: "ON|OFF|SKIP",
      since: "3.2.0",
      run: replies,
    },
    {
      name: "setinfo",
      arity: 4,
      flags: ["noscript", "loading", "stale"],
      summary: "Tells the name or version of the client library.",
      syntax: "LIB-NAME libname|LIB-VER libver",
      since: "7.2.0",
      run: setInfo,
    },
    {
      name: "setname",
      arity: 3,
      flags: ["noscript", "loading", "stale"],
      summary: "Names this connection; an empty name takes it away.",
      syntax: "connection-name",
      since: "2.6.9",
      run: setName,
    },
    {
      name: "unpause",
      arity: 2,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "Ends a CLIENT PAUSE.",
      complexity: "O(N) in the held connections",
      since: "6.2.0",
      run: (session, _args, reply) => {
        session.server.pause.end();
        reply.ok();
      },
    },
  ],
);
