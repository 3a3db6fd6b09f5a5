// Connections that send without waiting for replies, while leaders are killed, paused, cut off and
// asked to go: the commands of one connection take effect in the order they were sent, once each.
import { describe, expect, test } from "vitest";
import { SimCluster } from "./testing/sim-cluster.ts";
import type { SimClient } from "./testing/sim-cluster.ts";

const SEEDS = [1, 2, 3, 4, 5, 6];
const MACHINES = [1, 2, 3];
const ROUNDS = 6;
const SEND_EVERY_MS = 4;
const READ_EVERY = 4;
const TOKEN_CHARACTERS = 6;
/** Replies come within this, whatever has happened. */
const PATIENCE_MS = 12_000;

/** Appends numbered tokens to a key of its own, and reads it now and then. */
class Streamer {
  readonly key: string;
  readonly machine: number;
  /** Of each command: whether it is a read, and its reply once it is there. */
  readonly commands: { readonly isRead: boolean; reply: string | null }[] = [];
  readonly #client: SimClient;
  #tokens = 0;

  constructor(key: string, machine: number, client: SimClient) {
    this.key = key;
    this.machine = machine;
    this.#client = client;
  }

  /** Sends the next command. */
  send(): void {
    const isRead = this.commands.length % READ_EVERY === READ_EVERY - 1;
    const command: Streamer["commands"][number] = { isRead, reply: null };
    this.commands.push(command);
    const words = isRead ? ["GET", this.key] : ["APPEND", this.key, token(this.#tokens++)];
    void this.#client.run(...words).then((reply) => (command.reply = reply));
  }

  /**
   * What is wrong with the replies and the value at the end. A read that was sent again after a
   * change of leader may see what was sent after it; an unknown fate ends the check.
   */
  faults(value: string): string[] {
    let tokens = 0;
    for (const [place, { isRead, reply }] of this.commands.entries()) {
      // The machine was killed, or the operation's fate is not known: anything goes from here on.
      if (reply === null || reply.startsWith("-")) return [];
      if (!isRead) tokens++;
      const bytes = Number(/\d+/.exec(reply)?.[0] ?? 0);
      const expected = tokens * TOKEN_CHARACTERS;
      if (isRead ? bytes < expected : bytes !== expected) {
        return [`${this.key}: reply ${place} is ${reply.slice(0, 20)}, not ${expected} bytes`];
      }
      if (!isRead && !value.startsWith(token(tokens - 1), expected - TOKEN_CHARACTERS)) {
        return [`${this.key}: ${value.slice(0, expected)} at the end`];
      }
    }
    return [];
  }
}

function token(number: number): string {
  return `${String(number).padStart(TOKEN_CHARACTERS - 1, "0")},`;
}

/** Does something to the leader, and undoes it. */
async function disturb(cluster: SimCluster, leader: number, kind: number): Promise<void> {
  const { world } = cluster;
  const { random } = world;
  const host = world.host(`n${leader}`);
  const lengthMs = 100 + (random.uint32() % 2_000);
  if (kind === 0) {
    await world.settle(cluster.machine(leader).node!.handOver(2_000));
  } else if (kind === 1) {
    host.process!.pause();
    await cluster.world.advance(lengthMs);
    host.process!.resume();
  } else if (kind === 2) {
    const others = MACHINES.filter((number) => number !== leader);
    for (const other of others) world.fabric.cut(`n${leader}`, `n${other}`);
    await world.advance(lengthMs);
    world.fabric.healAll();
  } else {
    cluster.kill(leader);
    await world.advance(lengthMs);
    cluster.boot(leader);
    await cluster.until("it is back", () => cluster.machine(leader).node !== null);
  }
}

describe("commands of one connection", () => {
  test.each(SEEDS)("keep their order while leaders change, seed %i", async (seed) => {
    const cluster = new SimCluster(seed);
    await cluster.form(3, 3);
    const { world } = cluster;
    const all: Streamer[] = [];
    let open: Streamer[] = [];
    const timers = { stopped: false };
    const begin = (machine: number): void => {
      const streamer = new Streamer(`key:${all.length}`, machine, cluster.client(machine));
      all.push(streamer);
      open.push(streamer);
    };
    const beat = (): void => {
      if (timers.stopped) return;
      for (const streamer of open) {
        // A connection to a paused machine waits in its socket.
        world.host(`n${streamer.machine}`).process!.deliver(() => streamer.send());
      }
      world.schedule(SEND_EVERY_MS, beat);
    };
    for (const machine of MACHINES) begin(machine);
    beat();
    for (let round = 0; round < ROUNDS; round++) {
      const leader = await cluster.untilLeader();
      await world.advance(200 + (world.random.uint32() % 300));
      const kind = world.random.uint32() % 4;
      if (kind === 3) open = open.filter(({ machine }) => machine !== leader);
      await disturb(cluster, leader, kind);
      if (kind === 3) begin(leader);
    }
    timers.stopped = true;
    await world.advance(PATIENCE_MS);
    await cluster.untilEqual();
    const found: string[] = [];
    for (const streamer of all) {
      const reply = await cluster.run(cluster.leader(), "GET", streamer.key);
      found.push(...streamer.faults(reply.slice(reply.indexOf("\n") + 1, -2)));
    }
    expect(found).toEqual([]);
    expect(new Set(cluster.digests()).size).toBe(1);
  });
});
