// Transactions on lists for tests: in a readable form, at random, and the definition of strict
// serializability, tried out.
import type { SimRandom } from "../../../src/platform/simulated/sim-random.ts";
import { latestEffectAt, type Outcome } from "../history.ts";
import { readsOf, type ListStep, type Transaction } from "../list-transactions.ts";

/**
 * Reads lines such as `1 0..5 append x 1, read y [2 3]`, with `failed` or `unknown` at the end
 * where the outcome is not `ok`.
 */
export function parseTransactions(lines: readonly string[]): Transaction[] {
  return lines.map((line) => {
    const parts = /^(\d+) ([\d.]+?)\.\.([\d.]*) (.*?)(?: (failed|unknown))?$/.exec(line);
    if (parts === null) throw new Error(`not a transaction: ${line}`);
    const [, client, invoked, returned, steps, outcome = "ok"] = parts;
    const texts = steps!.split(", ");
    const action = texts.map(parseStep);
    return {
      client: Number(client),
      invokedAt: Number(invoked),
      returnedAt: returned === "" ? Infinity : Number(returned),
      keys: [...new Set(action.map(({ key }) => key))],
      action,
      outcome: outcome as Outcome,
      reply: outcome === "ok" ? texts.map(parseList) : null,
    };
  });
}

function parseStep(text: string): ListStep {
  const [kind, key = "", element] = text.split(" ");
  return kind === "append" ? { kind, key, element: Number(element) } : { kind: "read", key };
}

function parseList(text: string): number[] | null {
  const list = /\[(.*)\]/.exec(text)?.[1];
  if (list === undefined) return null;
  return list === "" ? [] : list.split(" ").map(Number);
}

/** Whether some order of all transactions, and some choice of the unknown ones, explains all. */
export function isSerializableByTrying(history: readonly Transaction[]): boolean {
  return canFinish(
    new Map(),
    history.filter(({ outcome }) => outcome !== "failed"),
  );
}

type Lists = ReadonlyMap<string, readonly number[]>;

function canFinish(lists: Lists, open: readonly Transaction[]): boolean {
  if (open.every(({ outcome }) => outcome === "unknown")) return true;
  return open.some((next) => {
    const rest = open.filter((one) => one !== next);
    if (rest.some((one) => latestEffectAt(one) < next.invokedAt)) return false;
    const after = runTransaction(lists, next);
    return after !== null && canFinish(after, rest);
  });
}

/** The lists after the transaction; null when its replies were others. */
function runTransaction(before: Lists, transaction: Transaction): Lists | null {
  const lists = new Map(before);
  const reads = readsOf(transaction);
  for (const step of transaction.action) {
    const list = lists.get(step.key) ?? [];
    if (step.kind === "append") lists.set(step.key, [...list, step.element]);
    else if (transaction.outcome === "ok" && reads.shift()!.list.join() !== list.join())
      return null;
  }
  return lists;
}

/** What a run looks like. */
export interface ListRunShape {
  readonly transactionCount: number;
  readonly clientCount: number;
  readonly keyCount: number;
  readonly stepsMax: number;
  /** Share of transactions whose outcome is unknown, 0 to 1. */
  readonly unknownShare: number;
}

/** Transactions that each ran at one moment between invocation and return. */
export function randomTransactions(random: SimRandom, shape: ListRunShape): Transaction[] {
  const lists = new Map<string, number[]>();
  const freeAt = Array.from({ length: shape.clientCount }, () => random.fraction());
  const plans = Array.from({ length: shape.transactionCount }, (_, place) => {
    const client = place % shape.clientCount;
    const invokedAt = freeAt[client]! + random.fraction();
    const returnedAt = invokedAt + random.fraction() * 5;
    freeAt[client] = returnedAt + 0.001;
    const runsAt = invokedAt + (returnedAt - invokedAt) * random.fraction();
    return { client, invokedAt, returnedAt, runsAt };
  });
  let element = 0;
  return plans
    .toSorted((a, b) => a.runsAt - b.runsAt)
    .map(({ client, invokedAt, returnedAt }) => {
      const isUnknown = random.chance(shape.unknownShare);
      const happens = !isUnknown || random.chance(0.5);
      const action: ListStep[] = [];
      const reply: (number[] | null)[] = [];
      for (let count = random.between(1, shape.stepsMax); count > 0; count--) {
        // Lists stay short: keys are given up for new ones.
        const key = `k${random.between(0, shape.keyCount - 1) + Math.floor(element / 200)}`;
        const list = lists.get(key) ?? [];
        lists.set(key, list);
        if (random.chance(0.5)) {
          action.push({ kind: "append", key, element: ++element });
          if (happens) list.push(element);
          reply.push(null);
        } else {
          action.push({ kind: "read", key });
          reply.push([...list]);
        }
      }
      const keys = [...new Set(action.map((step) => step.key))];
      return isUnknown
        ? { client, invokedAt, returnedAt: Infinity, keys, action, outcome: "unknown", reply: null }
        : { client, invokedAt, returnedAt, keys, action, outcome: "ok", reply };
    });
}
