// Single string keys under all their commands, with and without expiry: judged for linearizability.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { InvariantName } from "../invariants/names.ts";
import type { Judgement } from "../judges/history.ts";
import { judgeLinearizability } from "../judges/linearizability.ts";
import {
  type Expiry,
  isRead,
  setAction,
  type StringAction,
  type StringOperation,
  wordsOf,
} from "../judges/string-actions.ts";
import { stringModel } from "../judges/string-model.ts";
import { type Asked, type LoadClient, outcomeOf, plainReply } from "./client.ts";
import type { Workload } from "./workload.ts";

/** Work for the judge of one key at most. */
const STEPS_MAX = 20_000_000;
/**
 * Writes of unknown fate after which a key is left alone and another takes its place: each of
 * them may have happened at any time since, so the judge's work doubles with every one.
 */
const UNKNOWN_MAX = 10;
/** Commands in one write at most. */
const PIPELINE_MAX = 8;

/** So often a client looks at all keys at once: who waits for a write's reply sees nothing. */
const LOOK_PART = 0.15;

/** So often a client sets a key that expires soon, and looks at it until after that. */
const WAIT_PART = 0.1;
const WAIT_LOOKS = 12;
/** Between two of its looks, ms at most. */
const WAIT_MS_MAX = 80;

/** Times to live, ms: longer and shorter than what clocks may be off. */
const LIVES_MS = [300, 9_000];

/** How the keys of this load are used. */
export interface StringLoadOptions {
  readonly name: string;
  readonly keys: number;
  /** Whether keys are given times to live. */
  readonly expiring: boolean;
  /** How far a node's clock may be off, in ms. */
  readonly skewMs: number;
}

/** A few keys, which all clients fight for. */
export class StringLoad implements Workload {
  readonly name: string;
  readonly rule: InvariantName;
  readonly #options: StringLoadOptions;
  /** The keys in use, by place, and all that ever were with their writes of unknown fate. */
  readonly #keys: string[];
  readonly #unknown = new Map<string, number>();
  readonly #history: StringOperation[] = [];
  #values = 0;

  constructor(options: StringLoadOptions) {
    this.name = options.name;
    this.rule = options.expiring ? "expiring strings are linearizable" : "strings are linearizable";
    this.#options = options;
    this.#keys = Array.from({ length: options.keys }, (_, at) => `${options.name}:${at}`);
    for (const key of this.#keys) this.#unknown.set(key, 0);
  }

  async step(client: LoadClient): Promise<number> {
    const { random } = client;
    if (random.chance(0.1)) return this.#compareAndSet(client);
    if (random.chance(LOOK_PART)) return this.#lookAtAll(client);
    if (this.#options.expiring && random.chance(WAIT_PART)) return this.#waitUntilGone(client);
    const count = random.chance(0.5) ? random.between(2, PIPELINE_MAX) : 1;
    const asks = Array.from({ length: count }, () => ({
      key: this.#drawKey(random),
      action: this.#drawAction(random),
    }));
    const asked = await client.ask(...asks.map(({ key, action }) => wordsOf(action, [key])));
    for (const [at, { key, action }] of asks.entries()) this.#record(asked, at, key, action);
    return count;
  }

  async #lookAtAll(client: LoadClient): Promise<number> {
    const action = { name: "GET" } as const;
    // Others may take a place meanwhile.
    const keys = [...this.#keys];
    const asked = await client.ask(...keys.map((key) => wordsOf(action, [key])));
    for (const [at, key] of keys.entries()) this.#record(asked, at, key, action);
    return keys.length;
  }

  /** While nobody writes, only reads see time go on: what one saw gone stays gone. */
  async #waitUntilGone(client: LoadClient): Promise<number> {
    const { random } = client;
    const key = this.#drawKey(random);
    const action = setAction(this.#newValue(), { expiry: { kind: "after", ms: LIVES_MS[0]! } });
    this.#record(await client.ask(wordsOf(action, [key])), 0, key, action);
    for (let look = 0; look < WAIT_LOOKS; look++) {
      await client.sleep(random.fraction() * WAIT_MS_MAX);
      if (!(await client.ready())) continue;
      const asked = await client.ask(wordsOf({ name: "GET" }, [key]));
      this.#record(asked, 0, key, { name: "GET" });
    }
    return 1 + WAIT_LOOKS;
  }

  async readAll(client: LoadClient): Promise<void> {
    for (const key of this.#unknown.keys()) {
      const action = { name: "GET" } as const;
      const asked = await client.askUntilAnswered(wordsOf(action, [key]));
      this.#record(asked, 0, key, action);
    }
  }

  judge(): Judgement[] {
    const { skewMs } = this.#options;
    return [judgeLinearizability(this.#history, stringModel({ skewMs }), { stepsMax: STEPS_MAX })];
  }

  #drawKey(random: SimRandom): string {
    return this.#keys[random.between(0, this.#keys.length - 1)]!;
  }

  #record(asked: Asked, at: number, key: string, action: StringAction): void {
    const { client, invokedAt, returnedAt, replies } = asked;
    const reply = replies?.[at];
    const outcome = outcomeOf(reply);
    const isOk = outcome === "ok";
    if (outcome === "unknown" && !isRead(action)) this.#noteUnknown(key);
    this.#history.push({
      client,
      invokedAt,
      returnedAt: outcome === "unknown" ? Infinity : returnedAt,
      keys: [key],
      action,
      outcome,
      reply: isOk && reply !== undefined ? plainReply(reply) : null,
    });
  }

