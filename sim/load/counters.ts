// Counters that everybody increments: each increment counts once, whoever forwarded it.
import type { InvariantName } from "../invariants/names.ts";
import { type CounterAction, type CounterOperation, judgeCounters } from "../judges/counters.ts";
import type { Judgement } from "../judges/history.ts";
import { type Asked, type LoadClient, outcomeOf, plainReply } from "./client.ts";
import type { Workload } from "./workload.ts";

const PIPELINE_MAX = 5;
const INCREMENT: CounterAction = { kind: "increment" };
const READ: CounterAction = { kind: "read" };

/** A few counters. */
export class CounterLoad implements Workload {
  readonly name = "counter";
  readonly rule: InvariantName = "counters count exactly once";
  readonly #counters: readonly string[];
  readonly #history: CounterOperation[] = [];
  readonly #finals = new Map<string, number>();

  constructor(counters: number) {
    this.#counters = Array.from({ length: counters }, (_, at) => `counter:${at}`);
  }

  async step(client: LoadClient): Promise<number> {
    const { random } = client;
    const count = random.chance(0.3) ? random.between(2, PIPELINE_MAX) : 1;
    const asks = Array.from({ length: count }, () => ({
      key: this.#counters[random.between(0, this.#counters.length - 1)]!,
      action: random.chance(0.8) ? INCREMENT : READ,
    }));
    const asked = await client.ask(...asks.map(({ key, action }) => wordsOf(key, action)));
    for (const [at, { key, action }] of asks.entries()) this.#record(asked, at, key, action);
    return count;
  }

  async readAll(client: LoadClient): Promise<void> {
    const asked = await client.askUntilAnswered(...this.#counters.map((key) => wordsOf(key, READ)));
    for (const [at, key] of this.#counters.entries()) {
      this.#record(asked, at, key, READ);
      const reply = asked.replies?.[at];
      if (outcomeOf(reply) === "ok") this.#finals.set(key, Number(plainReply(reply!)));
    }
  }

  judge(): Judgement[] {
    return [judgeCounters(this.#history, this.#finals)];
  }

  #record(asked: Asked, at: number, key: string, action: CounterAction): void {
    const { client, invokedAt } = asked;
    const reply = asked.replies?.[at];
    const outcome = outcomeOf(reply);
    this.#history.push({
      client,
      invokedAt,
      returnedAt: outcome === "unknown" ? Infinity : asked.returnedAt,
      keys: [key],
      action,
      outcome,
      reply: outcome === "ok" ? Number(plainReply(reply!)) : null,
    });
  }
}

function wordsOf(key: string, action: CounterAction): string[] {
  return [action.kind === "increment" ? "INCR" : "GET", key];
}
