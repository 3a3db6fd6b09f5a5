// Random runs of commands on Kvorum and on a real redis-server: the replies are the same but for
// what docs/compatibility-notes.md lists. KVORUM_DIFF_COMMANDS sets how many, KVORUM_DIFF_SEED
// replays.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DevCluster } from "../support/dev-cluster.ts";
import { KvorumServer } from "../support/kvorum-server.ts";
import { Lab } from "../support/lab.ts";
import { isInstalled, RedisServer } from "../support/redis-server.ts";
import { RespConnection } from "../support/resp-connection.ts";
import { type Open, play } from "./play.ts";
import { step } from "./steps.ts";

const COMMANDS = Number(process.env["KVORUM_DIFF_COMMANDS"] ?? 20_000);
/** Runs of one connection that once differed. */
const ONCE_DIFFERENT: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  ["EXEC with an argument voids the transaction", [["MULTI"], ["SET", "a", "1"], ["EXEC", "x"]]],
  ["DISCARD with an argument does not", [["MULTI"], ["DISCARD", "x"], ["GET", "a"], ["EXEC"]]],
  [
    "SELECT in a transaction that a watched key ends",
    [["WATCH", "a"], ["SET", "a", "1"], ["MULTI"], ["SELECT", "7"], ["EXEC"], ["SET", "b", "2"]],
  ],
  [
    "SELECT in a transaction that runs",
    [["WATCH", "a"], ["MULTI"], ["SELECT", "7"], ["SET", "b", "2"], ["EXEC"], ["SET", "c", "3"]],
  ],
  ["an error that ends in line ends", [["EXPIRE", "a", "1000", "no\r\n"]]],
  [
    "a database beyond 32 bits",
    [
      ["SELECT", "2147483648"],
      ["SELECT", "-2147483649"],
    ],
  ],
];

/** Through followers each command takes a way more: a part is enough. */
const FORWARDED_COMMANDS: number = COMMANDS / 4;
const SEED = Number(process.env["KVORUM_DIFF_SEED"] ?? Date.now() % 2 ** 31);
const STEPS_MAX = 250;
const RUNS_AT_ONCE = 10;
/** Commands a second that even a slow machine reaches. */
const COMMANDS_PER_SECOND_MIN = 200;
const timeoutFor = (commands: number): number => {
  return 60_000 + (commands / COMMANDS_PER_SECOND_MIN) * 1000;
};

describe.skipIf(!isInstalled("redis-server"))("Kvorum and Redis", () => {
  let lab: Lab;
  let redis: RedisServer;

  beforeAll(async () => {
    lab = new Lab();
    redis = await RedisServer.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test(`answer ${COMMANDS} random commands alike`, { timeout: timeoutFor(COMMANDS) }, async () => {
    const kvorum = await KvorumServer.start(lab, { fsync: "no" });
    const total = await playRuns(COMMANDS, () => kvorum.connect());
    expect(total.endedEarly / total.runs, "runs that were undecided").toBeLessThan(0.2);
    await kvorum.kill();
  });

  test("answer alike what they once answered differently", async () => {
    const kvorum = await KvorumServer.start(lab, { fsync: "no" });
    for (const [name, commands] of ONCE_DIFFERENT) {
      const steps = commands.map((args) => ({ kind: "command", connection: 0, args }) as const);
      for (const protocol of [2, 3] as const) {
        const open = (): Promise<RespConnection> => kvorum.connect();
        const result = await play(steps, protocol, open, () => redis.connect());
        expect([name, result.endedEarly]).toEqual([name, false]);
      }
    }
    await kvorum.kill();
  });

  test(
    `answer ${FORWARDED_COMMANDS} alike when two followers of three nodes are asked`,
    { timeout: timeoutFor(FORWARDED_COMMANDS * 4) },
    async () => {
      const cluster = await DevCluster.start(lab);
      const followers = await cluster.followers();
      expect(followers).toHaveLength(2);
      let opened = 0;
      const openInTurn = (): Promise<RespConnection> => {
        return RespConnection.open(followers[opened++ % 2]!);
      };
      const total = await playRuns(FORWARDED_COMMANDS, openInTurn);
      expect(total.endedEarly / total.runs, "runs that were undecided").toBeLessThan(0.2);
      await cluster.stop();
    },
  );

  /** Plays random runs until so many commands were sent. */
  async function playRuns(
    commands: number,
    openKvorum: Open,
  ): Promise<{ sent: number; runs: number; endedEarly: number }> {
    const total = { sent: 0, runs: 0, endedEarly: 0 };
    const run = fc.asyncProperty(
      fc.array(step, { maxLength: STEPS_MAX, size: "max" }),
      fc.constantFrom<2 | 3>(2, 3),
      async (steps, protocol) => {
        const result = await play(steps, protocol, openKvorum, () => redis.connect());
        total.sent += result.sent;
        total.runs++;
        if (result.endedEarly) total.endedEarly++;
      },
    );
    for (let seed = SEED; total.sent < commands; seed++) {
      await fc.assert(run, { seed, numRuns: RUNS_AT_ONCE });
    }
    return total;
  }
});