  /** WATCH, GET, then MULTI, SET, EXEC: sets only what nobody has changed meanwhile. */
  async #compareAndSet(client: LoadClient): Promise<number> {
    const key = this.#drawKey(client.random);
    const seen = await client.ask(["WATCH", key], ["GET", key]);
    const shown = seen.replies?.[1];
    this.#record(seen, 1, key, { name: "GET" });
    if (shown === undefined || outcomeOf(shown) !== "ok") {
      client.leave();
      return 2;
    }
    const expected = plainReply(shown);
    const value = this.#newValue();
    const done = await client.ask(["MULTI"], ["SET", key, value], ["EXEC"]);
    const action = { name: "compare-and-set", expected: expected as string | null, value } as const;
    const exec = done.replies?.[2];
    const outcome = outcomeOf(exec);
    if (outcome === "unknown") this.#noteUnknown(key);
    this.#history.push({
      client: done.client,
      invokedAt: seen.invokedAt,
      returnedAt: outcome === "unknown" ? Infinity : done.returnedAt,
      keys: [key],
      action,
      outcome,
      reply: outcome === "ok" && exec?.kind === "array" ? 1 : null,
    });
    if (outcome !== "ok") client.leave();
    return 5;
  }

  #noteUnknown(key: string): void {
    const count = this.#unknown.get(key)! + 1;
    this.#unknown.set(key, count);
    const place = this.#keys.indexOf(key);
    if (count < UNKNOWN_MAX || place === -1) return;
    const successor = `${this.name}:${place}:${this.#unknown.size}`;
    this.#keys[place] = successor;
    this.#unknown.set(successor, 0);
  }

  #newValue(): string {
    return `${++this.#values}`;
  }

  #drawExpiry(random: SimRandom): Expiry {
    if (!this.#options.expiring) return { kind: "none" };
    if (random.chance(0.5)) return { kind: "after", ms: drawMs(random) };
    return random.chance(0.5) ? { kind: "keep" } : { kind: "none" };
  }

  #drawAction(random: SimRandom): StringAction {
    const drawn = random.fraction();
    if (drawn < 0.4) return { name: "GET" };
    if (drawn < 0.65) return setAction(this.#newValue(), { expiry: this.#drawExpiry(random) });
    if (drawn < 0.75) return { name: "INCRBY", delta: random.between(1, 9) };
    if (drawn < 0.8) {
      const onlyIf = random.chance(0.5) ? "absent" : "present";
      const expiry = this.#drawExpiry(random);
      return setAction(this.#newValue(), { onlyIf, returnsOld: random.chance(0.3), expiry });
    }
    if (this.#options.expiring) {
      if (drawn < 0.86) return { name: "PEXPIRE", ms: drawMs(random) };
      if (drawn < 0.89) return { name: "PERSIST" };
      if (drawn < 0.92) return { name: "PTTL" };
    }
    if (drawn < 0.94) return { name: random.chance(0.5) ? "DEL" : "GETDEL" };
    if (drawn < 0.97) return { name: "GETSET", value: this.#newValue() };
    return { name: random.chance(0.5) ? "EXISTS" : "STRLEN" };
  }
}

/** Few different ones: the judge has to try them all. */
function drawMs(random: SimRandom): number {
  return LIVES_MS[random.between(0, LIVES_MS.length - 1)]!;
}
