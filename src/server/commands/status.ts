// What operators and tools ask of a server: INFO, ROLE, TIME, WAIT, LOLWUT.
import { integerArgument } from "../../commands/access.ts";
import { NOT_AN_INTEGER } from "../../commands/errors.ts";
import type { Args } from "../../resp/args.ts";
import type { Reply } from "../../resp/reply.ts";
import type { SessionCommand } from "../command-entry.ts";
import { infoText } from "../info/info.ts";
import type { NodeView } from "../node-view.ts";
import { deferReply } from "../deferred-reply.ts";
import type { Session } from "../session.ts";
import { family } from "./family.ts";

/** How often WAIT looks, in milliseconds. */
const WAIT_STEP_MS = 5;

function info(session: Session, args: Args, reply: Reply): void {
  reply.verbatim("txt", infoText(session.server, args));
}

function role(session: Session, _args: Args, reply: Reply): void {
  const { node } = session.server;
  if (node.role() === "leader") writeLeaderRole(node, reply);
  else writeFollowerRole(node, reply);
}

function writeLeaderRole(node: NodeView, reply: Reply): void {
  const replicas = node.members().filter((member) => !member.isSelf && member.online);
  reply.array(3);
  reply.bulkText("master");
  reply.integer(node.progress().commitIndex);
  reply.array(replicas.length);
  for (const replica of replicas) {
    reply.array(3);
    reply.bulkText(replica.host);
    reply.bulkText(String(replica.port));
    reply.bulkText(String(Math.max(0, replica.matchIndex)));
  }
}

function writeFollowerRole(node: NodeView, reply: Reply): void {
  const leader = node.members().find((member) => member.isLeader);
  reply.array(5);
  reply.bulkText("slave");
  reply.bulkText(leader?.host ?? "");
  reply.integer(leader?.port ?? 0);
  reply.bulkText(leader === undefined ? "connect" : leader.online ? "connected" : "connecting");
  reply.integer(leader === undefined ? -1 : node.progress().appliedIndex);
}

function time(session: Session, _args: Args, reply: Reply): void {
  const usec = Math.floor(session.server.nowMs() * 1000);
  reply.array(2);
  reply.bulkText(String(Math.floor(usec / 1e6)));
  reply.bulkText(String(usec % 1e6));
}

/**
 * How many other nodes surely have everything up to `index`. A node that does not lead knows only
 * that a write it saw acknowledged is on a majority.
 */
function copiesOf(node: NodeView, index: number): number {
  const members = node.members();
  if (node.role() === "leader") {
    return members.filter((member) => !member.isSelf && member.matchIndex >= index).length;
  }
  const voters = members.filter((member) => member.isVoter).length;
  return Math.floor(voters / 2);
}

function wait(session: Session, args: Args, reply: Reply): void {
  const wanted = integerArgument(args, 1);
  const timeoutMs = integerArgument(args, 2);
  if (Number.isNaN(wanted)) reply.error(NOT_AN_INTEGER);
  else if (Number.isNaN(timeoutMs)) reply.error("ERR timeout is not an integer or out of range");
  else if (timeoutMs < 0) reply.error("ERR timeout is negative");
  else {
    const { node } = session.server;
    // As a barrier this runs after all writes of the session are answered, and so applied at the
    // leader.
    const index = node.progress().commitIndex;
    if (copiesOf(node, index) >= wanted) reply.integer(copiesOf(node, index));
    else waitForCopies(session, index, wanted, timeoutMs);
  }
}

function waitForCopies(session: Session, index: number, wanted: number, timeoutMs: number): void {
  const { node, clock, scheduler } = session.server;
  const answer = deferReply(session);
  const endMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : clock.monotonicMs() + timeoutMs;
  const look = (): void => {
    if (session.closed) return;
    const copies = copiesOf(node, index);
    const leftMs = endMs - clock.monotonicMs();
    if (copies >= wanted || leftMs <= 0) answer((late) => late.integer(copies));
    else scheduler.after(Math.min(WAIT_STEP_MS, leftMs), look);
  };
  scheduler.after(Math.min(WAIT_STEP_MS, timeoutMs || WAIT_STEP_MS), look);
}

function lolwut(session: Session, _args: Args, reply: Reply): void {
  const { version } = session.server.node.identity;
  reply.verbatim("txt", `Kvorum ver. ${version}: a majority agrees.\n`);
}

/** Commands that tell how the node is. */
export const statusCommands: readonly SessionCommand[] = family("server", [
  {
    name: "info",
    arity: -1,
    flags: ["loading", "stale"],
    categories: ["dangerous"],
    summary: "Facts and figures on the server, by section.",
    syntax: "[section [section ...]]",
    since: "1.0.0",
    run: info,
  },
  {
    name: "role",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    summary: "Whether this node leads, and who follows or leads.",
    since: "2.8.12",
    run: role,
  },
  {
    name: "time",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    summary: "The server's clock: Unix seconds and microseconds.",
    since: "2.6.0",
    run: time,
  },
  {
    name: "lolwut",
    arity: -1,
    flags: ["readonly", "fast"],
    summary: "Kvorum's version, in a line.",
    syntax: "[VERSION version:integer]",
    since: "5.0.0",
    run: lolwut,
  },
  {
    name: "wait",
    arity: 3,
    flags: ["noscript", "no_multi"],
    barrier: true,
    categories: ["connection"],
    summary: "Waits until so many other nodes have this connection's writes; says how many have.",
    syntax: "numreplicas:integer timeout:integer",
    since: "3.0.0",
    run: wait,
  },
]);
