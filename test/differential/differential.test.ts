// Random runs of commands on Kvorum and on a real redis-server: the replies are the same but for
// what docs/compatibility-notes.md lists. KVORUM_DIFF_COMMANDS sets how many, KVORUM_DIFF_SEED
// replays.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { isInstalled, RedisServer } from "../support/redis-server.ts";
import type { RespConnection } from "../support/resp-connection.ts";
import { play } from "./play.ts";
import { step } from "./steps.ts";

const COMMANDS = Number(process.env["KVORUM_DIFF_COMMANDS"] ?? 20_000);
const SEED = Number(process.env["KVORUM_DIFF_SEED"] ?? Date.now() % 2 ** 31);
const STEPS_MAX = 250;
const RUNS_AT_ONCE = 10;
/** Commands a second that even a slow machine reaches. */
const COMMANDS_PER_SECOND_MIN = 200;

describe.skipIf(!isInstalled("redis-server"))("Kvorum and Redis", () => {
  let lab: Lab;
  let redis: RedisServer;
  let kvorum: KvorumServer;

  beforeAll(async () => {
    lab = new Lab();
    redis = await RedisServer.start(lab);
    kvorum = await KvorumServer.start(lab, { fsync: "no" });
  });

  afterAll(async () => {
    await lab.close();
  });

  const openKvorum = (): Promise<RespConnection> => kvorum.connect();
  const openRedis = (): Promise<RespConnection> => redis.connect();
  const timeout = 60_000 + (COMMANDS / COMMANDS_PER_SECOND_MIN) * 1000;
  test(`answer ${COMMANDS} random commands alike`, { timeout }, async () => {
    const total = { sent: 0, runs: 0, endedEarly: 0 };
    const run = fc.asyncProperty(
      fc.array(step, { maxLength: STEPS_MAX, size: "max" }),
      fc.constantFrom<2 | 3>(2, 3),
      async (steps, protocol) => {
        const result = await play(steps, protocol, openKvorum, openRedis);
        total.sent += result.sent;
        total.runs++;
        if (result.endedEarly) total.endedEarly++;
      },
    );
    for (let seed = SEED; total.sent < COMMANDS; seed++) {
      await fc.assert(run, { seed, numRuns: RUNS_AT_ONCE, interruptAfterTimeLimit: timeout });
    }
    expect(total.endedEarly / total.runs, "runs with needless aborts").toBeLessThan(0.2);
  });
});
