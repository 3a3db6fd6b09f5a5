// Looking into a server: SLOWLOG, LATENCY, DEBUG.
import { integerArgument } from "../../commands/access.ts";
import { SYNTAX_ERROR } from "../../commands/errors.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import type { Session } from "../session.ts";
import type { SlowEntry } from "../slow-log.ts";
import { container, family } from "./family.ts";

const SLOW_ENTRIES_SHOWN = 10;
const DEBUG_SLEEP_SECONDS_MAX = 60;

const BAD_SLOW_COUNT = "ERR count should be greater than or equal to -1";
const NO_DEBUG =
  "ERR DEBUG command not allowed. It reaches into the server and is there for tests only; " +
  "INFO, SLOWLOG and CLIENT LIST tell what the server does";

function slowGet(session: Session, args: Args, reply: Reply): void {
  const count = args.count === 3 ? integerArgument(args, 2) : SLOW_ENTRIES_SHOWN;
  if (args.count > 3) reply.error(SYNTAX_ERROR);
  else if (!(count >= -1)) reply.error(BAD_SLOW_COUNT);
  else {
    const { entries } = session.server.slowLog;
    const shown = count < 0 ? entries : entries.slice(0, count);
    reply.array(shown.length);
    for (const entry of shown) writeSlowEntry(entry, reply);
  }
}

function writeSlowEntry(entry: SlowEntry, reply: Reply): void {
  reply.array(6);
  reply.integer(entry.id);
  reply.integer(entry.time);
  reply.integer(entry.usec);
  reply.array(entry.args.length);
  for (const arg of entry.args) writeBytes(arg, reply);
  reply.bulkText(entry.client);
  reply.bulkText(entry.clientName);
}

/** Writes text that holds one byte per character. */
function writeBytes(text: string, reply: Reply): void {
  const bytes = Buffer.from(text, "latin1");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  reply.bulk(bytes, view, 0, bytes.length);
}

const slowLog = container(
  {
    name: "slowlog",
    group: "server",
    summary: "A container for commands on the log of slow commands.",
    since: "2.2.12",
  },
  [
    {
      name: "get",
      arity: -2,
      flags: ["admin", "loading", "stale"],
      tips: ["request_policy:all_nodes", "nondeterministic_output"],
      summary:
        "The newest slow commands, 10 unless told: id, time, microseconds, arguments, client.",
      syntax: "[count:integer]",
      complexity: "O(N) in the entries shown",
      since: "2.2.12",
      run: slowGet,
    },
    {
      name: "len",
      arity: 2,
      flags: ["admin", "loading", "stale"],
      tips: ["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
      summary: "How many entries the slow log has.",
      since: "2.2.12",
      run: (session, _args, reply) => reply.integer(session.server.slowLog.entries.length),
    },
    {
      name: "reset",
      arity: 2,
      flags: ["admin", "loading", "stale"],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
      summary: "Empties the slow log.",
      since: "2.2.12",
      run: (session, _args, reply) => {
        session.server.slowLog.clear();
        reply.ok();
      },
    },
  ],
);

function latencyDoctor(session: Session, _args: Args, reply: Reply): void {
  const { eventLoopStallMsMax } = session.server.node.process();
  const stall = eventLoopStallMsMax.toFixed(1);
  reply.verbatim(
    "txt",
    `Longest stall of the event loop since start or CONFIG RESETSTAT: ${stall} ms. ` +
      "Slow commands are in SLOWLOG.\n",
  );
}

const latency = container(
  {
    name: "latency",
    group: "server",
    summary: "A container for commands on latency.",
    since: "2.8.13",
  },
  [
    {
      name: "doctor",
      arity: 2,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "What is known of latency, in words.",
      since: "2.8.13",
      run: latencyDoctor,
    },
    {
      name: "history",
      arity: 3,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "Samples of a latency event; none are recorded.",
      syntax: "event",
      since: "2.8.13",
      run: (_session, _args, reply) => reply.array(0),
    },
    {
      name: "latest",
      arity: 2,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "The latest sample of each latency event; none are recorded.",
      since: "2.8.13",
      run: (_session, _args, reply) => reply.array(0),
    },
    {
      name: "reset",
      arity: -2,
      flags: ["admin", "noscript", "loading", "stale"],
      summary: "Forgets latency events: says how many, which is none.",
      syntax: "[event [event ...]]",
      since: "2.8.13",
      run: (_session, _args, reply) => reply.integer(0),
    },
  ],
);

function debug(session: Session, args: Args, reply: Reply): void {
  const { node } = session.server;
  if (!node.identity.debugAllowed || !args.is(1, "SLEEP") || args.count !== 3) {
    reply.error(NO_DEBUG);
    return;
  }
  const seconds = Number(args.text(2).slice(0, 32));
  if (!(seconds >= 0 && seconds <= DEBUG_SLEEP_SECONDS_MAX)) {
    reply.error("ERR DEBUG SLEEP takes 0 to 60 seconds");
    return;
  }
  node.sleep(seconds * 1000);
  reply.ok();
}

const debugging = family("server", [
  {
    name: "debug",
    arity: -2,
    flags: ["admin", "noscript", "loading", "stale"],
    summary: "Refused, but for SLEEP on a server that was started for tests.",
    syntax: "SLEEP seconds:double",
    since: "1.0.0",
    run: debug,
  },
]);

/** SLOWLOG, LATENCY and DEBUG. */
export const diagnosticCommands: readonly SessionCommand[] = [...slowLog, ...latency, ...debugging];
