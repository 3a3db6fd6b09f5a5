// Which clients CLIENT LIST shows and CLIENT KILL ends.
import { integerArgument } from "../../commands/access.ts";
import { SYNTAX_ERROR } from "../../commands/errors.ts";
import type { Args } from "../../resp/args.ts";
import type { RespServer } from "../resp-server.ts";
import type { Session } from "../session.ts";
import { DEFAULT_USER } from "./auth.ts";
import { echoed, word } from "./family.ts";

/** Says whether a client is meant. */
export type ClientFilter = (session: Session) => boolean;

const TYPES = new Set(["normal", "master", "replica", "slave", "pubsub"]);
const BAD_ID = "ERR Invalid client ID";
const BAD_KILL_ID = "ERR client-id should be greater than 0";

/** Reads a client type. All our clients are normal: others match none. Returns an error instead. */
function typeFilter(args: Args, index: number): ClientFilter | string {
  const type = word(args, index).toLowerCase();
  if (!TYPES.has(type)) return `ERR Unknown client type '${echoed(args, index)}'`;
  return () => type === "normal";
}

/** What CLIENT LIST's options select, in order of id; an error text instead when they are wrong. */
export function listedSessions(server: RespServer, args: Args): Session[] | string {
  if (args.count === 2) return [...server.sessions.values()];
  if (args.count === 4 && args.is(2, "TYPE")) {
    const filter = typeFilter(args, 3);
    return typeof filter === "string" ? filter : [...server.sessions.values()].filter(filter);
  }
  if (args.count < 4 || !args.is(2, "ID")) return SYNTAX_ERROR;
  const listed: Session[] = [];
  for (let at = 3; at < args.count; at++) {
    const id = integerArgument(args, at);
    if (Number.isNaN(id)) return BAD_ID;
    const session = server.sessions.get(id);
    if (session !== undefined) listed.push(session);
  }
  return listed;
}

/** Reads the filters of CLIENT KILL from its third argument on; an error text instead. */
export function killFilter(self: Session, args: Args): ClientFilter | string {
  const filters: ClientFilter[] = [];
  let skipsSelf = true;
  for (let at = 2; at < args.count; at += 2) {
    if (at + 1 >= args.count) return SYNTAX_ERROR;
    if (args.is(at, "SKIPME")) {
      if (!args.is(at + 1, "YES") && !args.is(at + 1, "NO")) return SYNTAX_ERROR;
      skipsSelf = args.is(at + 1, "YES");
      continue;
    }
    const filter = oneKillFilter(args, at);
    if (typeof filter === "string") return filter;
    filters.push(filter);
  }
  return (session) => {
    if (skipsSelf && session === self) return false;
    return filters.every((matches) => matches(session));
  };
}

function oneKillFilter(args: Args, at: number): ClientFilter | string {
  const value = word(args, at + 1);
  if (args.is(at, "ID")) {
    const id = integerArgument(args, at + 1);
    return id > 0 ? (session) => session.id === id : BAD_KILL_ID;
  }
  if (args.is(at, "TYPE")) return typeFilter(args, at + 1);
  if (args.is(at, "ADDR")) return (session) => session.connection.remote === value;
  if (args.is(at, "LADDR")) return (session) => session.connection.local === value;
  if (args.is(at, "USER")) {
    if (value !== DEFAULT_USER) return `ERR No such user '${echoed(args, at + 1)}'`;
    return (session) => session.state.authenticated && session.state.user === value;
  }
  return SYNTAX_ERROR;
}
