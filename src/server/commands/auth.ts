// AUTH, and the login that HELLO shares with it.
import { SYNTAX_ERROR, wrongArity } from "../../commands/errors.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import { deferReply } from "../deferred-reply.ts";
import type { Session } from "../session.ts";
import { family, word } from "./family.ts";
import { samePassword } from "./login-guard.ts";

/** The only user until there are access lists. */
export const DEFAULT_USER = "default";

const WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled.";
const TOO_MANY = "ERR too many failed logins from this address, try again later";
const NO_PASSWORD_SET =
  "ERR AUTH <password> called without any password configured for the default user. " +
  "Are you sure your configuration is correct?";

/** Whether these arguments name a user and give its password; looks at them, changes nothing. */
export function isLogin(session: Session, args: Args, userAt: number, passwordAt: number): boolean {
  const { password } = session.server.options;
  const named = userAt < 0 || word(args, userAt) === DEFAULT_USER;
  // The password is hashed for unknown users too: the answer takes as long.
  const matches = password === "" || samePassword(args.look(passwordAt), password);
  return named && matches;
}

/** Answers a failed login, later and later for an address that goes on failing. */
export function refuseLogin(session: Session, reply: Reply): void {
  const { server } = session;
  const address = addressOf(session.connection.remote);
  const delayMs = server.logins.failed(address, server.clock.monotonicMs());
  if (delayMs < 0) {
    reply.error(TOO_MANY);
    session.ends = true;
    return;
  }
  const answer = deferReply(session);
  server.scheduler.after(delayMs, () => {
    server.logins.told(address);
    answer((late) => late.error(WRONG_PASSWORD));
  });
}

function addressOf(remote: string): string {
  const colon = remote.lastIndexOf(":");
  return colon < 0 ? remote : remote.slice(0, colon);
}

function auth(session: Session, args: Args, reply: Reply): void {
  if (args.count > 3) {
    reply.error(SYNTAX_ERROR);
    return;
  }
  if (args.count < 2) {
    reply.error(wrongArity("auth"));
    return;
  }
  const plain = args.count === 2;
  if (plain && session.server.options.password === "") {
    reply.error(NO_PASSWORD_SET);
    return;
  }
  if (!isLogin(session, args, plain ? -1 : 1, args.count - 1)) {
    refuseLogin(session, reply);
    return;
  }
  session.logIn(DEFAULT_USER);
  reply.ok();
}

/** AUTH. */
export const authCommands: readonly SessionCommand[] = family("connection", [
  {
    name: "auth",
    arity: -2,
    // It may have to answer later, so it cannot be part of a transaction.
    flags: ["noscript", "loading", "stale", "fast", "no_auth", "no_multi", "allow_busy"],
    hidesArguments: true,
    summary: "Logs the connection in.",
    syntax: "[username] password",
    since: "1.0.0",
    run: auth,
  },
]);
