// Deep pipelines through nodes that do not lead, while the leader is lost or stands still: what is
// on its way stays bounded, everything is done once and in order, nothing fails.
import { describe, expect, test } from "vitest";
import type { NodeOptions } from "./node-environment.ts";
import { seedsFrom, SimCluster } from "./testing/sim-cluster.ts";

const NODE: Partial<NodeOptions> = { sync: "always" };
const CLIENTS = 6;
const COMMANDS = 6_000;
/** A node's part of three, and what each session may have open whatever the others do. */
const NODE_MAX = 16_384;
const SESSION_MIN = 16;

/** Sends as a session would: no more than the node takes now. */
class Sender {
  readonly replies: string[] = [];
  readonly #cluster: SimCluster;
  readonly #number: number;
  readonly #client;
  readonly #key: string;
  #issued = 0;
  #paused = false;

  constructor(cluster: SimCluster, number: number, key: string) {
    this.#cluster = cluster;
    this.#number = number;
    this.#client = cluster.client(number);
    this.#key = key;
  }

  get open(): number {
    return this.#issued - this.replies.length;
  }

  get done(): boolean {
    return this.replies.length === COMMANDS;
  }

  send(): void {
    while (!this.#paused && this.#issued < COMMANDS) {
      this.#issued++;
      void this.#client.run("incr", this.#key).then((reply) => {
        this.replies.push(reply);
        if (this.open <= this.#openMax() / 2) this.#paused = false;
        this.send();
        return reply;
      });
      if (this.open >= this.#openMax()) this.#paused = true;
    }
  }

  #openMax(): number {
    return this.#cluster.machine(this.#number).node?.node.router.openMax ?? 0;
  }
}

type Trouble = "none" | "kill" | "pause" | "cut";

async function flood(seed: number, trouble: Trouble): Promise<{ wrong: string[]; most: number }> {
  const cluster = new SimCluster(seed);
  await cluster.form(3, 3, NODE);
  await cluster.untilEqual();
  const { world } = cluster;
  const leader = cluster.leader();
  const followers = [1, 2, 3].filter((number) => number !== leader);
  const senders = Array.from(
    { length: CLIENTS },
    (_, at) => new Sender(cluster, followers[at % 2]!, `key:${at}`),
  );
  let most = 0;
  const watch = (): void => {
    for (const side of [0, 1]) {
      const open = senders.filter((_, at) => at % 2 === side).map((sender) => sender.open);
      most = Math.max(
        most,
        open.reduce((sum, each) => sum + each, 0),
      );
    }
  };
  for (const sender of senders) sender.send();
  const host = world.host(`n${leader}`);
  await world.runUntil(() => {
    watch();
    return senders[0]!.replies.length > 200 + (world.random.uint32() % 1_000);
  });
  if (trouble === "kill") cluster.kill(leader);
  if (trouble === "pause") host.process!.pause();
  if (trouble === "cut") for (const each of followers) world.fabric.cut(`n${leader}`, `n${each}`);
  await world.advance(300 + (world.random.uint32() % 1_500));
  if (trouble === "pause") host.process!.resume();
  if (trouble === "cut") world.fabric.healAll();
  await cluster.until("all replies", () => {
    watch();
    return senders.every((sender) => sender.done);
  });
  const right = Array.from({ length: COMMANDS }, (_, at) => `:${at + 1}\r\n`).join("");
  const wrong = senders.flatMap(({ replies }, at) =>
    replies.join("") === right ? [] : [`seed ${seed}, client ${at}: ${firstError(replies)}`],
  );
  return { wrong, most };
}

function firstError(replies: readonly string[]): string {
  const at = replies.findIndex((reply, place) => reply !== `:${place + 1}\r\n`);
  return `reply ${at} is ${replies[at]}`;
}

describe("a flood of writes through followers", () => {
  test.each(["none", "kill", "pause", "cut"] as const)(
    "is worked off, in order and once: %s",
    async (trouble) => {
      for (const seed of seedsFrom(1, 4)) {
        const { wrong, most } = await flood(seed, trouble);
        expect(wrong).toEqual([]);
        expect(most).toBeLessThanOrEqual(NODE_MAX + CLIENTS * SESSION_MIN);
      }
    },
    120_000,
  );
});
