// The connection itself: PING, ECHO, SELECT, HELLO, RESET, QUIT, and the switches of Redis Cluster.
import { integerArgument } from "../../commands/access.ts";
import { BAD_DATABASE, NOT_AN_INTEGER, wrongArity } from "../../commands/errors.ts";
import { DATABASE_COUNT } from "../../keyspace/keyspace.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import { SPOKEN_VERSION } from "../info/section.ts";
import type { Session } from "../session.ts";
import { DEFAULT_USER, isLogin, refuseLogin } from "./auth.ts";
import { clientNameError } from "./client-name.ts";
import { echoed, family } from "./family.ts";

const NO_PROTOCOL = "NOPROTO unsupported protocol version";
const HELLO_NEEDS_LOGIN =
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the " +
  "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and " +
  "select the RESP protocol version at the same time";

const INT32_END = 2 ** 31;
const NOT_AN_INT32 = "ERR value is out of range, value must between -2147483648 and 2147483647";

function ping(_session: Session, args: Args, reply: Reply): void {
  if (args.count === 1) reply.simple("PONG");
  else if (args.count === 2) echo(_session, args, reply);
  else reply.error(wrongArity("ping"));
}

function echo(_session: Session, args: Args, reply: Reply): void {
  reply.bulk(args.bytes, args.view, args.offset(1), args.length(1));
}

function select(session: Session, args: Args, reply: Reply): void {
  const database = integerArgument(args, 1);
  if (Number.isNaN(database)) reply.error(NOT_AN_INTEGER);
  else if (Math.abs(database + 0.5) > INT32_END) reply.error(NOT_AN_INT32);
  else if (database < 0 || database >= DATABASE_COUNT) reply.error(BAD_DATABASE);
  else {
    session.state.database = database;
    reply.ok();
  }
}

/** Places of HELLO's options among the arguments; -1 where an option is not given. */
interface HelloOptions {
  /** 0: as it is. */
  protocol: number;
  userAt: number;
  nameAt: number;
}

/** Reads all of HELLO before anything is done: it does all or nothing. Returns an error instead. */
function helloOptions(args: Args): HelloOptions | string {
  const options: HelloOptions = { protocol: 0, userAt: -1, nameAt: -1 };
  if (args.count === 1) return options;
  options.protocol = integerArgument(args, 1);
  if (Number.isNaN(options.protocol)) {
    return "ERR Protocol version is not an integer or out of range";
  }
  if (options.protocol !== 2 && options.protocol !== 3) return NO_PROTOCOL;
  for (let at = 2; at < args.count; at++) {
    const more = args.count - 1 - at;
    if (args.is(at, "AUTH") && more >= 2) {
      options.userAt = at + 1;
      at += 2;
    } else if (args.is(at, "SETNAME") && more >= 1) {
      options.nameAt = at + 1;
      at++;
    } else {
      return `ERR Syntax error in HELLO option '${echoed(args, at)}'`;
    }
  }
  if (options.nameAt > 0) return clientNameError(args, options.nameAt) ?? options;
  return options;
}

function hello(session: Session, args: Args, reply: Reply): void {
  const options = helloOptions(args);
  if (typeof options === "string") {
    reply.error(options);
    return;
  }
  const { userAt, nameAt, protocol } = options;
  if (userAt > 0) {
    if (!isLogin(session, args, userAt, userAt + 1)) {
      refuseLogin(session, reply);
      return;
    }
    session.logIn(DEFAULT_USER);
  }
  if (!session.state.authenticated) {
    reply.error(HELLO_NEEDS_LOGIN);
    return;
  }
  if (nameAt > 0) session.state.name = args.text(nameAt);
  if (protocol !== 0) session.setProtocol(protocol);
  writeHello(session, reply);
}

function writeHello(session: Session, reply: Reply): void {
  const { node } = session.server;
  reply.map(8);
  reply.bulkText("server");
  reply.bulkText("kvorum");
  reply.bulkText("version");
  reply.bulkText(SPOKEN_VERSION);
  reply.bulkText("proto");
  reply.integer(session.protocol);
  reply.bulkText("id");
  reply.integer(session.id);
  reply.bulkText("mode");
  reply.bulkText(node.identity.announcesCluster ? "cluster" : "standalone");
  reply.bulkText("role");
  reply.bulkText(node.role() === "leader" ? "master" : "replica");
  reply.bulkText("modules");
  reply.array(0);
  reply.bulkText("kvorum_version");
  reply.bulkText(node.identity.version);
}

function reset(session: Session, _args: Args, reply: Reply): void {
  const { state } = session;
  state.transaction = null;
  state.watched = null;
  state.database = 0;
  state.name = "";
  state.noEvict = false;
  state.noTouch = false;
  state.asksTopology = false;
  session.setProtocol(2);
  session.setReplies("on");
  session.logOut();
  reply.simple("RESET");
}

function quit(session: Session, _args: Args, reply: Reply): void {
  session.ends = true;
  reply.ok();
}

function okay(_session: Session, _args: Args, reply: Reply): void {
  reply.ok();
}

const connection = family("connection", [
  {
    name: "ping",
    arity: -1,
    flags: ["fast"],
    categories: ["connection"],
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
    summary: "Says PONG, or the given message.",
    syntax: "[message]",
    since: "1.0.0",
    run: ping,
  },
  {
    name: "echo",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    summary: "Says the given message.",
    syntax: "message",
    since: "1.0.0",
    run: echo,
  },
  {
    name: "select",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    summary: "Chooses the connection's database, 0 to 15.",
    syntax: "index:integer",
    since: "1.0.0",
    run: select,
  },
  {
    name: "hello",
    arity: -1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "no_multi", "allow_busy"],
    barrier: true,
    hidesArguments: true,
    summary: "Says who the server is; chooses the protocol, logs in, names the connection.",
    syntax: "[protover:integer] [AUTH username password] [SETNAME clientname]",
    since: "6.0.0",
    run: hello,
  },
  {
    name: "reset",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    barrier: true,
    summary: "Puts the connection back to how it began, logged out where a password is set.",
    since: "6.2.0",
    run: reset,
  },
  {
    name: "quit",
    arity: -1,
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"],
    barrier: true,
    summary: "Closes the connection after the replies before it.",
    since: "1.0.0",
    run: quit,
  },
]);

const cluster = family("cluster", [
  {
    name: "readonly",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    categories: ["connection"],
    summary: "Accepted for Redis Cluster's clients; reads are linearizable at every node anyway.",
    since: "3.0.0",
    run: okay,
  },
  {
    name: "readwrite",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    categories: ["connection"],
    summary: "Accepted for Redis Cluster's clients; undoes READONLY.",
    since: "3.0.0",
    run: okay,
  },
  {
    name: "asking",
    arity: 1,
    flags: ["fast"],
    categories: ["connection"],
    summary: "Accepted for Redis Cluster's clients; slots are never between two nodes here.",
    since: "3.0.0",
    run: okay,
  },
]);

/** Commands on the connection itself. */
export const connectionCommands: readonly SessionCommand[] = [...connection, ...cluster];
