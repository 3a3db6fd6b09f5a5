// Prints how much processor time the judges take: `npx tsx sim/judges/timing.ts`.
import { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { judgeAppendLists } from "./append-lists.ts";
import { search } from "./search.ts";
import { stringModel } from "./string-model.ts";
import { randomTransactions } from "./testing/list-histories.ts";
import { randomHistory, USUAL_NAMES, type RunShape } from "./testing/random-strings.ts";

const KEY_COUNT = 200;
const model = stringModel();

const SHAPES: { readonly name: string; readonly names: RunShape["names"] }[] = [
  { name: "usual commands", names: USUAL_NAMES },
  { name: "register", names: ["SET", "GET"] },
  { name: "counter", names: ["INCRBY", "INCRBY", "GET"] },
];

for (const { name, names } of SHAPES) {
  for (const operationCount of [50, 200, 500]) {
    for (const unknownShare of [0, 0.02, 0.05])
      timeSearch(name, names, operationCount, unknownShare);
  }
}
for (const transactionCount of [1_000, 10_000, 50_000]) timeLists(transactionCount);

function timeSearch(
  name: string,
  names: RunShape["names"],
  operationCount: number,
  unknownShare: number,
): void {
  const shape = { names, operationCount, unknownShare };
  const rest = { clientCount: 6, clockErrorMs: 1_000, expiryShare: 0.1 };
  const histories = Array.from({ length: KEY_COUNT }, (_, seed) =>
    randomHistory(new SimRandom(seed), { ...shape, ...rest }),
  );
  const startedMs = cpuMs();
  const results = histories.map((history) => search(history, model, 2_000_000));
  const tookMs = cpuMs() - startedMs;
  const steps = results.reduce((sum, result) => sum + result.steps, 0);
  const operations = KEY_COUNT * operationCount;
  const undecided = results.filter(({ verdict }) => verdict !== "linearizable").length;
  console.log(
    `${name}, ${operationCount} operations a key, ${100 * unknownShare} % unknown: ` +
      `${((100 * tookMs) / operations).toFixed(3)} ms per 100 operations, ` +
      `${(steps / operations).toFixed(1)} steps each, ${undecided} of ${KEY_COUNT} undecided`,
  );
}

function timeLists(transactionCount: number): void {
  const shape = { clientCount: 8, keyCount: 5, stepsMax: 4, unknownShare: 0.02 };
  const history = randomTransactions(new SimRandom(1), { ...shape, transactionCount });
  const startedMs = cpuMs();
  const { findings } = judgeAppendLists(history);
  const tookMs = cpuMs() - startedMs;
  console.log(
    `append lists, ${transactionCount} transactions: ${tookMs.toFixed(0)} ms, ` +
      `${findings.length} findings`,
  );
}

/** Processor time so far: other programs on the machine do not count. */
function cpuMs(): number {
  return process.cpuUsage().user / 1000;
}
