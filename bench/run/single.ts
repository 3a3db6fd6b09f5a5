// A fresh single node of Kvorum or Redis for the rows that are procedures of their own.
import { type Child, pause, until } from "../servers/children.ts";
import { startKvorumNode } from "../servers/kvorum.ts";
import { RedisNode, redisSettings } from "../servers/redis.ts";
import { answersPing, infoFields } from "../servers/resp-control.ts";
import type { RestartableNode } from "../servers/server.ts";
import { residentBytes } from "../proc.ts";
import type { Bench } from "./bench.ts";

const SETTLE_EVERY_MS = 500;
/** Long enough for V8 to give back, some 8 s after the load, what it needed for it. */
const SETTLE_TIMES = 24;
const SETTLE_SHARE = 0.005;
const SETTLE_TIMEOUT_MS = 60_000;

/** A node that runs alone, with what is needed to end it. */
export interface SingleNode extends RestartableNode {
  readonly child: Child;
  stop(): Promise<void>;
}

/** The families such a row runs on, Kvorum first. */
export function singleFamilies(bench: Bench): Array<"kvorum" | "redis"> {
  return (["kvorum", "redis"] as const).filter((family) => bench.families.includes(family));
}

/** Starts a node and waits until it serves. */
export async function startSingle(
  bench: Bench,
  family: "kvorum" | "redis",
  sync: "relaxed" | "durable",
): Promise<SingleNode> {
  return bench.children.orNone(async () => {
    const node =
      family === "kvorum"
        ? await startKvorumNode(bench, sync === "durable" ? "always" : "no")
        : await RedisNode.start(bench.children, redisSettings[sync]);
    await until(`${family} starts`, [node.child], () => answersPing(node.port));
    return node;
  });
}

/** Resident bytes of a node once they stand still for two seconds (or after half a minute). */
export async function settledBytes(node: SingleNode): Promise<number> {
  let settled = residentBytes(node.roots);
  for (let quiet = 0, waited = 0; quiet < SETTLE_TIMES && waited < SETTLE_TIMEOUT_MS;) {
    await pause(SETTLE_EVERY_MS);
    waited += SETTLE_EVERY_MS;
    const now = residentBytes(node.roots);
    quiet = Math.abs(now - settled) <= settled * SETTLE_SHARE ? quiet + 1 : 0;
    if (quiet === 0) settled = now;
  }
  return residentBytes(node.roots);
}

/** Until no AOF rewrite (Redis) and no snapshot (both) is being written. */
export async function untilSaved(node: SingleNode): Promise<void> {
  const isIdle = async (): Promise<boolean> => {
    const info = await infoFields(node.port, "persistence");
    const running = ["aof_rewrite_in_progress", "rdb_bgsave_in_progress"];
    return running.every((field) => (info.get(field) ?? "0") === "0");
  };
  await until("no snapshot is being written", [node.child], isIdle, { timeoutMs: 300_000 });
}
