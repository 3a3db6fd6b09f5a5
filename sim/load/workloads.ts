// The load of one run.
import type { SimRandom } from "../../src/platform/simulated/sim-random.ts";
import { BankLoad } from "./bank.ts";
import { CounterLoad } from "./counters.ts";
import { ListLoad } from "./lists.ts";
import { ScanLoad } from "./scans.ts";
import { SessionLoad } from "./sessions.ts";
import { StringLoad } from "./strings.ts";
import type { Workload } from "./workload.ts";

/**
 * Draws how many keys clients fight for.
 *
 * @param skewMs How far a node's clock may be off.
 * @param largePart Share of large values among those that come and go.
 */
export function drawWorkloads(random: SimRandom, skewMs: number, largePart: number): Workload[] {
  return [
    new StringLoad({ name: "string", keys: random.between(3, 10), expiring: false, skewMs }),
    new StringLoad({ name: "expiring", keys: random.between(6, 14), expiring: true, skewMs }),
    new ListLoad(random.between(1, 4)),
    new BankLoad(random.between(2, 6)),
    new CounterLoad(random.between(1, 3)),
    new SessionLoad(random.between(1, 5)),
    new ScanLoad(largePart),
  ];
}
