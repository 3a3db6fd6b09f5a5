// Clients that send without waiting for replies, while leaders come and go: the commands of one
// connection take effect in the order they were sent, and each at most once.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../support/lab.ts";
import { show } from "../support/reply.ts";
import { encode, RespConnection } from "../support/resp-connection.ts";
import { FaultCluster } from "./fault-cluster.ts";

const ROUNDS = 2;
const SEND_EVERY_MS = 1;
const CALM_MS = 200;
const TOKEN_CHARACTERS = 7;
const READ_EVERY = 5;

/** A connection that appends numbered tokens to a key of its own, and reads it now and then. */
class Streamer {
  readonly key: string;
  readonly #connection: RespConnection;
  /** Of each command that was sent: whether it was a read. */
  readonly #reads: boolean[] = [];
  #tokens = 0;
  #stopped = false;
  readonly #sending: Promise<void>;

  private constructor(key: string, connection: RespConnection) {
    this.key = key;
    this.#connection = connection;
    this.#sending = this.#send();
  }

  static async open(key: string, port: number): Promise<Streamer> {
    return new Streamer(key, await RespConnection.open(port));
  }

  /** Waits for all replies; returns what is wrong with them or with the value at the end. */
  async finish(get: (key: string) => Promise<string | null>): Promise<string[]> {
    this.#stopped = true;
    await this.#sending;
    const replies = await this.#connection.readMany(this.#reads.length);
    this.#connection.close();
    let tokens = 0;
    for (const [place, reply] of replies.entries()) {
      const isRead = this.#reads[place]!;
      if (!isRead) tokens++;
      const bytes = isRead ? reply.text.length : Number(reply.text);
      const expected = tokens * TOKEN_CHARACTERS;
      // A read that was sent again after a change of leader may see what was sent after it.
      const isRight = isRead ? bytes >= expected : bytes === expected;
      if (!isRight) return [`${this.key}: reply ${place} is ${show(reply)}, not ${expected} bytes`];
    }
    const wanted = Array.from({ length: tokens }, (_, number) => token(number)).join("");
    return (await get(this.key)) === wanted ? [] : [`${this.key}: wrong order at the end`];
  }

  async #send(): Promise<void> {
    while (!this.#stopped && !this.#connection.isClosed) {
      const isRead = this.#reads.length % READ_EVERY === READ_EVERY - 1;
      this.#reads.push(isRead);
      const command = isRead ? ["GET", this.key] : ["APPEND", this.key, token(this.#tokens++)];
      this.#connection.write(encode(command));
      await pause(SEND_EVERY_MS);
    }
  }
}

function token(number: number): string {
  return `${String(number).padStart(TOKEN_CHARACTERS - 1, "0")},`;
}

describe("a connection that does not wait for replies", () => {
  let lab: Lab;
  let cluster: FaultCluster;

  beforeAll(async () => {
    lab = new Lab();
    cluster = await FaultCluster.start(lab);
  });

  afterAll(async () => {
    await lab.close();
  });

  test.each(["kill", "stop", "freeze"] as const)(
    "has its commands done in order: %s of the leader",
    { timeout: 120_000 },
    async (fault) => {
      for (let round = 0; round < ROUNDS; round++) {
        const leader = await cluster.leader();
        const others = cluster.others(leader);
        const homes = fault === "freeze" ? cluster.others() : others;
        const streamers = await Promise.all(
          [...homes, ...homes].map((place, number) =>
            Streamer.open(`${fault}:${round}:${number}`, cluster.nodes[place]!.port),
          ),
        );
        await pause(CALM_MS);
        if (fault === "freeze") cluster.freeze(leader);
        else await cluster[fault](leader);
        await cluster.leader(leader);
        await pause(CALM_MS);
        if (fault === "freeze") cluster.thaw(leader);
        else await cluster.startNode(leader);
        await cluster.whole();
        const get = await cluster.reader(leader);
        const found = await Promise.all(streamers.map((streamer) => streamer.finish(get)));
        expect(found.flat()).toEqual([]);
      }
    },
  );
});
