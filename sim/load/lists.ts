// Transactions over several lists, which show in which order they took effect.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import type { ReplyValue } from "../../src/cli/reply-reader.ts";
import type { InvariantName } from "../invariants/names.ts";
import { judgeAppendLists } from "../judges/append-lists.ts";
import type { Judgement, Outcome } from "../judges/history.ts";
import type { ListReply, ListStep, Transaction } from "../judges/list-transactions.ts";
import { type LoadClient, outcomeOf, plainReply } from "./client.ts";
import type { Workload } from "./workload.ts";

const STEPS_MAX = 4;
/** Elements of a list before the next list takes its place: reads get long otherwise. */
const ELEMENTS_MAX = 60;

/** A list is a string that is appended to: "3,17,4,". */
export class ListLoad implements Workload {
  readonly name = "list";
  readonly rule: InvariantName = "transactions are strictly serializable";
  readonly #lists: number;
  readonly #history: Transaction[] = [];
  #elements = 0;

  constructor(lists: number) {
    this.#lists = lists;
  }

  async step(client: LoadClient): Promise<number> {
    const steps = this.#drawSteps(client.random);
    // A single step needs no MULTI: that is a transaction as well.
    const isMulti = steps.length > 1 || client.random.chance(0.3);
    const commands = steps.map(wordsOf);
    const words = isMulti ? [["MULTI"], ...commands, ["EXEC"]] : commands;
    const asked = await client.ask(...words);
    const last = asked.replies?.at(-1);
    const items = isMulti && last?.kind === "array" ? last.items : last === undefined ? [] : [last];
    const outcome = outcomeOf(last);
    this.#record(asked, steps, outcome, items);
    if (outcome !== "ok") client.leave();
    return words.length;
  }

  async readAll(client: LoadClient): Promise<void> {
    const generations = Math.floor(this.#elements / ELEMENTS_MAX);
    for (let generation = 0; generation <= generations; generation++) {
      for (let list = 0; list < this.#lists; list++) {
        const steps = [{ kind: "read", key: `list:${generation}:${list}` }] as const;
        const asked = await client.askUntilAnswered(wordsOf(steps[0]));
        const reply = asked.replies?.[0];
        this.#record(asked, steps, outcomeOf(reply), reply === undefined ? [] : [reply]);
      }
    }
  }

  judge(): Judgement[] {
    return [judgeAppendLists(this.#history)];
  }

  #drawSteps(random: SimRandom): ListStep[] {
    const count = random.between(1, STEPS_MAX);
    return Array.from({ length: count }, () => {
      const generation = Math.floor(this.#elements / ELEMENTS_MAX);
      const key = `list:${generation}:${random.between(0, this.#lists - 1)}`;
      if (random.chance(0.5)) return { kind: "read", key };
      return { kind: "append", key, element: ++this.#elements };
    });
  }

  #record(
    asked: Omit<Transaction, "keys" | "action" | "outcome" | "reply"> & { replies: unknown },
    action: readonly ListStep[],
    outcome: Outcome,
    replies: readonly ReplyValue[],
  ): void {
    const { client, invokedAt } = asked;
    const returnedAt = outcome === "unknown" ? Infinity : asked.returnedAt;
    const keys = action.map(({ key }) => key);
    const reply = outcome === "ok" ? action.map((step, at) => listOf(step, replies[at]!)) : null;
    this.#history.push({ client, invokedAt, returnedAt, keys, action, outcome, reply });
  }
}

function wordsOf(step: ListStep): string[] {
  return step.kind === "read" ? ["GET", step.key] : ["APPEND", step.key, `${step.element},`];
}

function listOf(step: ListStep, reply: ReplyValue): ListReply[number] {
  if (step.kind === "append") return null;
  const text = plainReply(reply);
  if (text === null) return [];
  return String(text)
    .split(",")
    .filter((part) => part !== "")
    .map(Number);
}
